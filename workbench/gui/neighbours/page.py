"""What each model of the shown comparison has nearest to an image, and where the models differ.

The image is the first of the selection, so that a click anywhere in the window asks for its neighbours; or a picture
from a file. Of several that are chosen or dropped the first is asked about, and a strip leads to the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.background import Background
from workbench.gui.commands import Commands
from workbench.gui.compare.picture import copy_action
from workbench.gui.compare.words import titles_of
from workbench.gui.maps.atlas import NO_CODE, Atlas
from workbench.gui.maps.pointing import Known, look_up
from workbench.gui.neighbours.board import NeighbourBoard, Row
from workbench.gui.neighbours.column import Column
from workbench.gui.neighbours.commands import register
from workbench.gui.neighbours.output import copy_board, save_board
from workbench.gui.neighbours.question import Question
from workbench.gui.neighbours.rows import item_row, item_told, picture_row, picture_told
from workbench.gui.neighbours.strip import Strip
from workbench.gui.outside_files import FOLDER, choose_files, dropped
from workbench.gui.outside_notice import OutsideNotice
from workbench.gui.session import Session
from workbench.gui.theme import know_models
from workbench.gui.thumbnails import thumbnails_of
from workbench.gui.widgets.buttons import button, icon_button
from workbench.gui.widgets.cards import Card, EmptyState
from workbench.gui.widgets.labels import Chip, ElidedLabel, label
from workbench.gui.widgets.segments import Segments
from workbench.records.nearest import ALL, QUERIES, Stopped, Surroundings, surroundings
from workbench.records.text import count

NUMBER = "neighbours.number"  # what the project remembers
AT_ONCE = 5_000  # images up to which all are compared without being asked to
CAUTION = "Neighbours show what a model takes for alike. The probe beside each model decides."


class NeighboursPage(QWidget):
    """Reads `session.maps` when it is shown; vectors are read again for each question, and not kept."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__()
        self.session, self.commands = session, commands
        self.background = Background(self)
        self.aside = Background(self)  # for all images: a click must not wait for it
        self.question = Question(session, self.background, self)
        self._atlas: Atlas | None = None
        self._known: Known | None = None
        self._round = 0  # of looking at all images
        self._opens = False  # the first of the files that are being read will be asked about
        self.board = NeighbourBoard(thumbnails_of(session), self._file)
        self.column = Column(session)
        self.strip = Strip(session.pictures, thumbnails_of(session))
        self.numbers = Segments(
            "Neighbours", [(str(k), str(k), f"Show the {k} nearest images") for k in (5, 10, 20)]
        )
        self._lay_out()
        self._restore()
        self.numbers.chosen.connect(self._on_number)
        self.board.chosen.connect(self.ask)
        copy_action(self.board, lambda: copy_board(session, self.board, self.number))
        self.column.asked.connect(self.compare_all)
        self.question.changed.connect(self._show)
        session.project_changed.connect(self._restore)
        session.maps.changed.connect(self.refresh)
        session.selection_changed.connect(self._on_selection)
        session.dataset_changed.connect(self._look_up)
        session.backbones_changed.connect(self._show)
        session.pictures.changed.connect(self._on_pictures)
        session.pictures.asked.connect(self.ask_file)
        self.strip.chosen.connect(self.ask_file)
        self.strip.board_asked.connect(self._show_on_board)
        register(self)
        for keys, by in (("Alt+Left", -1), ("Alt+Right", 1)):
            pressed = QShortcut(
                QKeySequence(keys), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut
            )
            pressed.activated.connect(partial(self.strip.step, by))
        self.setAcceptDrops(True)
        self.refresh()

    def _lay_out(self) -> None:
        self.back = icon_button("chevron-left", "The image that was looked at before", self.go_back)
        self.choose = button(
            "From files…",
            self.choose_file,
            kind="quiet",
            tip="Ask about pictures that are not in the data set: choose files, or drop some on this page",
        )
        self.save = icon_button(
            "save",
            "Save these neighbours as PNG or SVG",
            lambda: save_board(self.session, self.board, self.number),
        )
        self.status = ElidedLabel("", "dim")
        self.status.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.back)
        tools.addWidget(label("Nearest", "dim"))
        tools.addWidget(self.numbers)
        tools.addWidget(self.status, 1)
        tools.addWidget(self.choose)
        tools.addWidget(self.save)
        steps = [
            ("Go to Compare", lambda: self.commands.run("go.compare"), "primary"),
            ("Pictures from files…", self.choose_file, "primary"),
        ]
        self.empty = EmptyState("", "", steps, "inspect")
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.board)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(scroll)
        card = Card()
        card.body.addLayout(tools)
        card.body.addWidget(self.strip)
        card.body.addWidget(self.pages, 1)
        caution = QHBoxLayout()
        caution.setSpacing(8)
        caution.addWidget(Chip("For looking", "undecided"))
        caution.addWidget(label(CAUTION, wrap=True), 1)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(OutsideNotice(self.session.pictures))
        left.addWidget(card, 1)
        left.addLayout(caution)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(12)
        outer.addLayout(left, 1)
        outer.addWidget(self.column)

    @property
    def number(self) -> int:
        return int(self.numbers.current)

    # What is shown

    def _restore(self) -> None:
        """What this project remembers."""
        self.question.forget_picture()
        self.numbers.choose(str(self.session.recall(NUMBER, "10")))
        self.column.show_number(self.number)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.session.maps.look()
        self.refresh()
        self.question.resume()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._round += 1  # nobody waits for all images any more
        self.session.outside.leave()

    def refresh(self) -> None:
        """After another atlas, or when the page comes to sight."""
        session = self.session
        if not self.isVisible():
            return
        atlas = session.maps.atlas
        if atlas is None and not session.maps.problem:
            session.maps.look()
        if atlas is not self._atlas:
            self._atlas, self._known = atlas, None
            self.column.wait("", offer=False)
            self.question.take_up(atlas)
            if session.result is not None:
                know_models(model.name for model in session.result.models)
            self._look_up()
            self._on_selection()
        if atlas is not None and not self.column.has_found:
            if len(atlas.ids) <= AT_ONCE:
                self.compare_all()
            else:
                self._offer(atlas)
        self._show()

    def _offer(self, atlas: Atlas) -> None:
        sampled = f" A sample of {QUERIES:,} is compared with all." if len(atlas.ids) > ALL else ""
        self.column.wait(
            f"{count(len(atlas.ids), 'image')}: comparing the neighbours of all takes a while.{sampled}",
            offer=True,
        )

    def _look_up(self) -> None:
        atlas, index, predictions = self._atlas, self.session.index, self.session.predictions
        if atlas is None:
            return

        def take(known: Known) -> None:
            if atlas is self._atlas:
                self._known = known
                self._show()

        complain = lambda error: self.session.message.emit("bad", str(error))  # noqa: E731
        self.background.run(lambda: look_up(atlas, index, predictions), take, complain)

    # One image

    def ask(self, item: int) -> None:
        """Look up the neighbours of an item, and select it everywhere."""
        if self._atlas is not None:
            self.session.select([self._atlas.ids[item]])

    def go_back(self) -> None:
        last = self.question.back()
        if isinstance(last, Path):
            self.ask_file(last)
        elif last is not None:
            self.ask(last)

    def _on_selection(self) -> None:
        """The first of the selection, in the order of the folder."""
        atlas = self._atlas
        places = atlas.places(self.session.selected) if atlas is not None and self.isVisible() else ()
        if len(places):
            self.question.ask_item(int(np.min(places)))

    # Pictures from files

    def choose_file(self) -> None:
        """Ask which, then for the neighbours of the first."""
        self.open_files(choose_files(self, self.session, "Neighbours of pictures"))

    def open_files(self, files: Sequence[Path]) -> None:
        """Look up the neighbours of the first of these files and of the images of these folders that can be read."""
        reason = self.why_not_ask_file()
        if reason:
            self.session.message.emit("warn", reason)
        elif files:
            self._opens = True
            self.session.pictures.open(files)

    def _on_pictures(self) -> None:
        pictures = self.session.pictures
        if self._opens and pictures.newly_read:
            self._opens = False
            self.ask_file(pictures.files[0])
        self._opens = self._opens and pictures.busy

    def _show_on_board(self) -> None:
        self.commands.run("inspect.show_board")
        self.commands.run("inspect.rows_files")

    def ask_file(self, picture: Path) -> None:
        """Look up the neighbours of a picture from a file; nothing is selected any more."""
        reason = self.why_not_ask_file()
        if reason:
            self.session.message.emit("warn", reason)
            return
        self.session.remember(FOLDER, str(picture.parent))
        self.session.select([])
        self.question.ask_picture(picture)

    def why_not_ask_file(self) -> str:
        """A sentence that says why no picture can be asked about now; "" when one can."""
        if self.session.result is None:
            return "There is no comparison yet. Run one first."
        atlas = self.session.maps.atlas
        return (
            "" if atlas is not None and atlas.rows else "The embeddings of the comparison are not read yet."
        )

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped(event) and not self.why_not_ask_file():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.open_files(dropped(event))

    # All images

    def compare_all(self) -> None:
        """Look up the neighbours of every image, or of a sample, in every model."""
        atlas, files = self._atlas, self.session.maps.files
        if atlas is None or not atlas.rows:
            return
        self._round += 1
        number = self._round
        self.column.wait("Looking up the neighbours of all images…", offer=False)
        kept = {name: files[name] for name in atlas.rows}
        wanted: Callable[[], bool] = lambda: number == self._round  # noqa: E731

        def take(found: Surroundings) -> None:
            if atlas is self._atlas and self.session.result is not None:
                self.column.show_found(atlas, found, titles_of(self.session.result, self.session.catalogue))
                if not self.question.asks and self.isVisible() and len(self.column.differing):
                    self.question.ask_item(int(self.column.differing[0]))

        def fail(error: Exception) -> None:
            if isinstance(error, Stopped):
                self._offer(atlas)
            else:
                self.column.wait(str(error), offer=True)

        self.aside.run(lambda: surroundings(kept, atlas.rows, wanted=wanted), take, fail)

    # Telling

    def _show(self) -> None:
        atlas, result, maps = self._atlas, self.session.result, self.session.maps
        question = self.question
        self.back.setEnabled(bool(question.before))
        outside = question.outside
        self.strip.show_current(outside)
        self.save.setEnabled(question.answered)
        self.choose.setVisible(not self.why_not_ask_file())
        ready = atlas is not None and result is not None
        ready = ready and (outside is not None or (question.item >= 0 and bool(question.found)))
        self.pages.setCurrentIndex(int(ready))
        if atlas is None or result is None or not ready:
            self._tell_empty(atlas, maps.problem)
            self.status.setText("")
            return
        titles = titles_of(result, self.session.catalogue)
        rows = []
        for name in atlas.maps:
            score = result.model(name).probe.get(result.metric)
            title = titles.get(name, name) + (f" · probe {score.mean:.3f}" if score is not None else "")
            model, k = (name, title), self.number
            if name not in atlas.rows:
                rows.append(Row(*model, why=atlas.problems.get(name, "")))
            elif outside is not None:
                rows.append(picture_row(atlas, question.answer, model, k))
            else:
                found = question.found.get(name, "Looking…")
                rows.append(item_row(atlas, question.item, found, model, self._said(name), k))
        if outside is not None:
            self.board.show_rows(*picture_told(outside, question.answer), rows)
        else:
            self.board.show_rows(*item_told(atlas, question.item), rows)
        self.status.setText(f"by cosine, of {count(len(atlas.ids), 'image')}")
        self.status.set_tip("Exact: each is compared with all images, and none is left out to be quicker")

    def _tell_empty(self, atlas: Atlas | None, problem: str) -> None:
        compare = self.session.result is None
        self.empty.buttons[0].setVisible(compare)
        self.empty.buttons[1].setVisible(not self.why_not_ask_file())
        if compare:
            text = "Neighbours are looked up in what a comparison has embedded. Run one first."
            self.empty.set("No comparison yet", text)
        elif problem:
            self.empty.set("The neighbours can't be looked up", problem)
        elif atlas is None or self.question.item >= 0:
            self.empty.set("Looking up the neighbours…", "")
        else:
            text = (
                "Select an image anywhere: on a map, in Data, among the failures, or in the list beside. Or drop "
                "pictures from elsewhere here."
            )
            self.empty.set("Which image", text)

    def _said(self, model: str) -> str:
        """The class that the model's probe gives the image most often."""
        said, result = (
            self._known.answers.get(model) if self._known is not None else None,
            self.session.result,
        )
        code = int(said[0][self.question.item]) if said is not None else NO_CODE
        return result.classes[code] if result is not None and code != NO_CODE else ""

    def _file(self, item: int) -> tuple[bytes, Path] | None:
        if item < 0:
            picture = self.question.outside
            return (self.question.stamp, picture) if picture is not None else None
        found = self._known.file(self.session, item) if self._known is not None else None
        return found[:2] if found is not None else None

    def _on_number(self, number: str) -> None:
        self.session.remember(NUMBER, number)
        self.column.show_number(self.number)
        self._show()

    def save_board(self) -> None:
        save_board(self.session, self.board, self.number)
