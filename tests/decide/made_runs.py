"""Projects whose runs were written by hand, as jobs leave them: no image, no model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.decide.made_evidence import score
from tests.records.made import files
from workbench.records.embeddings import Embeddings, write_h5ad
from workbench.records.finetunes import Epoch, FinetuneResult, SeedTuned
from workbench.records.index import ImageIndex
from workbench.records.jobs import EmbedJob, EvaluateJob, FinetuneJob
from workbench.records.project import Project
from workbench.records.results import EvaluationResult, Leaks, Predictions
from workbench.records.runs import RunFolder, Status
from workbench.records.scores import METRICS, ModelResult, Score
from workbench.records.splits import make_split

NUM, SEEDS = 60, 5


def made_project(folder: Path) -> Project:
    """Sixty labelled images of two classes, and ten without a label."""
    project = Project.create(folder)
    paths = [f"{'ab'[n % 2]}/{n:02}.png" for n in range(NUM)] + [f"loose-{n}.png" for n in range(10)]
    files(paths).save(project.folder / "index.npz")
    project.settings.index, project.settings.roots = "index.npz", {"": "/data"}
    project.save()
    return project


def index_of(project: Project) -> ImageIndex:
    found = project.files_index()
    assert found is not None
    return project.arranged(found).index


class Hand:
    """Writes runs one after the other, each a second after the one before."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._made = 0

    def run(self, job: Any, seconds: float = 10.0, state: Any = "done", **result: Any) -> RunFolder:
        self._made += 1
        name = f"20260101-0000{self._made:02}-{job.kind}-{self._made:04x}"
        run = self.project.new_run(job, name=name)
        run.write_status(Status(state=state, started=100.0, ended=100.0 + seconds, result=result))
        return run

    def embed(self, backbone: str, seconds: float = 10.0, rate: float = 7.0, **facts: Any) -> RunFolder:
        """The vectors are of no account; the provenance is what counts. `rate` 0: they were in the cache."""
        index = index_of(self.project)
        more = {"images_per_second": rate} if rate else {}
        fingerprint = f"print of {backbone}"
        run = self.run(
            EmbedJob(index=self.project.settings.index, backbone=backbone),
            seconds,
            fingerprint=fingerprint,
            computed=len(index) if rate else 0,
            **more,
        )
        provenance = {"backbone": backbone, "title": backbone, "index": index.content_hash(), **facts}
        made = Embeddings(X=np.zeros((len(index), 2)), ids=index.ids, provenance=provenance)
        write_h5ad(run.path / "embeddings.h5ad", made)
        return run

    def evaluate(
        self, means: dict[str, float], embeds: dict[str, RunFolder], seeds: int = SEEDS, **more: Any
    ) -> RunFolder:
        """A comparison in which each backbone has its mean."""
        index = index_of(self.project)
        rows = index.labelled()
        ids, truth = [index.ids[row] for row in rows], index.label[rows].astype(np.int32)
        splits = [make_split(ids, truth, None, seed=seed, plan=index.plan) for seed in range(seeds)]
        said = np.stack([np.where(split.part == 2, truth, -1) for split in splits])
        run = self.run(EvaluateJob(files=tuple(map(str, means))), seconds=2.0 * len(means))
        scores = {}
        for name, mean in means.items():
            made = score(mean, 0.01, seeds, 48, 12)
            scores[name] = {metric: Score(metric, made.values, made.interval) for metric in METRICS}
        result = EvaluationResult(
            protocol=f"p{seeds}",
            kind="frozen probe",
            metric="macro_f1",
            margin=0.01,
            seeds=tuple(range(seeds)),
            classes=("a", "b"),
            split_hashes=tuple(split.hash for split in splits),
            split_counts=splits[0].counts(),
            grouped=False,
            models=tuple(
                ModelResult(
                    name=name,
                    backbone=name,
                    feature="cls",
                    fingerprint=f"print of {name}",
                    image_size=224,
                    dimension=2,
                    source=str(embeds[name].path / "embeddings.h5ad"),
                    probe=scores[name],
                    knn=scores[name],
                    strengths=(1.0,) * seeds,
                    neighbours=(5,) * seeds,
                    confusion=((1, 0), (0, 1)),
                )
                for name in means
            ),
            comparisons=(),
            leaks=Leaks(sets=1, test_images=2, near=True),
        )
        replace(result, **more).save(run.path / "result.json")
        Predictions(
            items=np.asarray(ids), truth=truth, predicted=np.stack([said] * len(means)), models=tuple(means)
        ).save(run.path / "predictions.npz")
        return run

    def finetune(self, backbone: str, mean: float, **more: Any) -> RunFolder:
        index = index_of(self.project)
        rows = index.labelled()
        ids, truth = [index.ids[row] for row in rows], index.label[rows].astype(np.int32)
        splits = [make_split(ids, truth, None, seed=seed, plan=index.plan) for seed in range(SEEDS)]
        said = np.stack([np.where(split.part == 2, truth, -1) for split in splits])
        run = self.run(FinetuneJob(index="index.npz", backbone=backbone), seconds=90.0)
        start = Epoch(epoch=0, train_loss=None, train_accuracy=None, val_loss=0.1, val={})
        seeds = tuple(
            SeedTuned(
                seed=split.seed,
                split=split.hash,
                counts=split.counts(),
                strength=1.0,
                curve=(start,),
                chosen=0,
                stopped_early=False,
                test={},
                seconds=1.0,
                images_per_second=20.0,
            )
            for split in splits
        )
        made = score(mean, 0.01, SEEDS, 48, 12)
        facts: dict[str, Any] = {
            "run": run.id,
            "backbone": backbone,
            "title": backbone,
            "feature": "cls",
            "image_size": 224,
            "trained": "last block",
            "blocks": "1",
            "lora": 0,
            "trainable_parameters": 1,
            "total_parameters": 2,
            "augment": "none",
            "metric": "macro_f1",
            "classes": ("a", "b"),
            "index": index.content_hash(),
            "grouped": False,
            "plan": "",
            "seeds": seeds,
            "scores": {metric: Score(metric, made.values, made.interval) for metric in METRICS},
            "confusion": ((1, 0), (0, 1)),
            "seconds": 80.0,
            **more,
        }
        FinetuneResult(**facts).save(run.path / "finetune.json")
        Predictions(items=np.asarray(ids), truth=truth, predicted=said[None], models=(backbone,)).save(
            run.path / "predictions.npz"
        )
        return run
