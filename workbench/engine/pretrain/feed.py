"""Batches of stored pixels on the device, one ahead: while a step runs, a thread gathers the next one."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from workbench.engine.pretrain.order import Order
from workbench.engine.pretrain.store import PixelStore
from workbench.engine.transfer import sent

RESIDENT = (
    0.25  # of a GPU's free memory: a smaller store is kept there whole, and no batch waits for the disk
)


class Feed:
    """What step s learns from, for this process's rows of the batch."""

    def __init__(
        self, store: PixelStore, shapes: np.ndarray, order: Order, rows: slice, device: torch.device
    ) -> None:
        """`shapes`: (N, 2) of the pool; `rows`: of the whole batch, that this process computes."""
        self._store, self._shapes, self._order, self._rows, self._device = store, shapes, order, rows, device
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._ahead: tuple[int, Future[tuple[torch.Tensor, np.ndarray]]] | None = None
        self._resident = _on_device(store, device)
        self.waited = 0.0  # seconds, since it was last set to 0

    def batch(self, step: int, last: bool = False) -> tuple[torch.Tensor, np.ndarray]:
        """(B, P, P, C) on the device and (B, 2) true shapes; begins to gather step + 1 unless this is the last."""
        began = time.perf_counter()
        ready = self._ahead is not None and self._ahead[0] == step
        found = self._ahead[1].result() if ready and self._ahead else self._gather(step)
        self._ahead = None if last else (step + 1, self._thread.submit(self._gather, step + 1))
        pixels = found[0].to(self._device, non_blocking=True)
        self.waited += time.perf_counter() - began
        return pixels, found[1]

    def pictures(self, places: np.ndarray) -> torch.Tensor:
        """(B, P, P, C) on the device, of the pictures at these positions of the pool."""
        return self._take(places).to(self._device, non_blocking=True)

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _gather(self, step: int) -> tuple[torch.Tensor, np.ndarray]:
        places = self._order.batch(step)[self._rows]
        return self._take(places), self._shapes[places]

    def _take(self, places: np.ndarray) -> torch.Tensor:
        if self._resident is not None:
            return rows_of(self._resident, sent(torch.from_numpy(places), self._device))
        pixels = self._store.take(places)
        return pixels.pin_memory() if self._device.type == "cuda" else pixels


def rows_of(pixels: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The pictures (B, P, P, C) at `places` (B,). A GPU can't gather uint16, so that goes as signed numbers of the
    same bits."""
    if pixels.dtype == torch.uint16:
        return pixels.view(torch.int16)[places].view(torch.uint16)
    return pixels[places]


def _on_device(store: PixelStore, device: torch.device) -> torch.Tensor | None:
    if device.type != "cuda" or store.pixels.nbytes > RESIDENT * torch.cuda.mem_get_info(device)[0]:
        return None
    whole = torch.empty(store.pixels.shape, dtype=getattr(torch, str(store.pixels.dtype)), device=device)
    for start in range(0, len(store.pixels), 4096):
        whole[start : start + 4096] = torch.from_numpy(
            np.ascontiguousarray(store.pixels[start : start + 4096])
        )
    return whole
