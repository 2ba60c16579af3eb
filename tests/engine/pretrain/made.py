"""Pretraining jobs on tiny images and networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.indices import counted
from workbench.engine.control import Control
from workbench.records.params import build
from workbench.records.pretrain_job import PretrainJob
from workbench.records.runs import RunFolder

# Small heads, so that a step takes milliseconds.
SMALL = {
    "simclr": ("hidden=32", "output=16"),
    "moco": ("hidden=32", "output=16"),
    "byol": ("hidden=32", "output=16"),
    "simsiam": ("hidden=32", "bottleneck=16"),
    "mae": ("decoder_depth=1", "decoder_width=32", "decoder_heads=2"),
    "dino": ("hidden=32", "prototypes=64"),
    "ibot": ("hidden=32", "prototypes=64"),
}


def pretrain_job(folder: Path, work: Path, method: str = "simclr", **values: Any) -> PretrainJob:
    """A job on `folder`: a transformer at 32 px with patches of 8, batches of 8."""
    index = work / "index.npz"
    if not index.exists():
        work.mkdir(parents=True, exist_ok=True)
        counted(folder, **values.pop("indexed", {})).save(index)
    usual = {
        "method": method,
        "backbone": "test_vit",
        "image_size": 32,
        "patch_size": 8,
        "batch_size": 8,
        "epochs": 2,
        "settings": SMALL.get(method, ()),
        "cache": str(work / "pixels"),
        "device": "cpu",
        "threads": 1,
    }
    return build(PretrainJob, {"index": str(index), **usual, **values})


def new_run(job: PretrainJob, runs: Path, name: str = "run") -> tuple[RunFolder, Control]:
    run = RunFolder.create(runs, job, title="Pretrain", name=name)
    return run, Control(run)
