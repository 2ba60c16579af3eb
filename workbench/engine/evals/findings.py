"""What the reader of a comparison has to know before believing its numbers, said in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.engine.evals.protocol import Protocol
from workbench.records.results import DISAGREEMENT, Diagnosis, Finding
from workbench.records.scores import METRIC_NAMES, ModelResult
from workbench.records.text import count, printable

FEW_SEEDS = 5
FEW_ITEMS = 5  # of a class in training
SMALL_TEST = 100
MISCALIBRATED = 0.05  # mean gap of confidence and accuracy that is worth a sentence
NAMED = 5  # classes named in one sentence


def find(
    models: Sequence[ModelResult],
    protocol: Protocol,
    classes: Sequence[str],
    diagnoses: Sequence[Diagnosis],
    converged: Sequence[bool],
    seen: Sequence[Finding] = (),
) -> tuple[Finding, ...]:
    """Findings of an evaluation, the gravest first.

    Args:
        diagnoses: of the models whose probe and k-NN disagree. converged: per model.
        seen: what `seen.of_pretraining` says of the models.
    """
    found = [*of_splits(protocol.labels, protocol.groups, protocol.parts, classes), *seen]
    for model, settled in zip(models, converged, strict=True):
        mine = [diagnosis for diagnosis in diagnoses if diagnosis.model == model.name]
        found += _of_model(model, protocol.grid, settled)
        found += _of_disagreement(model, protocol.metric, mine)
        found += _of_calibration(model)
    order = {"bad": 0, "warn": 1, "info": 2}
    return tuple(sorted(found, key=lambda finding: order[finding.severity]))


def of_splits(
    labels: np.ndarray, groups: np.ndarray | None, parts: Sequence[np.ndarray], classes: Sequence[str]
) -> list[Finding]:
    """What the splits alone make doubtful, whatever learns on them.

    Args:
        labels: (N,) class codes. groups: (N,) codes, negative for none, or None.
        parts: per seed (N,) 0 train, 1 validation, 2 test, -1 unused.
    """
    return [
        *_of_groups(groups, parts),
        *_of_seeds(len(parts)),
        *_of_the_test(parts),
        *_of_classes(labels, parts, classes),
        *_of_test_size(parts),
    ]


def _of_groups(groups: np.ndarray | None, parts: Sequence[np.ndarray]) -> list[Finding]:
    if groups is None:
        return []
    codes = np.asarray(groups)
    torn = 0
    for part in parts:
        known = (codes >= 0) & (part >= 0)
        pairs = np.unique(np.stack([codes[known], np.minimum(part[known], 2)]), axis=1)
        spans = np.unique(pairs[0], return_counts=True)[1] > 1
        torn = max(torn, int(spans.sum()))
    if torn == 0:
        return []
    return [
        Finding(
            name="groups torn apart",
            severity="bad",
            advice=f"{count(torn, 'group')} (patient, lot, camera) lie in more than one part of a split, so that "
            "the test may repeat what was trained on and the scores come out too high. Split by group.",
        )
    ]


def _of_seeds(seeds: int) -> list[Finding]:
    if seeds >= FEW_SEEDS:
        return []
    if seeds == 1:
        advice = "Only one split was tried, so no difference can be called: run five seeds or more."
    else:
        advice = (
            f"Only {seeds} splits were tried, so the intervals are wide and rough: run five seeds or more."
        )
    return [Finding(name="few seeds", severity="warn", advice=advice)]


def _of_the_test(parts: Sequence[np.ndarray]) -> list[Finding]:
    """Every seed tests the same images: what the seeds spread over is training alone."""
    tested = [part == 2 for part in parts]
    if len(parts) < 2 or not all(np.array_equal(tested[0], other) for other in tested[1:]):
        return []
    advice = (
        "Every seed tests the same images. The interval of a single score shows the luck of training only; the "
        "comparisons mind the luck of these test images too."
    )
    return [Finding(name="one test part", severity="info", advice=advice)]


def _of_classes(labels: np.ndarray, parts: Sequence[np.ndarray], classes: Sequence[str]) -> list[Finding]:
    used = np.any([part >= 0 for part in parts], axis=0)
    present = np.bincount(labels[used], minlength=len(classes)) > 0
    trained = np.min([np.bincount(labels[part == 0], minlength=len(classes)) for part in parts], axis=0)
    tested = np.min([np.bincount(labels[part == 2], minlength=len(classes)) for part in parts], axis=0)
    found = []
    few = np.flatnonzero(present & (trained < FEW_ITEMS))
    if len(few):
        found.append(
            Finding(
                name="small classes",
                severity="warn",
                advice=f"Fewer than {FEW_ITEMS} training images in some split: {_names(few, classes)}. Label more "
                "of these, or leave them out, before trusting their scores.",
            )
        )
    missing = np.flatnonzero(present & (tested == 0))
    if len(missing):
        found.append(
            Finding(
                name="untested classes",
                severity="warn",
                advice=f"Not tested in some split, for want of images or groups: {_names(missing, classes)}. The "
                "score of that split says nothing about them.",
            )
        )
    return found


def _names(codes: np.ndarray, classes: Sequence[str]) -> str:
    shown = ", ".join(printable(classes[code]) for code in codes[:NAMED])
    return shown if len(codes) <= NAMED else f"{shown} and {count(len(codes) - NAMED, 'other')}"


def _of_test_size(parts: Sequence[np.ndarray]) -> list[Finding]:
    smallest = min(int(np.sum(part == 2)) for part in parts)
    if smallest >= SMALL_TEST:
        return []
    return [
        Finding(
            name="small test part",
            severity="info",
            advice=f"A test part holds {count(smallest, 'image')}: one image more or less is "
            f"{100 / smallest:.1f} points of accuracy.",
        )
    ]


def _of_model(model: ModelResult, grid: Sequence[float], converged: bool) -> list[Finding]:
    name, found = printable(model.name), []
    if not converged:
        found.append(
            Finding(
                name="not settled",
                severity="warn",
                advice=f"The probe of {name} had not settled when it was stopped; its score may be a little low.",
            )
        )
    edge = [c for c in (grid[0], grid[-1]) if 2 * model.strengths.count(c) > len(model.strengths)]
    if edge and len(grid) > 1:
        found.append(
            Finding(
                name="strength at the edge",
                severity="info",
                advice=f"{name}: validation chose the {'strongest' if edge[0] == grid[0] else 'weakest'} "
                f"regularisation offered (C = {edge[0]:g}) for most seeds; the best may lie beyond.",
            )
        )
    return found


def _of_disagreement(model: ModelResult, metric: str, diagnoses: Sequence[Diagnosis]) -> list[Finding]:
    """Probe and k-NN differ by more than both intervals: said with the likely reasons, which were measured."""
    if not diagnoses:
        return []
    gap = model.probe[metric].mean - model.knn[metric].mean
    better, worse = ("probe", "k-NN") if gap > 0 else ("k-NN", "probe")
    likely = [diagnosis.advice for diagnosis in diagnoses if diagnosis.likely]
    if likely:
        meaning = " ".join(likely)
    elif gap > 0:
        meaning = (
            "None of the usual reasons was found: the classes are there, but not in the directions in which the "
            "features vary most."
        )
    else:
        meaning = (
            "None of the usual reasons was found: a straight boundary may be too simple, or the labels too few for "
            "the probe."
        )
    return [
        Finding(
            name=DISAGREEMENT,
            severity="info",
            advice=f"{printable(model.name)}: the {better} is {100 * abs(gap):.1f} points of {METRIC_NAMES[metric]} "
            f"above the {worse}, more than both intervals. {meaning}",
        )
    ]


def _of_calibration(model: ModelResult) -> list[Finding]:
    """Only where chance alone would hardly look so, and where it matters."""
    found = model.calibration
    if found is None or found.mass <= found.by_chance or found.mass < MISCALIBRATED:
        return []
    return [
        Finding(
            name="confidence is off",
            severity="info",
            advice=f"{printable(model.name)}: the probe's confidence is off by {100 * found.mass:.1f} points on "
            f"average, where chance alone would show up to {100 * found.by_chance:.1f}. Don't set thresholds by it "
            "without calibrating it.",
        )
    ]
