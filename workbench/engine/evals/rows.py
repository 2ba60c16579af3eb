"""From what a model said to its row of the table: scores over the seeds, each class, calibration, label budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.decide.calibration import calibration
from workbench.decide.label_budget import labels_to_target
from workbench.decide.statistics import mean_interval, wilson_interval
from workbench.engine.evals import metrics
from workbench.engine.evals.inputs import ModelFeatures
from workbench.engine.evals.one_model import Outcome, tables
from workbench.engine.evals.protocol import Protocol
from workbench.engine.evals.purity import purity
from workbench.records.scores import (
    METRICS,
    Budget,
    CalibrationScore,
    ClassScore,
    LabelsToTarget,
    ModelResult,
    ReliabilityBin,
    Score,
)


def row_of(
    model: ModelFeatures,
    outcome: Outcome,
    protocol: Protocol,
    classes: tuple[str, ...],
    sizes: tuple[int, int],
    target: float | None,
) -> ModelResult:
    """Args: sizes, items that a seed fits on and is tested on; target, of the primary metric, 0 to 1."""
    probe = tables(outcome.probe, protocol)
    budgets = tuple(
        Budget(
            fraction=found.fraction,
            labels=round(float(np.mean(found.labels))),
            scores=_scores(list(found.tables), sizes),
        )
        for found in outcome.budgets
    )
    return ModelResult(
        name=model.name,
        backbone=model.backbone,
        feature=model.feature,
        fingerprint=model.fingerprint,
        image_size=model.image_size,
        dimension=int(model.X.shape[1]),
        source=model.source,
        probe=_scores(probe, sizes),
        knn=_scores(tables(outcome.knn, protocol), sizes),
        strengths=outcome.strengths,
        neighbours=outcome.neighbours,
        confusion=tuple(tuple(row) for row in np.sum(probe, axis=0).tolist()),
        per_class=_per_class(outcome.probe, protocol.labels, classes),
        calibration=_calibration(outcome, protocol.labels),
        budgets=budgets,
        to_target=_to_target(budgets, protocol.metric, sizes, target),
        distance=_number(model.provenance.get("distance")),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def with_purity(
    row: ModelResult, model: ModelFeatures, protocol: Protocol, copies: Sequence[str]
) -> ModelResult:
    """`row` with what its features' nearest neighbours say; as it is where no image has one."""
    found = purity(model.X, protocol.labels, protocol.groups, copies, device=protocol.device)
    return row if found is None else replace(row, purity=found[0], purity_by_chance=found[1])


def _scores(found: list[np.ndarray], sizes: tuple[int, int]) -> dict[str, Score]:
    values = {name: tuple(metrics.SCORES[name](table) for table in found) for name in METRICS}
    return {name: Score(name, each, mean_interval(each, *sizes)) for name, each in values.items()}


def _per_class(said: np.ndarray, truth: np.ndarray, classes: tuple[str, ...]) -> tuple[ClassScore, ...]:
    """Args: said (J, N) class codes, -1 where a seed doesn't test the item."""
    tested = said >= 0
    made = []
    for code, name in enumerate(classes):
        true, called = tested & (truth == code), said == code
        right = int((true & called).sum())
        recall, support = _share(right, true)
        precision, named = _share(right, called)
        made.append(
            ClassScore(
                name=name,
                support=support,
                precision=precision,
                recall=recall,
                f1=2 * right / max(int(true.sum()) + int(called.sum()), 1),
                precision_interval=wilson_interval(precision * named, named),
                recall_interval=wilson_interval(recall * support, support),
            )
        )
    return tuple(made)


def _share(right: int, among: np.ndarray) -> tuple[float, int]:
    """Of (J, N) marks: the share that is right, 0 without any, and how many different items are marked."""
    return right / max(int(among.sum()), 1), int(among.any(axis=0).sum())


def _calibration(outcome: Outcome, truth: np.ndarray) -> CalibrationScore:
    tested = outcome.probe >= 0
    right = outcome.probe == truth
    each = [calibration(outcome.confidence[seed][row], right[seed][row]) for seed, row in enumerate(tested)]
    pooled = calibration(outcome.confidence[tested], right[tested])
    # An item that several seeds tested is one observation of the curve, not several.
    often = int(tested.sum()) / int(tested.any(axis=0).sum())
    bins = []
    for found in pooled.width.bins:
        count = max(round(found.count / often), 1)
        bins.append(
            ReliabilityBin(
                confidence=found.confidence,
                accuracy=found.accuracy,
                interval=wilson_interval(found.accuracy * count, count),
                count=count,
            )
        )
    return CalibrationScore(
        values=tuple(found.width.ece for found in each),
        mass=float(np.mean([found.mass.ece for found in each])),
        by_chance=float(np.mean([found.by_chance for found in each])),
        bins=tuple(bins),
    )


def _to_target(
    budgets: tuple[Budget, ...], metric: str, sizes: tuple[int, int], target: float | None
) -> LabelsToTarget | None:
    """None without a target, or with fewer than two budgets that differ in labels."""
    rising = [
        found for place, found in enumerate(budgets) if place == 0 or found.labels > budgets[place - 1].labels
    ]
    if target is None or len(rising) < 2:
        return None
    found = labels_to_target(
        [budget.labels for budget in rising],
        np.stack([budget.scores[metric].values for budget in rising], axis=1),
        target,
        test_train_ratio=sizes[1] / sizes[0],
    )

    def finite(number: float) -> float | None:
        return number if np.isfinite(number) else None

    return LabelsToTarget(
        target=target,
        labels=finite(found.estimate),
        interval=(finite(found.interval[0]), finite(found.interval[1])),
    )
