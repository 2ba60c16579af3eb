"""One model under the protocol: probe, neighbours and label budgets, everything chosen on validation.

For every seed the probe's strength and the number of neighbours are chosen on validation from what was fitted on
train alone; then the probe is fitted once more on train + validation, the neighbours are searched among train +
validation, and the test part is scored once, whatever comes out. A label budget does the same with a part of the
training images and the same part of the validation images: who can't pay for the labels of the one can't pay for
those of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import normalize

from workbench.decide.label_budget import nested_subsets
from workbench.engine.evals import metrics
from workbench.engine.evals.knn import knn_predict, nearest, usable_ks
from workbench.engine.evals.probe import ProbeFit, fit_probes
from workbench.engine.evals.protocol import Meter, Protocol

# How near to the minimum a fit goes, as `fit_probes` means it. Fits that are only compared on validation may stay
# further away: on 1,674 surface defects (EfficientNet-Lite0, 12 strengths) 1e-4 picked the strength that 1e-8 picked,
# in a quarter of the time. To stop them after so many rounds would not do: a weak strength that is still on its way
# behaves like a stronger one, is chosen for it, and then fitted to its end.
CHOICE_TOLERANCE = 1e-4
REFIT_TOLERANCE = 1e-6
INFORMED = 0.95  # of the cross-entropy of the classes' shares: a strength must do better to know anything
HELD = 256 << 20  # bytes of weights held while a strength is chosen


@dataclass(frozen=True, slots=True)
class BudgetOutcome:
    fraction: float
    labels: tuple[int, ...]  # per seed, training and validation
    tables: tuple[np.ndarray, ...]  # per seed, confusion matrix of the test part


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model said. J seeds, N items."""

    probe: np.ndarray  # (J, N) int32, -1 outside the test part
    confidence: (
        np.ndarray
    )  # (J, N) float32, the probability of what the probe said, NaN outside the test part
    knn: np.ndarray  # (J, N) int32
    strengths: tuple[float, ...]
    neighbours: tuple[int, ...]
    converged: bool
    budgets: tuple[BudgetOutcome, ...]


def run_model(features: np.ndarray, protocol: Protocol, meter: Meter, name: str) -> Outcome:
    """Args: features (N, D) float; name, as the progress tells it."""
    X = laid_out(features, protocol)
    parts = protocol.parts
    probe = np.full((len(parts), len(X)), -1, dtype=np.int32)
    confidence = np.full(probe.shape, np.nan, dtype=np.float32)
    knn = np.full_like(probe, -1)
    whole = [(part == 0, part == 1) for part in parts]
    probes = Probes(X, protocol, meter)
    strengths, converged = probes.fit(whole, whole, f"{name}: probe", keeper(X, parts, probe, confidence))
    ks = []
    for seed, part in enumerate(parts):
        k, test, predicted = neighbours(X, part, protocol, meter)
        ks.append(k)
        knn[seed, test] = predicted
        meter.add(2, f"{name}: nearest neighbours")
    budgets = []
    for fraction in protocol.fractions:
        labelled, said = whole, probe
        if fraction < 1:
            labelled = [labelled_at(protocol, seed, fraction) for seed in range(len(parts))]
            said, unused = np.full_like(probe, -1), np.empty_like(confidence)
            what = f"{name}: {100 * fraction:g} % of the labels"
            settled = probes.fit(labelled, whole, what, keeper(X, parts, said, unused))[1]
            converged = converged and settled
        budgets.append(
            BudgetOutcome(
                fraction,
                tuple(int(train.sum() + val.sum()) for train, val in labelled),
                tuple(tables(said, protocol)),
            )
        )
    return Outcome(probe, confidence, knn, strengths, tuple(ks), converged, tuple(budgets))


def laid_out(features: np.ndarray, protocol: Protocol) -> torch.Tensor:
    """(N, D) float32 on the protocol's device, of length 1 where it says so."""
    X = torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32)).to(protocol.device)
    return normalize(X, dim=1) if protocol.standardise == "l2" else X


def labelled_at(protocol: Protocol, seed: int, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """(N,) bool each: the training and the validation items that are labelled under a budget.

    A smaller budget's items lie within every larger one's; every class of a part keeps one item at least.
    """
    chosen = []
    for which in (0, 1):
        inside = np.flatnonzero(protocol.parts[seed] == which)
        groups = None if protocol.groups is None else protocol.groups[inside]
        [rows] = nested_subsets(protocol.labels[inside], groups, (fraction,), seed=protocol.seeds[seed])
        mask = np.zeros(len(protocol.labels), dtype=bool)
        mask[inside[rows]] = True
        chosen.append(mask)
    return chosen[0], chosen[1]


def tables(said: np.ndarray, protocol: Protocol) -> list[np.ndarray]:
    """Per seed the confusion matrix of (J, N) predictions, -1 where a seed doesn't test the item."""
    return [metrics.confusion(protocol.labels[row >= 0], row[row >= 0], protocol.num_classes) for row in said]


Keep = Callable[[int, ProbeFit, int], None]


def keeper(X: torch.Tensor, parts: Sequence[np.ndarray], said: np.ndarray, sure: np.ndarray) -> Keep:
    """Writes what the probe of a seed says of its test part into row `seed` of `said` and `sure`."""

    def keep(seed: int, fits: ProbeFit, row: int) -> None:
        test = np.flatnonzero(parts[seed] == 2)
        logits = fits.logits(X[test], row)
        said[seed, test] = logits.argmax(1).cpu().numpy()
        sure[seed, test] = logits.softmax(1).amax(1).cpu().numpy()

    return keep


class Probes:
    """Probes of one model's features on parts of the labels."""

    def __init__(self, X: torch.Tensor, protocol: Protocol, meter: Meter) -> None:
        self._X, self._protocol, self._meter = X, protocol, meter
        self._y = torch.from_numpy(protocol.labels).to(X.device)

    def fit(
        self,
        labelled: Sequence[tuple[np.ndarray, np.ndarray]],
        seen: Sequence[tuple[np.ndarray, np.ndarray]],
        what: str,
        keep: Keep,
    ) -> tuple[tuple[float, ...], bool]:
        """Choose a strength for every seed, fit again, and hand the probes over.

        Args:
            labelled: per seed (N,) bool: train, validation.
            seen: likewise the images of these parts, labelled or not, by which features are standardised.

        Returns:
            the strengths chosen, and whether all final fits have settled.
        """
        protocol, width = self._protocol, self._X.shape[1]
        each = len(protocol.grid) * width * protocol.num_classes * 8
        batch = max(HELD // each, 1)
        chosen: list[float] = []
        settled = True
        for begin in range(0, len(labelled), batch):
            now = slice(begin, begin + batch)
            picked, warm = self._choose(labelled[now], seen[now], what)
            refit = fit_probes(
                self._X,
                self._y,
                _stack([train | val for train, val in labelled[now]]),
                torch.tensor([protocol.grid[index] for index in picked]),
                protocol.num_classes,
                standardise_by=_stack([train | val for train, val in seen[now]]),
                scaled=protocol.standardise == "z-score",
                start=warm,
                tolerance=REFIT_TOLERANCE,
                on_progress=lambda done, _: self._meter.show(done, what),
            )
            settled = settled and bool(refit.converged.all())
            chosen += [protocol.grid[index] for index in picked]
            for row in range(len(picked)):
                keep(begin + row, refit, row)
            self._meter.add(len(picked), what)
        return tuple(chosen), settled

    def _choose(
        self,
        labelled: Sequence[tuple[np.ndarray, np.ndarray]],
        seen: Sequence[tuple[np.ndarray, np.ndarray]],
        what: str,
    ) -> tuple[list[int], ProbeFit]:
        """Per seed the position in the grid that scores best on validation; and the probes of those, to start the
        refits from.

        Among equals the one whose probabilities are better (cross-entropy) is taken. One whose probabilities are
        hardly better than the classes' shares is taken only where all are so: its weights are nearly nothing, they
        may rank validation well while the classes are exactly balanced, and fitted again with one image more of some
        class they say that class of everything.
        """
        protocol, grid = self._protocol, self._protocol.grid
        fits = fit_probes(
            self._X,
            self._y,
            _stack([train for train, _ in labelled]).repeat_interleave(len(grid), 0),
            torch.tensor(grid, dtype=torch.float64).repeat(len(labelled)),
            protocol.num_classes,
            standardise_by=_stack([train for train, _ in seen]).repeat_interleave(len(grid), 0),
            scaled=protocol.standardise == "z-score",
            tolerance=CHOICE_TOLERANCE,
            on_progress=lambda done, _: self._meter.show(done, what),
        )
        picked = []
        for row, (train, val) in enumerate(labelled):
            most = INFORMED * _loss_of_shares(
                protocol.labels[train], protocol.labels[val], protocol.num_classes
            )
            rows, truth = self._X[np.flatnonzero(val)].to(fits.W), protocol.labels[val]
            ranks = []
            for index in range(len(grid)):
                logits = fits.logits(rows, row * len(grid) + index)
                loss = _cross_entropy(logits, self._y[np.flatnonzero(val)])
                score = protocol.score(truth, logits.argmax(1).cpu().numpy())
                ranks.append((loss <= most, score, -loss))
            picked.append(max(range(len(grid)), key=ranks.__getitem__))
        self._meter.add(len(labelled) * len(grid), what)
        kept = [row * len(grid) + index for row, index in enumerate(picked)]
        start = ProbeFit(
            fits.W[kept], fits.b[kept], fits.converged[kept], fits.iterations[kept], fits.objective[kept]
        )
        return picked, start


def _loss_of_shares(train: np.ndarray, val: np.ndarray, num_classes: int) -> float:
    """Cross-entropy on the `val` labels of who says of everything what shares the classes have in `train`."""
    shares = np.bincount(train, minlength=num_classes) / len(train)
    return float(-np.log(np.maximum(shares[val], 1e-12)).mean())


def _cross_entropy(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """Mean over (n, K) logits; a class without a training image, whose logit is -inf, costs as much as 1e-12."""
    chances = logits.softmax(1).gather(1, truth[:, None])
    return float(-chances.clamp_min(1e-12).log().mean())


def _stack(masks: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(masks))


def neighbours(
    X: torch.Tensor, part: np.ndarray, protocol: Protocol, meter: Meter
) -> tuple[int, np.ndarray, np.ndarray]:
    """k chosen on validation (the smaller among equals), the test items and their predicted classes."""
    train, val, test = (np.flatnonzero(part == which) for which in range(3))
    usable = usable_ks(protocol.ks, len(train))
    labels = protocol.labels
    scores = [
        protocol.score(labels[val], said)
        for said in vote(X, val, train, labels, usable, protocol, lambda *_: meter.show(0, "neighbours"))
    ]
    k = usable[int(np.argmax(scores))]
    bank = np.concatenate([train, val])
    return k, test, vote(X, test, bank, labels, (k,), protocol, lambda *_: meter.show(0, "neighbours"))[0]


def vote(
    X: torch.Tensor,
    queries: np.ndarray,
    bank: np.ndarray,
    labels: np.ndarray,
    ks: Sequence[int],
    protocol: Protocol,
    on_progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """(len(ks), Q) classes that the k nearest of the `bank` rows give the `queries` rows of X, for each k."""
    similarity, index = nearest(X[queries], X[bank], ks[-1], device=protocol.device, on_progress=on_progress)
    given = torch.from_numpy(labels[bank])[index]
    return knn_predict(similarity, given, protocol.num_classes, ks).numpy()
