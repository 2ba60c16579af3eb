"""p-values of paired comparisons, and what is left of them when many are made at once.

An interval says more than a p-value and the verdict rests on it (`verdict.compare`). The p-values are there for
Holm's correction: without it, of ten independent comparisons of equal models two in five tables show a "better".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import fft, stats


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Step-down adjusted p-values (Holm 1979, Scand. J. Statistics 6, 65-70): (m,) in, (m,) out, in the same order.

    Comparing them with 0.05 holds the chance of even one false "different" among all m at 5 %, however the
    comparisons depend on each other.

    Raises:
        ValueError: a p-value outside 0 to 1, or NaN.
    """
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim != 1 or not np.all((given >= 0) & (given <= 1)):
        raise ValueError("p-values must be a list of numbers between 0 and 1.")
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def corrected_p(differences: Sequence[float] | np.ndarray, n_train: int, n_test: int) -> float:
    """Two-sided p-value of the corrected resampled t test (Nadeau & Bengio 2003, Machine Learning 52, section 3).

    Below 0.05 exactly where the 95 % interval of `verdict.compare` excludes 0, also where the seeds hardly differ
    and the interval is kept a test item wide.

    Args:
        differences: (J,) paired differences of scores between 0 and 1, one a seed.
        n_train, n_test: items that a seed fits on and is tested on.

    Raises:
        ValueError: fewer than two seeds, or an empty part.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        raise ValueError("a test over seeds needs at least two seeds.")
    if n_train < 1 or n_test < 1:
        raise ValueError("a test over seeds needs training and test items.")
    freedom = len(values) - 1
    scale = np.sqrt((1 / len(values) + n_test / n_train) * values.var(ddof=1))
    scale = max(scale, 0.5 / n_test / stats.t.ppf(0.975, freedom))
    return float(2 * stats.t.sf(abs(values.mean()) / scale, freedom))


class McNemar(NamedTuple):
    """`b` items that only the first got right, `c` that only the second did."""

    p: float
    b: int
    c: int


def mcnemar(
    first_right: np.ndarray, second_right: np.ndarray, groups: np.ndarray | None = None, *, mid: bool = False
) -> McNemar:
    """Whether two models are right equally often on the same test items, two-sided and exact.

    Without groups the p-value is the binomial one of b against c (McNemar 1947, Psychometrika 12). Images of one
    group are wrong together, so that their binomial p-value is far too small: with groups, the two models are swapped
    within whole groups at random (2^G ways, all of them counted), the same test where every group is one item. It
    supposes that, were neither better, a group would as soon speak for the one as for the other by as many items.

    Args:
        first_right, second_right: (n,) bool.
        groups: (n,) integer codes; negative: an item by itself.
        mid: the mid-p variant, which counts what is as extreme as the observed only half. The exact test is
            conservative where few items differ; mid-p is nearer to 5 % and hardly ever above it (Fagerland, Lydersen
            & Laake 2013, BMC Medical Research Methodology 13:91), but that is no guarantee.

    Raises:
        ValueError: lengths that don't match.
    """
    one, two = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    if one.ndim != 1 or one.shape != two.shape or (groups is not None and len(groups) != len(one)):
        raise ValueError("both models and the groups must have one entry per test item.")
    b, c = int(np.sum(one & ~two)), int(np.sum(two & ~one))
    sums = np.bincount(unit_codes(groups, len(one)), one.astype(np.float64) - two, minlength=1)
    steps = np.abs(np.rint(sums).astype(np.int64))
    steps = steps[steps > 0]
    if len(steps) == 0:
        return McNemar(1.0, b, c)
    observed = abs(b - c)
    beyond, equal = _of_swaps(steps, observed)
    return McNemar(min(beyond + (0.5 if mid else 1.0) * equal, 1.0), b, c)


def unit_codes(groups: np.ndarray | None, size: int) -> np.ndarray:
    """(n,) codes 0..G-1 of what is drawn as a whole: the groups, and every item without one by itself."""
    codes = np.arange(size)
    if groups is None:
        return codes
    given = np.asarray(groups, dtype=np.int64)
    codes = np.where(given >= 0, given, given.max(initial=0) + 1 + codes)
    return np.unique(codes, return_inverse=True)[1]


def _of_swaps(steps: np.ndarray, observed: int) -> tuple[float, float]:
    """P(|S| > observed) and P(|S| = observed) for S the sum of `steps` (G,), each with a random sign."""
    sizes, counts = np.unique(steps, return_counts=True)
    sides = 1 if observed == 0 else 2
    if len(sizes) == 1:
        size, count = int(sizes[0]), int(counts[0])
        ups = (observed // size + count) // 2
        return 2 * float(stats.binom.sf(ups, count, 0.5)), sides * float(stats.binom.pmf(ups, count, 0.5))
    # S is a lattice variable, so its probabilities are the Fourier transform of its characteristic function,
    # which for a random sign is a cosine: all 2^G swaps are counted without going through them.
    reach = int(steps.sum())
    length = fft.next_fast_len(2 * reach + 1, real=True)
    angle = 2 * np.pi * np.arange(length // 2 + 1) / length
    spectrum = np.ones(len(angle))
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        spectrum *= np.cos(size * angle) ** count
    share = np.clip(fft.irfft(spectrum, length), 0.0, None)  # share[s % length] = P(S = s)
    least = 2.0 ** -min(len(steps), 1000)
    beyond = 2 * float(share[observed + 1 : reach + 1].sum()) if observed < reach else 0.0
    return beyond, sides * max(float(share[observed]), least)
