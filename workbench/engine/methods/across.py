"""What the processes of one training tell each other. With one process, which is usual, everything is returned as is.

Each process computes the mean loss over its own images; the gradients are then averaged over processes, which is the
gradient of the mean over the whole batch, as long as `gather` hands gradients back to whom they belong.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed


def processes() -> int:
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    return distributed.get_rank() if processes() > 1 else 0


def gather(values: torch.Tensor) -> torch.Tensor:
    """(B, ...) of each process -> (P * B, ...), in the order of the processes; gradients flow back."""
    if processes() == 1:
        return values
    gathered: torch.Tensor = _Gather.apply(values)
    return gathered


def mean(values: torch.Tensor) -> torch.Tensor:
    """The mean over processes, without a gradient."""
    if processes() == 1:
        return values.detach()
    total = values.detach().clone()
    distributed.all_reduce(total)
    return total / processes()


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        parts = [torch.empty_like(values) for _ in range(processes())]
        distributed.all_gather(parts, values.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        each = len(total) // processes()
        return total[rank() * each : (rank() + 1) * each]
