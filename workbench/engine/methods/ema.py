"""The slowly moving copy of a network: MoCo's key encoder, BYOL's target, DINO's and iBOT's teacher.

Only parameters move. Running statistics of batch norms stay the copy's own, from the batches that it has seen itself,
as in `moco/builder.py`, `main_dino.py` and DeepMind's `byol_experiment.py`.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def copy_of(module: Module) -> Module:
    """A copy with the same values, of which nothing learns by gradient."""
    copied = copy.deepcopy(module)
    copied.requires_grad_(False)
    return copied


@torch.no_grad()
def move(target: nn.Module, source: nn.Module, momentum: float) -> None:
    """Every parameter of `target` becomes momentum x its own + (1 - momentum) x that of `source`.

    Raises:
        ValueError: the two are not built alike.
    """
    theirs: list[torch.Tensor] = list(source.parameters())
    own: list[torch.Tensor] = list(target.parameters())
    if [value.shape for value in theirs] != [value.shape for value in own]:
        raise ValueError("The moving copy and its network don't have the same parameters.")
    torch._foreach_lerp_(own, theirs, 1 - momentum)
