"""The comparison of frozen features: one protocol for every model, the test part opened once a seed.

This file owns the protocol: what is chosen on which part. For every seed (a split of the items into train,
validation and test) the probe's strength and the number of neighbours are chosen on validation from what
was fitted on train alone; then the probe is fitted once more on train + validation, the neighbours are
searched among train + validation, and the test part is scored once, whatever comes out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch

from workbench.decide.items import items_interval, same_test
from workbench.decide.many import among_all
from workbench.decide.statistics import mean_interval
from workbench.decide.verdict import compare, with_outlook
from workbench.engine.evals import metrics
from workbench.engine.evals.findings import find
from workbench.engine.evals.knn import KS, knn_predict, nearest, usable_ks
from workbench.engine.evals.probe import ProbeFit, fit_probes
from workbench.engine.evals.probe import strengths as default_strengths
from workbench.records.results import Comparison, EvaluationResult, Predictions
from workbench.records.scores import METRICS, ModelResult, Score
from workbench.records.text import printable

KIND = "frozen probe"
PROTOCOL_VERSION = 1  # raise when the same inputs would give other numbers
# How near to the minimum a fit goes, as `fit_probes` means it. Fits that are only compared on validation may stay
# further away: on 1,674 surface defects (EfficientNet-Lite0, 12 strengths) 1e-4 picked the strength that 1e-8 picked,
# in a quarter of the time.
CHOICE_TOLERANCE = 1e-4
REFIT_TOLERANCE = 1e-6
HELD = 256 << 20  # bytes of weights held while a strength is chosen

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelFeatures:
    """What one model says of the items; the first seven fields go into the result's row as they are."""

    name: str  # unique within the comparison
    backbone: str
    feature: str
    fingerprint: str
    image_size: int | None
    source: str
    X: np.ndarray  # (N, D) float
    ids: Sequence[str] | None = None  # of the rows of X; None: known to be the comparison's


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One model under one protocol."""

    probe: np.ndarray  # (seeds, N) int32, -1 outside the test part
    knn: np.ndarray
    strengths: tuple[float, ...]
    neighbours: tuple[int, ...]
    converged: bool


def evaluate(
    models: Sequence[ModelFeatures],
    labels: np.ndarray,
    ids: Sequence[str],
    groups: np.ndarray | None,
    splits: Sequence[np.ndarray],
    seeds: Sequence[int],
    classes: Sequence[str],
    *,
    split_hashes: Sequence[str],
    split_counts: tuple[int, int, int] | None = None,
    grouped: bool = False,
    margin: float = 0.01,
    strengths: Sequence[float] | None = None,
    ks: Sequence[int] = KS,
    metric: str | None = None,
    device: str | torch.device = "cpu",
    on_progress: Progress | None = None,
) -> tuple[EvaluationResult, Predictions]:
    """Compare models on the same labelled items and splits.

    Args:
        labels: (N,) class codes, positions in `classes`; items without a label are left out by the caller.
        ids: (N,) unique item ids.
        groups: (N,) group codes, negative for an item by itself; None without groups.
        splits: per seed (N,) 0 train, 1 validation, 2 test, -1 unused.
        split_hashes: per seed, records.splits.Split.hash.
        split_counts: of the first seed; counted here if None.
        grouped: whether the splits were made to keep groups whole.
        margin: differences up to this (0 to 1) are of no consequence.
        strengths: the grid of C; None: 12 from 1e-6 to 1e5. ks: the grid of neighbours.
        metric: the primary one; None: macro-F1 where the largest class is more than 1.5 times the smallest,
            else accuracy.
        on_progress: called with (steps done, steps, what is being done); may raise to cancel.

    Raises:
        ValueError: features that aren't of these items or hold NaN, a part that is empty, or inputs of
            lengths that don't match.
    """
    labels = np.asarray(labels, dtype=np.int64)
    parts = [np.asarray(split) for split in splits]
    grid = tuple(sorted(set(strengths if strengths is not None else default_strengths())))
    _check(models, labels, ids, groups, parts, seeds, classes, split_hashes, grid)
    used = np.any([part >= 0 for part in parts], axis=0)
    if metric is None:
        metric = metrics.primary_metric(labels[used])
    if metric not in METRICS:
        raise ValueError(f"the metric must be one of {', '.join(METRICS)}, not {metric!r}.")
    sizes = [tuple(int(np.sum(part == which)) for which in range(3)) for part in parts]
    n_fit = round(np.mean([train + val for train, val, _ in sizes]))
    n_test = round(np.mean([test for _, _, test in sizes]))
    meter = _Meter(on_progress, len(models) * len(seeds) * (len(grid) + 3))
    outcomes = [_run(model, labels, parts, len(classes), grid, ks, metric, device, meter) for model in models]
    results = tuple(
        _row(model, outcome, labels, len(classes), n_fit, n_test)
        for model, outcome in zip(models, outcomes, strict=True)
    )
    result = EvaluationResult(
        protocol=_protocol(ids, labels, classes, split_hashes, grid, ks, seeds),
        kind=KIND,
        metric=metric,
        margin=margin,
        seeds=tuple(int(seed) for seed in seeds),
        classes=tuple(classes),
        split_hashes=tuple(split_hashes),
        split_counts=split_counts or sizes[0],
        grouped=grouped,
        models=results,
        comparisons=_compare(results, outcomes, labels, groups, metric, margin, n_fit, n_test),
        findings=find(results, labels, groups, parts, classes, grid, metric, [o.converged for o in outcomes]),
    )
    predictions = Predictions(
        items=np.asarray(ids, dtype=str),
        truth=labels.astype(np.int32),
        predicted=np.stack([outcome.probe for outcome in outcomes]),
        models=tuple(model.name for model in models),
    )
    return result, predictions


def _check(
    models: Sequence[ModelFeatures],
    labels: np.ndarray,
    ids: Sequence[str],
    groups: np.ndarray | None,
    parts: Sequence[np.ndarray],
    seeds: Sequence[int],
    classes: Sequence[str],
    split_hashes: Sequence[str],
    grid: Sequence[float],
) -> None:
    count = len(ids)
    if not models:
        raise ValueError("there is no model to evaluate.")
    if len({model.name for model in models}) != len(models):
        raise ValueError("two models have the same name; give each its own.")
    if len(labels) != count or (groups is not None and len(groups) != count):
        raise ValueError("ids, labels and groups must have one entry per image.")
    if count == 0 or labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError("every image to evaluate needs a label out of the list of classes.")
    if len(np.unique(labels)) < 2:
        raise ValueError("there is only one class; label images of at least two to compare models.")
    if not grid or min(grid) <= 0:
        raise ValueError("the probe's strengths must be positive.")
    if len(parts) == 0 or len(parts) != len(seeds) or len(split_hashes) != len(seeds):
        raise ValueError("every seed needs its split and the split's hash.")
    for seed, part in zip(seeds, parts, strict=True):
        if part.shape != (count,):
            raise ValueError(f"the split of seed {seed} has {len(part)} entries for {count} images.")
        for which, name in enumerate(("training", "validation", "test")):
            if not np.any(part == which):
                raise ValueError(
                    f"the {name} part of seed {seed} is empty: there are too few labelled images, or too few "
                    "groups. Three or more of every class are needed."
                )
    for model in models:
        shown = printable(model.name)
        if model.X.ndim != 2 or len(model.X) != count:
            raise ValueError(f"{shown} has features of {len(model.X)} images where {count} are compared.")
        if model.ids is not None and list(model.ids) != list(ids):
            raise ValueError(
                f"{shown} was made from other images, or in another order, than those compared. Embed the same "
                "folder with every model."
            )
        if not np.isfinite(model.X).all():
            broken = int((~np.isfinite(model.X).all(axis=1)).sum())
            raise ValueError(
                f"the features of {shown} hold NaN or infinite values for {broken} of {count} images. Embed "
                "again, in fp32 if bf16 was used."
            )


class _Meter:
    """Counts steps for the progress callback: one a fit, two a seed's neighbours, one a refit."""

    def __init__(self, report: Progress | None, total: int) -> None:
        self._report = report
        self._total = total
        self._done = 0

    def show(self, ahead: int, what: str) -> None:
        if self._report is not None:
            self._report(min(self._done + ahead, self._total), self._total, what)

    def add(self, steps: int, what: str) -> None:
        self._done += steps
        self.show(0, what)


def _run(
    model: ModelFeatures,
    labels: np.ndarray,
    parts: Sequence[np.ndarray],
    classes: int,
    grid: Sequence[float],
    ks: Sequence[int],
    metric: str,
    device: str | torch.device,
    meter: _Meter,
) -> _Outcome:
    X = torch.from_numpy(np.ascontiguousarray(model.X, dtype=np.float32)).to(device)
    y = torch.from_numpy(labels).to(device)
    shown = printable(model.name)
    probe = np.full((len(parts), len(labels)), -1, dtype=np.int32)
    knn = np.full_like(probe, -1)
    chosen: list[float] = []
    neighbours: list[int] = []
    converged = True
    each = len(grid) * X.shape[1] * classes * 8
    batch = max(HELD // each, 1)
    for begin in range(0, len(parts), batch):
        some = parts[begin : begin + batch]
        picked, warm = _choose_strengths(X, y, some, classes, grid, metric, meter, f"{shown}: probe")
        refit = fit_probes(
            X,
            y,
            torch.from_numpy(np.stack([(part == 0) | (part == 1) for part in some])),
            torch.tensor([grid[index] for index in picked]),
            classes,
            start=warm,
            tolerance=REFIT_TOLERANCE,
            on_progress=lambda done, _: meter.show(done, f"{shown}: final probe"),
        )
        converged = converged and bool(refit.converged.all())
        chosen += [grid[index] for index in picked]
        for row, part in enumerate(some):
            test = np.flatnonzero(part == 2)
            probe[begin + row, test] = refit.predict(X[test], row).cpu().numpy()
        meter.add(len(some), f"{shown}: final probe")
    for seed, part in enumerate(parts):
        k, test, predicted = _neighbours(X, labels, part, classes, ks, metric, device, meter)
        neighbours.append(k)
        knn[seed, test] = predicted
        meter.add(2, f"{shown}: nearest neighbours")
    return _Outcome(probe, knn, tuple(chosen), tuple(neighbours), converged)


def _choose_strengths(
    X: torch.Tensor,
    y: torch.Tensor,
    parts: Sequence[np.ndarray],
    classes: int,
    grid: Sequence[float],
    metric: str,
    meter: _Meter,
    what: str,
) -> tuple[list[int], ProbeFit]:
    """Per seed the position in `grid` that scores best on validation, the stronger regularisation among
    equals; and the probes of those, to start the refits from."""
    train = np.repeat(np.stack([part == 0 for part in parts]), len(grid), axis=0)
    fits = fit_probes(
        X,
        y,
        torch.from_numpy(train),
        torch.tensor(grid, dtype=torch.float64).repeat(len(parts)),
        classes,
        tolerance=CHOICE_TOLERANCE,
        on_progress=lambda done, _: meter.show(done, what),
    )
    picked = []
    for row, part in enumerate(parts):
        val = torch.from_numpy(np.flatnonzero(part == 1)).to(X.device)
        rows, truth = X[val], y[val].cpu().numpy()
        scores = [
            _score(metric, truth, fits.predict(rows, row * len(grid) + index).cpu().numpy(), classes)
            for index in range(len(grid))
        ]
        picked.append(int(np.argmax(scores)))
    meter.add(len(parts) * len(grid), what)
    kept = [row * len(grid) + index for row, index in enumerate(picked)]
    start = ProbeFit(
        fits.W[kept], fits.b[kept], fits.converged[kept], fits.iterations[kept], fits.objective[kept]
    )
    return picked, start


def _neighbours(
    X: torch.Tensor,
    labels: np.ndarray,
    part: np.ndarray,
    classes: int,
    ks: Sequence[int],
    metric: str,
    device: str | torch.device,
    meter: _Meter,
) -> tuple[int, np.ndarray, np.ndarray]:
    """k chosen on validation (the smaller among equals), the test items and their predicted classes."""
    train, val, test = (np.flatnonzero(part == which) for which in range(3))
    usable = usable_ks(ks, len(train))

    def vote(queries: np.ndarray, bank: np.ndarray, among: Sequence[int]) -> np.ndarray:
        similarity, index = nearest(
            X[queries], X[bank], among[-1], device=device, on_progress=lambda *_: meter.show(0, "neighbours")
        )
        return knn_predict(similarity, torch.from_numpy(labels[bank])[index], classes, among).numpy()

    scores = [_score(metric, labels[val], predicted, classes) for predicted in vote(val, train, usable)]
    k = usable[int(np.argmax(scores))]
    return k, test, vote(test, np.concatenate([train, val]), (k,))[0]


def _score(metric: str, truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    return metrics.SCORES[metric](metrics.confusion(truth, predicted, classes))


def _row(
    model: ModelFeatures, outcome: _Outcome, labels: np.ndarray, classes: int, n_fit: int, n_test: int
) -> ModelResult:
    def tables(predicted: np.ndarray) -> list[np.ndarray]:
        return [metrics.confusion(labels[row >= 0], row[row >= 0], classes) for row in predicted]

    def scores(found: list[np.ndarray]) -> dict[str, Score]:
        values = {name: tuple(metrics.SCORES[name](table) for table in found) for name in METRICS}
        return {name: Score(name, each, mean_interval(each, n_fit, n_test)) for name, each in values.items()}

    probe = tables(outcome.probe)
    return ModelResult(
        name=model.name,
        backbone=model.backbone,
        feature=model.feature,
        fingerprint=model.fingerprint,
        image_size=model.image_size,
        dimension=int(model.X.shape[1]),
        source=model.source,
        probe=scores(probe),
        knn=scores(tables(outcome.knn)),
        strengths=outcome.strengths,
        neighbours=outcome.neighbours,
        confusion=tuple(tuple(row) for row in np.sum(probe, axis=0).tolist()),
    )


def _compare(
    results: Sequence[ModelResult],
    outcomes: Sequence[_Outcome],
    labels: np.ndarray,
    groups: np.ndarray | None,
    metric: str,
    margin: float,
    n_fit: int,
    n_test: int,
) -> tuple[Comparison, ...]:
    """Every pair, in the order of the models."""
    pairs = []
    for first, second in combinations(range(len(results)), 2):
        one, two = results[first], results[second]
        tested = np.flatnonzero(outcomes[first].probe[0] >= 0)
        right = tuple(outcomes[index].probe[0, tested] == labels[tested] for index in (first, second))
        said = outcomes[first].probe, outcomes[second].probe
        items = items_interval(labels, *said, groups, metric=metric) if same_test(said[0]) else None
        values = one.probe[metric].values, two.probe[metric].values
        pair = compare(
            one.name,
            two.name,
            *values,
            n_train=n_fit,
            n_test=n_test,
            margin=margin,
            metric=metric,
            correct=(right[0], right[1]),
            groups=None if groups is None else np.asarray(groups)[tested],
            items=items,
        )
        pairs.append(with_outlook(pair, *values, n_train=n_fit, n_test=n_test, margin=margin, items=items))
    return among_all(pairs)


def _protocol(
    ids: Sequence[str],
    labels: np.ndarray,
    classes: Sequence[str],
    split_hashes: Sequence[str],
    grid: Sequence[float],
    ks: Sequence[int],
    seeds: Sequence[int],
) -> str:
    """16 hex digits of all that two results must share to be ranked together; the items' order doesn't matter."""
    items = sorted([name, classes[code]] for name, code in zip(ids, labels.tolist(), strict=True))
    body = [
        PROTOCOL_VERSION,
        KIND,
        items,
        list(split_hashes),
        list(grid),
        sorted(ks),
        [int(seed) for seed in seeds],
    ]
    return hashlib.blake2b(json.dumps(body).encode(), digest_size=8).hexdigest()
