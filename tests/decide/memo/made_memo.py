"""A project whose results follow from its predictions, as an evaluation's do, for the tests of memos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score

from tests.decide.made_runs import SEEDS, Hand, index_of, made_project
from tests.records.made import files
from workbench.decide.statistics import mean_interval
from workbench.records.case import Case
from workbench.records.embeddings import read_h5ad, write_h5ad
from workbench.records.evaluations import ExtraScore
from workbench.records.evidence import Target
from workbench.records.project import Project, append_ledger
from workbench.records.results import EvaluationResult, Predictions
from workbench.records.runs import RunFolder
from workbench.records.scores import METRICS, Budget, Score

WRONG = {"histogram": 5, "lab/good": 1}  # test answers of each seed, of twelve
PROSE = "We look at steel.\nThe threshold is {{threshold}}.\n\nSee <b>below</b>."


def memo_project(folder: Path, classes: tuple[str, str] = ("a", "b"), **case: object) -> Project:
    """Two rungs, five seeds, budgets, a map, and words of the author."""
    project = made_project(folder)
    if classes != ("a", "b"):
        # Labels by folder: the name of a class is that of its folder.
        paths = [f"{classes[n % 2]}/{n:02}.png" for n in range(60)] + [f"loose-{n}.png" for n in range(10)]
        files(paths).save(project.folder / "index.npz")
    hand = Hand(project)
    embeds = {name: hand.embed(name, title=name) for name in WRONG}
    run = hand.evaluate({name: 0.5 for name in WRONG}, embeds)
    measured(project, run, classes)
    mapped(project, embeds["lab/good"])
    append_ledger(project.ledger, {"run": run.id, "splits": []})
    said = {"target": Target(threshold=0.75), "author": "Ada", "prose": {"question": PROSE}, **case}
    Case(**said).save(project.folder)  # type: ignore[arg-type]
    return project


def measured(project: Project, run: RunFolder, classes: tuple[str, str]) -> None:
    """Make the scores of a run those of predictions with as many mistakes as `WRONG` says."""
    result = EvaluationResult.load(run.path / "result.json")
    kept = Predictions.load(run.path / result.predictions)
    said = np.array(kept.predicted)
    models = []
    for place, model in enumerate(result.models):
        table = np.zeros((2, 2), np.int64)
        values = []
        for seed in range(SEEDS):
            tested = np.flatnonzero(said[place, seed] >= 0)
            wrong = tested[: WRONG[model.name] + seed % 2]
            said[place, seed, wrong] = 1 - kept.truth[wrong]
            values.append(f1_score(kept.truth[tested], said[place, seed, tested], average="macro"))
            np.add.at(table, (kept.truth[tested], said[place, seed, tested]), 1)
        interval = mean_interval(tuple(values), 48, 12)
        score = {metric: Score(metric, tuple(map(float, values)), interval) for metric in METRICS}
        models.append(
            replace(
                model,
                probe=score,
                purity=0.8125,
                purity_by_chance=0.5,
                distance=1.9375 if model.name == "lab/good" else None,
                confusion=tuple(tuple(int(n) for n in row) for row in table),
                budgets=tuple(
                    Budget(fraction=share, labels=round(48 * share), scores=score)
                    for share in (0.25, 0.5, 1.0)
                ),
            )
        )
    replace(kept, predicted=said).save(run.path / result.predictions)
    replace(result, models=tuple(models), classes=classes).save(run.path / "result.json")


def mapped(project: Project, run: RunFolder) -> None:
    """Put a map into a run's embedding file."""
    path = run.path / "embeddings.h5ad"
    read, index = read_h5ad(path), index_of(project)
    read.labels = [index.classes[code] if code >= 0 else "" for code in index.label]
    angle = np.arange(len(read.ids), dtype=np.float32)
    read.obsm["X_umap"] = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    write_h5ad(path, read)


def evaluation(project: Project) -> RunFolder:
    return project.runs("evaluate")[-1]


def add_extra(project: Project, title: str = "Nearest class mean") -> None:
    """Let a plugin have evaluated the better model of the last comparison, with an interval of its own."""
    path = evaluation(project).path / "result.json"
    score = Score("balanced_accuracy", (0.5, 0.55, 0.6, 0.65, 0.7), (0.5125, 0.6875))
    extra = ExtraScore(
        evaluation="prototypes:shots=1", title=title, model="lab/good", score=score, plugin="prototypes 0.1"
    )
    replace(EvaluationResult.load(path), extra=(extra,)).save(path)
