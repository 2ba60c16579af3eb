"""Finished fine-tunes to look at, written into a project as a job leaves them."""

from __future__ import annotations

from pathlib import Path

from workbench.records.finetunes import Epoch, FinetuneResult, SeedTuned
from workbench.records.jobs import FinetuneJob
from workbench.records.project import Project
from workbench.records.runs import RunFolder
from workbench.records.scores import METRICS, Score


def result(backbone: str, mean: float, splits: tuple[str, ...], **more: object) -> FinetuneResult:
    values = dict.fromkeys(METRICS, mean)
    epoch = Epoch(epoch=0, train_loss=None, train_accuracy=None, val_loss=0.1, val=values)
    seeds = tuple(
        SeedTuned(
            seed=number,
            split=split,
            counts=(20, 7, 10),
            strength=1.0,
            curve=(epoch,),
            chosen=0,
            stopped_early=False,
            test=values,
            seconds=1.0,
            images_per_second=20.0,
        )
        for number, split in enumerate(splits)
    )
    facts: dict = {
        "run": "run-1",
        "backbone": backbone,
        "title": backbone,
        "feature": "cls",
        "image_size": 224,
        "trained": "the last block and the head",
        "blocks": "1",
        "lora": 0,
        "trainable_parameters": 1_025_286,
        "total_parameters": 3_378_694,
        "augment": "none",
        "metric": "macro_f1",
        "classes": ("a", "b"),
        "index": "feed",
        "grouped": False,
        "plan": "",
        "seeds": seeds,
        "scores": {
            name: Score(name, tuple(mean + 0.01 * number for number in range(len(splits))), (0.8, 0.95))
            for name in METRICS
        },
        "confusion": ((1, 0), (0, 1)),
        **more,
    }
    return FinetuneResult(**facts)


def keep(project: Project, found: FinetuneResult, name: str) -> RunFolder:
    run = RunFolder.create(
        project.runs_folder, FinetuneJob(index="index.npz", backbone=found.backbone), name=name
    )
    (run.path / "checkpoint").mkdir()
    (run.path / "checkpoint" / "config.json").write_text("{}")
    found.save(run.path / "finetune.json")
    return run


def folder_of(run: RunFolder) -> Path:
    return run.path / "checkpoint"
