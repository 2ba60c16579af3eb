"""Kill pretrainings by SIGKILL, in the middle of a step or of writing a checkpoint, and let them go on.

A program of its own: it imports torch once and forks a child for each life, so that seventy deaths take a minute.
`python -m tests.engine.pretrain.killing DEATHS '{"METHOD": "FOLDER OF RUNS", ...}'`; prints what was lost.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # these four would be imported in every child anew
import transformers.models.auto.modeling_auto
import transformers.models.vit.modeling_vit
import transformers.models.vit_mae.modeling_vit_mae  # noqa: F401

from workbench.engine.control import Control
from workbench.engine.jobs.pretrain import run as pretrain
from workbench.engine.methods.registry import method_class
from workbench.engine.pretrain import state
from workbench.engine.pretrain.train import Trainer
from workbench.records.pretrain_job import PretrainJob
from workbench.records.pretraining import CHECKPOINTS
from workbench.records.runs import RunFolder


def live(run: RunFolder, death: int | None, while_saving: bool) -> int:
    """Run in a child; it dies in step `death`, or while it writes the first checkpoint after it. The wait status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        torch.set_num_threads(1)
        if death is not None:
            _doom(death, while_saving)
        job = run.job()
        pretrain(job, run, Control(run))  # type: ignore[arg-type]
        code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def _doom(death: int, while_saving: bool) -> None:
    step, save_file = Trainer.step, state.save_file
    reached = [False]

    def doomed_step(self: Any, number: int, *rest: Any, **more: Any) -> Any:
        reached[0] = number >= death
        if reached[0] and not while_saving:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, number, *rest, **more)

    def doomed_save(body: Any, path: Path, **more: Any) -> None:
        if reached[0]:
            path.write_bytes(b"half of it")
            os.kill(os.getpid(), signal.SIGKILL)
        save_file(body, path, **more)

    Trainer.step = doomed_step  # type: ignore[method-assign]
    state.save_file = doomed_save


def main(deaths: int, jobs: dict[str, str]) -> int:
    told: dict[str, Any] = {}
    for method, folder in jobs.items():
        method_class(method)  # imported before any child
        rng = random.Random(method)
        if live(RunFolder(Path(folder) / "straight"), None, False):
            return 1
        run = RunFolder(Path(folder) / "killed")
        job = run.job()
        assert isinstance(job, PretrainJob)
        last = job.max_steps - 1  # counted from 0
        lost = []
        kills = 0
        while kills < deaths:
            kept = state.latest(run.path / CHECKPOINTS)
            at = state.step_of(kept) if kept else 0
            death = min(at + rng.randrange(3), last)
            status = live(run, death, while_saving=rng.random() < 0.3)
            if not os.WIFSIGNALED(status):
                return 1
            kills += 1
            after = state.latest(run.path / CHECKPOINTS)
            lost.append(death - (state.step_of(after) if after else 0))
        if live(run, None, False):
            return 1
        told[method] = {"kills": kills, "lost": lost}
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), json.loads(sys.argv[2])))
