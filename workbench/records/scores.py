"""What is said of one model: scores over the seeds, each class, the label budgets, the calibration. Plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

METRICS = ("macro_f1", "accuracy", "balanced_accuracy")
METRIC_NAMES = {"macro_f1": "macro-F1", "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy"}
NONE = "—"  # where there is no number


@dataclass(frozen=True, slots=True)
class Score:
    """One metric over the seeds, 0 to 1. `values[i]` belongs to `EvaluationResult.seeds[i]`."""

    metric: str
    values: tuple[float, ...]
    interval: tuple[float, float] | None = None  # 95 %, Nadeau-Bengio; None with fewer than two seeds

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def sd(self) -> float:
        """Sample standard deviation over the seeds; 0 with one seed."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "mean": self.mean,
            "sd": self.sd,
            "values": list(self.values),
            "interval": list(self.interval) if self.interval else None,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Score:
        interval = body.get("interval")
        return cls(body["metric"], tuple(body["values"]), tuple(interval) if interval else None)


def score_text(value: float | None) -> str:
    """Three decimals."""
    return NONE if value is None else f"{value:.3f}"


def spread_text(score: Score | None) -> str:
    """ "0.712 ± 0.013", without a spread where there is one seed, a dash where there is no score."""
    text = score_text(score.mean if score else None)
    return f"{text} ± {score.sd:.3f}" if score and len(score.values) > 1 else text


def scores_to_json(scores: dict[str, Score]) -> dict[str, Any]:
    return {name: score.to_json() for name, score in scores.items()}


def scores_from_json(body: dict[str, Any]) -> dict[str, Score]:
    return {name: Score.from_json(score) for name, score in body.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """One class under the probe, over the test parts of all seeds, 0 to 1.

    The intervals are Wilson's of 95 % with as many trials as there are different images, however many seeds tested
    each; images of one group count as independent.
    """

    name: str
    support: int  # different images of the class in some test part
    precision: float
    recall: float
    f1: float
    precision_interval: tuple[float, float]
    recall_interval: tuple[float, float]

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> ClassScore:
        return cls(
            **{
                **body,
                "precision_interval": tuple(body["precision_interval"]),
                "recall_interval": tuple(body["recall_interval"]),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Test images whose confidence lies near `confidence` (their mean): `accuracy` of them are right."""

    confidence: float
    accuracy: float
    interval: tuple[float, float]  # of the accuracy, 95 %, Wilson
    count: int  # different images

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> ReliabilityBin:
        return cls(**{**body, "interval": tuple(body["interval"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationScore:
    """Whether the probe's confidence is to be believed.

    Attributes:
        values: expected calibration error of each seed, 15 bins of equal width (Guo et al. 2017), 0 to 1.
        mass: the same with bins of equal numbers of images, mean over the seeds.
        by_chance: what a perfectly calibrated model of these confidences would show on so few images, in 19 of 20
            cases no more (equal numbers); mean over the seeds.
        bins: the reliability curve over all seeds, by rising confidence.
    """

    values: tuple[float, ...]
    mass: float
    by_chance: float
    bins: tuple[ReliabilityBin, ...]

    @property
    def ece(self) -> float:
        return float(np.mean(self.values))

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> CalibrationScore:
        bins = tuple(ReliabilityBin.from_json(item) for item in body["bins"])
        return cls(values=tuple(body["values"]), mass=body["mass"], by_chance=body["by_chance"], bins=bins)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The probe when only a share of what is not tested is labelled."""

    fraction: float  # above 0 to 1
    labels: int  # images whose label is known, the same share of training and validation; mean over the seeds
    scores: dict[str, Score]  # by metric name, on the test part

    def to_json(self) -> dict[str, Any]:
        return {"fraction": self.fraction, "labels": self.labels, "scores": scores_to_json(self.scores)}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Budget:
        return cls(fraction=body["fraction"], labels=body["labels"], scores=scores_from_json(body["scores"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsToTarget:
    """How many labels bring the primary score to `target`; None is "more than there are"."""

    target: float
    labels: float | None
    interval: tuple[float | None, float | None]  # 95 %

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> LabelsToTarget:
        return cls(**{**body, "interval": tuple(body["interval"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult:
    """One row of the table: a frozen backbone's feature under the probe and k-NN."""

    name: str  # unique within the result
    backbone: str
    feature: str
    fingerprint: str  # of the FeatureSpec; empty for an imported file without one
    image_size: int | None
    dimension: int
    source: str  # the embedding file, relative to the result's run folder where it can be
    probe: dict[str, Score]  # by metric name, see METRICS
    knn: dict[str, Score]
    strengths: tuple[float, ...]  # the L2 strength chosen on validation, per seed
    neighbours: tuple[int, ...]  # k chosen on validation, per seed
    confusion: tuple[tuple[int, ...], ...]  # probe, true class x predicted, summed over the seeds' test parts
    per_class: tuple[
        ClassScore, ...
    ] = ()  # as EvaluationResult.classes; empty in results of earlier versions
    calibration: CalibrationScore | None = None
    budgets: tuple[Budget, ...] = ()  # by rising fraction; empty where none were asked for
    to_target: LabelsToTarget | None = None  # None where no target was set, or no budgets
    # Share of an image's ten nearest neighbours that have its label, and the same by chance; None in earlier results.
    purity: float | None = None
    purity_by_chance: float | None = None
    distance: float | None = None  # as Domain.distance; None where it wasn't measured

    def to_json(self) -> dict[str, Any]:
        body = asdict(self)
        body["probe"], body["knn"] = scores_to_json(self.probe), scores_to_json(self.knn)
        body["budgets"] = [budget.to_json() for budget in self.budgets]
        return body

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> ModelResult:
        calibration, to_target = body.get("calibration"), body.get("to_target")
        return cls(
            **{
                **body,
                "probe": scores_from_json(body["probe"]),
                "knn": scores_from_json(body["knn"]),
                "strengths": tuple(body["strengths"]),
                "neighbours": tuple(body["neighbours"]),
                "confusion": tuple(tuple(row) for row in body["confusion"]),
                "per_class": tuple(ClassScore.from_json(item) for item in body.get("per_class", ())),
                "calibration": CalibrationScore.from_json(calibration) if calibration else None,
                "budgets": tuple(Budget.from_json(item) for item in body.get("budgets", ())),
                "to_target": LabelsToTarget.from_json(to_target) if to_target else None,
            }
        )
