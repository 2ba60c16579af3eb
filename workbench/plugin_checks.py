"""The check of a plugin, in processes of its own with a time limit: one for the engine's side, one for views."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from workbench.plugins import WINGS, Part, Plugin, load_seconds, plugin_home
from workbench.records import plugin_state
from workbench.records.plugin_checks import Step, read_steps
from workbench.records.plugins import ENGINE_KINDS

SECONDS = 600.0  # that one side may take
EACH = 120.0  # s, for each thing of a plugin that brings many


def check(one: Plugin, seconds: float = 0.0) -> tuple[Step, ...]:
    """Try everything that a plugin brings, on tiny data.

    Args:
        seconds: that one side may take; 0 allows what is enough for as much as it brings.

    Raises:
        PluginError: it may not be loaded.
    """
    one.refuse_unusable()
    seconds = seconds or max(SECONDS, EACH * sum(len(one.names(kind)) for kind in ENGINE_KINDS))
    steps: list[Step] = []
    parts: list[Part] = []
    if any(one.names(kind) for kind in ENGINE_KINDS):
        parts.append("engine")
    if one.names("views"):
        parts.append("views")
    with tempfile.TemporaryDirectory(prefix="workbench-check-", ignore_cleanup_errors=True) as folder:
        for part in parts:
            steps += _checked(one, part, Path(folder), seconds)
    return tuple(steps)


def _checked(one: Plugin, part: Part, folder: Path, seconds: float) -> tuple[Step, ...]:
    path = folder / f"{part}.json"
    with (folder / f"{part}.log").open("wb+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"workbench.{WINGS[part]}.checks.plugin", one.name, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            code = process.wait(seconds + load_seconds())
            how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            how = f"by hand, after {seconds:g} s"
        log.seek(max(log.tell() - plugin_state.LONGEST_TRACEBACK, 0))
        plugin_state.blame(plugin_home(), process.pid, how, log.read().decode("utf-8", "replace"))
    return read_steps(path, how)
