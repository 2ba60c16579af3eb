"""The centre of a teacher's outputs, a moving mean that keeps one prototype from winning everywhere.

Caron et al. 2021 (DINO), section 3.1; `main_dino.py`, `DINOLoss.update_center`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from workbench.engine.methods import across


class Centre(nn.Module):
    """What is subtracted from (..., K) outputs. A step notes the mean of its outputs, of every part that the batch is
    computed in, and moves the centre once when it is over."""

    value: torch.Tensor

    def __init__(self, num: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("value", torch.zeros(num))
        self._means: list[torch.Tensor] = []  # empty between steps, so it needn't be kept with a checkpoint

    def _load_from_state_dict(self, *values: Any) -> None:
        self._means.clear()  # of a step that was broken off
        super()._load_from_state_dict(*values)

    @torch.no_grad()
    def probabilities(self, outputs: torch.Tensor, temperature: float) -> torch.Tensor:
        """(..., K) outputs, centred and sharpened, as probabilities in float32."""
        return torch.softmax((outputs.float() - self.value) / temperature, dim=-1)

    def note(self, mean: torch.Tensor) -> None:
        """(K,) mean of the outputs of this process in this part of the batch."""
        self._means.append(mean.detach().float())

    @torch.no_grad()
    def move(self) -> None:
        """To be called once a step, by every process."""
        mean = across.mean(torch.stack(self._means).mean(0))
        self._means.clear()
        self.value.mul_(self.momentum).add_(mean, alpha=1 - self.momentum)
