"""Which images are the rows of a board: chosen by what is known of them, and pinned by hand."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from workbench.gui.compare.words import titles_of
from workbench.gui.inspect.board import Board
from workbench.gui.inspect.fields import Field, line, number_field
from workbench.gui.plain_text import set_tip
from workbench.gui.widgets.buttons import button, icon_button
from workbench.gui.widgets.combo import ElidedCombo
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.segments import Segments
from workbench.records.boards import MOST_ROWS
from workbench.records.text import printable

GONE = 3  # files that are named
KINDS = {
    "picked": ("Picked", "The images that are selected, here or in any other place"),
    "misses": ("Misses", "Test images that a model of the comparison gets wrong, its surest mistakes first"),
    "hardest": ("Hardest", "Test images that most models get wrong, then those that they are least sure of"),
    "random": ("Random", "A draw of all images; its seed makes it the same each time"),
    "files": ("Files", "Pictures that are not in the data set: drop them on the board, or choose them below"),
    "odd": ("Oddest", "Of a draw of images, those that are painted worst: they look unlike the others"),
    "kept": ("Kept", "The images of the board that was opened"),
}


class RowsPanel(QWidget):
    """Asks the board for rows; `pin_asked` is for whoever knows which row the keyboard is on, `files_asked` for
    whoever lets files be chosen."""

    pin_asked = Signal()
    files_asked = Signal()

    def __init__(self, board: Board) -> None:
        super().__init__()
        self.board = board
        self.kinds = Segments("Rows", [(key, *words) for key, words in KINDS.items()], columns=3)
        self.kinds.chosen.connect(self._on_kind)
        self.number = number_field(
            "Number of rows", "How many rows there are, without those that are pinned", (1, MOST_ROWS)
        )
        self.number.valueChanged.connect(lambda number: board.set_rows(number=number))
        self.again = icon_button(
            "retry", "Another draw", lambda: board.set_rows(draw=self.board.plan.rows.draw + 1)
        )
        self.files = button("Choose files…", self.files_asked.emit)
        set_tip(self.files, "Other pictures from files as rows; or drop files and folders on the board")
        self.pin = button("Pin row", self.pin_asked.emit, icon_name="pin")
        set_tip(self.pin, "Keep the row that the keyboard is on, whatever is chosen; again lets it go (P)")
        self.model = ElidedCombo("Model whose misses are shown", "Whose misses are shown")
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.model.setMinimumContentsLength(12)
        self.model.activated.connect(lambda _: board.set_rows(model=str(self.model.currentData())))
        self.why = label("", "caption", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(
            Field(
                "Rows",
                "Which images are looked at",
                self.kinds,
                self.model,
                line(self.number, self.again, self.files, self.pin),
                self.why,
            )
        )
        board.changed.connect(self._on_changed)
        board.session.selection_changed.connect(self._count)
        board.session.pictures.changed.connect(self._count)
        self.refresh()

    def _on_changed(self, what: str) -> None:
        if what != "answers":
            self.refresh()

    def refresh(self) -> None:
        rows, session = self.board.plan.rows, self.board.session
        self.kinds.choose(rows.kind)
        paints = self.board.settings.show == "reconstruction"
        self.kinds.buttons["odd"].setVisible(paints or rows.kind == "odd")
        self.kinds.buttons["kept"].setVisible(rows.kind == "kept")
        with QSignalBlocker(self.number):
            self.number.setValue(rows.number)
        self.again.setVisible(rows.kind in ("random", "odd"))
        self.number.setVisible(rows.kind != "files")
        self.files.setVisible(rows.kind == "files")
        self.pin.setEnabled(bool(self.board.rows))
        predictions, result = session.predictions, session.result
        self.model.setVisible(rows.kind == "misses" and predictions is not None and result is not None)
        if predictions is not None and result is not None:
            titles = titles_of(result, session.catalogue)
            if [self.model.itemData(at) for at in range(self.model.count())] != list(predictions.models):
                self.model.clear()
                for name in predictions.models:
                    self.model.addItem(titles.get(name, name), name)
            self.model.setCurrentIndex(max(self.model.findData(rows.model), 0))
        self._count()
        reading = rows.kind == "odd" and self.board.waiting
        told = (
            f"Painting {len(self.board.asked_ids)} images to find the worst…"
            if reading
            else _gone(self.board)
        )
        self.why.setText(told)
        self.why.setVisible(bool(told))

    def _count(self) -> None:
        session = self.board.session
        for kind, number in (("picked", len(session.selected)), ("files", len(session.pictures.pictures))):
            word, tip = KINDS[kind]
            self.kinds.set_word(kind, f"{word} {number:,}" if number else word, tip)

    def _on_kind(self, kind: str) -> None:
        if kind == "picked":
            self.board.pick()
        elif kind == "files":
            self.board.show_files()
        else:
            self.board.set_rows(kind=kind)


def _gone(board: Board) -> str:
    """Which files of the board can't be shown any more; "" where all are there."""
    told = [f"{printable(Path(each.path).name)}: {each.reason}" for each in board.gone[:GONE]]
    more = [f"And {len(board.gone) - GONE} more."] if len(board.gone) > GONE else []
    return "\n".join([*told, *more])
