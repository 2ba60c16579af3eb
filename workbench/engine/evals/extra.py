"""Evaluations of plugins on the comparison's own splits: they never see the labels that the house scores them by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.decide.statistics import mean_interval
from workbench.engine.evals import metrics
from workbench.engine.evals.inputs import ModelFeatures
from workbench.engine.evals.plugged import EVALUATIONS, Evaluation, Task
from workbench.plugins import provider
from workbench.records.evaluations import ExtraScore
from workbench.records.methods import asked_by_name, parse_settings
from workbench.records.params import build, describe
from workbench.records.scores import Score
from workbench.records.text import printable


@dataclass(frozen=True, slots=True)
class Asked:
    """An evaluation that is ready, the words that it was asked for by, and the plugin that brings it."""

    text: str
    evaluation: Evaluation
    plugin: str


def open_evaluations(texts: Sequence[str]) -> list[Asked]:
    """Each as NAME or NAME:SETTING=VALUE,... Before anything is computed, so that a wrong one costs nothing.

    Raises:
        ValueError: no plugin brings it, its plugin can't be used, or it has no such setting.
    """
    made = []
    for text in dict.fromkeys(texts):
        name, settings = asked_by_name(text)
        found = EVALUATIONS.get(name)
        config = build(found.Config, parse_settings(describe(found.Config), settings))
        by = provider("evaluations", name)
        made.append(Asked(text.strip(), found(config), f"{by.name} {by.manifest.version}" if by else ""))
    return made


def extra_scores(
    asked: Sequence[Asked],
    models: Sequence[ModelFeatures],
    labels: np.ndarray,
    parts: Sequence[np.ndarray],
    seeds: Sequence[int],
    num_classes: int,
    metric: str,
    on_progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> tuple[ExtraScore, ...]:
    """One score for each evaluation and model.

    Args:
        labels: (N,) class codes. parts: per seed (N,) 0 train, 1 validation, 2 test, -1 unused.
        metric: one of records.scores.METRICS.

    Raises:
        ValueError: an evaluation says something that is no class of each test item.
    """
    scores = []
    total = len(asked) * len(models) * len(parts)
    for one in asked:
        for model in models:
            values = []
            for seed, part in zip(seeds, parts, strict=True):
                on_progress(len(scores) * len(parts) + len(values), total, f"{model.name}: {one.text}")
                said = _said(one, _task(model.X, labels, part, num_classes, seed))
                tables = [metrics.confusion(labels[part == 2], draw, num_classes) for draw in said]
                values.append(float(np.mean([metrics.SCORES[metric](table) for table in tables])))
            fitted = round(float(np.mean([np.isin(part, (0, 1)).sum() for part in parts])))
            tested = round(float(np.mean([(part == 2).sum() for part in parts])))
            score = Score(metric, tuple(values), mean_interval(tuple(values), fitted, tested))
            title = one.evaluation.facts().title
            scores.append(
                ExtraScore(evaluation=one.text, title=title, model=model.name, score=score, plugin=one.plugin)
            )
    return tuple(scores)


def _task(X: np.ndarray, labels: np.ndarray, part: np.ndarray, num_classes: int, seed: int) -> Task:
    """Copies, so that nothing that an evaluation does to them reaches the next one."""
    features = np.asarray(X, dtype=np.float32)
    return Task(
        train=features[part == 0],
        train_labels=labels[part == 0].astype(np.int64),
        validation=features[part == 1],
        validation_labels=labels[part == 1].astype(np.int64),
        test=features[part == 2],
        num_classes=num_classes,
        seed=int(seed),
    )


def _said(one: Asked, task: Task) -> np.ndarray:
    """(R, q) int64 of R draws, checked."""
    said = np.asarray(one.evaluation.predict(task))
    whole = said.ndim in (1, 2) and said.shape[-1] == len(task.test) and np.issubdtype(said.dtype, np.integer)
    if not whole or not said.size or not 0 <= said.min() <= said.max() < task.num_classes:
        raise ValueError(
            f"The evaluation {printable(one.text)} must give a class, 0 to {task.num_classes - 1}, for each of "
            f"{len(task.test)} test images; it gave {said.dtype} of shape {said.shape}."
        )
    return np.atleast_2d(said.astype(np.int64))
