"""One registry for each kind of thing that can be added: what the program brings and what plugins bring, alike."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Generic, TypeVar, cast

from workbench.engine import plugins
from workbench.plugins import Plugin, provider
from workbench.plugins import plugins as known_plugins
from workbench.records.plugins import ONE
from workbench.records.text import printable

Thing = TypeVar("Thing")


class Registry(Generic[Thing]):
    """Things by name. Each is imported when it is asked for, a plugin's with its plugin.

    What the program brings is an entry where a plugin could bring it too: methods and evaluations. Its backbones are
    found by their files instead (`backbones/catalogue.py`, `resolve.py`), and its inspections read more of a model
    than a plugin is given (`inspect/plugged.py`): of these only the names are known, so that no plugin takes one.

    Args:
        kind: one of records.plugins.ENGINE_KINDS.
        places: of the program's own, "module:attribute" by name, in the order in which they are offered.
        elsewhere: of the program's own that are not asked for through a registry, each with a sentence that says
            where; their names are taken all the same.
    """

    def __init__(
        self, kind: str, places: Mapping[str, str], elsewhere: Mapping[str, str] | None = None
    ) -> None:
        self._kind, self._places, self._elsewhere = kind, dict(places), dict(elsewhere or {})

    def built_in(self) -> tuple[str, ...]:
        return (*self._places, *self._elsewhere)

    def names(self) -> tuple[str, ...]:
        """What may be asked for: the program's own, then those of plugins that may be used."""
        brought = (name for plugin in known_plugins() if plugin.usable for name in plugin.names(self._kind))
        return tuple(dict.fromkeys((*self._places, *brought)))

    def get(self, name: str) -> Thing:
        """Raises ValueError for a name that nothing has, or whose plugin can't be used."""
        if name in self._places:
            module, _, attribute = self._places[name].partition(":")
            return cast(Thing, getattr(importlib.import_module(module), attribute))
        if name in self._elsewhere:
            raise ValueError(self._elsewhere[name])
        found = plugins.thing(self._kind, name)
        if found is None:
            raise self._unknown(name)
        return cast(Thing, found)

    def bringer(self, name: str) -> Plugin | None:
        """The plugin that brings it, also one that can't be used; None for one of the program's own. Raises
        ValueError for a name that nothing has."""
        if name in self._places:
            return None
        if name in self._elsewhere:
            raise ValueError(self._elsewhere[name])
        found = provider(self._kind, name)
        if found is None:
            raise self._unknown(name)
        return found

    def _unknown(self, name: str) -> ValueError:
        choose = ", ".join(self.names())
        advice = f"Choose one of {choose}." if choose else "No plugin brings one."
        return ValueError(f"There is no {ONE[self._kind]} {printable(name)!r}. {advice}")
