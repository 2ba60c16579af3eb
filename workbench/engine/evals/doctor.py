"""The disagreement doctor: why the probe and the nearest neighbours think differently of the same features.

Both look at one frozen feature. The probe may weigh its directions, the neighbours take them as they are; the probe
draws straight boundaries, the neighbours any. Where the two differ beyond both intervals, each possible reason is
measured, on training and validation images only: a diagnosis must not open the test part once more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from workbench.decide.standing import at_odds
from workbench.engine.evals.knn import nearest
from workbench.engine.evals.metrics import IMBALANCE
from workbench.engine.evals.one_model import vote
from workbench.engine.evals.protocol import Protocol
from workbench.records.results import Diagnosis
from workbench.records.scores import METRIC_NAMES, ModelResult

HUB_NEIGHBOURS = 10
HUBNESS = 1.4  # skewness from which Radovanovic et al. speak of strong hubness
NORM_SPREAD = 2.0  # 95th over 5th percentile of the lengths
CLOSES = 1 / 3  # a remedy is a likely reason if it closes this share of the gap
COPY = 0.999  # cosine from which two images' vectors are those of copies
COPIES = 0.02  # share of validation images with a copy in training
SEEDS = 5  # splits that the neighbours are searched in again
MOST = 20_000  # images that hubness is measured on


def disagree(model: ModelResult, metric: str) -> bool:
    """Whether probe and k-NN differ by more than both intervals, and by more than five points."""
    return at_odds(model.probe[metric], model.knn[metric])


def diagnose(
    model: ModelResult,
    features: np.ndarray,
    protocol: Protocol,
    other: tuple[str, np.ndarray] | None = None,
) -> tuple[Diagnosis, ...]:
    """What is measured of a model whose probe and k-NN disagree, likely reasons first.

    Args:
        features: (N, D).
        other: name and (N, D') features of the same backbone pooled otherwise, where they are at hand.
    """
    metric, name = protocol.metric, model.name
    gap = model.probe[metric].mean - model.knn[metric].mean
    X = torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32))
    used = np.flatnonzero(np.any([(part == 0) | (part == 1) for part in protocol.parts], axis=0))
    plain = _knn(X, model, protocol)
    found = [
        _norms(name, X[used], gap),
        _hubness(name, X[used], protocol, gap),
        _standardised(name, X, used, model, protocol, plain, gap),
        _imbalance(name, model, protocol, used, gap),
        _copies(name, X, protocol, gap),
    ]
    if other is not None:
        found.append(_pooling(name, *other, model, protocol, plain, gap))
    return tuple(sorted(found, key=lambda diagnosis: not diagnosis.likely))


def _knn(X: torch.Tensor, model: ModelResult, protocol: Protocol) -> float:
    """Mean validation score of the neighbours over the first splits, with the k that each had chosen."""
    scores = []
    for part, k in list(zip(protocol.parts, model.neighbours, strict=True))[:SEEDS]:
        train, val = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
        [said] = vote(X, val, train, protocol.labels, (min(k, len(train)),), protocol)
        scores.append(protocol.score(protocol.labels[val], said))
    return float(np.mean(scores))


def _norms(name: str, X: torch.Tensor, gap: float) -> Diagnosis:
    lengths = torch.linalg.vector_norm(X, dim=1).double().numpy()
    low, high = np.quantile(lengths, [0.05, 0.95])
    spread = float(high / max(low, 1e-12))
    likely = spread > NORM_SPREAD and gap > 0
    meaning = (
        "the length carries something that cosine neighbours can't see and the probe can: read the probe"
        if likely
        else "their length is not the reason"
    )
    return Diagnosis(
        model=name,
        name="norm spread",
        value=spread,
        unit="times",
        advice=f"The longest vectors are {spread:.1f} times as long as the shortest (95th over 5th percentile): "
        f"{meaning}.",
        likely=likely,
    )


def _hubness(name: str, X: torch.Tensor, protocol: Protocol, gap: float) -> Diagnosis:
    """Skewness of how often a vector is among the 10 nearest of others (Radovanovic, Nanopoulos & Ivanovic 2010,
    JMLR 11, section 2)."""
    if len(X) > MOST:
        X = X[np.sort(np.random.default_rng(0).permutation(len(X))[:MOST])]
    k = min(HUB_NEIGHBOURS, len(X) - 1)
    index = nearest(X, X, k, exclude_self=True, device=protocol.device)[1]
    often = np.bincount(index.ravel().numpy(), minlength=len(X)).astype(np.float64)
    skew = float(np.mean((often - often.mean()) ** 3) / max(often.std(), 1e-12) ** 3)
    likely = skew > HUBNESS and gap > 0
    meaning = (
        "a few images are neighbours of very many and vote everywhere: read the probe, or standardise the features"
        if likely
        else "hubs are not the reason"
    )
    return Diagnosis(
        model=name,
        name="hubness",
        value=skew,
        unit="",
        advice=f"The skewness of how often an image is a neighbour is {skew:.1f} (above {HUBNESS} is strong): "
        f"{meaning}.",
        likely=likely,
    )


def _standardised(
    name: str,
    X: torch.Tensor,
    used: np.ndarray,
    model: ModelResult,
    protocol: Protocol,
    plain: float,
    gap: float,
) -> Diagnosis:
    deviation, mean = torch.std_mean(X[used], dim=0)
    scaled = torch.where(deviation > 1e-6 * mean.abs(), (X - mean) / deviation.clamp_min(1e-12), 0.0)
    return _remedy(
        name,
        "z-score effect",
        _knn(scaled, model, protocol) - plain,
        gap,
        "Neighbours among z-scored features",
        "some directions are louder than they matter, which the probe evens out: read the probe, not the k-NN",
        protocol,
    )


def _pooling(
    name: str,
    feature: str,
    features: np.ndarray,
    model: ModelResult,
    protocol: Protocol,
    plain: float,
    gap: float,
) -> Diagnosis:
    X = torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32))
    return _remedy(
        name,
        "CLS against mean",
        _knn(X, model, protocol) - plain,
        gap,
        f'Neighbours by the feature "{feature}" of the same backbone',
        "the pooling is a reason: compare the backbones under that feature too",
        protocol,
    )


def _remedy(
    name: str, what: str, gain: float, gap: float, words: str, meaning: str, protocol: Protocol
) -> Diagnosis:
    likely = gap > 0 and gain >= CLOSES * gap
    points, whole = 100 * gain, 100 * abs(gap)
    more = "more" if points >= 0 else "less"
    share = f"score {abs(points):.1f} points of {METRIC_NAMES[protocol.metric]} {more} on validation"
    verdict = f"of the {whole:.1f} between probe and k-NN: {meaning}"
    if not likely:
        verdict = f"which does not explain the {whole:.1f} between probe and k-NN"
    return Diagnosis(
        model=name,
        name=what,
        value=points,
        unit="points",
        advice=f"{words} {share}, {verdict}.",
        likely=likely,
    )


def _imbalance(name: str, model: ModelResult, protocol: Protocol, used: np.ndarray, gap: float) -> Diagnosis:
    sizes = np.bincount(protocol.labels[used], minlength=protocol.num_classes)
    sizes = sizes[sizes > 0]
    ratio = float(sizes.max() / sizes.min())
    balanced = model.probe["balanced_accuracy"].mean - model.knn["balanced_accuracy"].mean
    plain = model.probe["accuracy"].mean - model.knn["accuracy"].mean
    likely = ratio > IMBALANCE and gap > 0 and balanced > 0 and plain <= (1 - CLOSES) * balanced
    meaning = (
        f"the k-NN is {100 * plain:.1f} points of accuracy below the probe, but {100 * balanced:.1f} of balanced "
        "accuracy, so that large classes outvote small ones among the neighbours. Read macro-F1 and the probe, and "
        "label more of the small classes"
        if likely
        else "the k-NN does not lose much more on small classes than on large ones"
    )
    return Diagnosis(
        model=name,
        name="imbalance",
        value=ratio,
        unit="times",
        advice=f"The largest class is {ratio:.1f} times the smallest: {meaning}.",
        likely=likely,
    )


def _copies(name: str, X: torch.Tensor, protocol: Protocol, gap: float) -> Diagnosis:
    shares = []
    for part in protocol.parts[:SEEDS]:
        train, val = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
        nearest_one = nearest(X[val], X[train], 1, device=protocol.device)[0][:, 0]
        shares.append(float((nearest_one >= COPY).float().mean()))
    share = 100 * float(np.mean(shares))
    likely = gap < 0 and share > 100 * COPIES
    if likely:
        meaning = "the neighbours recognise copies instead of classes: leave the copies out and compare again"
    elif share > 100 * COPIES:
        meaning = "copies flatter the neighbours more than the probe, and so hide a part of the difference"
    else:
        meaning = "copies are not the reason"
    return Diagnosis(
        model=name,
        name="duplicates",
        value=share,
        unit="% of images",
        advice=f"{share:.1f} % of the validation images have a vector in training that is all but theirs: {meaning}.",
        likely=likely,
    )


def pooled_otherwise(
    name: str, features: Sequence[tuple[str, str, str, np.ndarray]]
) -> tuple[str, np.ndarray] | None:
    """Another pooling of the same backbone among the models of the comparison.

    Args:
        features: (name, backbone, feature, X) of every model.
    """
    mine = next(entry for entry in features if entry[0] == name)
    for _, backbone, feature, X in features:
        if backbone == mine[1] and feature != mine[2]:
            return feature, X
    width = mine[3].shape[1] // 2
    if mine[2] == "cls+mean" and mine[3].shape[1] % 2 == 0:
        return "mean", mine[3][:, width:]
    return None
