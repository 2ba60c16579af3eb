"""Rungs and evidence of chosen numbers, for the tests of the decision."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.decide.statistics import mean_interval
from workbench.records.evidence import Evidence, Rung, Target
from workbench.records.regime import Regime
from workbench.records.scores import Budget, Score

DINOV2_SMALL, DINOV2_BASE = "facebook/dinov2-small", "facebook/dinov2-base"


def score(mean: float, sd: float = 0.01, seeds: int = 5, train: int = 800, test: int = 200) -> Score:
    """Values of exactly this mean and standard deviation."""
    if seeds == 1:
        return Score("macro_f1", (mean,))
    shape = np.sin(1.0 + 2.0 * np.arange(seeds))
    shape = (shape - shape.mean()) / shape.std(ddof=1)
    values = tuple((mean + sd * shape).tolist())
    return Score("macro_f1", values, mean_interval(values, train, test))


def rung(name: str, kind: str, mean: float, sd: float = 0.01, seeds: int = 5, **others: Any) -> Rung:
    train, test = others.pop("n_train", 800), others.pop("n_test", 200)
    made: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "score": score(mean, sd, seeds, train, test),
        "n_train": train,
        "n_test": test,
        "seeds": tuple(range(seeds)),
        "protocol": "p",
        "blocks": "1" if kind == "adapted" else "",
    }
    return Rung(**{**made, **others})


def floor() -> Rung:
    return rung("Colour histogram", "floor", 0.5, seconds=60.0)


def supervised(mean: float = 0.7, **others: Any) -> Rung:
    return rung("Supervised ResNet-50, frozen", "supervised", mean, checkpoint="resnet50", **others)


def public(mean: float, **others: Any) -> Rung:
    made = {"name": "DINOv2 small, frozen", "checkpoint": DINOV2_SMALL, **others}
    return rung(made.pop("name"), "public", mean, **made)


def adapted(mean: float, **others: Any) -> Rung:
    made = {"name": "DINOv2 small, last block", "checkpoint": DINOV2_SMALL, **others}
    return rung(made.pop("name"), "adapted", mean, **made)


def regime(labelled: int, unlabelled: int, **others: Any) -> Regime:
    """Six equal classes of colour pictures."""
    each = labelled // 6
    made = {
        "images": labelled,
        "labelled": labelled,
        "pool": unlabelled,
        "classes": 6 if labelled else 0,
        "smallest": each,
        "median": each,
        "largest": each,
        "imbalance": 1.0 if labelled else 0.0,
        "colours": "colour",
        "bits": 8,
        "side": 224,
    }
    return Regime(**{**made, **others})


def evidence(labelled: int, unlabelled: int, threshold: float | None = None, **others: Any) -> Evidence:
    made = {"regime": regime(labelled, unlabelled), "target": Target(threshold=threshold), **others}
    return Evidence(**made)


def curve_of(*means: float) -> tuple[Budget, ...]:
    """Budgets of 100, 200, 400 ... labels."""
    return tuple(
        Budget(fraction=0.1 * 2**i, labels=100 * 2**i, scores={"macro_f1": score(mean)})
        for i, mean in enumerate(means)
    )
