"""What the reader of a comparison has to know before believing its numbers, said in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.records.results import Finding
from workbench.records.scores import METRIC_NAMES, ModelResult
from workbench.records.text import count, printable

FEW_SEEDS = 5
FEW_ITEMS = 5  # of a class in training
SMALL_TEST = 100
APART = 0.05  # probe against k-NN, where their intervals are apart too
NAMED = 5  # classes named in one sentence


def find(
    models: Sequence[ModelResult],
    labels: np.ndarray,
    groups: np.ndarray | None,
    parts: Sequence[np.ndarray],
    classes: Sequence[str],
    grid: Sequence[float],
    metric: str,
    converged: Sequence[bool],
) -> tuple[Finding, ...]:
    """Findings of an evaluation, the gravest first.

    Args:
        labels: (N,) class codes. groups: (N,) codes, negative for none, or None.
        parts: per seed (N,) 0 train, 1 validation, 2 test, -1 unused.
        grid: the strengths tried, ascending. converged: per model.
    """
    found = [
        *_of_groups(groups, parts),
        *_of_seeds(len(parts)),
        *_of_the_test(parts),
        *_of_classes(labels, parts, classes),
        *_of_test_size(parts),
    ]
    for model, settled in zip(models, converged, strict=True):
        found += _of_model(model, grid, metric, settled)
    order = {"bad": 0, "warn": 1, "info": 2}
    return tuple(sorted(found, key=lambda finding: order[finding.severity]))


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


def _of_model(model: ModelResult, grid: Sequence[float], metric: str, converged: bool) -> list[Finding]:
    name, found = printable(model.name), []
    if not converged:
        found.append(
            Finding(
                name="not settled",
                severity="warn",
                advice=f"The probe of {name} had not settled when it was stopped; its score may be a little low.",
            )
        )
    probe, knn = model.probe[metric], model.knn[metric]
    gap = probe.mean - knn.mean
    apart = (
        probe.interval is not None
        and knn.interval is not None
        and (probe.interval[0] > knn.interval[1] or probe.interval[1] < knn.interval[0])
    )
    if apart and abs(gap) > APART:
        better, worse = ("probe", "k-NN") if gap > 0 else ("k-NN", "probe")
        meaning = (
            "the classes are there but not in the directions in which the features vary most"
            if gap > 0
            else "a straight boundary is too simple for them, or there are too few labels for the probe"
        )
        found.append(
            Finding(
                name="probe and k-NN apart",
                severity="info",
                advice=f"{name}: the {better} is {100 * abs(gap):.1f} points of {METRIC_NAMES[metric]} above the "
                f"{worse}, more than both intervals: {meaning}.",
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
