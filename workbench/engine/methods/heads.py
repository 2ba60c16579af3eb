"""The small networks behind the backbone, which are thrown away when all is learnt."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import nn


def mlp(
    widths: Sequence[int], *, norm: bool = False, learnt_norm: bool = True, bias: bool = True
) -> nn.Sequential:
    """Linear layers from each width to the next, with batch norm and ReLU between them.

    Args:
        norm: whether the last layer too ends in a batch norm.
        learnt_norm: whether that one learns a scale and a shift.
        bias: whether the last layer has one; layers before a batch norm never do, for the norm would take it away.
    """
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths[:-1]):
        layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU(inplace=True)]
    layers.append(nn.Linear(widths[-2], widths[-1], bias=bias and not norm))
    if norm:
        layers.append(nn.BatchNorm1d(widths[-1], affine=learnt_norm))
    return nn.Sequential(*layers)
