"""The comparison of frozen features: one protocol for every model, the test part opened once a seed.

This file owns the order of things; `one_model.py` owns what is chosen on which part, `rows.py` what becomes a row,
`pairs.py` what is said of two rows, `doctor.py` why probe and k-NN disagree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import torch

from workbench.engine.evals import metrics
from workbench.engine.evals.doctor import diagnose, disagree, pooled_otherwise
from workbench.engine.evals.findings import find
from workbench.engine.evals.inputs import ModelFeatures, check_inputs
from workbench.engine.evals.knn import KS
from workbench.engine.evals.one_model import run_model
from workbench.engine.evals.pairs import compare_all
from workbench.engine.evals.probe import strengths as default_strengths
from workbench.engine.evals.protocol import Meter, Progress, Protocol
from workbench.engine.evals.rows import row_of, with_purity
from workbench.engine.evals.seen import of_pretraining
from workbench.records.results import Diagnosis, EvaluationResult, Predictions
from workbench.records.scores import METRICS, ModelResult
from workbench.records.text import printable

KIND = "frozen probe"
PROTOCOL_VERSION = 3  # raise when the same inputs would give other numbers


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
    fractions: Sequence[float] = (),
    target: float | None = None,
    standardise: str = "z-score",
    feature_rule: str = "",
    copies: Sequence[str] = (),
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
        fractions: label budgets, above 0 to 1, of what is not tested.
        target: the primary score that is asked for, 0 to 1; with it, budgets tell how many labels bring it.
        standardise: features of the probe: "z-score", or "l2" for vectors of length 1, centred.
        feature_rule: what "the feature" is in this comparison, in words; a part of its fingerprint.
        copies: (N,) name of the set of copies that each item is in, "" for none; empty where it isn't known.
        on_progress: called with (steps done, steps, what is being done); may raise to cancel.

    Raises:
        ValueError: features that aren't of these items or hold NaN, a part that is empty, or inputs of
            lengths that don't match.
    """
    labels = np.asarray(labels, dtype=np.int64)
    parts = tuple(np.asarray(split) for split in splits)
    grid = tuple(sorted(set(strengths if strengths is not None else default_strengths())))
    check_inputs(models, labels, ids, groups, parts, seeds, classes, split_hashes, grid)
    used = np.any([part >= 0 for part in parts], axis=0)
    protocol = Protocol(
        labels=labels,
        groups=None if groups is None else np.asarray(groups),
        parts=parts,
        seeds=tuple(int(seed) for seed in seeds),
        num_classes=len(classes),
        grid=grid,
        ks=tuple(ks),
        metric=metric or metrics.primary_metric(labels[used]),
        fractions=tuple(sorted(set(fractions))),
        standardise=standardise,
        device=device,
    )
    if protocol.metric not in METRICS:
        raise ValueError(f"the metric must be one of {', '.join(METRICS)}, not {metric!r}.")
    counts = [tuple(int(np.sum(part == which)) for which in range(3)) for part in parts]
    sizes = (
        round(np.mean([train + val for train, val, _ in counts])),
        round(np.mean([test for _, _, test in counts])),
    )
    meter = Meter(on_progress, len(models) * protocol.steps)
    outcomes = [run_model(model.X, protocol, meter, printable(model.name)) for model in models]
    rows = tuple(
        with_purity(row_of(model, outcome, protocol, tuple(classes), sizes, target), model, protocol, copies)
        for model, outcome in zip(models, outcomes, strict=True)
    )
    diagnoses = _diagnoses(models, rows, protocol)
    converged = [outcome.converged for outcome in outcomes]
    result = EvaluationResult(
        protocol=_fingerprint(ids, classes, split_hashes, protocol, feature_rule),
        kind=KIND,
        metric=protocol.metric,
        margin=margin,
        seeds=protocol.seeds,
        classes=tuple(classes),
        split_hashes=tuple(split_hashes),
        split_counts=split_counts or counts[0],
        grouped=grouped,
        models=rows,
        comparisons=compare_all(models, rows, outcomes, protocol, margin, sizes),
        findings=find(rows, protocol, classes, diagnoses, converged, of_pretraining(models, parts, copies)),
        diagnoses=diagnoses,
        standardise=standardise,
        feature_rule=feature_rule,
        target=target,
    )
    predictions = Predictions(
        items=np.asarray(ids, dtype=str),
        truth=labels.astype(np.int32),
        predicted=np.stack([outcome.probe for outcome in outcomes]),
        models=tuple(model.name for model in models),
        confidence=np.stack([outcome.confidence for outcome in outcomes]).astype(np.float16),
    )
    return result, predictions


def _diagnoses(
    models: Sequence[ModelFeatures], rows: Sequence[ModelResult], protocol: Protocol
) -> tuple[Diagnosis, ...]:
    """Of every model whose probe and k-NN disagree, model by model."""
    known = [(model.name, model.backbone, model.feature, model.X) for model in models]
    found: list[Diagnosis] = []
    for model, row in zip(models, rows, strict=True):
        if disagree(row, protocol.metric):
            found += diagnose(row, model.X, protocol, pooled_otherwise(model.name, known))
    return tuple(found)


def _fingerprint(
    ids: Sequence[str],
    classes: Sequence[str],
    split_hashes: Sequence[str],
    protocol: Protocol,
    feature_rule: str,
) -> str:
    """16 hex digits of all that two results must share to be ranked together; the items' order doesn't matter.

    The label budgets are no part of it: they add numbers and change none.
    """
    items = sorted([name, classes[code]] for name, code in zip(ids, protocol.labels.tolist(), strict=True))
    body = [
        PROTOCOL_VERSION,
        KIND,
        items,
        list(split_hashes),
        list(protocol.grid),
        sorted(protocol.ks),
        list(protocol.seeds),
    ]
    if protocol.standardise != "z-score":
        body.append(protocol.standardise)
    if feature_rule:
        body.append(feature_rule)
    return hashlib.blake2b(json.dumps(body).encode(), digest_size=8).hexdigest()
