"""The board: the same images as several models see them, with one control column for all cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.background import Background
from workbench.gui.commands import Command, Commands
from workbench.gui.guarded import guarded
from workbench.gui.inspect.board import Board
from workbench.gui.inspect.canvas import BoardCanvas
from workbench.gui.inspect.controls import Controls
from workbench.gui.inspect.empty import BoardAwaited, why_empty
from workbench.gui.inspect.fields import WIDTH
from workbench.gui.inspect.look import Look
from workbench.gui.inspect.menus import BoardsMenu, InputMenu, ModelsMenu, cell_menu
from workbench.gui.inspect.rows_panel import RowsPanel
from workbench.gui.inspect.saving import PICTURES, memo_saver, saver, why_not_save
from workbench.gui.outside_files import choose_files, dropped
from workbench.gui.outside_notice import OutsideNotice
from workbench.gui.session import Session
from workbench.gui.widgets.buttons import CommandButton
from workbench.gui.widgets.cards import Card, NoticeBar
from workbench.gui.widgets.labels import Chip, label
from workbench.gui.widgets.quick_look import Item, QuickLook
from workbench.records.boards import outside_file
from workbench.records.inspection import PLUGGED
from workbench.records.methods import asked_by_name
from workbench.records.sight_words import asked_words
from workbench.records.text import count, printable

HEADINGS = {
    "attention": "What the models look at",
    "reconstruction": "How the models fill the gaps",
    "patch-pca": "What the models tell apart",
    "likeness": "What is the same to the models",
    "segments": "How the models divide images",
}
HOW = "Images by models. Wheel and drag move all maps."
FOR_LOOKING = (
    "A map shows where a model looks, not whether it separates your classes. The probe above each column "
    "decides."
)
BRIGHTNESS = {
    "guessed": "This model learnt structure without brightness: brightness and contrast of what it paints are "
    "guessed from the patches around.",
    "own": "Painted patches have the true picture's brightness and contrast: that looks better than the model is.",
}
SAVE, TO_MEMO = "inspect.save", "inspect.memo"


class BoardPage(QWidget):
    """Ties the parts of the board together; only a page in sight asks models.

    `head_told` brings heading and caption, `head_tools` are the buttons that stand beside them.
    """

    head_told = Signal(str, str)

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__()
        self.session, self.commands = session, commands
        self.board = Board(session, self)
        self.look = Look(self.board)
        self.canvas = BoardCanvas(self.board, self.look)
        self.controls, self.rows = Controls(self.board), RowsPanel(self.board)
        self.notice = NoticeBar()
        self.looking: QuickLook | None = None
        self._background = Background(session)  # closed with it
        self._selecting = False
        self._picks = False  # whether another selection waits to become the rows
        self._opens = False  # whether files that are being read will be the rows
        self._register()
        self.models_menu, self.boards_menu = ModelsMenu(self.board, commands), BoardsMenu(self.board, self)
        self.save_button = CommandButton(commands, SAVE, "Save as…")
        self.memo_button = CommandButton(commands, TO_MEMO, "Add to memo")
        self.input_menu = InputMenu(self.board)
        self.head_tools = (
            self.models_menu.button,
            self.input_menu.button,
            self.boards_menu.button,
            self.save_button,
            self.memo_button,
        )
        self._lay_out()
        self.board.changed.connect(self._on_changed)
        self.board.failed.connect(self._tell_failure)
        self.canvas.look_asked.connect(self._look)
        self.canvas.picked.connect(self._pick)
        self.canvas.menu_asked.connect(self._menu)
        self.canvas.box_drawn.connect(self.controls.add_box)
        self.controls.drawing_changed.connect(self.canvas.set_drawing)
        self.rows.pin_asked.connect(self._pin)
        self.rows.files_asked.connect(self.choose_files)
        session.pictures.changed.connect(self._on_pictures)
        session.selection_changed.connect(self._on_selection)
        session.dataset_changed.connect(self.refresh)
        session.brought_changed.connect(self.refresh)
        self.setAcceptDrops(True)
        self.refresh()

    def _lay_out(self) -> None:
        frame = QFrame()
        frame.setProperty("card", True)
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(2, 2, 2, 2)
        inside.addWidget(self.canvas)
        self.empty = BoardAwaited(self.board, self.commands)
        self.stack = QStackedWidget()
        self.stack.addWidget(frame)
        self.stack.addWidget(self.empty)
        column = QWidget()
        lines = QVBoxLayout(column)
        lines.setContentsMargins(0, 0, 8, 0)
        lines.setSpacing(8)
        lines.addWidget(self.controls)
        lines.addWidget(self.rows)
        lines.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(column)
        card = Card()
        card.body.addWidget(scroll)
        card.setFixedWidth(WIDTH + 44)
        across = QHBoxLayout()
        across.setSpacing(12)
        across.addWidget(self.stack, 1)
        across.addWidget(card)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(12)
        outer.addWidget(self.notice)
        outer.addWidget(OutsideNotice(self.session.pictures))
        outer.addLayout(across, 1)
        strip = Card(margin=10)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(Chip("For looking", "undecided"), 0, Qt.AlignmentFlag.AlignTop)
        said = QVBoxLayout()
        said.setSpacing(2)
        said.addWidget(label(FOR_LOOKING, wrap=True))
        self.asked = label("", "caption", wrap=True)
        said.addWidget(self.asked)
        row.addLayout(said, 1)
        strip.body.addLayout(row)
        outer.addWidget(strip)

    def _register(self) -> None:
        made = (
            Command(
                id=SAVE,
                title="Save the board…",
                run=self.save,
                why_not=lambda: why_not_save(self.board),
                keys="Ctrl+S",
                help="As a PNG, PDF or SVG file, with what was asked and how to read it",
                place="inspect",
            ),
            Command(
                id=TO_MEMO,
                title="Add the board to the memo",
                run=self.add_to_memo,
                why_not=lambda: why_not_save(self.board),
                help="Keep a picture of the board in the project and show it in the memo of the decision",
                place="inspect",
            ),
            Command(
                id="inspect.keep",
                title="Keep this board under a name…",
                run=lambda: self.boards_menu.ask_name(),
                why_not=lambda: "" if self.board.rows and self.board.columns else "The board is empty.",
                help="Models, images and settings, to be opened again under Boards",
                place="inspect",
            ),
            Command(
                id="inspect.files",
                title="Look at pictures from files…",
                run=self._show_and_choose,
                why_not=self._why_no_files,
                help="Pictures that are not in the data set become the rows of the board",
                place="inspect",
            ),
            Command(
                id="inspect.rows_files",
                title="Show the pictures from files on the board",
                run=self.board.show_files,
                why_not=lambda: "" if self.session.pictures.pictures else "No pictures from files are open.",
                help="Those that were dropped or chosen last are its rows",
                place="inspect",
            ),
            Command(
                id="inspect.pin",
                title="Pin the row, or let it go",
                run=self._pin,
                why_not=lambda: "" if self.board.rows else "The board is empty.",
                help="A pinned row stays whatever images are chosen",
                place="inspect",
            ),
        )
        self.destroyed.connect(self.commands.add_all(made))

    # Showing

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._picks and self.board.plan.rows.kind == "picked":
            self.board.pick()
        self._picks = False
        self.board.set_active(True)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.board.remember()
        self.board.set_active(False)

    def _on_changed(self, what: str) -> None:
        if what == "rows" and self.looking is not None:
            self.looking.close()
        self.refresh()

    def refresh(self) -> None:
        reason = why_empty(self.board)
        if reason is not None:
            self.empty.show_reason(reason)
        self.stack.setCurrentIndex(int(reason is not None))
        settings, asker = self.board.settings, self.board.asker
        caption = HOW
        if self.board.waiting:
            caption = f"Looking: {asker.answered} of {count(asker.total, 'model')} answered."
        self.head_told.emit(self._heading(), caption)
        words = [asked_words(self.board.drawn_settings(), self.board.top)]
        kinds = {sight.statistics for sight in self.board.sights() if not sight.error}
        if settings.show == "reconstruction":
            words += [sentence for kind, sentence in BRIGHTNESS.items() if kind in kinds]
        self.asked.setText(" ".join(words))
        self.save_button.refresh()
        self.memo_button.refresh()
        if not self.board.why and not self.notice.isHidden():
            self.notice.hide()

    def _heading(self) -> str:
        settings = self.board.settings
        name = asked_by_name(settings.inspection)[0]
        facts = self.session.brought.inspection(name)
        return HEADINGS.get(settings.show) or printable(facts.title if facts is not None else name)

    def _tell_failure(self, sentence: str) -> None:
        self.notice.tell("bad", sentence, "Ask again", self.board.ask)

    # Pictures from files

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped(event) and not self._why_no_files():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.open_files(dropped(event))

    def choose_files(self) -> None:
        """Ask which; they become the rows."""
        self.open_files(choose_files(self, self.session, "Look at pictures"))

    def open_files(self, files: Sequence[Path]) -> None:
        """Make these files, and the images of these folders, the rows as soon as they are read."""
        if files:
            self._opens = True
            self.session.pictures.open(files)

    def _on_pictures(self) -> None:
        pictures = self.session.pictures
        if pictures.busy or not self._opens:
            return
        self._opens = False
        if pictures.newly_read:
            self.board.show_files()

    def _show_and_choose(self) -> None:
        self.commands.run("inspect.show_board")
        self.choose_files()

    def _why_no_files(self) -> str:
        return "" if self.session.project is not None else "Open a project or make a new one first."

    # Doing

    def _pick(self, identifier: str, add: bool) -> None:
        if outside_file(identifier) is not None:
            return  # it is in no other place of the window
        self._selecting = True  # the rows stay as they are
        selected = self.session.selected
        self.session.select(selected ^ {identifier} if add else [identifier])
        self._selecting = False

    def _on_selection(self) -> None:
        if self.board.plan.rows.kind == "picked" and not self._selecting:
            self._picks = not self.isVisible()
            if not self._picks:
                self.board.pick()
        self.canvas.viewport().update()

    def _pin(self) -> None:
        if self.board.rows:
            self.board.pin(self.board.rows[self.canvas.current[0]])

    def _menu(self, row: int, column: int, at: QPoint) -> None:
        cell_menu(self, self.board, row, column, at, self._look, self._ask_neighbours)

    def _ask_neighbours(self, identifier: str) -> None:
        """Show on the page beside what the models have nearest to the image of a row."""
        file = outside_file(identifier)
        self.commands.run("inspect.show_neighbours")
        if file is None:
            self.session.select([identifier])
        else:
            self.session.pictures.asked.emit(file)

    def _look(self, row: int) -> None:
        board = self.board
        known = row < len(board.rows) and all(board.image(each) is not None for each in board.rows)
        if self.looking is not None or not known:
            return

        def item(at: int) -> Item:
            identifier = board.rows[at]
            image, tile = board.image(identifier), self.look.tile(identifier)
            assert image is not None
            preview = tile.image if tile is not None else None
            return Item(image.file, image.told, preview, image.page, self.session.reading)

        def moved(at: int) -> None:
            self.canvas.set_current(at, self.canvas.current[1])

        self.looking = QuickLook(item, len(board.rows), row, moved, self._background, self)
        self.looking.finished.connect(self._looked)
        self.looking.open()

    def _looked(self) -> None:
        self.looking = None
        self.canvas.setFocus()

    def save(self) -> None:
        """Ask where to, then write in a thread."""
        folder = Path(self.session.recall("inspect.folder", str(Path.home())))
        settings = self.board.settings
        show = asked_by_name(settings.inspection)[0] if settings.show == PLUGGED else settings.show
        chosen, kind = QFileDialog.getSaveFileName(
            self, "Save the board", str(folder / f"{show}.png"), PICTURES
        )
        if not chosen:
            return
        path = Path(chosen)
        if not path.suffix:
            path = path.with_suffix(next((end for end in (".pdf", ".svg") if end in kind), ".png"))
        self.session.remember("inspect.folder", str(path.parent))
        self.write(path)

    def write(self, path: Path) -> None:
        """The ending of `path` says how."""
        reason = why_not_save(self.board)
        if reason:
            self.session.message.emit("warn", reason)
            return
        self._background.run(
            saver(self.board, self.look, path),
            lambda written: self.session.message.emit("info", f"Saved {printable(written.name)}."),
            lambda error: self.session.message.emit("bad", str(error)),
        )

    def add_to_memo(self) -> None:
        """Write a picture of the board into the project, in a thread, and let the memo show it."""
        project = self.session.project
        reason = why_not_save(self.board)
        if reason or project is None:
            self.session.message.emit("warn", reason or "Open a project or make a new one first.")
            return

        def added(written: Path) -> None:
            if project is not self.session.project:
                return
            guarded(self.session, lambda: self.session.decisions.show_board(written))
            told = f"Added to the memo as {printable(written.stem)}. Its boards stand under Decide."
            self.session.message.emit("info", told)

        self._background.run(
            memo_saver(self.board, self.look, project.folder),
            added,
            lambda error: self.session.message.emit("bad", str(error)),
        )
