"""From the processor's memory to the device without waiting for it: a plain copy of pageable memory to a GPU first
waits until everything that was asked of the GPU before is done, and so leaves it idle after."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch


def sent(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of the CPU on the device; it must not be changed afterwards."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def aboard(arrays: Mapping[str, np.ndarray], device: torch.device) -> dict[str, torch.Tensor]:
    """Arrays on the device, by name, in one copy."""
    if device.type == "cpu":
        return {name: torch.from_numpy(array) for name, array in arrays.items()}
    ends = np.cumsum([0, *((array.nbytes + 15) // 16 * 16 for array in arrays.values())])
    packed = torch.empty(int(ends[-1]), dtype=torch.uint8, pin_memory=device.type == "cuda")
    for start, array in zip(ends, arrays.values(), strict=False):
        packed[start : start + array.nbytes] = torch.from_numpy(
            np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        )
    there = packed.to(device, non_blocking=True)
    found = {}
    for start, (name, array) in zip(ends, arrays.items(), strict=False):
        kind = torch.from_numpy(np.empty(0, array.dtype)).dtype
        found[name] = there[start : start + array.nbytes].view(kind).view(array.shape)
    return found
