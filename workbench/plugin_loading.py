"""How a plugin's code is reached: imported and called under a mark, so that whatever it does is found and listed.

The engine's side (`engine/plugins.py`, in workers) and the window's (`gui/plugin_views.py`) load by the same rules.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from types import ModuleType
from typing import Any, TypeVar

from workbench.plugins import Plugin, plugin_home
from workbench.records import plugin_state
from workbench.records.plugins import PluginError
from workbench.records.text import printable

Loaded = TypeVar("Loaded")
_STDERR = 2


def guarded(
    plugin: Plugin, work: Callable[[], Loaded], *, limit: float, then: plugin_state.Stage | None
) -> Loaded:
    """Do `work`, which imports the plugin. Whatever comes of it is kept.

    Args:
        limit: s, after which this process is ended; 0 sets none.
        then: the mark that this process keeps until `records.plugin_state.remove_marks`; None for none.

    Raises:
        PluginError: the plugin may not be loaded, or can't be; a sentence.
    """
    plugin.refuse_unusable()
    home, stamp = plugin_home(), plugin.found.stamp
    plugin_state.put_mark(home, plugin.name, stamp, "load", limit)
    try:
        with _ended_after(limit):
            made = work()
    except BaseException as error:  # sys.exit and the like too: a plugin doesn't end a job
        plugin_state.remove_mark(home, plugin.name, os.getpid())
        sentence = f"The plugin {plugin.name} can't be loaded: {_told(error)}"
        plugin_state.crashed(home, plugin.name, stamp, sentence, traceback.format_exc())
        raise PluginError(f"{sentence} `workbench plugins` has more.") from error
    if then is None:
        plugin_state.remove_mark(home, plugin.name, os.getpid())
    else:
        plugin_state.put_mark(home, plugin.name, stamp, then)
    plugin_state.went_well(home, plugin.name, stamp)
    print(f"Plugin {plugin.name} {plugin.manifest.version} from {plugin.found.place}", file=sys.stderr)
    return made


def function(plugin: Plugin, place: str) -> Any:
    """The function "module:name", or of a single file "name", after importing what it stands in."""
    if plugin.found.origin == "file":
        found = getattr(_file_module(plugin), place, None)
    else:
        module, _, attribute = place.partition(":")
        found = getattr(importlib.import_module(module), attribute, None)
    if not callable(found):
        raise PluginError(f"there is no function {place or 'to call'}.")
    return found


def as_promised(plugin: Plugin, kind: str, brought: Collection[str]) -> None:
    """Raises PluginError where a plugin registers other names than its manifest promises."""
    promised = plugin.names(kind)
    if set(promised) != set(brought):
        raise PluginError(
            f"its manifest promises the {kind} {_listed(promised)}, and it registers {_listed(brought)}."
        )


def _file_module(plugin: Plugin) -> ModuleType:
    name = f"workbench_plugin_{plugin.name.replace('-', '_')}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, plugin.found.place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """The process is ended when the block takes longer, also where it never lets go of the interpreter; where it was
    stuck goes to the log."""
    if not seconds:
        yield
        return
    faulthandler.dump_traceback_later(seconds, exit=True, file=_STDERR)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _told(error: BaseException) -> str:
    text = printable(str(error))[:500]
    if isinstance(error, PluginError):
        return text
    name = type(error).__name__
    return f"{name}: {text}{'' if text.endswith(('.', '?', '!')) else '.'}" if text else f"{name}."


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
