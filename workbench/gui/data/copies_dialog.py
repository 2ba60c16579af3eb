"""All copies side by side, leaks first, and what can be done about them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.background import Background
from workbench.gui.data.copies_rows import CopyRows
from workbench.gui.data.copies_sets import KINDS, CopySet, find_alike, find_sets, left_out_by
from workbench.gui.dataset_facts import watcher_of
from workbench.gui.guarded import guarded
from workbench.gui.theme import restyle
from workbench.gui.thumbnails import thumbnails_of
from workbench.gui.widgets.buttons import PushButton, button
from workbench.gui.widgets.cards import Card, EmptyState
from workbench.gui.widgets.image_grid import describe
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.gui.widgets.quick_look import Item, QuickLook
from workbench.records.index import ImageIndex
from workbench.records.text import count

if TYPE_CHECKING:
    from workbench.gui.session import Session

LEAK = (
    "A leak is a set of copies that a split can tear apart: the test then repeats what was learnt, and its score is "
    "too high."
)
ALIKE = (
    "What lies nearest for the model that embedded the images last, most alike first. Look before you leave one out: "
    "other pieces of one material are alike too."
)
OFFICIAL_LEAK = "A leak is a set of copies that lie in different parts of the official split."

_FILTERS: tuple[tuple[str, Callable[[CopySet], bool]], ...] = (
    ("All", lambda found: found.kind != "alike"),
    ("Leaks", lambda found: found.leaks),
    ("Two labels", lambda found: found.conflict and found.kind != "alike"),
    *((words[0], partial(lambda kind, found: found.kind == kind, kind)) for kind, words in KINDS.items()),
)


class CopiesDialog(QDialog):
    """Edits the data set at once, and shows what is left; every step can be undone."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._index: ImageIndex | None = (
            None  # of the sets that are shown, which the session's may be ahead of
        )
        self._sets: list[CopySet] = []
        self._shown: list[CopySet] = []  # those that the chosen filter lets through
        self._asked = 0
        self._looking: QuickLook | None = None
        self._background = Background(self)
        self._reader = Background(self)  # a large picture in the quick look keeps nothing else waiting
        self._watcher = watcher_of(session)
        self.setWindowTitle("Copies and leaks")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(1080, 720)
        self.heading = label("Looking for copies…", "heading")
        self.explained = label("", "dim", wrap=True)
        self.rows = CopyRows(thumbnails_of(session), self._file)
        self.empty = EmptyState("", "", (), "data")
        self._pages = QStackedWidget()
        self._make_filters()
        self._make_actions()
        self._lay_out()
        self.rows.chosen.connect(self._show_target)
        self.rows.look.connect(self.look)
        session.dataset_changed.connect(self.refresh)
        self._watcher.changed.connect(self._show_pool)
        self.refresh()
        self.rows.setFocus()

    def _make_filters(self) -> None:
        self.filters = QButtonGroup(self)
        self.filters.setExclusive(True)
        for number, (word, _) in enumerate(_FILTERS):
            made = PushButton(word)
            made.setCheckable(True)
            made.setAutoDefault(False)
            self.filters.addButton(made, number)
        self.filters.button(0).setChecked(True)
        self.filters.idClicked.connect(lambda _: self._show_sets())

    def _make_actions(self) -> None:
        self.consequence = label("", "dim", wrap=True)
        self.join = button(
            "Keep each set together",
            self.join_copies,
            tip="Each set becomes one group, with the whole of the groups that it touches: no split tears it apart",
        )
        self.leave_out = button(
            "Leave out all but one of each",
            self.leave_out_copies,
            kind="primary",
            tip="The first image that has a label stays. Undo brings the others back. (Delete)",
        )
        self.leave_out.setDefault(True)
        self.pool_text = ElidedLabel("")
        self.pool_button = button("Take them out of the pool", self.leave_out_of_pool)
        self.pool_bar = QFrame()
        self.pool_bar.setProperty("notice", True)

    def _lay_out(self) -> None:
        head = QVBoxLayout()
        head.setSpacing(2)
        head.addWidget(self.heading)
        head.addWidget(self.explained)
        choice = QHBoxLayout()
        choice.setSpacing(8)
        for made in self.filters.buttons():
            choice.addWidget(made)
        choice.addStretch(1)
        choice.addWidget(label("Space compares at full size", "dim"))
        self.choice = QWidget()
        choice.setContentsMargins(0, 0, 0, 0)
        self.choice.setLayout(choice)
        self.card = Card(margin=4)
        self.card.body.addWidget(self._pages)
        self._pages.addWidget(self.rows)
        self._pages.addWidget(self.empty)
        pool = QHBoxLayout(self.pool_bar)
        pool.setContentsMargins(12, 6, 6, 6)
        pool.setSpacing(12)
        pool.addWidget(self.pool_text, 1)
        pool.addWidget(self.pool_button)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.consequence, 1)
        row.addWidget(self.join)
        row.addWidget(self.leave_out)
        row.addWidget(button("Close", self.reject))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addLayout(head)
        outer.addWidget(self.choice)
        outer.addWidget(self.card, 1)
        outer.addWidget(self.pool_bar)
        outer.addLayout(row)

    # What is shown

    def refresh(self) -> None:
        """Other images count now: look for their sets in a thread."""
        index = self._session.index
        self._show_pool()
        if index is None:
            self.reject()
            return
        self._asked += 1
        asked = self._asked
        self._set_busy(True)

        def show(found: list[CopySet]) -> None:
            if asked == self._asked:
                self._index, self._sets = index, found
                self._set_busy(False)
                self._show_sets()

        project = self._session.project

        def find() -> list[CopySet]:
            return find_sets(index) + (find_alike(index, project) if project is not None else [])

        self._background.run(find, show, self._complain)

    def _file(self, position: int) -> Path:
        assert self._index is not None
        return self._index.file(position, self._session.dataset.roots)

    def _complain(self, error: Exception) -> None:
        self._session.message.emit("bad", str(error))

    def _set_busy(self, busy: bool) -> None:
        for widget in (self.join, self.leave_out):
            widget.setEnabled(not busy)

    def _show_sets(self) -> None:
        index, sets = self._index, self._sets
        assert index is not None
        copies = [found for found in sets if found.kind != "alike"]
        leaks = sum(found.leaks for found in sets)
        official = index.plan.kind == "official"
        if not copies:
            self.heading.setText("No copies")
        elif leaks:
            verb = "is a leak" if leaks == 1 else "are leaks"
            self.heading.setText(f"{leaks:,} of {count(len(copies), 'set')} of copies {verb}")
        else:
            self.heading.setText(f"{count(len(copies), 'set')} of copies, none of them a leak")
        near = "" if index.signature.any() else " Only identical files were looked for: no image was decoded."
        alike = self.filters.checkedId() == len(_FILTERS) - 1
        self.explained.setText(ALIKE if alike else (OFFICIAL_LEAK if official else LEAK) + near)
        for number, (word, holds) in enumerate(_FILTERS):
            num = sum(map(holds, sets))
            made = self.filters.button(number)
            made.setText(f"{word} {num:,}")
            made.setEnabled(bool(num) or not number)
        if not self.filters.checkedButton().isEnabled():
            self.filters.button(0).setChecked(True)
        shown = [found for found in sets if _FILTERS[self.filters.checkedId()][1](found)]
        self._shown = shown
        self.rows.show_sets(index, self._session.split, shown)
        looked = (
            "every file is another, and no two pictures look the same"
            if not near
            else "every file is another"
        )
        self.empty.set("No copies", f"{len(index):,} images: {looked}.")
        self._pages.setCurrentWidget(self.rows if shown else self.empty)
        self.choice.setVisible(bool(sets))
        self._show_target()

    def target(self) -> list[CopySet]:
        """What the buttons are about: the selected sets, or else the leaks that are listed; none of another index."""
        if self._index is not self._session.index:
            return []
        return self.rows.selected_sets() or [found for found in self._shown if found.leaks]

    def _show_target(self) -> None:
        chosen, target = self.rows.selected_sets(), self.target()
        torn = self._index is not None and self._index.plan.kind == "official"
        self.leave_out.setEnabled(bool(target))
        self.join.setEnabled(bool(target) and not torn)
        if not target:
            told = "Select sets to leave copies out or to keep them together." if self._sets else ""
            self.consequence.setText(told)
            return
        if chosen:
            whose = f"{count(len(chosen), 'selected set')}"
        elif len(target) < sum(found.leaks for found in self._sets):
            whose = f"{count(len(target), 'leak')} shown here"
        else:
            whose = "The one leak" if len(target) == 1 else f"All {count(len(target), 'leak')}"
        told = f"{whose}: {count(left_out_by(target), 'image')} would be left out."
        conflicts = sum(found.conflict for found in target)
        if conflicts:
            verb = "has" if conflicts == 1 else "have"
            goes = "goes" if conflicts == 1 else "go"
            told += f" {conflicts:,} {verb} two labels and {goes} whole: nobody knows which is right."
        if torn:
            told += " Official parts are fixed, so that no group can keep a set together."
        self.consequence.setText(told)

    def _show_pool(self) -> None:
        pool, names = self._session.pool_index, self._watcher.facts.pool_copies
        self.pool_bar.setVisible(pool is not None and self._session.index is not None)
        num = len(names)
        self.pool_button.setVisible(bool(num))
        if num:
            verb = "is a copy" if num == 1 else "are copies"
            told = f"{count(num, 'image')} of the pool {verb} of labelled images: pretraining would see them."
        else:
            told = "No image of the unlabelled pool is a copy of a labelled one."
        self.pool_text.setText(told)
        more = [f"and {len(names) - 20:,} more"] if len(names) > 20 else []
        self.pool_text.set_tip("\n".join([*names[:20], *more]))
        restyle(self.pool_bar, severity="bad" if num else "")

    # What can be done

    def leave_out_copies(self) -> None:
        """One image of each set stays; the others take no part any more."""
        sets = [list(found.positions) for found in self.target()]
        if sets:
            guarded(self._session, lambda: self._session.dataset.leave_out_copies(sets))

    def join_copies(self) -> None:
        """Each set becomes one group."""
        sets = [list(found.positions) for found in self.target()]
        if sets:
            guarded(self._session, lambda: self._session.dataset.join_copies(sets))

    def leave_out_of_pool(self) -> None:
        names = self._watcher.facts.pool_copies
        if names:
            guarded(self._session, lambda: self._session.dataset.leave_out_of_pool(names))

    def look(self, place: int) -> None:
        """Quick look at a picture of the current set; the arrow keys step through the others."""
        found = self.rows.current_set()
        if self._looking is not None or found is None or self._index is None:
            return
        index = self._index

        def item(place: int) -> Item:
            position = found.positions[place]
            tile = self.rows.tile_of(position)
            preview = tile.image if tile is not None else None
            return Item(
                self._file(position),
                describe(index, position),
                preview,
                int(index.page[position]),
                index.reading,
            )

        self._looking = QuickLook(item, len(found.positions), place, self.rows.go_to, self._reader, self)
        self._looking.finished.connect(self._looked)
        self._looking.open()

    def _looked(self) -> None:
        self._looking = None
        self.rows.setFocus()

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Delete and self.leave_out.isEnabled():
            self.leave_out_copies()
        else:
            super().keyPressEvent(event)

    def done(self, result: int) -> None:
        self._background.close()
        self._reader.close()
        self.rows.close_thumbnails()
        super().done(result)
