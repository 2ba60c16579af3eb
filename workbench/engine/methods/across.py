"""What the processes of one training tell each other. With one process, which is usual, everything is returned as is.

Each process computes the mean loss over its own images; the gradients are then averaged over processes, which is the
gradient of the mean over the whole batch, as long as `gather` hands gradients back to whom they belong.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed, nn


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


class SyncedBatchNorm(nn.Module):
    """Batch normalisation with the statistics of every process's rows, on any device; gradients flow through them.

    `shared` False takes those of this process alone; a `momentum` of None makes the running ones the plain mean over
    all batches, as torch's norms do.
    """

    def __init__(self, num_features: int, eps: float, momentum: float | None) -> None:
        super().__init__()
        self.eps, self.momentum, self.shared = eps, momentum, True
        self.weight: nn.Parameter | None = None
        self.bias: nn.Parameter | None = None
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    @classmethod
    def like(cls, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> SyncedBatchNorm:
        """With the parameters and the statistics of `norm`. Raises ValueError for one that keeps no statistics."""
        if norm.momentum is None or not norm.track_running_stats:
            raise ValueError("A batch norm without running statistics can't be shared by processes.")
        made = cls(norm.num_features, norm.eps, norm.momentum)
        made.weight, made.bias = norm.weight, norm.bias
        made.load_state_dict(norm.state_dict())
        return made.train(norm.training)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """(B, C) or (B, C, H, W) in the same shape."""
        axes = [axis for axis in range(values.ndim) if axis != 1]
        shape = [1, -1] + [1] * (values.ndim - 2)
        if self.training:
            num = values.numel() // values.shape[1] * (processes() if self.shared else 1)
            average = self._total(values.sum(axes)) / num
            spread = self._total((values - average.view(shape)).square().sum(axes)) / num
            with torch.no_grad():
                self.num_batches_tracked += 1
                momentum = self.momentum
                if momentum is None:
                    momentum = 1 / float(self.num_batches_tracked)
                self.running_mean.lerp_(average.detach().to(self.running_mean.dtype), momentum)
                unbiased = spread.detach().to(self.running_var.dtype) * num / max(num - 1, 1)
                self.running_var.lerp_(unbiased, momentum)
        else:
            average, spread = self.running_mean, self.running_var
        out = (values - average.view(shape)) / torch.sqrt(spread.view(shape) + self.eps)
        if self.weight is not None and self.bias is not None:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out

    def reset_running_stats(self) -> None:
        self.running_mean.zero_()
        self.running_var.fill_(1)
        self.num_batches_tracked.zero_()

    def _total(self, values: torch.Tensor) -> torch.Tensor:
        return total(values) if self.shared else values


def total(values: torch.Tensor) -> torch.Tensor:
    """The sum over processes; gradients flow back."""
    if processes() == 1:
        return values
    summed: torch.Tensor = _Total.apply(values)
    return summed


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        out = values.contiguous().clone()
        distributed.all_reduce(out)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        out = gradient.contiguous().clone()
        distributed.all_reduce(out)
        return out
