"""A small, exact comparison to look at: three models, four seeds, the images of `small_index`."""

from __future__ import annotations

import numpy as np

from workbench.decide.statistics import wilson_interval
from workbench.records.catalogue import BackboneFacts
from workbench.records.index import ImageIndex
from workbench.records.results import Comparison, Diagnosis, EvaluationResult, Finding, Predictions
from workbench.records.scores import (
    METRICS,
    Budget,
    CalibrationScore,
    ClassScore,
    ModelResult,
    ReliabilityBin,
    Score,
)

SEEDS = (0, 1, 2, 3)
MEANS = {"strong": 0.9, "middle": 0.8, "weak": 0.5}
FRACTIONS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
LABELS = (3, 3, 4, 6, 11, 20)  # of 20 training images in three classes: one a class at the least
KNN = {"strong": 0.6, "middle": 0.7, "weak": 0.4}  # another order than the probe's


DIAGNOSES = (
    Diagnosis(
        model="strong",
        name="hubness",
        value=0.4,
        unit="",
        advice="No image is everybody's neighbour.",
        likely=False,
    ),
    Diagnosis(
        model="strong",
        name="norm spread",
        value=3.8,
        unit="times",
        advice="Standardising closes 9 of 30 points: read the probe, not the k-NN.",
        likely=True,
    ),
)


def small_comparison(index: ImageIndex, *, margin: float = 0.01) -> tuple[EvaluationResult, Predictions]:
    """Every seed tests half of the images; the weaker a model, the more it calls the next class."""
    truth = index.label.astype(np.int32)
    num_classes = len(index.classes)
    predicted = np.full((len(MEANS), len(SEEDS), len(index)), -1, np.int32)
    confidence = np.full(predicted.shape, np.nan, np.float16)
    rng = np.random.default_rng(5)
    models = []
    for place, (name, mean) in enumerate(MEANS.items()):
        confusion = np.zeros((num_classes, num_classes), int)
        for seed in range(len(SEEDS)):
            tested = (np.arange(len(index)) + seed) % 2 == 0
            said = np.where(rng.random(len(index)) < mean, truth, (truth + 1) % num_classes)
            predicted[place, seed, tested] = said[tested]
            sure = np.where(
                said == truth, 0.6 + 0.4 * rng.random(len(index)), 0.4 + 0.5 * rng.random(len(index))
            )
            confidence[place, seed, tested] = sure[tested]
            np.add.at(confusion, (truth[tested], said[tested]), 1)
        models.append(
            ModelResult(
                name=name,
                backbone=f"lab/{name}",
                feature="cls",
                fingerprint=f"{place:016x}",
                image_size=224 if place else None,
                dimension=8,
                source=f"{name}.h5ad",
                probe={metric: _score(metric, mean) for metric in METRICS},
                knn={metric: _score(metric, KNN[name]) for metric in METRICS},
                strengths=(1.0,) * len(SEEDS),
                neighbours=(5, 10, 5, 5),
                confusion=tuple(tuple(int(n) for n in line) for line in confusion),
                per_class=_classes(index.classes, confusion, np.bincount(truth, minlength=num_classes)),
                calibration=_calibration(predicted[place], confidence[place].astype(float), truth),
                budgets=_budgets(mean),
            )
        )
    pairs = (("strong", "middle", "undecided"), ("strong", "weak", "better"), ("middle", "weak", "better"))
    result = EvaluationResult(
        protocol="0123456789abcdef",
        kind="frozen probe",
        metric="macro_f1",
        margin=margin,
        seeds=SEEDS,
        classes=index.classes,
        split_hashes=tuple(f"{seed:016x}" for seed in SEEDS),
        split_counts=(20, 7, 10),
        grouped=True,
        models=tuple(models),
        comparisons=tuple(
            Comparison(
                a=a,
                b=b,
                metric="macro_f1",
                difference=MEANS[a] - MEANS[b],
                interval=(MEANS[a] - MEANS[b] - 0.05, MEANS[a] - MEANS[b] + 0.05),
                verdict=verdict,
                reason=f"{a} against {b}.",
            )
            for a, b, verdict in pairs
        ),
        findings=(
            Finding(name="sealed test", severity="info", advice="Opened once."),
            Finding(name="thin class", severity="warn", advice="dent has few test images."),
            Finding(name="leak", severity="bad", advice="One copy lies in train and test."),
        ),
        diagnoses=DIAGNOSES,
        feature_rule="each backbone's own",
    )
    items = np.asarray(index.ids)
    return result, Predictions(
        items=items, truth=truth, predicted=predicted, models=tuple(MEANS), confidence=confidence
    )


def _score(metric: str, mean: float) -> Score:
    values = (mean - 0.03, mean - 0.01, mean + 0.01, mean + 0.03)
    return Score(metric, values, (mean - 0.04, mean + 0.04))


def _classes(names: tuple[str, ...], confusion: np.ndarray, images: np.ndarray) -> tuple[ClassScore, ...]:
    """From the counts, with as many trials as there are images."""
    found = []
    for code, name in enumerate(names):
        hits, support = int(confusion[code, code]), int(images[code])
        recall = hits / confusion[code].sum()
        precision = hits / max(confusion[:, code].sum(), 1)
        found.append(
            ClassScore(
                name=name,
                support=support,
                precision=precision,
                recall=recall,
                f1=2 * precision * recall / (precision + recall),
                precision_interval=wilson_interval(round(precision * support), support),
                recall_interval=wilson_interval(round(recall * support), support),
            )
        )
    return tuple(found)


def _calibration(said: np.ndarray, sure: np.ndarray, truth: np.ndarray) -> CalibrationScore:
    """Five bins of equal width; `said` and `sure` are (seeds, N)."""
    answered = said >= 0
    confident, right = sure[answered], (said == truth)[answered]
    codes = np.minimum((confident * 5).astype(int), 4)
    bins = []
    for code in np.unique(codes):
        inside = codes == code
        hits, number = int(right[inside].sum()), int(inside.sum())
        bins.append(
            ReliabilityBin(
                confidence=float(confident[inside].mean()),
                accuracy=hits / number,
                interval=wilson_interval(hits, number),
                count=number,
            )
        )
    gap = sum(found.count * abs(found.confidence - found.accuracy) for found in bins) / len(codes)
    return CalibrationScore(values=(gap,) * len(SEEDS), mass=gap + 0.01, by_chance=0.029, bins=tuple(bins))


def _budgets(mean: float) -> tuple[Budget, ...]:
    """A curve that rises to the model's own score, the spread shrinking."""
    made = []
    for step, (fraction, labels) in enumerate(zip(FRACTIONS, LABELS, strict=True)):
        middle, spread = mean - 0.08 * (len(FRACTIONS) - 1 - step), 0.06 - 0.008 * step
        values = (
            middle - 0.75 * spread,
            middle - 0.25 * spread,
            middle + 0.25 * spread,
            middle + 0.75 * spread,
        )
        score = {metric: Score(metric, values, (middle - spread, middle + spread)) for metric in METRICS}
        made.append(Budget(fraction=fraction, labels=labels, scores=score))
    return tuple(made)


def facts(name: str, **changes: object) -> BackboneFacts:
    """One entry of a catalogue."""
    known: dict = {
        "id": f"lab/{name}",
        "title": name.capitalize(),
        "source": "huggingface",
        "family": "DINOv2",
        "parameters": 22_000_000,
        "input_size": 224,
        "features": ("cls", "mean", "cls+mean"),
        "default_feature": "cls",
        "training_data": "LVD-142M",
        "licence": "Apache-2.0",
        "available": True,
        "remedy": "",
        **changes,
    }
    return BackboneFacts(**known)
