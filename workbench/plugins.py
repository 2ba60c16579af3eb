"""The plugins of this user: what there is, how each stands, and a trial of one in a process of its own.

Nothing here imports a plugin; a trial does so in another process (`workbench.engine.plugin_trial`), which may crash
or hang without harm. Used by the window, the command line, the supervisor and the workers alike; standard library,
numpy and platformdirs only.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path

from workbench.records import plugin_state
from workbench.records.catalogue import BUILT_IN as BUILT_IN_BACKBONES
from workbench.records.evaluations import BUILT_IN as BUILT_IN_EVALUATIONS
from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.inspection import BUILT_IN as BUILT_IN_INSPECTIONS
from workbench.records.methods import BUILT_IN as BUILT_IN_METHODS
from workbench.records.plugin_sources import find_plugins
from workbench.records.plugins import (
    ENGINE_KINDS,
    Found,
    Manifest,
    PluginError,
    State,
    as_json,
)
from workbench.records.text import printable

# In the environment. "off": none is there. Else folders, apart as on a path: packages are looked for in these alone.
SWITCH = "WORKBENCH_PLUGINS"
SECONDS = "WORKBENCH_PLUGIN_SECONDS"  # how long one may take to load
ANSWER_SECONDS = "WORKBENCH_ANSWER_SECONDS"  # and to answer, once it is loaded
_LOAD_SECONDS = 180.0  # a sound one took more than 60 s beside other work that kept every core busy
START_SECONDS = 180.0  # for torch to be imported on a slow disk, before the plugin is
TAKEN = {
    "methods": BUILT_IN_METHODS,
    "backbones": BUILT_IN_BACKBONES,
    "evaluations": BUILT_IN_EVALUATIONS,
    "inspections": BUILT_IN_INSPECTIONS,
}
Part = Literal["engine", "views"]
WINGS: dict[Part, str] = {"engine": "engine", "views": "gui"}
FACTS = "plugin-facts"
FACTS_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One that is there, and how it stands."""

    found: Found
    state: State
    error: str  # a sentence; "" where nothing is known against it
    traceback: str

    @property
    def name(self) -> str:
        return self.found.name

    @property
    def manifest(self) -> Manifest:
        assert self.found.manifest is not None
        return self.found.manifest

    @property
    def usable(self) -> bool:
        """Whether it may be loaded; also one that failed once."""
        return not self.found.error and self.state in ("enabled", "broken")

    def refuse_unusable(self) -> None:
        """Raises PluginError, a sentence, where it may not be loaded."""
        if self.found.error:
            raise PluginError(f"The plugin {self.name} can't be used. {self.error}")
        if not self.usable:
            advice = self.error or f"`workbench plugins enable {self.name}` switches it on."
            raise PluginError(f"The plugin {self.name} is switched off. {advice}")

    def to_json(self) -> dict[str, Any]:
        return as_json(self.found, self.state, self.error)

    def names(self, kind: str) -> tuple[str, ...]:
        return self.found.manifest.names(kind) if self.found.manifest else ()


def plugin_folder() -> Path:
    """Where the user puts plugins that are single files."""
    return user_data_path("ssl-workbench") / "plugins"


def plugin_home() -> Path:
    """Where the program keeps what became of plugins."""
    return user_data_path("ssl-workbench") / "plugin-state"


def load_seconds() -> float:
    """How long a plugin may take to load."""
    with contextlib.suppress(ValueError):
        return max(float(os.environ.get(SECONDS, "")), 0.1)
    return _LOAD_SECONDS


def answer_seconds(usual: float) -> float:
    """How long a plugin may take to answer, where `usual` is what the program would give it."""
    with contextlib.suppress(ValueError):
        return max(float(os.environ.get(ANSWER_SECONDS, "")), 0.1)
    return usual


def plugins() -> tuple[Plugin, ...]:
    """Every plugin, by name. Reads small files, so it belongs into a thread where a window waits."""
    switch = os.environ.get(SWITCH, "")
    if switch == "off":
        return ()
    home = plugin_home()
    plugin_state.sweep(home)
    made = []
    for found in find_plugins(plugin_folder(), TAKEN, switch.split(os.pathsep) if switch else None):
        state, error, traceback = plugin_state.standing(home, found)
        made.append(Plugin(found=found, state=state, error=error, traceback=traceback))
    return tuple(made)


def plugin(name: str) -> Plugin:
    """Raises PluginError where there is none of that name."""
    known = plugins()
    for one in known:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in known) or "none"
    raise PluginError(f"There is no plugin {printable(name)!r}. Installed: {names}.")


def provider(kind: str, name: str) -> Plugin | None:
    """The plugin that brings the method, backbone... `name`; a usable one before others."""
    bringing = [one for one in plugins() if name in one.names(kind)]
    return next((one for one in bringing if one.usable), bringing[0] if bringing else None)


def switch(name: str, on: bool) -> Plugin:
    """Switch a plugin on or off. Returns it as it then stands. Raises PluginError where there is no such plugin."""
    plugin_state.switch(plugin_home(), plugin(name).found, on)
    return plugin(name)


def facts_of(one: Plugin, part: Part = "engine") -> dict[str, Any] | None:
    """What the plugin brings to the engine or to the window, as plain data (see the trials); None where it brings
    nothing, may not be used, or a trial has just shown that it can't be. It is tried in a process of its own unless
    that was done since its files changed; then it takes seconds."""
    kinds = ENGINE_KINDS if part == "engine" else ("views",)
    if not one.usable or not any(one.names(kind) for kind in kinds):
        return None
    path = _facts_file(one, part)
    known = _facts_in(path, one)
    if known is None:
        path.unlink(missing_ok=True)
        try_out(one, part, path)
        known = _facts_in(path, one)
    return known


def known_facts(one: Plugin, part: Part = "engine") -> dict[str, Any] | None:
    """As `facts_of`, and None where no trial was made since its files changed: nothing is tried for it."""
    return _facts_in(_facts_file(one, part), one) if one.usable else None


def _facts_file(one: Plugin, part: Part) -> Path:
    return plugin_home() / f"{one.name}.{part}.facts.json"


def save_facts(path: Path, one: Plugin, facts: dict[str, Any]) -> None:
    write_document(path, FACTS, FACTS_VERSION, {"stamp": one.found.stamp, "python": sys.version, **facts})


def try_out(one: Plugin, part: Part, path: Path) -> None:
    """Load a plugin in a process of its own, which writes what it brings to `path`. How it went is kept."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"workbench.{WINGS[part]}.plugin_trial", one.name, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            code = process.wait(START_SECONDS + load_seconds())
            how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        except subprocess.TimeoutExpired:
            how = "not at all"
            process.kill()
            process.wait()
        log.seek(0, os.SEEK_END)
        log.seek(max(log.tell() - plugin_state.LONGEST_TRACEBACK, 0))
        said = log.read().decode("utf-8", "replace")
    plugin_state.blame(plugin_home(), process.pid, how, said)


def tried() -> tuple[Plugin, ...]:
    """Every plugin after a trial of those that nobody has tried yet, so that what is wrong with them is known."""
    for one in plugins():
        facts_of(one, "engine")
    for one in plugins():
        facts_of(one, "views")
    return plugins()


def _facts_in(path: Path, one: Plugin) -> dict[str, Any] | None:
    """Those that a trial of the plugin as it is now has written."""
    try:
        body = read_document(path, FACTS, FACTS_VERSION)
    except DocumentError:
        return None
    return body if body.get("stamp") == one.found.stamp and body.get("python") == sys.version else None
