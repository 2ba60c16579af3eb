"""Every pair of a table, compared on the same items and splits, where the two may be compared at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from workbench.decide.items import items_interval, same_test
from workbench.decide.many import among_all
from workbench.decide.significance import mcnemar
from workbench.decide.verdict import compare, with_outlook
from workbench.engine.evals.inputs import ModelFeatures
from workbench.engine.evals.one_model import Outcome
from workbench.engine.evals.protocol import Protocol
from workbench.records.feature_lock import rankable
from workbench.records.results import Comparison
from workbench.records.scores import ModelResult


def compare_all(
    models: Sequence[ModelFeatures],
    results: Sequence[ModelResult],
    outcomes: Sequence[Outcome],
    protocol: Protocol,
    margin: float,
    sizes: tuple[int, int],
) -> tuple[Comparison, ...]:
    """Every pair, in the order of the models.

    Args:
        margin: differences up to this (0 to 1) are of no consequence.
        sizes: items that a seed fits on and is tested on.
    """
    pairs = []
    for first, second in combinations(range(len(results)), 2):
        pair = _pair(
            results[first], results[second], outcomes[first], outcomes[second], protocol, margin, sizes
        )
        why_not = rankable(models[first].provenance, models[second].provenance)
        pairs.append(_not_ranked(pair, why_not) if why_not else pair)
    return among_all(pairs)


def _pair(
    one: ModelResult,
    two: ModelResult,
    first: Outcome,
    second: Outcome,
    protocol: Protocol,
    margin: float,
    sizes: tuple[int, int],
) -> Comparison:
    n_train, n_test = sizes
    labels, groups, metric = protocol.labels, protocol.groups, protocol.metric
    tested = np.flatnonzero(first.probe[0] >= 0)
    right = first.probe[0, tested] == labels[tested], second.probe[0, tested] == labels[tested]
    within = None if groups is None else groups[tested]
    items = None
    if same_test(first.probe):
        items = items_interval(labels, first.probe, second.probe, groups, metric=metric)
    values = one.probe[metric].values, two.probe[metric].values
    pair = compare(
        one.name,
        two.name,
        *values,
        n_train=n_train,
        n_test=n_test,
        margin=margin,
        metric=metric,
        correct=right,
        groups=within,
        items=items,
    )
    pair = with_outlook(pair, *values, n_train=n_train, n_test=n_test, margin=margin, items=items)
    return replace(pair, mcnemar=mcnemar(*right, within).p)


def _not_ranked(pair: Comparison, why: str) -> Comparison:
    """The difference stays, as a number; nothing is claimed of it, and it doesn't count among the others."""
    return replace(
        pair,
        verdict="not ranked",
        reason=why,
        p=None,
        mcnemar=None,
        minimum_detectable_difference=None,
        outlook="",
    )
