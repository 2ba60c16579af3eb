"""`python -m workbench.engine.checks.plugin NAME FILE`: try whatever a plugin brings to the engine, on tiny data.

Each step is written to FILE (`records/plugin_checks.py`). What is run are the program's own jobs, on twelve pictures
of 48 x 32 px and networks of 0.3 million parameters.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from workbench.engine.plugins import load
from workbench.plugins import Plugin, plugin
from workbench.records.plugin_checks import Steps
from workbench.worker import prepare_environment


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: python -m workbench.engine.checks.plugin NAME FILE", file=sys.stderr)
        return 2
    faulthandler.enable(sys.stderr)
    prepare_environment(allow_download=False)
    steps = Steps(Path(arguments[1]))
    asked = plugin(arguments[0])
    with tempfile.TemporaryDirectory(prefix="workbench-check-", ignore_cleanup_errors=True) as folder:
        check(asked, steps, Path(folder))
    return 0


def check(asked: Plugin, steps: Steps, folder: Path) -> None:
    """Do every step that applies. `folder` is empty, for whatever is made."""
    things: dict[str, dict[str, Any]] = {}
    with steps.step("is imported and registers what its manifest promises"):
        things = load(asked)
    if not things:
        return
    if things["methods"]:
        from workbench.engine.checks.method import check_method

        for name, method in things["methods"].items():
            check_method(name, method, steps, folder / name)
    if things["backbones"]:
        from workbench.engine.checks.backbone import check_backbone

        for name, backbone in things["backbones"].items():
            check_backbone(name, backbone, steps)
    if things["inspections"]:
        from workbench.engine.checks.inspection import check_inspection

        for name in things["inspections"]:
            check_inspection(name, steps)
    if things["evaluations"]:
        from workbench.engine.checks.evaluation import check_evaluation

        for name, evaluation in things["evaluations"].items():
            check_evaluation(name, evaluation, steps)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
