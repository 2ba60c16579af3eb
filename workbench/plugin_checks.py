"""The check of a plugin, in processes of its own with a time limit: one for the engine's side, one for views."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from workbench.plugins import WINGS, Part, Plugin, load_seconds, plugin_home
from workbench.records import plugin_state
from workbench.records.plugin_checks import Step, read_steps, stopped_steps
from workbench.records.plugins import ENGINE_KINDS

EVERY = 0.2  # s, between two looks at a check that goes on
SAID = 4000  # bytes of what it says, that are told meanwhile
Told = Callable[[tuple[Step, ...], str], bool]
SECONDS = 600.0  # that one side may take
EACH = 120.0  # s, for each thing of a plugin that brings many


def check(one: Plugin, seconds: float = 0.0, told: Told | None = None) -> tuple[Step, ...]:
    """Try everything that a plugin brings, on tiny data.

    Args:
        seconds: that one side may take; 0 allows what is enough for as much as it brings.
        told: called a few times a second with the steps so far and the last of what the process said; what it returns
            says whether to go on. A check that is stopped counts nothing against the plugin.

    Raises:
        PluginError: it may not be loaded.
    """
    one.refuse_unusable()
    seconds = seconds or max(SECONDS, EACH * sum(len(one.names(kind)) for kind in ENGINE_KINDS))
    steps: tuple[Step, ...] = ()
    parts: list[Part] = []
    if any(one.names(kind) for kind in ENGINE_KINDS):
        parts.append("engine")
    if one.names("views"):
        parts.append("views")
    with tempfile.TemporaryDirectory(prefix="workbench-check-", ignore_cleanup_errors=True) as folder:
        for part in parts:
            found, going = _checked(one, part, Path(folder), seconds, steps, told)
            steps += found
            if not going:
                break
    return steps


def _checked(
    one: Plugin, part: Part, folder: Path, seconds: float, before: tuple[Step, ...], told: Told | None
) -> tuple[tuple[Step, ...], bool]:
    """The steps of one side, and whether to go on with the other."""
    path, told_to = folder / f"{part}.json", folder / f"{part}.log"
    with told_to.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"workbench.{WINGS[part]}.checks.plugin", one.name, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        last = time.monotonic() + seconds + load_seconds()
        how = ""
        while not how:
            try:
                code = process.wait(EVERY)
                how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
            except subprocess.TimeoutExpired:
                if told is not None and not told((*before, *read_steps(path)), _tail(told_to, SAID)):
                    process.kill()
                    plugin_state.remove_marks(plugin_home(), process.pid)
                    process.wait()
                    return stopped_steps(read_steps(path)), False
                if time.monotonic() > last:
                    process.kill()
                    process.wait()
                    how = f"by hand, after {seconds:g} s"
        said = _tail(told_to, plugin_state.LONGEST_TRACEBACK)
        plugin_state.blame(plugin_home(), process.pid, how, said)
    steps = read_steps(path, how)
    going = told is None or told((*before, *steps), said[-SAID:])
    return steps, going


def _tail(path: Path, longest: int) -> str:
    """The last bytes of what a process has written so far."""
    with path.open("rb") as stream:
        stream.seek(max(stream.seek(0, os.SEEK_END) - longest, 0))
        return stream.read().decode("utf-8", "replace")
