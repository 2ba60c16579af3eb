"""Run a pretraining that several processes share, in a process of its own: its rank 0 changes the environment.

`python -m tests.engine.pretrain.sharing RUN_FOLDER [STOP]`; before step STOP, counted from 0, the user asks to stop.
Prints the exit codes of the other processes.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from workbench.engine.control import Control, StopRequested
from workbench.engine.jobs.pretrain import run as pretrain
from workbench.engine.pretrain import together
from workbench.engine.pretrain.train import Trainer
from workbench.records.runs import RunFolder


def main(folder: str, stop: int | None) -> None:
    run = RunFolder(Path(folder))
    control = Control(run)
    started: list[subprocess.Popen[bytes]] = []
    start, step = together.start_others, Trainer.step

    def noted(*arguments: Any) -> list[subprocess.Popen[bytes]]:
        started.extend(start(*arguments))
        return started

    def interrupted(self: Any, number: int, *rest: Any, **more: Any) -> Any:
        if number == stop:
            control.command("stop")
        return step(self, number, *rest, **more)

    together.start_others = noted
    Trainer.step = interrupted  # type: ignore[method-assign]
    with contextlib.suppress(StopRequested):
        pretrain(run.job(), run, control)  # type: ignore[arg-type]
    print(json.dumps([other.returncode for other in started]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
