"""The images that the expert left out, and the way back for some or all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from workbench.gui.background import Background
from workbench.gui.data.left_out_rows import ImageRows
from workbench.gui.guarded import guarded
from workbench.gui.thumbnails import thumbnails_of
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card, EmptyState
from workbench.gui.widgets.image_grid import describe
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.quick_look import Item, QuickLook
from workbench.records.index import ImageIndex
from workbench.records.text import count

if TYPE_CHECKING:
    from workbench.gui.session import Session


class LeftOutDialog(QDialog):
    """Brings images back by `Dataset.bring_back`, which can be undone; stays open and shows what is left."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._files: ImageIndex | None = None
        self._positions = np.zeros(0, dtype=np.int64)  # of all that are left out
        self._asked = 0
        self._looking: QuickLook | None = None
        self._background = Background(self)
        self.setWindowTitle("Images left out")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 600)
        self.title = label("", "title")
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter by path")
        self.filter.setAccessibleName("Filter the images by path")
        self.filter.setClearButtonEnabled(True)
        self.filter.setFixedWidth(220)
        self.filter.textChanged.connect(self._show)
        self.rows = ImageRows(thumbnails_of(session), self._file, "Images left out")
        self.rows.chosen.connect(self._show_choice)
        self.rows.look.connect(self.look)
        self.empty = EmptyState("", "", (), "data")
        self.pool_line = label("", "dim", wrap=True)
        self.pool_back = button("", self.bring_back_pool, kind="link")
        self.pool_back.setAccessibleName("Bring the images of the unlabelled pool back")
        self.close_button = button("Close", self.reject)
        self.back = button("Bring back", self.bring_back, kind="primary")
        self.back.setDefault(True)
        self._lay_out()
        session.dataset_changed.connect(self.refresh)
        self.refresh()
        self.rows.setFocus()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title, 1)
        head.addWidget(self.filter)
        card = Card(margin=4)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.rows)
        self._pages.addWidget(self.empty)
        card.body.addWidget(self._pages, 1)
        self._pool = QWidget()
        pool = QHBoxLayout(self._pool)
        pool.setContentsMargins(0, 0, 0, 0)
        pool.setSpacing(8)
        pool.addWidget(self.pool_line, 1)
        pool.addWidget(self.pool_back)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.hint = label("They take no part; their files are untouched. Space looks at one.", "dim")
        row.addWidget(self.hint)
        row.addStretch(1)
        row.addWidget(self.close_button)
        row.addWidget(self.back)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addLayout(head)
        outer.addWidget(card, 1)
        outer.addWidget(self._pool)
        outer.addLayout(row)

    # What is shown

    def refresh(self) -> None:
        """Find the images that are left out now, in a thread."""
        dataset = self._session.dataset
        arranged, files = dataset.arranged, dataset.files
        out = frozenset(arranged.left_out) if arranged is not None else frozenset()
        self._asked += 1
        asked = self._asked

        def find() -> np.ndarray:
            if files is None or not out:
                return np.zeros(0, dtype=np.int64)
            return np.flatnonzero(np.fromiter((name in out for name in files.names()), bool, len(files)))

        def show(positions: np.ndarray) -> None:
            if asked == self._asked:
                self._files, self._positions = files, positions
                self._show()

        self._background.run(find, show, lambda error: self.hint.setText(str(error)))
        gone = len(self._session.settings.curation.pool_left_out)
        verb = "was" if gone == 1 else "were"
        self.pool_line.setText(f"{count(gone, 'image')} {verb} taken out of the unlabelled pool.")
        self.pool_back.setText("Bring it back" if gone == 1 else "Bring them back")
        self._pool.setVisible(bool(gone))

    def _show(self) -> None:
        files, wanted = self._files, self.filter.text().strip().casefold()
        positions = self._positions
        if wanted and files is not None:
            kept = [i for i, p in enumerate(positions.tolist()) if wanted in files.name(p).casefold()]
            positions = positions[kept]
        self.rows.show_images(files, positions)
        number = len(self._positions)
        told = f"{count(number, 'image')} left out" if number else ""
        self.title.setText(told if len(positions) == number else f"{told} · {len(positions):,} shown")
        self.filter.setVisible(bool(number))
        self.hint.setVisible(bool(number))
        self._pages.setCurrentIndex(0 if len(positions) else 1)
        if number:
            self.empty.set("No path holds this text", "Write less of it, or clear the filter.")
        else:
            self.empty.set("Every image takes part", "What you leave out on the Data page is listed here.")

    def _show_choice(self) -> None:
        chosen = len(self.rows.selected())
        shown = self.rows.num_rows
        self.back.setText(f"Bring back {chosen:,}" if chosen else "Bring back all")
        if not chosen and shown < len(self._positions):
            self.back.setText(f"Bring back these {shown:,}")
        self.back.setVisible(bool(shown))
        (self.back if shown else self.close_button).setDefault(True)

    # Hands

    def bring_back(self) -> None:
        """The selected images; all that are shown where none is selected."""
        files = self._files
        positions = self.rows.selected()
        if not len(positions):
            positions = np.asarray([self.rows.position(row) for row in range(self.rows.num_rows)])
        if files is not None and len(positions):
            names = [files.name(int(position)) for position in positions]
            guarded(self._session, lambda: self._session.dataset.bring_back(names))

    def bring_back_pool(self) -> None:
        """Every image that was taken out of the unlabelled pool."""
        dataset = self._session.dataset
        gone = count(len(dataset.curation.pool_left_out), "image")
        curation = replace(dataset.curation, pool_left_out=frozenset())
        guarded(self._session, lambda: dataset.decide(f"{gone} brought back into the pool", curation))

    def look(self, row: int) -> None:
        """Quick look at one of the rows."""
        if self._looking is None and self.rows.num_rows:
            self._looking = QuickLook(
                self._item, self.rows.num_rows, row, self.rows.go_to, self._background, self
            )
            self._looking.finished.connect(self._looked)
            self._looking.open()

    def _looked(self) -> None:
        self._looking = None
        self.rows.setFocus()

    def _item(self, row: int) -> Item:
        files = self._files
        assert files is not None
        position = self.rows.position(row)
        tile = self.rows.tile_of(row)
        return Item(
            self._file(position),
            describe(files, position),
            tile.image if tile is not None else None,
            page=int(files.page[position]),
            reading=self._session.reading,
        )

    def _file(self, position: int) -> Path:
        assert self._files is not None
        return self._files.file(position, self._session.settings.roots)

    def done(self, result: int) -> None:
        self._asked += 1
        self.rows.close_thumbnails()
        self._background.close()
        super().done(result)
