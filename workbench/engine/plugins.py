"""Plugins inside a process: one is imported when something of it is asked for, and then joins the registries.

A worker runs one job, so a plugin that crashes or hangs ends that job alone. What happened is kept by
`records/plugin_state.py`, which finds the mark that is written before the import.
"""

from __future__ import annotations

import json
import os
import traceback
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.plugin_loading import as_promised, function, guarded
from workbench.plugins import Plugin, load_seconds, plugin_home, provider
from workbench.records import plugin_state
from workbench.records.plugins import ENGINE_KINDS, ONE, PluginError

if TYPE_CHECKING:
    from workbench.engine.backbones.plugged import PluginBackbone
    from workbench.engine.evals.plugged import Evaluation
    from workbench.engine.inspect.plugged import Inspection
    from workbench.engine.methods.base import Method

LONGEST = 2000  # letters of what a thing says of itself, in each of its texts


class House:
    """What a plugin's `register` is given: it hands over what it brings, each under the name in its manifest."""

    def __init__(self) -> None:
        self._things: dict[str, dict[str, Any]] = {kind: {} for kind in ENGINE_KINDS}

    def add_method(self, method: type[Method]) -> None:
        """A way to learn without labels. Raises TypeError or ValueError for what can't be one."""
        from workbench.engine.methods.base import Method as Base

        self._add("methods", method, Base)
        _writable(method, method.facts())

    def add_backbone(self, backbone: type[PluginBackbone]) -> None:
        """A backbone that `--backbone NAME` loads. Raises TypeError or ValueError for what can't be one."""
        from workbench.engine.backbones.plugged import PluginBackbone as Base
        from workbench.engine.backbones.plugged import check_facts

        self._add("backbones", backbone, Base)
        facts = check_facts(backbone)
        if facts is not None:
            _writable(backbone, facts)

    def add_evaluation(self, evaluation: type[Evaluation]) -> None:
        """Another way to score features. Raises TypeError or ValueError for what can't be one."""
        from workbench.engine.evals.plugged import Evaluation as Base

        self._add("evaluations", evaluation, Base)
        _writable(evaluation, evaluation.facts())

    def add_inspection(self, inspection: type[Inspection]) -> None:
        """Another way to look at patches. Raises TypeError or ValueError for what can't be one."""
        from workbench.engine.inspect.plugged import Inspection as Base

        self._add("inspections", inspection, Base)
        _writable(inspection, inspection.facts())

    def _add(self, kind: str, thing: Any, base: type) -> None:
        if not (isinstance(thing, type) and issubclass(thing, base)):
            raise TypeError(f"a {ONE[kind]} must be a class derived from {base.__name__}, not {thing!r}.")
        lacks = sorted(getattr(thing, "__abstractmethods__", ()))
        if lacks:
            raise TypeError(f"{thing.__name__} lacks {', '.join(lacks)}.")
        name = getattr(thing, "name", None)
        if not isinstance(name, str) or name in self._things[kind]:
            raise ValueError(f"{thing.__name__} needs a name of its own; it has {name!r}.")
        self._things[kind][name] = thing


def _writable(thing: type, facts: Any) -> None:
    """Raises ValueError or TypeError for what says of itself what can't be written down for the window."""
    for item in fields(facts):
        said = getattr(facts, item.name)
        if item.type == "str" and not isinstance(said, str):
            raise TypeError(f"{item.name} of {thing.__name__} must be a text, not {type(said).__name__}.")
        if isinstance(said, str) and len(said) > LONGEST:
            raise ValueError(f"{item.name} of {thing.__name__} is longer than {LONGEST} letters.")
    json.dumps(facts.to_json())


@dataclass(slots=True)
class _Loaded:
    """The plugins of this process. `watched`: whether a supervisor is told which one the process works with."""

    things: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)  # plugin -> kind -> name
    plugins: dict[str, Plugin] = field(default_factory=dict)
    watched: bool = False


_loaded = _Loaded()


def thing(kind: str, name: str) -> Any:
    """What a plugin brings under this name, loaded now if need be; None where no plugin brings it.

    Raises:
        PluginError: its plugin is switched off, or can't be loaded; a sentence.
    """
    for things in _loaded.things.values():
        if name in things[kind]:
            return things[kind][name]
    found = provider(kind, name)
    return None if found is None else load(found)[kind][name]


def load(plugin: Plugin) -> dict[str, dict[str, Any]]:
    """Import a plugin and let it register; by kind and name what it brings. A second time it is not imported again.

    Raises:
        PluginError: it can't be loaded, or is switched off; a sentence.
    """
    if plugin.name not in _loaded.things:
        then: plugin_state.Stage | None = "use" if _loaded.watched else None
        things = guarded(plugin, lambda: _registered(plugin), limit=load_seconds(), then=then)
        _loaded.things[plugin.name] = things
        _loaded.plugins[plugin.name] = plugin
    return _loaded.things[plugin.name]


def watch() -> None:
    """From now on a mark says which plugins this process works with; `release` takes it away."""
    _loaded.watched = True


def note(plugin: Plugin) -> None:
    """That this process uses a plugin without loading it, in a process of the plugin's own."""
    _loaded.plugins.setdefault(plugin.name, plugin)


def release() -> None:
    """The process has ended its work as it should."""
    if _loaded.plugins:
        plugin_state.remove_marks(plugin_home(), os.getpid())


def versions() -> dict[str, str]:
    """Of the plugins that this process has used."""
    return {name: plugin.manifest.version for name, plugin in _loaded.plugins.items()}


def culprit(error: BaseException) -> str:
    """The plugin whose code raised `error` or was on the way there; "" where none was."""
    places = {name: plugin.found.place for name, plugin in _loaded.plugins.items()}
    found = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        found = next(
            (name for name, place in places.items() if path == place or place in path.parents), found
        )
    return found


def _registered(plugin: Plugin) -> dict[str, dict[str, Any]]:
    if not plugin.found.engine:
        raise PluginError("it brings nothing for the engine.")
    house = House()
    function(plugin, plugin.found.engine)(house)
    for kind in ENGINE_KINDS:
        as_promised(plugin, kind, house._things[kind])
    return house._things
