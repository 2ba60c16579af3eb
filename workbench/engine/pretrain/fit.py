"""How many images a step can take at once: measured on two small parts, extrapolated, and then tried.

The batch of an optimiser step is a matter of the recipe; what the memory holds decides in how many parts it is
computed. A graphics card tells its peak, and a part too large for it fails and can be tried. A processor's memory
does neither: the system would end the program. There the tensors that are kept for the gradients are counted instead,
and only what stays well within the memory is run at all.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from workbench.engine.device import is_out_of_memory

HEADROOM = 0.92  # of a card's memory, for its allocator keeps pieces that fit nothing
HEADROOM_CPU = 0.5  # of what is free, for only what is kept is counted, not what comes and goes
SMALL = 8  # images of the larger of the two parts that are measured
_CPU = torch.device("cpu")
Step = Callable[[int], None]  # runs one training step on so many images, and keeps nothing of it


@dataclass(frozen=True, slots=True)
class Fit:
    micro_batch: int  # images of a part
    accumulate: int  # parts of a batch
    peak_bytes: int  # of a card's memory at the peak; on a processor, of what is kept for the gradients


def largest_fit(step: Step, batch: int, device: torch.device, *, smallest: int = 1) -> Fit:
    """The fewest equal parts of `batch` that fit the memory.

    Args:
        step: forward, backward and update with so many images. The weights and the optimiser's state are as after
            it, so the caller restores them.
        batch: images of one optimiser step in this process.
        smallest: images of a part at least (2 where a method needs another picture in the same part).

    Raises:
        ValueError: not even the smallest part fits, or `batch` has no such part.
    """
    sizes = [size for size in range(batch, max(smallest, 1) - 1, -1) if batch % size == 0]
    if not sizes:
        raise ValueError(f"A batch of {batch:,} can't be cut into parts of {smallest} images or more.")
    promised = _promised(step, batch, device, sizes[-1])
    for size in sizes:
        if size > promised and size != sizes[-1]:
            continue
        peak = _run(step, size, device)
        if peak is not None:
            return Fit(size, batch // size, peak)
    raise ValueError(
        f"Not even {sizes[-1]} of the batch's {batch:,} images fit the memory of {device}. Take smaller images, a "
        "smaller network or larger patches."
    )


def extrapolated(one: tuple[int, int], two: tuple[int, int], budget: float) -> float:
    """Images at which the line through two (images, bytes) reaches `budget` bytes; infinite where it doesn't rise."""
    each = (two[1] - one[1]) / (two[0] - one[0])
    return one[0] + (budget - one[1]) / each if each > 0 else float("inf")


def kept_bytes(step: Step, images: int, device: torch.device) -> int:
    """Bytes at the peak of a step with `images`; on a processor, of what is kept for the gradients. Raises ValueError
    where not even those fit."""
    peak = _run(step, images, device)
    if peak is None:
        raise ValueError(
            f"Not even {images} images fit the memory of {device}. Take smaller images, a smaller network or larger "
            "patches."
        )
    return peak


def parts_for(needed: int, batch: int, device: torch.device) -> int:
    """The fewest equal parts of a batch that keep `needed` bytes, in proportion, within what is free."""
    free = _free(device)
    if free is None or needed <= free:
        return 1
    fitting = [size for size in range(batch, 0, -1) if batch % size == 0 and needed * size / batch <= free]
    return batch // fitting[0] if fitting else batch


def parts_on_processor(method: nn.Module, optimiser: torch.optim.Optimizer, step: Step, batch: int) -> int:
    """In how many parts a batch is computed where nothing has been learnt yet: a processor's memory can't be tried.

    A step on a few images is measured and undone: the network and the optimiser are as before.
    """
    before = {name: value.detach().clone() for name, value in method.state_dict().items()}
    few = min(SMALL, batch)
    try:
        needed = round(kept_bytes(step, few, _CPU) * batch / few)
    finally:
        method.load_state_dict(before)
        optimiser.state.clear()
        optimiser.zero_grad(set_to_none=True)
    return parts_for(needed, batch, _CPU)


def _promised(step: Step, batch: int, device: torch.device, smallest: int) -> float:
    """Images that fit by the line through two small parts; infinite where there is none, so that all are tried."""
    large = min(max(SMALL, 2 * smallest), batch)
    small = max(large // 2, smallest)
    free = _free(device)
    if small >= large or free is None:
        return float("inf")
    first = _run(
        step, small, device
    )  # also makes what every later step reuses: gradients, the optimiser's state
    one, two = _run(step, small, device), _run(step, large, device)
    if first is None or one is None or two is None:
        return float("inf")
    return extrapolated((small, one), (large, two), free)


def _run(step: Step, size: int, device: torch.device) -> int | None:
    """The bytes at the peak of a step with `size` images; None where it doesn't fit."""
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    kept = _Kept()
    try:
        if cuda:
            step(size)
            torch.cuda.synchronize(device)
        else:
            with torch.autograd.graph.saved_tensors_hooks(kept.note, _as_it_is):
                step(size)
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not is_out_of_memory(error):
            raise
    else:
        return int(torch.cuda.max_memory_allocated(device)) if cuda else kept.bytes
    gc.collect()  # what is left of the step that failed; its traceback is gone by now
    if cuda:
        torch.cuda.empty_cache()
    return None


class _Kept:
    """Counts the memory behind tensors that are kept for the gradients, each piece once."""

    def __init__(self) -> None:
        self.bytes = 0
        self._seen: set[int] = set()

    def note(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._seen:
            self._seen.add(storage.data_ptr())
            self.bytes += storage.nbytes()
        return tensor


def _as_it_is(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def _free(device: torch.device) -> float | None:
    """Bytes that a step may take; None where nobody tells."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return HEADROOM * (free + torch.cuda.memory_reserved(device))
    if device.type != "cpu":
        return None
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        [available] = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError):
        return None
    return HEADROOM_CPU * int(available) * 1024
