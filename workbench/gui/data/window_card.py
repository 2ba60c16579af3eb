"""The intensity window: full range, percentiles of the data set, or fixed ends, for each type of deep numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QStackedWidget,
    QWidget,
)

from workbench.gui.data.histogram_plot import HistogramPlot
from workbench.gui.plain_text import set_tip
from workbench.gui.theme import FIELD_MARGINS, restyle
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.number_field import NumberField
from workbench.pixels.histogram import Levels, type_of_mode, window_from_text
from workbench.records.index import ImageIndex
from workbench.records.spec import Reading, fixed_window
from workbench.records.text import count

WAYS = (
    ("full", "Full range of the type"),
    ("percentile", "Percentiles of the data set"),
    ("fixed", "Fixed ends"),
)
KINDS = {
    "u16": "16-bit numbers",
    "i16": "signed 16-bit numbers",
    "u32": "32-bit numbers",
    "i32": "signed 32-bit numbers",
    "f32": "32-bit float numbers",
    "f64": "64-bit float numbers",
}
_PERCENTILES = re.compile(r"([0-9.]+)\w\w to ([0-9.]+)\w\w percentile")


@dataclass(slots=True)
class _Choice:
    """What is chosen for one type, and what the fields of the other ways hold meanwhile."""

    images: int
    reach: tuple[float, float]  # of the type; of floats and 32-bit numbers, what the pictures hold
    whole: bool  # the type's own range is what "full" means; else it is each picture's own
    way: str = "full"
    percentiles: tuple[float, float] = (1.0, 99.0)
    ends: tuple[float, float] | None = None


class WindowCard(Card):
    """Without deep pictures it only says so."""

    changed = Signal()

    def __init__(self, index: ImageIndex, reading: Reading, window_told: str) -> None:
        super().__init__("Intensity window")
        self._choices = _choices(index)
        self._levels: dict[str, Levels] | None = None
        deep = sum(choice.images for choice in self._choices.values())
        self.shallow = label("", "dim", wrap=True)
        self.body.addWidget(self.shallow)
        whose = "All images have" if not deep else f"{count(len(index) - deep, 'other image')} with"
        self.shallow.setText(
            f"{whose} up to 8 bits a channel: these always keep their whole range, 0 to 255, and no window applies."
        )
        self.shallow.setVisible(deep < len(index))
        if not self._choices:
            return
        self.set_title("Intensity window", f"{count(deep, 'image')} with more than 8 bits")
        self._restore(reading, window_told)
        self._make_fields()
        self._lay_out()
        self._show_kind()

    @property
    def deep(self) -> bool:
        """Whether there is anything that a window applies to."""
        return bool(self._choices)

    @property
    def kind(self) -> str:
        """The type whose window is shown, one of `records.spec.TYPES`."""
        return str(self.kind_box.currentData())

    @property
    def levels(self) -> Mapping[str, Levels] | None:
        """The histograms by type; None while they are measured."""
        return self._levels

    @property
    def tells_error(self) -> bool:
        """Whether it says itself why there is no window."""
        return self.deep and bool(self.error.text())

    def _restore(self, reading: Reading, window_told: str) -> None:
        """Begin with what is in force."""
        told = window_told.split("; ")
        for kind, choice in self._choices.items():
            choice.ends = reading.ends(kind)
            if choice.ends is None:
                continue
            mine = next((part for part in told if part.startswith(KINDS[kind])), window_told)
            found = _PERCENTILES.search(mine)
            choice.way = "percentile" if found else "fixed"
            if found:
                choice.percentiles = (float(found[1]), float(found[2]))

    def _make_fields(self) -> None:
        self.kind_box = QComboBox()
        for kind, choice in self._choices.items():
            self.kind_box.addItem(f"{KINDS[kind]} ({count(choice.images, 'image')})", kind)
        self.kind_box.setVisible(len(self._choices) > 1)
        self.kind_box.setAccessibleName("Numbers that the window is for")
        self.way_box = QComboBox()
        for way, words in WAYS:
            self.way_box.addItem(words, way)
        self.way_box.setAccessibleName("How the intensity window is chosen")
        self.low_percent, self.high_percent = (_spin("%", 2, (0.0, 100.0)) for _ in range(2))
        self.low_percent.setAccessibleName("Percentile that becomes black")
        self.high_percent.setAccessibleName("Percentile that becomes white")
        self.low, self.high = (_spin("", 0, (-1e15, 1e15)) for _ in range(2))
        self.low.setAccessibleName("Level that becomes black")
        self.high.setAccessibleName("Level that becomes white")
        for field in (self.low_percent, self.high_percent, self.low, self.high):
            field.valueChanged.connect(self._on_field)
        self.told = label("", "dim", wrap=True)
        self.error = label("", "error", wrap=True)
        self.plot = HistogramPlot()
        self.plot.dragged.connect(self._on_dragged)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of the histogram")
        self.measured = label("", "caption")
        self.kind_box.currentIndexChanged.connect(lambda _: self._show_kind())
        self.kind_box.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.way_box.currentIndexChanged.connect(self._on_way)

    def _lay_out(self) -> None:
        self._fields = QStackedWidget()
        for first, second in (
            (None, None),
            (self.low_percent, self.high_percent),
            (self.low, self.high),
        ):
            page = QWidget()
            row = QHBoxLayout(page)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
            if first is not None and second is not None:
                row.addWidget(label("black", "dim"))
                row.addWidget(first, 1)
                row.addWidget(label("white", "dim"))
                row.addWidget(second, 1)
            self._fields.addWidget(page)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.kind_box, 0, 0, 1, 2)
        grid.addWidget(self.way_box, 1, 0)
        grid.addWidget(self._fields, 1, 1)
        self.body.addLayout(grid)
        self.body.addWidget(self.told)
        self.body.addWidget(self.error)
        self.body.addWidget(self.plot, 1)
        self.body.addWidget(self.progress)
        self.body.addWidget(self.measured)
        self.body.addWidget(self.shallow)

    # What was measured

    def show_progress(self, done: int, total: int) -> None:
        self.progress.show()
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self.measured.setText(f"Measuring: {done:,} of {count(total, 'file')}")

    def show_levels(self, levels: Mapping[str, Levels] | None) -> None:
        """The histograms by type; None while they are measured anew."""
        self._levels = dict(levels) if levels is not None else None
        if levels is not None:
            self.progress.hide()
        self._show_kind()

    def refuse_levels(self, sentence: str) -> None:
        self.progress.hide()
        self.measured.setText(sentence)

    # What is chosen

    def window(self) -> tuple[str, str]:
        """The window as `Reading` writes it, and how it was chosen, in words.

        Raises ValueError, with a sentence, for ends in the wrong order and for percentiles of what isn't measured.
        """
        windows, told = [], []
        for kind, choice in self._choices.items():
            found, words = self._window_of(kind, choice)
            if found != "full":
                windows.append(found)
                told.append(f"{KINDS[kind]}: {words}" if len(self._choices) > 1 else words)
        return ",".join(windows) or "full", "; ".join(told)

    def _window_of(self, kind: str, choice: _Choice) -> tuple[str, str]:
        if choice.way == "full":
            return "full", ""
        if choice.way == "fixed":
            low, high = choice.ends or choice.reach
            if low >= high:
                raise ValueError("The window must end above where it begins.")
            return fixed_window([kind], low, high), "fixed"
        low, high = choice.percentiles
        if low >= high:
            raise ValueError("The upper percentile must lie above the lower one.")
        if self._levels is None:
            raise ValueError("The percentiles are still being measured.")
        if kind not in self._levels:
            raise ValueError("No image of this type can be read with these channels and pages.")
        return window_from_text(f"percentile:{low:g}:{high:g}", {kind: self._levels[kind]})

    def _drawn(self, choice: _Choice) -> tuple[float, float] | None:
        """The window of the type that is shown; None where there is no single one, or none yet."""
        if choice.way == "full":
            return choice.reach if choice.whole else None
        try:
            return Reading(window=self._window_of(self.kind, choice)[0]).ends(self.kind)
        except ValueError:
            return None

    def _show_kind(self) -> None:
        """Fields, plot and words for the type that is chosen."""
        if not self._choices:
            return
        choice = self._choices[self.kind]
        found = self._levels.get(self.kind) if self._levels is not None else None
        if choice.ends is None and choice.way == "fixed":
            choice.ends = found.window(1.0, 99.0) if found is not None else choice.reach
        decimals = _decimals(self.kind, choice.reach)
        shown = choice.ends or choice.reach
        for field, value in zip(
            (self.low_percent, self.high_percent, self.low, self.high),
            (*choice.percentiles, *shown),
            strict=True,
        ):
            with QSignalBlocker(field):
                if field in (self.low, self.high):
                    field.setDecimals(decimals)
                    field.setSingleStep(max((choice.reach[1] - choice.reach[0]) / 256, 10.0**-decimals))
                if abs(field.value() - value) > 10.0 ** -field.decimals() / 2:
                    field.setValue(value)
        with QSignalBlocker(self.way_box):
            self.way_box.setCurrentIndex([way for way, _ in WAYS].index(choice.way))
        self._fields.setCurrentIndex(self.way_box.currentIndex())
        counts, edges = found.drawn() if found is not None else (np.zeros(1), np.asarray(choice.reach))
        self.plot.show_counts(counts, edges)
        if found is not None:
            self.measured.setText(f"Levels of {count(found.num_files, 'file')}, counts by their logarithm")
        elif self._levels is not None:
            self.measured.setText("None of these files can be read with these channels and pages.")
        self._show_window()

    def _show_window(self) -> None:
        choice = self._choices[self.kind]
        drawn = self._drawn(choice)
        self.plot.show_window(drawn)
        found = self._levels.get(self.kind) if self._levels is not None else None
        waits = choice.way == "percentile" and self._levels is None
        words = _words(choice, drawn, found, _decimals(self.kind, choice.reach))
        self.told.setText("Known once the files are measured." if waits else words)
        self.told.setVisible(bool(self.told.text()))
        try:
            self._window_of(self.kind, choice)
            wrong = ""
        except ValueError as error:
            wrong = str(error)
        self.error.setText(wrong)
        self.error.setVisible(bool(wrong) and not waits)
        for field in (self.high_percent, self.high):
            restyle(field, invalid="above" in wrong)

    def _on_way(self) -> None:
        choice = self._choices[self.kind]
        if choice.way == "percentile":
            choice.ends = self._drawn(choice) or choice.ends  # to go on from by hand
        choice.way = str(self.way_box.currentData())
        self._show_kind()
        self.changed.emit()

    def _on_field(self) -> None:
        choice = self._choices[self.kind]
        if choice.way == "percentile":
            choice.percentiles = (self.low_percent.value(), self.high_percent.value())
        elif choice.way == "fixed":
            choice.ends = (self.low.value(), self.high.value())
        self._show_window()
        self.changed.emit()

    def _on_dragged(self, low: float, high: float) -> None:
        choice = self._choices[self.kind]
        decimals = _decimals(self.kind, choice.reach)
        choice.way, choice.ends = "fixed", (round(low, decimals), round(high, decimals))
        with QSignalBlocker(self.way_box), QSignalBlocker(self.low), QSignalBlocker(self.high):
            self.way_box.setCurrentIndex([way for way, _ in WAYS].index("fixed"))
            self._fields.setCurrentIndex(self.way_box.currentIndex())
            for field, value in zip((self.low, self.high), choice.ends, strict=True):
                field.setDecimals(decimals)
                field.setValue(value)
        self._show_window()
        self.changed.emit()


def _choices(index: ImageIndex) -> dict[str, _Choice]:
    """The deep types of an index, the most frequent first."""
    counts = np.bincount(index.mode, minlength=len(index.modes)) if len(index) else np.zeros(0, int)
    found: dict[str, _Choice] = {}
    for code, mode in enumerate(index.modes):
        kind = type_of_mode(mode)
        if not kind or not counts[code]:
            continue
        bits = int(mode.split()[-1].removesuffix("-bit"))
        whole = kind in ("u16", "i16")
        if whole:
            low = -(2.0 ** (bits - 1)) if kind == "i16" else 0.0
            reach = (low, low + 2.0**bits - 1)
        else:
            levels = index.levels[index.mode == code]
            levels = levels[np.isfinite(levels).all(axis=1)]
            reach = (float(levels[:, 0].min()), float(levels[:, 3].max())) if len(levels) else (0.0, 1.0)
        if reach[0] == reach[1]:
            reach = (reach[0], reach[0] + 1)
        known = found.get(kind)
        if known is None:
            found[kind] = _Choice(int(counts[code]), reach, whole)
        else:
            known.images += int(counts[code])
            known.reach = (min(known.reach[0], reach[0]), max(known.reach[1], reach[1]))
    return dict(sorted(found.items(), key=lambda item: -item[1].images))


def _words(choice: _Choice, drawn: tuple[float, float] | None, found: Levels | None, decimals: int) -> str:
    holds = ""
    if found is not None:
        holds = f" The files hold {found.minimum:,.{decimals}f} to {found.maximum:,.{decimals}f}."
    if choice.way == "full" and not choice.whole:
        return f"Each picture is stretched from its own lowest to its own highest level.{holds}"
    if drawn is None:
        return ""
    low, high = (f"{value:,.{decimals}f}" for value in drawn)
    if choice.way == "full":
        return f"{low} becomes black and {high} white.{holds}"
    return f"{low} and less become black, {high} and more white.{holds}"


def _decimals(kind: str, reach: tuple[float, float]) -> int:
    """Figures behind the point that tell a thousandth of the range."""
    if kind[0] != "f":
        return 0
    return min(max(3 - math.floor(math.log10(reach[1] - reach[0])), 0), 12)


def _spin(unit: str, decimals: int, reach: tuple[float, float]) -> QDoubleSpinBox:
    made = NumberField()
    made.setDecimals(decimals)
    made.setRange(*reach)
    made.setGroupSeparatorShown(True)
    made.lineEdit().setTextMargins(*FIELD_MARGINS)
    made.setMinimumWidth(96)
    if unit:
        made.setSuffix(f" {unit}")
        made.setSingleStep(0.5)
        set_tip(made, "Of all pixels of the data set; so many per cent lie at or below it")
    return made
