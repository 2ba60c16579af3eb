"""Run a pretraining that several processes share, in a process of its own: its rank 0 changes the environment.

`python -m tests.engine.pretrain.sharing RUN_FOLDER [stop|kill|freeze STEP]`; before step STEP, counted from 0, the
user asks to stop, or process 1 is killed, or it is and rank 0 hangs. `... RUN_FOLDER absent` has the others fail at
once. Prints the exit codes of the other processes and the error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tests import warm
from workbench.engine.control import Control, StopRequested
from workbench.engine.jobs.pretrain import run as pretrain
from workbench.engine.pretrain import others
from workbench.engine.pretrain.train import Trainer
from workbench.records.runs import RunFolder


def main(folder: str, what: str = "", at: str = "-1") -> None:
    run = RunFolder(Path(folder))
    control = Control(run)
    made: list[others.Others] = []
    begin, step = others.Others.__init__, Trainer.step

    def noted(self: others.Others, *arguments: Any) -> None:
        begin(self, *arguments)
        made.append(self)

    def interrupted(self: Any, number: int, *rest: Any, **more: Any) -> Any:
        if number == int(at):
            if what == "stop":
                control.command("stop")
            else:
                made[0].processes[0].kill()
            if what == "freeze":
                time.sleep(600)  # longer than any test waits
        return step(self, number, *rest, **more)

    if warm.SERVER in os.environ:
        others.subprocess = warm.Starter(os.environ[warm.SERVER])  # type: ignore[assignment]
    if what == "absent":
        others.PROGRAM = ("-m", "tests.engine.pretrain.absent")
    others.GRACE_SECONDS = 1.0
    others.Others.__init__ = noted  # type: ignore[method-assign]
    Trainer.step = interrupted  # type: ignore[method-assign]
    said = ""
    try:
        pretrain(run.job(), run, control)  # type: ignore[arg-type]
    except StopRequested:
        pass
    except ValueError as error:
        said = str(error)
    print(json.dumps([[other.returncode for other in made[0].processes], said]))


if __name__ == "__main__":
    main(*sys.argv[1:])
