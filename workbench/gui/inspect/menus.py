"""The menus of a board: its models, how large they get the images, boards that are kept, what a row can be told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from workbench.gui.commands import Commands
from workbench.gui.compare.run_command import go
from workbench.gui.inspect.board import Board
from workbench.gui.plain_text import menu_text
from workbench.gui.widgets.buttons import menu_button
from workbench.records.boards import (
    FILE,
    BoardPlan,
    Rows,
    load_boards,
    outside_file,
    save_boards,
    with_board,
    without_board,
)
from workbench.records.catalogue import PLUGIN, PRETRAINED_HERE, gives_patches
from workbench.records.text import count

BLIND = "Its plugin gives one vector of a picture and no patches, so there is nothing to look at"
LISTED = 40  # models of a menu; more are found under Models
SIZES = (224, 336, 448, 672)  # px: patches of 14 and of 16 px tile them
INPUT_TIP = (
    "Side of the square that every model gets, or the nearest that its patches tile. Larger shows finer maps; twice "
    "the side takes four to sixteen times as long."
)


class ModelsMenu(QObject):
    """Every model on this machine, with a mark on those that are columns."""

    def __init__(self, board: Board, commands: Commands) -> None:
        super().__init__(board)
        self.board, self.commands = board, commands
        self.menu = QMenu()
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self.fill)
        self.button = menu_button("Models", self.menu, tip="Choose which models are the columns")

    def fill(self) -> None:
        board, session = self.board, self.board.session
        self.menu.clear()
        here = [facts for facts in session.catalogue if facts.available]
        own = [facts for facts in here if facts.source == PRETRAINED_HERE]
        public = [facts for facts in here if facts.source != PRETRAINED_HERE]
        listed = {facts.id for facts in here}
        blind = {facts.id for facts in here if facts.source == PLUGIN and not gives_patches(facts)}
        others = [(column.model, column.title) for column in board.columns if column.model not in listed]
        others += [
            (choice.backbone, session.title_of(choice.backbone))
            for choice in session.settings.chosen
            if choice.backbone not in {*listed, *board.models}
            and not any(facts.id == choice.backbone for facts in session.catalogue)
        ]
        for title, found in (
            ("Pretrained here", [(facts.id, facts.title) for facts in own[:LISTED]]),
            ("On this machine", [(facts.id, facts.title) for facts in public[:LISTED]]),
            ("Others", others),
        ):
            if found:
                _section(self.menu, title)
            for model, name in found:
                action = self.menu.addAction(menu_text(name))
                action.setCheckable(True)
                action.setChecked(model in board.models)
                if model in blind:
                    action.setEnabled(model in board.models)  # to be taken out again
                    action.setToolTip(BLIND)
                action.triggered.connect(lambda _, model=model: self.toggle(model))
        self.menu.addSeparator()
        back = self.menu.addAction("Those of the comparison", lambda: board.set_models(None))
        back.setEnabled(board.plan.models is not None)
        self.menu.addAction("More models…", lambda: go(self.commands, "models"))

    def toggle(self, model: str) -> None:
        models = self.board.models
        self.board.set_models(
            [each for each in models if each != model] if model in models else [*models, model]
        )


class InputMenu(QObject):
    """How large every model gets the images; the button says what is chosen."""

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self.board = board
        self.menu = QMenu()
        self.menu.aboutToShow.connect(self.fill)
        self.button = menu_button("Input", self.menu, tip=INPUT_TIP)
        board.changed.connect(lambda _: self._show())
        self._show()

    def fill(self) -> None:
        size = self.board.settings.image_size
        self.menu.clear()
        for each in (0, *sorted({*SIZES, size} - {0})):
            action = self.menu.addAction(f"{each} px" if each else "Each model's own size")
            action.setCheckable(True)
            action.setChecked(each == size)
            action.triggered.connect(lambda _, each=each: self.board.set(image_size=each))

    def _show(self) -> None:
        size = self.board.settings.image_size
        self.button.setText(f"{f'Input {size} px' if size else 'Input'} ▾")


class BoardsMenu(QObject):
    """Boards that the project keeps: a small file, read when the menu opens."""

    def __init__(self, board: Board, owner: QWidget) -> None:
        super().__init__(board)
        self.board, self.owner = board, owner
        self.menu = QMenu()
        self.menu.aboutToShow.connect(self.fill)
        self.button = menu_button("Boards", self.menu, tip="Keep this board under a name, or open one again")

    @property
    def path(self) -> Path | None:
        project = self.board.session.project
        return project.folder / FILE if project is not None else None

    def boards(self) -> tuple[BoardPlan, ...]:
        """None, and a word on it, where the file can't be read."""
        if self.path is None:
            return ()
        try:
            return load_boards(self.path)
        except ValueError as error:
            self.board.session.message.emit("bad", str(error))
            return ()

    def fill(self) -> None:
        self.menu.clear()
        keep = self.menu.addAction("Keep this board…", self.ask_name)
        keep.setEnabled(bool(self.board.rows and self.board.columns))
        boards = self.boards()
        if not boards:
            return
        _section(self.menu, "Open")
        for kept in reversed(boards):
            rows = count(len({*kept.rows.ids, *kept.pinned}), "image")
            self.menu.addAction(menu_text(f"{kept.name} · {rows}"), partial(self.board.show_plan, kept))
        gone = self.menu.addMenu("Delete")
        for kept in reversed(boards):
            gone.addAction(menu_text(kept.name), partial(self.delete, kept.name))

    def ask_name(self) -> None:
        name, accepted = QInputDialog.getText(self.owner, "Keep this board", "Name of the board")
        if accepted and name.strip():
            self.keep(name.strip())

    def keep(self, name: str) -> None:
        """Models, images and settings as they are now, in place of another board of that name."""
        board, plan = self.board, self.board.plan
        ids = tuple(each for each in board.rows if each not in plan.pinned)
        rows = Rows(kind="kept", number=max(len(ids), 1), ids=ids)
        made = BoardPlan(
            models=board.models,
            rows=rows,
            pinned=plan.pinned,
            settings=plan.settings,
            panel=plan.panel,
            query_image=plan.query_image,
        )
        self._write(with_board(self.boards(), made, name), f"The board {name} is kept.")

    def delete(self, name: str) -> None:
        self._write(without_board(self.boards(), name), f"The board {name} was deleted.")

    def _write(self, boards: tuple[BoardPlan, ...], told: str) -> None:
        session = self.board.session
        if self.path is None:
            return
        try:
            if self.path.exists():
                load_boards(self.path)  # one that can't be read isn't written over
            save_boards(self.path, boards)
        except (OSError, ValueError) as error:
            session.message.emit("bad", str(error))
        else:
            session.message.emit("info", told)


def _section(menu: QMenu, title: str) -> None:
    """A line and a title: the style draws none for `addSection`."""
    if not menu.isEmpty():
        menu.addSeparator()
    menu.addAction(title).setEnabled(False)


def cell_menu(
    owner: QWidget,
    board: Board,
    row: int,
    column: int,
    at: QPoint,
    look: Callable[[int], None],
    neighbours: Callable[[str], None],
) -> QMenu:
    """What can be done with a row, or with a model where `row` is -1.

    `look(row)` shows an image large, `neighbours(id)` what lies nearest to it.
    """
    menu = QMenu(owner)
    if row < 0:
        if column > 0:
            model = board.models[column - 1]
            menu.addAction(
                "Take this model off the board",
                lambda: board.set_models([each for each in board.models if each != model]),
            )
            _moves(menu, board, column - 1)
    else:
        identifier = board.rows[row]
        pinned = identifier in board.plan.pinned
        menu.addAction("Let this row go" if pinned else "Pin this row\tP", lambda: board.pin(identifier))
        menu.addAction("Show the image large\tSpace", lambda: look(row))
        menu.addAction("Show its neighbours", lambda: neighbours(identifier))
        if outside_file(identifier) is None:
            menu.addAction("Select this image", lambda: board.session.select([identifier]))
    if not menu.isEmpty():
        menu.popup(at)
    return menu


def _moves(menu: QMenu, board: Board, place: int) -> None:
    for title, to in (("Move it to the left", place - 1), ("Move it to the right", place + 1)):
        models = list(board.models)
        action = menu.addAction(title)
        if 0 <= to < len(models):
            models[place], models[to] = models[to], models[place]
            action.triggered.connect(lambda _=False, models=models: board.set_models(models))
        else:
            action.setEnabled(False)
