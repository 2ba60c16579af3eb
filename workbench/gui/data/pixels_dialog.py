"""How stored numbers become a picture: intensity window, channels, pages, with what the model then gets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from workbench.gui.background import Background
from workbench.gui.data.channels_card import ChannelsCard
from workbench.gui.data.picture_pairs import Pair, PicturePairs
from workbench.gui.data.window_card import WindowCard
from workbench.gui.guarded import guarded
from workbench.gui.model_recipe import recipe_of
from workbench.gui.thumbnails import to_image
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, ElidedLabel, label
from workbench.pixels.decode import ImageError
from workbench.pixels.histogram import Levels, largest, measure_index, saturated, type_of_mode
from workbench.pixels.prepare import load
from workbench.records.spec import Reading
from workbench.records.text import count

if TYPE_CHECKING:
    from workbench.gui.session import Session

EXAMPLES = (
    3,
    2,
)  # images in the preview, spread over the data set: with a histogram beside them, and without
SATURATED = "More than 1 % of the pixels are at an end of the range"
SETTLE_MS = 150  # after the last change


class _Stopped(ValueError):
    """Nobody wants the histogram any more."""


class PixelsDialog(QDialog):
    """Puts the reading in force when accepted."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        assert session.index is not None
        self._session, self._index = session, session.index
        self._roots = dict(session.dataset.roots)
        self._recipe = recipe_of(session)
        self._max_pixels = largest(self._index)
        self._asked = self._measured = 0
        self._measured_for: tuple[str, str] | None = None
        self._shown_kind = ""
        self._over = False
        self._measurer, self._reader = Background(self), Background(self)
        self.setWindowTitle("How pixels are read")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        curation = session.settings.curation
        self.window_card = WindowCard(self._index, curation.reading, curation.window_told)
        self.channels_card = ChannelsCard(curation.reading)
        self.pictures = PicturePairs("Full range", "With this choice")
        self.saturated = ElidedLabel("")
        self.chip = Chip("saturated", "warn", SATURATED)
        self.apply = button("Read pixels this way", self.accept, kind="primary")
        self.apply.setDefault(True)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.refresh)
        self.window_card.changed.connect(self._settle.start)
        self.channels_card.changed.connect(self._settle.start)
        self._lay_out()
        self._examples, self._shown_kind = self._choose_examples(), self._kind
        self.refresh()

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addWidget(self.window_card, 1 if self.window_card.deep else 0)
        left.addWidget(self.channels_card)
        if not self.window_card.deep:
            left.addStretch(1)
        self.resize(1080, 720) if self.window_card.deep else self.resize(960, 500)
        preview = Card("What the model gets")
        preview.body.addWidget(self.pictures, 1)
        told = self._recipe.told
        preview.body.addWidget(ElidedLabel(f"{told[:1].upper()}{told[1:]}.", "caption"))
        both = QHBoxLayout()
        both.setSpacing(12)
        both.addLayout(left, 5)
        both.addWidget(preview, 3)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.chip)
        row.addWidget(self.saturated, 1)
        row.addWidget(button("Cancel", self.reject))
        row.addWidget(self.apply)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        head = QVBoxLayout()
        head.setSpacing(2)
        head.addWidget(label("How stored numbers become a picture", "heading"))
        told = (
            "One choice for all images. Vectors that were computed with another one stay, but are not used."
        )
        head.addWidget(label(told, "dim", wrap=True))
        outer.addLayout(head)
        outer.addLayout(both, 1)
        outer.addLayout(row)

    def _choose_examples(self) -> list[int]:
        """Positions of the images that are shown, of those that a window applies to where there are any."""
        index = self._index
        deep = [code for code, mode in enumerate(index.modes) if type_of_mode(mode) == self._kind]
        places = np.flatnonzero(np.isin(index.mode, deep)) if self._kind else np.arange(len(index))
        num = EXAMPLES[not self._kind]
        spread = np.linspace(0, len(places) - 1, 2 * num + 1).round().astype(int)[1::2]
        return list(dict.fromkeys(places[spread].tolist())) if len(places) else []

    @property
    def _kind(self) -> str:
        return self.window_card.kind if self.window_card.deep else ""

    # What is chosen

    def reading(self) -> tuple[Reading, str]:
        """The reading that the fields describe, and how its window was chosen, in words. Raises ValueError."""
        channels, pages = self.channels_card.chosen()
        window, told = self.window_card.window() if self.window_card.deep else ("full", "")
        return Reading(window=window, channels=channels, pages=pages), told

    def refresh(self) -> None:
        """Show what the fields make of the examples; measure anew where other channels or pages are used."""
        channels, pages = self.channels_card.chosen()
        if self.window_card.deep and (channels, pages) != self._measured_for:
            self._measured_for = (channels, pages)
            self._measure(Reading(channels=channels, pages=pages))
        again = self.channels_card.reads_again
        self.apply.setText("Read the files again this way" if again else "Read pixels this way")
        try:
            reading, _ = self.reading()
        except ValueError as error:
            self.apply.setEnabled(False)
            self.saturated.setText("" if self.window_card.tells_error else str(error))
            self.chip.hide()
            channels, pages = self.channels_card.chosen()
            self._preview(Reading(channels=channels, pages=pages))
            return
        self.apply.setEnabled(True)
        self._show_saturated(reading)
        self._preview(reading)

    def _show_saturated(self, reading: Reading) -> None:
        index = self._index
        measured = int(np.isfinite(index.levels[:, 0]).sum())
        num = int(saturated(index, reading).sum())
        self.chip.set("saturated", "warn", SATURATED)
        self.chip.setVisible(bool(num))
        if not measured:
            self.saturated.setText("Saturation is not known: the images were listed without being decoded.")
        elif num:
            have = "has" if num == 1 else "have"
            told = f"{count(num, 'image')} of {measured:,} {have} more than 1 % of the pixels at an end of the range"
            self.saturated.setText(told)
        else:
            self.saturated.setText("No image has more than 1 % of its pixels at an end of the range")

    # The histogram

    def _measure(self, reading: Reading) -> None:
        self._measured += 1
        asked = self._measured
        index = self._index
        if reading.pages != "each" and index.page.any():
            index = index.take(np.flatnonzero(index.page == 0))
        self.window_card.show_levels(None)
        self.window_card.show_progress(0, 1)
        show_progress = self._measurer.telling(self._show_progress)

        def on_progress(done: int, total: int) -> None:
            if self._over or asked != self._measured:
                raise _Stopped
            show_progress(asked, done, total)

        def show(found: dict[str, Levels]) -> None:
            if asked == self._measured:
                self.window_card.show_levels(found)
                self.refresh()

        def fail(error: Exception) -> None:
            if not isinstance(error, _Stopped) and asked == self._measured:
                self.window_card.refuse_levels(str(error))

        self._measurer.run(
            lambda: measure_index(index, reading, roots=self._roots, on_progress=on_progress), show, fail
        )

    def _show_progress(self, asked: int, done: int, total: int) -> None:
        if asked == self._measured and self.window_card.levels is None:
            self.window_card.show_progress(done, total)

    # The pictures

    def _preview(self, reading: Reading) -> None:
        """Read the examples in a thread, one by one, the newest choice only."""
        if self._shown_kind != self._kind:
            self._examples, self._shown_kind = self._choose_examples(), self._kind
        self._asked += 1
        asked = self._asked
        known = {pair.caption: pair for pair in self.pictures.pairs}
        pairs = []
        for position in self._examples:
            name = self._index.name(position)
            pairs.append(known.get(name) or Pair(name))
        self.pictures.show_pairs(pairs)

        for position, pair in zip(self._examples, pairs, strict=True):
            path, page = self._index.file(position, self._roots), int(self._index.page[position])

            def read(path: Path = path, page: int = page, pair: Pair = pair) -> tuple[object, object] | None:
                if self._over or asked != self._asked:
                    return None
                before = pair.before if pair.before is not None else self._load(path, Reading(), page)
                return before, self._load(path, reading, 0 if reading.pages == "channels" else page)

            def show(found: tuple[object, object] | None, pair: Pair = pair) -> None:
                if found is not None and asked == self._asked:
                    pair.before, pair.after = found  # type: ignore[assignment]
                    self.pictures.show_pairs(self.pictures.pairs)
                    if pair is pairs[-1]:
                        self._show_unreadable()

            self._reader.run(read, show, lambda error: self._session.message.emit("bad", str(error)))

    def _show_unreadable(self) -> None:
        """A choice that refuses every picture in sight is not meant."""
        pairs = [
            pair for pair in self.pictures.pairs if not isinstance(pair.before, str)
        ]  # of files that are there
        num = sum(isinstance(pair.after, str) for pair in pairs)
        if not num:
            return
        self.chip.set("unreadable", "bad")
        self.chip.show()
        whole = num == len(pairs)
        self.apply.setEnabled(self.apply.isEnabled() and not whole)
        shown = "None" if whole else f"Only {len(pairs) - num} of {len(pairs)}"
        self.saturated.setText(f"{shown} of the pictures shown can be read with these channels and pages")

    def _load(self, path: Path, reading: Reading, page: int) -> QImage | str:
        """What the model gets of a file, or why it gets nothing; any thread."""
        recipe = self._recipe
        try:
            pixels = load(
                path,
                recipe.preprocess,
                recipe.decode,
                reading=reading,
                page=page,
                max_pixels=self._max_pixels,
            )
        except ImageError as error:
            return error.reason
        except OSError as error:
            return f"{error.strerror or error}"
        return to_image(pixels)

    # Hands

    def accept(self) -> None:
        try:
            reading, told = self.reading()
        except ValueError:
            return
        guarded(self._session, lambda: self._session.dataset.set_reading(reading, told))
        super().accept()

    def done(self, result: int) -> None:
        self._over = True
        self._measurer.close()
        self._reader.close()
        super().done(result)
