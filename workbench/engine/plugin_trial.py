"""`python -m workbench.engine.plugin_trial NAME FILE`: load a plugin and write what it brings to the engine to FILE.

In a process of its own, so that whatever the plugin does, whoever asked goes on (`workbench.plugins.try_out`).
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from workbench.engine.plugins import load
from workbench.plugins import Plugin, plugin, save_facts
from workbench.records.plugins import PluginError
from workbench.worker import prepare_environment


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: python -m workbench.engine.plugin_trial NAME FILE", file=sys.stderr)
        return 2
    faulthandler.enable(sys.stderr)
    prepare_environment(allow_download=False)
    asked = plugin(arguments[0])
    if asked.names("methods") or asked.names("backbones"):
        importlib.import_module("workbench.engine.methods.base")  # torch's time is not the plugin's
    try:
        things = load(asked)
    except PluginError as error:
        print(error, file=sys.stderr)
        return 1
    save_facts(Path(arguments[1]), asked, facts(asked, things))
    return 0


def facts(asked: Plugin, things: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Of methods, evaluations and inspections. Backbones are asked each time, for weights come and go."""
    return {
        kind: [things[kind][name].facts().to_json() for name in asked.names(kind)]
        for kind in ("methods", "evaluations", "inspections")
    }


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
