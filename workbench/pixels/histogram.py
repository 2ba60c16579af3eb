"""How the levels of a data set's deep pictures lie, the intensity windows made from that, and what a window costs.

"Deep" is whatever a window applies to: more than 8 bits a channel (`levels.type_of`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.pixels.decode import MAX_PIXELS, read_header, read_native
from workbench.pixels.levels import type_of, used
from workbench.records.index import ImageIndex
from workbench.records.roots import Roots
from workbench.records.spec import Reading, fixed_window
from workbench.records.text import count

SAMPLE = 512  # files that a histogram is taken from
MOST_BINS = 1 << 16
DIM = 0.1  # of the way from black to white

_USUAL = Reading()
_EXACT = ("u16", "i16")  # types with so few levels that each is counted
_VALUES = 1 << 20  # numbers of one picture, where each level is counted
_KEPT = 1 << 15  # numbers of one picture, where the numbers themselves must be kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The levels of one type over a sample of pictures, in the numbers of the files."""

    levels: np.ndarray  # (B,) float64, ascending: each bin's highest level. B is at most MOST_BINS
    counts: np.ndarray  # (B,) int64: how many numbers lie in the bin, that is, above the bin before it
    num_files: int  # pictures that were looked at
    minimum: float

    @property
    def maximum(self) -> float:
        return float(self.levels[-1])

    def percentile(self, percent: float) -> float:
        """The lowest level that at least `percent` % of the numbers don't exceed."""
        reached = self.counts.cumsum()
        wanted = math.ceil(percent / 100 * int(reached[-1]))
        return float(self.levels[np.searchsorted(reached, max(wanted, 1))])

    def window(self, low: float, high: float) -> tuple[float, float]:
        """The levels at the percentiles `low` and `high`, as the ends of a window: the second is always larger."""
        bottom, top = self.percentile(low), self.percentile(high)
        if top <= bottom:
            bottom, top = self.minimum, self.maximum
        return (bottom, top) if top > bottom else (bottom, bottom + 1)

    def drawn(self, bins: int = 256) -> tuple[np.ndarray, np.ndarray]:
        """(bins,) counts and (bins + 1,) edges of equal width from minimum to maximum, to be drawn."""
        top = self.maximum if self.maximum > self.minimum else self.minimum + 1
        return np.histogram(self.levels, bins=bins, range=(self.minimum, top), weights=self.counts)


def type_of_mode(mode: str) -> str:
    """The type, one of `records.spec.TYPES`, of a mode such as "grey signed 16-bit"; "" where no window applies."""
    words = mode.split()
    bits = words[-1].removesuffix("-bit")
    if not bits.isdigit() or "complex" in words:
        return ""
    kind = "f" if "float" in words else "i" if "signed" in words else "u"
    return type_of(kind, int(bits))


def measure_index(
    index: ImageIndex,
    reading: Reading,
    *,
    roots: Roots | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Levels]:
    """`measure` for the deep pictures of an index; `roots` where its folders have moved."""
    deep = [code for code, mode in enumerate(index.modes) if type_of_mode(mode)]
    places = np.flatnonzero(np.isin(index.mode, deep))
    places = places[_spread(len(places))]
    return measure(
        [index.file(int(place), roots) for place in places],
        reading=reading,
        pages=index.page[places].tolist(),
        max_pixels=largest(index),
        on_progress=on_progress,
    )


def largest(index: ImageIndex) -> int:
    """What to allow a picture of `index` to hold, pixels: the usual limit, or what was accepted into the index."""
    sizes = index.width.astype(np.int64) * index.height
    return max(MAX_PIXELS, int(sizes.max(initial=0)))


def window_from_text(text: str, histograms: Mapping[str, Levels]) -> tuple[str, str]:
    """The window that a text asks for, and how it was chosen, in words.

    "full"; "percentile:LOW:HIGH" and "LOW:HIGH", which serve every type in `histograms`; or a window as `Reading`
    writes it. Raises ValueError for another text, and where there is no picture that a window applies to.
    """
    text = text.strip()
    if text == "full":
        return "full", ""
    if "=" in text:
        return Reading(window=text).window, "fixed"
    percentiles = text.startswith("percentile:")
    try:
        low, high = (float(part) for part in text.removeprefix("percentile:").split(":"))
    except ValueError:
        low = high = math.nan
    if not low < high or (percentiles and not 0 <= low < high <= 100):
        raise ValueError(
            f"The intensity window {text!r} is none: write full, percentile:1:99, 0:4095 or u16=0:4095."
        )
    if not histograms:
        raise ValueError("No picture has more than 8 bits a channel, and a window applies to no others.")
    if not percentiles:
        return fixed_window(histograms, low, high), "fixed"
    windows = [fixed_window([kind], *histogram.window(low, high)) for kind, histogram in histograms.items()]
    seen = sum(histogram.num_files for histogram in histograms.values())
    return ",".join(windows), f"{_ordinal(low)} to {_ordinal(high)} percentile of {count(seen, 'image')}"


def _ordinal(number: float) -> str:
    text = f"{number:g}"
    ending = (
        "th" if text[-2:] in ("11", "12", "13") else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
    )
    return text + ending


def measure(
    files: Sequence[Path],
    *,
    reading: Reading = _USUAL,
    pages: Sequence[int] | None = None,
    max_pixels: int = MAX_PIXELS,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Levels]:
    """The levels of each type of deep picture among `files`, over the channels that `reading` uses.

    Taken from at most SAMPLE files, spread evenly over the list. Of large pictures every n-th row and column counts:
    a million numbers of 16-bit ones, and 32,768 of all others, for which the numbers themselves are kept in memory
    until they are counted. Pictures that can't be read are passed over. `on_progress(done, total)` may raise to stop.
    """
    places = _spread(len(files))
    gathered: dict[str, _Gathered] = {}
    for done, place in enumerate(places.tolist()):
        on_progress(done, len(places))
        page = 0 if pages is None else int(pages[place])
        try:
            header = read_header(files[place], reading=reading, page=page, max_pixels=max_pixels)
            if not type_of_mode(header.mode):
                continue
            pixels = read_native(files[place], reading=reading, page=page, max_pixels=max_pixels)
            values = used(pixels, reading)
        except ValueError:  # an ImageError, or channels that aren't there
            continue
        kind = type_of(values.dtype.kind, pixels.bits)
        if kind:
            gathered.setdefault(kind, _Gathered(kind)).add(values)
    on_progress(len(places), len(places))
    return {kind: sums.levels() for kind, sums in sorted(gathered.items()) if sums.num_numbers}


def _spread(number: int) -> np.ndarray:
    return np.linspace(0, number - 1, min(number, SAMPLE)).round().astype(int)


class _Gathered:
    """Numbers of one type on their way to a histogram."""

    def __init__(self, kind: str) -> None:
        self._exact = kind in _EXACT
        self._offset = 1 << 15 if kind == "i16" else 0
        self._counts = np.zeros(MOST_BINS, np.int64)
        self._kept: list[np.ndarray] = []
        self._num_files = 0
        self.num_numbers = 0

    def add(self, values: np.ndarray) -> None:
        step = math.ceil(math.sqrt(values.size / (_VALUES if self._exact else _KEPT)))
        taken = values[::step, ::step].ravel()
        if self._exact:
            self._counts += np.bincount(taken.astype(np.int32) + self._offset, minlength=MOST_BINS)
        else:
            taken = taken[np.isfinite(taken)]
            self._kept.append(taken)
        self._num_files += 1
        self.num_numbers += taken.size

    def levels(self) -> Levels:
        if self._exact:
            there = np.flatnonzero(self._counts)
            levels, counts = there - float(self._offset), self._counts[there]
            return Levels(levels=levels, counts=counts, num_files=self._num_files, minimum=float(levels[0]))
        values, counts = np.unique(np.concatenate(self._kept), return_counts=True)
        lowest = float(values[0])
        if len(values) > MOST_BINS:  # bins of about as many numbers each, so that no outlier widens them
            reached = counts.cumsum()
            wanted = np.arange(1, MOST_BINS + 1) * reached[-1] // MOST_BINS
            last = np.unique(np.searchsorted(reached, wanted))
            values, counts = values[last], np.diff(reached[last], prepend=0)
        return Levels(
            levels=values.astype(np.float64), counts=counts, num_files=self._num_files, minimum=lowest
        )


def saturated(index: ImageIndex, reading: Reading | None = None) -> np.ndarray:
    """(N,) bool: the pictures of which more than 1 % is as white, or under a window as black, as can be.

    That is, whose 99th percentile lies at the upper end or beyond, or whose 1st lies below the lower end of a window
    that begins above the lowest level of its type. Where "full" takes each picture's own range, its upper end is its
    own maximum. Pictures that were not measured, and those of one single level, never are. Without `reading`, under
    the index's own.
    """
    reading = reading or index.reading
    found = np.zeros(len(index), bool)
    with np.errstate(invalid="ignore"):  # NaN is below nothing and above nothing
        for code, mode in enumerate(index.modes):
            mine = np.flatnonzero(index.mode == code)
            lowest, first, last, highest = index.levels[mine].T
            black, white = _ends(mode, lowest, highest, reading)
            found[mine] = ((last >= white) | (first < black)) & (highest > lowest)
    return found


def dim(index: ImageIndex, reading: Reading | None = None) -> np.ndarray:
    """(N,) bool: the pictures of more than 8 bits that come out nearly black.

    That is, whose 99th percentile lies in the lowest tenth of what becomes black to white, as that of 12-bit numbers
    in 16-bit files under "full". Without `reading`, under the index's own.
    """
    reading = reading or index.reading
    found = np.zeros(len(index), bool)
    with np.errstate(invalid="ignore"):
        for code, mode in enumerate(index.modes):
            if not type_of_mode(mode):
                continue
            mine = np.flatnonzero(index.mode == code)
            lowest, _, last, highest = index.levels[mine].T
            black, white = _ends(mode, lowest, highest, reading)
            bits = int(mode.split()[-1].removesuffix("-bit"))
            least = -(2.0 ** (bits - 1)) if "signed" in mode.split() and bits <= 16 else 0.0
            start = black if math.isfinite(black) else least
            found[mine] = (last - start) < DIM * (white - start)
    return found


def _ends(
    mode: str, lowest: np.ndarray, highest: np.ndarray, reading: Reading
) -> tuple[float, float | np.ndarray]:
    """The levels that become black and white; for black, -inf where it is as low as the type goes."""
    kind = type_of_mode(mode)
    bits = int(mode.split()[-1].removesuffix("-bit"))
    signed = "signed" in mode.split()
    chosen = reading.ends(kind) if kind else None
    if chosen is not None:
        least = -math.inf if kind[0] == "f" else -(2.0 ** (bits - 1)) if signed else 0.0
        return (chosen[0] if chosen[0] > least else -math.inf), chosen[1]
    if bits <= 16 and "float" not in mode:
        return -math.inf, float((1 << (bits - signed)) - 1)
    unit = ("float" in mode) & (lowest >= 0) & (highest <= 1)
    return -math.inf, np.where(unit, 1.0, highest)
