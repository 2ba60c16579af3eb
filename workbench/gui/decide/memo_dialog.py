"""The author's own words for each section of the memo, and which saved boards it shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.plain_text import menu_text
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import label
from workbench.records.case import BOARDS, SECTIONS, Case
from workbench.records.text import printable

ROW_HEIGHT = 26  # px, of a section in the list
HINT = (
    "Plain text; an empty line begins a paragraph. {{key}} stands for a number of the memo, which stays bound to its "
    "run: the appendix of a memo lists the keys."
)
PICTURES = "Boards (*.png)"


def boards_of(project: Path, chosen: tuple[str, ...]) -> list[str]:
    """Pictures in the project's folder of boards, and those that were chosen before; relative to the project."""
    folder = project / BOARDS
    found = (
        sorted(path.relative_to(project).as_posix() for path in folder.glob("*.png"))
        if folder.is_dir()
        else []
    )
    return [*chosen, *(name for name in found if name not in chosen)]


class MemoDialog(QDialog):
    """Calls `say` with `prose` and `boards` when accepted."""

    def __init__(
        self, case: Case, project: Path, say: Callable[..., None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("The memo in your own words")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 560)
        self._project, self._say = project, say
        self._prose = {key: case.prose.get(key, "") for key in SECTIONS}
        self.sections = QListWidget()
        self.sections.setAccessibleName("Sections of the memo")
        self.sections.setFixedWidth(150)
        self.text = QPlainTextEdit()
        self.text.setAccessibleName("Your own words")
        self.text.setPlaceholderText(
            "Nothing of your own yet. What the numbers say stands below it in any case."
        )
        self.text.setTabChangesFocus(True)
        self.boards: dict[str, QCheckBox] = {}  # by the board's path in the project
        self._list = QWidget()
        self._boards = QVBoxLayout(self._list)
        self._boards.setContentsMargins(0, 0, 0, 0)
        self._boards.setSpacing(4)
        self._boards.addStretch(1)
        for key in SECTIONS:
            item = QListWidgetItem()
            item.setSizeHint(QSize(0, ROW_HEIGHT))
            self.sections.addItem(item)
            self._mark(key)
        for name in boards_of(project, case.boards):
            self._add_board(name, name in case.boards)
        self.none = label(
            "No board is kept for the memo. “Add to memo” in Inspect puts one here.",
            "dim",
            wrap=True,
        )
        self._lay_out()
        self._shown = ""
        self.sections.currentRowChanged.connect(lambda row: self._show(list(SECTIONS)[row]))
        self.sections.setCurrentRow(0)
        self.text.textChanged.connect(self._keep)
        self.text.setFocus()

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(12)
        middle.addWidget(self.sections)
        middle.addWidget(self.text, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(button("Cancel", self.reject))
        self.keep_button = button("Keep", self.accept, kind="primary")
        self.keep_button.setDefault(True)
        row.addWidget(self.keep_button)
        head = QHBoxLayout()
        head.addWidget(label("Boards that it shows", "strong"))
        head.addStretch(1)
        head.addWidget(button("Add a saved board…", self.add_board, kind="link"))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(8)
        outer.addLayout(middle, 1)
        outer.addWidget(label(HINT, "caption", wrap=True))
        outer.addLayout(head)
        outer.addWidget(self.none)
        self._scroll = QScrollArea()
        self._scroll.setWidget(self._list)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setMaximumHeight(112)
        outer.addWidget(self._scroll)
        outer.addLayout(row)
        self._show_boards()

    # Own words

    def _show(self, key: str) -> None:
        self._shown = ""
        self.text.setPlainText(self._prose[key])
        self._shown = key

    def _keep(self) -> None:
        if self._shown:
            self._prose[self._shown] = self.text.toPlainText()
            self._mark(self._shown)

    def _mark(self, key: str) -> None:
        """A point behind a section that has words."""
        said = bool(self._prose[key].strip())
        self.sections.item(list(SECTIONS).index(key)).setText(SECTIONS[key] + ("  ●" if said else ""))

    # Boards

    def _add_board(self, name: str, chosen: bool) -> None:
        made = QCheckBox(menu_text(name))
        made.setAccessibleName(f"Show the board {printable(name)}")
        made.setChecked(chosen)
        self.boards[name] = made
        self._boards.insertWidget(self._boards.count() - 1, made)

    def _show_boards(self) -> None:
        self._scroll.setVisible(bool(self.boards))
        self.none.setVisible(not self.boards)

    def add_board(self) -> None:
        """Ask for a picture; one from elsewhere is copied into the project, so that it goes where the memo goes."""
        chosen, _ = QFileDialog.getOpenFileName(self, "Add a saved board", str(self._project), PICTURES)
        if chosen:
            self.take_board(Path(chosen))

    def take_board(self, path: Path) -> None:
        if not path.resolve().is_relative_to(self._project.resolve()):
            path = self._copied(path)
        name = path.resolve().relative_to(self._project.resolve()).as_posix()
        if name in self.boards:
            self.boards[name].setChecked(True)
        else:
            self._add_board(name, True)
        self._show_boards()

    def _copied(self, path: Path) -> Path:
        """In the project; under another name where one of that name says something else."""
        kept, number = self._project / BOARDS / path.name, 1
        while kept.exists() and kept.read_bytes() != path.read_bytes():
            number += 1
            kept = kept.with_name(f"{path.stem}-{number}{path.suffix}")
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, kept)
        return kept

    def accept(self) -> None:
        boards = tuple(name for name, made in self.boards.items() if made.isChecked())
        prose = {key: text.strip() for key, text in self._prose.items() if text.strip()}
        self._say(prose=prose, boards=boards)
        super().accept()
