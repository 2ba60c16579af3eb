"""The measures of collapse: how far vectors lie apart, how many directions they use, how sure outputs are.

Two measures of vectors, for neither sees everything. The spread of vectors of length 1 finds that all are alike, but
16 used directions of 384 still score .98 of a healthy spread. RankMe (Garrido et al. 2023, arXiv 2210.02885) finds
those, but of centred vectors it can't find that all are alike, and it depends on how many vectors there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import normalize

EPSILON = 1e-7  # of RankMe's shares, as published
TRACE = 1e-4  # of the largest singular value: what is below it is rounding
CLIFF = 4.0  # times that a singular value is the next one where a spectrum breaks off...
FOOT = 0.03  # ... to this share of the largest. Spectra of living networks fall smoothly: their steps stay below 2
CLIFF_ROWS = (
    256  # the newest, for directions turn while a network learns, and a cliff is blurred over many steps
)
MOST_SIDE = 1024  # rows, where rows and columns are more: eigenvalues take the cube of the smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """How many directions N vectors use."""

    count: int  # N, the vectors looked at
    most: int  # the smaller of N and D: no rank is above it
    plain: float  # RankMe, as published
    centred: float  # RankMe without the mean vector
    held: int  # directions that hold more than rounding, of the centred vectors
    cliff: int  # directions before their spectrum breaks off, of the newest vectors; 0 where it doesn't


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """How probabilities over K prototypes look, in nats."""

    count: int  # rows looked at
    each: float  # mean entropy of a row: ln K where every row is uniform, 0 where each picks one prototype
    all: float  # entropy of the mean row: 0 where all rows pick the same prototype
    most: float  # ln K


def spread(batches: Sequence[torch.Tensor]) -> float:
    """Standard deviation of vectors of length 1 over the images of a batch, times sqrt(D): 0 where all are alike,
    about 1 where they point anywhere.

    Within each batch, for a network that moves between two steps makes alike vectors look apart. Batches of one or
    two images are taken together.

    Args:
        batches: (B, D) each, of the same D, one or more in all.
    """
    if max(len(batch) for batch in batches) < 3:
        batches = [torch.cat(list(batches))]
    total, freedom = torch.zeros((), dtype=torch.float64), 0
    for batch in batches:
        if len(batch) > 1:
            rows = normalize(batch.float(), dim=1)
            total = total + (rows - rows.mean(0)).square().sum().double().cpu()
            freedom += len(batch) - 1
    return math.sqrt(float(total) / freedom) if freedom else math.nan


def ranks(vectors: torch.Tensor) -> Ranks:
    """Of (N, D) vectors, N at least 2; of the last ones where both are many. In float64, for the eigenvalues of a
    Gram matrix are squares, and their roots would have half the digits only."""
    if min(vectors.shape) > MOST_SIDE:
        vectors = vectors[-MOST_SIDE:]
    if vectors.device.type == "mps":  # has no float64
        vectors = vectors.cpu()
    rows = vectors.double()
    mean = rows.mean(0)
    apart = rows - mean
    centred, plain = _spectra(apart, mean)
    return Ranks(
        count=len(rows),
        most=min(rows.shape),
        plain=_effective(plain),
        centred=_effective(centred),
        held=int((centred > TRACE * centred[0]).sum()),
        cliff=_cliff(apart[-CLIFF_ROWS:]),
    )


def _spectra(apart: torch.Tensor, mean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Singular values of (N, D) centred rows, and of the same rows with their mean (D,): the Gram matrix of these
    follows from that of those, whichever of the two is the smaller."""
    if apart.shape[0] >= apart.shape[1]:
        gram = apart.T @ apart
        whole = gram + len(apart) * torch.outer(mean, mean)
    else:
        gram = apart @ apart.T
        along = apart @ mean
        whole = gram + along[:, None] + along[None, :] + mean @ mean
    return _roots(gram), _roots(whole)


def _roots(gram: torch.Tensor) -> torch.Tensor:
    """The largest first, on the CPU."""
    values: torch.Tensor = torch.linalg.eigvalsh(gram)
    return values.flip(0).clamp_min(0).sqrt().cpu()


def _cliff(rows: torch.Tensor) -> int:
    """Of (N, D): the directions before the largest step, where it is a cliff within the first half of them."""
    rows = rows - rows.mean(0)
    values = _roots(rows.T @ rows if rows.shape[0] >= rows.shape[1] else rows @ rows.T)
    values = values[: min(rows.shape) - 1]  # centring takes one direction
    if len(values) < 4 or values[0] <= 0:
        return 0
    values = (values / values[0]).clamp_min(1e-7)
    steps = values[:-1] / values[1:]
    steps[values[1:] > FOOT] = 0
    place = int(steps[: len(values) // 2].argmax())
    return place + 1 if float(steps[place]) >= CLIFF else 0


def outputs(rows: torch.Tensor) -> Outputs:
    """Of (N, K) probabilities."""
    rows = rows.float()
    return Outputs(
        count=len(rows),
        each=float(torch.special.entr(rows).sum(1).mean()),
        all=float(torch.special.entr(rows.mean(0)).sum()),
        most=math.log(rows.shape[1]),
    )


def _effective(values: torch.Tensor) -> float:
    shares = values / values.sum().clamp_min(1e-300) + EPSILON
    return float((-(shares * shares.log()).sum()).exp())
