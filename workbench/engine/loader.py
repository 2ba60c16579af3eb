"""Batches of prepared pixels, decoded ahead by threads. No torch: the device side belongs to the extraction.

The threads spend their time in libjpeg-turbo and Pillow, which release the interpreter lock, and write straight into
the batch's own array, so that handing over a batch of 8-bit pictures copies nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.pixels.decode import MAX_PIXELS, ImageError, Stamp
from workbench.pixels.prepare import load
from workbench.records.spec import Decode, Preprocess, Reading

_USUAL = Reading()


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive files: those that could be read, in input order, and those that couldn't."""

    indices: np.ndarray  # (B,) int64, places in `paths` of the rows of `images`
    images: np.ndarray  # (B, size, size, n) uint8, or float32 in 0..1; n is 3 unless all channels are read
    refused: list[tuple[int, str]]  # (place in `paths`, reason), in input order
    wait: float  # seconds that the consumer spent waiting for this batch


class BatchLoader:
    """Iterate once over `paths` in batches, in input order.

    `batch_size` may be set between batches, for instance halved after an out-of-memory: the next batch obeys it
    already, because batches that were decoded ahead in a larger size are handed out in pieces.

    A batch is uint8 unless one of its files holds more than 8 bits a channel; then it is float32, and the 8-bit
    ones among it are divided by 255, which is what the device does to a uint8 batch: what a picture turns into does
    not depend on its neighbours. A file that can't be read, has vanished, or (where `stamps` are given) is not the
    file that was indexed, becomes a row of `refused` and stops nothing.

    At most `prefetch` batches are decoded ahead. Leaving the loop early, or closing the iterator, drops what is
    queued and returns when the files that are being decoded at that moment are done, one per thread at most.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        recipe: Preprocess,
        *,
        batch_size: int,
        threads: int,
        decode: Decode = "scaled",
        reading: Reading = _USUAL,
        prefetch: int = 3,
        pages: Sequence[int] | None = None,
        max_pixels: int = MAX_PIXELS,
        stamps: Sequence[Stamp | None] | None = None,
    ) -> None:
        """`pages`: of each of `paths`, counted from 0; None takes the first ones.

        Raises ValueError for a reading that does not say how many channels there are (see `pixels.decode.settled`),
        or for numbers that make no loader.
        """
        channels = reading.num_channels
        if channels is None:
            raise ValueError("All channels are to be read, and nobody has said how many there are.")
        if min(batch_size, threads, prefetch) < 1:
            raise ValueError("batch_size, threads and prefetch must be at least 1.")
        for what, column in (("stamps", stamps), ("pages", pages)):
            if column is not None and len(column) != len(paths):
                raise ValueError(f"There are {len(paths)} paths and {len(column)} {what}.")
        self.batch_size = batch_size
        self._paths = paths
        self._recipe = recipe
        self._threads = threads
        self._decode: Decode = decode
        self._reading = reading
        self._channels = channels
        self._prefetch = prefetch
        self._pages = pages
        self._max_pixels = max_pixels
        self._stamps = stamps

    def __iter__(self) -> Generator[Batch]:
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="decode")
        ahead: deque[_Pending] = deque()
        start = 0
        try:
            while start < len(self._paths) or ahead:
                asked = time.perf_counter()
                while start < len(self._paths) and len(ahead) <= self._prefetch:
                    places = range(start, min(start + self.batch_size, len(self._paths)))
                    ahead.append(self._submit(pool, places))
                    start = places.stop
                pending = ahead.popleft()
                wait(pending.futures)
                yield from self._in_pieces(pending, asked)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, pool: ThreadPoolExecutor, places: range) -> _Pending:
        size = self._recipe.size
        rows = np.empty((len(places), size, size, self._channels), np.uint8)
        futures = [pool.submit(self._load, place, rows[row]) for row, place in enumerate(places)]
        return _Pending(places, rows, futures)

    def _load(self, place: int, row: np.ndarray) -> np.ndarray | str | None:
        """None when the pixels are in `row`, the float pixels that don't fit there, or why there are none."""
        stamp = None if self._stamps is None else self._stamps[place]
        try:
            pixels = load(
                self._paths[place],
                self._recipe,
                self._decode,
                reading=self._reading,
                page=0 if self._pages is None else int(self._pages[place]),
                max_pixels=self._max_pixels,
                stamp=stamp,
            )
        except ImageError as error:
            return error.reason
        if pixels.dtype != np.uint8:
            return pixels
        row[...] = pixels
        return None

    def _in_pieces(self, pending: _Pending, asked: float) -> Iterator[Batch]:
        outcomes = [future.result() for future in pending.futures]
        first = 0
        while first < len(outcomes):
            last = min(first + self.batch_size, len(outcomes))
            yield _assemble(pending.places[first:last], pending.rows[first:last], outcomes[first:last], asked)
            asked = time.perf_counter()
            first = last


@dataclass(frozen=True, slots=True)
class _Pending:
    places: range
    rows: np.ndarray  # (B, size, size, n) uint8, being filled
    futures: list[Future[np.ndarray | str | None]]


def _assemble(
    places: range, rows: np.ndarray, outcomes: list[np.ndarray | str | None], asked: float
) -> Batch:
    refused = [
        (place, outcome) for place, outcome in zip(places, outcomes, strict=True) if isinstance(outcome, str)
    ]
    good = [row for row, outcome in enumerate(outcomes) if not isinstance(outcome, str)]
    images = rows if len(good) == len(rows) else rows[good]
    if any(isinstance(outcome, np.ndarray) for outcome in outcomes):
        images = images.astype(np.float32) / np.float32(255)
        for slot, row in enumerate(good):
            outcome = outcomes[row]
            if isinstance(outcome, np.ndarray):
                images[slot] = outcome
    indices = np.array([places[row] for row in good], np.int64)
    return Batch(indices, images, refused, time.perf_counter() - asked)
