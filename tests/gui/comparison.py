"""A small, exact comparison to look at: three models, four seeds, the images of `small_index`."""

from __future__ import annotations

import numpy as np

from workbench.records.catalogue import BackboneFacts
from workbench.records.index import ImageIndex
from workbench.records.results import Comparison, EvaluationResult, Finding, Predictions
from workbench.records.scores import METRICS, ModelResult, Score

SEEDS = (0, 1, 2, 3)
MEANS = {"strong": 0.9, "middle": 0.8, "weak": 0.5}
KNN = {"strong": 0.6, "middle": 0.7, "weak": 0.4}  # another order than the probe's


def small_comparison(index: ImageIndex, *, margin: float = 0.01) -> tuple[EvaluationResult, Predictions]:
    """Every seed tests half of the images; the weaker a model, the more it calls the next class."""
    truth = index.label.astype(np.int32)
    num_classes = len(index.classes)
    predicted = np.full((len(MEANS), len(SEEDS), len(index)), -1, np.int32)
    rng = np.random.default_rng(5)
    models = []
    for place, (name, mean) in enumerate(MEANS.items()):
        confusion = np.zeros((num_classes, num_classes), int)
        for seed in range(len(SEEDS)):
            tested = (np.arange(len(index)) + seed) % 2 == 0
            said = np.where(rng.random(len(index)) < mean, truth, (truth + 1) % num_classes)
            predicted[place, seed, tested] = said[tested]
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
    )
    items = np.asarray(index.ids)
    return result, Predictions(items=items, truth=truth, predicted=predicted, models=tuple(MEANS))


def _score(metric: str, mean: float) -> Score:
    values = (mean - 0.03, mean - 0.01, mean + 0.01, mean + 0.03)
    return Score(metric, values, (mean - 0.04, mean + 0.04))


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
