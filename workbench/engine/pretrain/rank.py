"""One of several processes that train together: `torchrun ... -m workbench.engine.pretrain.rank RUN_FOLDER`.

Rank 0 of a group that `torchrun` started writes the run folder, as a worker does; all others are silent. The folder
must be where every machine sees it.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from pathlib import Path

from workbench.engine.control import Control, StopRequested
from workbench.engine.jobs.pretrain import train
from workbench.engine.pretrain import together
from workbench.engine.pretrain.others import CHILD
from workbench.records.pretrain_job import PretrainJob
from workbench.records.runs import RunFolder


class Silent(Control):
    """Says nothing and writes nothing; rank 0 does."""

    def _write(self, **changes: object) -> None:
        return


def main(arguments: list[str]) -> int:
    """Exit codes as of a worker: 0 done or stopped, 1 failed, 2 no pretraining could be read."""
    if len(arguments) != 1:
        print("usage: torchrun ... -m workbench.engine.pretrain.rank RUN_FOLDER", file=sys.stderr)
        return 2
    run = RunFolder(Path(arguments[0]))
    job = run.job()
    if not isinstance(job, PretrainJob):
        print(f"{run.path} is no pretraining run.", file=sys.stderr)
        return 2
    first = os.environ.get("RANK", "0") == "0"
    control = Control(run) if first else Silent(run)
    if os.environ.get(CHILD):
        threading.Thread(target=_end_with_the_parent, daemon=True).start()
    if first:
        run.beat()
        control.begin()
    try:
        result = train(job, run, control)
    except StopRequested:
        if first:
            control.finish("stopped")
        return 0
    except Exception as error:
        traceback.print_exc()
        if first:
            control.finish("failed", error=str(error))
        return 1
    finally:
        together.leave()
    if first:
        control.finish("done", result=result)
    return 0


def _end_with_the_parent() -> None:
    # Not by sys.stdin: Python aborts where a thread holds its buffer when the program ends.
    while os.read(0, 1):
        pass
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
