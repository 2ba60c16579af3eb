"""A table of its own for backbones that learnt from the labels, apart from the probes and never ranked with them."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QMenu, QScrollArea, QTableView, QWidget

from workbench.gui.background import Background
from workbench.gui.commands import Commands
from workbench.gui.compare.run_command import POINT
from workbench.gui.file_manager import show_in_file_manager
from workbench.gui.finetune.rows import HEADS, Column, FinetuneModel, FinetuneRow, read_rows
from workbench.gui.finetune.run_command import FINETUNE, register_finetune
from workbench.gui.session import Session
from workbench.gui.theme import font_of
from workbench.gui.widgets.buttons import button, command_button
from workbench.gui.widgets.cards import Card
from workbench.records.finetunes import NOT_RANKED
from workbench.records.text import printable

TITLE, ASIDE = "Fine-tuned", "not ranked with probes"
ROW_HEIGHT, HEAD_HEIGHT, MARGIN = 32, 34, 10  # px
ROWS, ROWS_IN_ROOM, ROOMY = 2, 5, 900  # rows at once, more scroll; rows in a window from so many px of height
# Who loses width where there is too little, and how little it may have; who gets what is left over.
FLEXIBLE = {Column.LEARNT: 140, Column.BACKBONE: 120, Column.EPOCHS: 70}
SHARES = {Column.BACKBONE: 1, Column.LEARNT: 2, Column.EPOCHS: 1}


class FinetunedCard(Card):
    """Hidden while the project has no finished fine-tune. Put it into a place; it follows the session by itself."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__(TITLE, ASIDE)
        self._session = session
        self._rows: list[FinetuneRow] = []
        self._background = Background(session)  # closed with it, and with the threads of the others
        register_finetune(session, commands, self)
        self.aside.set_tip(NOT_RANKED)
        self.model = FinetuneModel(self)
        self.table = FinetuneTable(self.model)
        self.table.doubleClicked.connect(lambda _: self.show_checkpoint())
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._on_chosen())
        self.table.customContextMenuRequested.connect(self._menu)
        self.show_button = button("Show checkpoint", self.show_checkpoint, kind="quiet", icon_name="folder")
        self.start_button = command_button(commands, FINETUNE)
        self.add_head(self.show_button)
        self.add_head(self.start_button)
        self.body.addWidget(self.table)
        session.finetunes_changed.connect(self.read)
        session.project_changed.connect(self.read)
        session.jobs_changed.connect(self.read_if_gone)
        session.result_changed.connect(self._show)
        session.backbones_changed.connect(self._show)
        session.dataset_changed.connect(self.start_button.refresh)
        self.hide()
        self.read()

    def read(self) -> None:
        """Read every finished fine-tune, in a thread."""
        project = self._session.project
        if project is None:
            self._adopt([])
            return
        self._background.run(
            lambda: read_rows(project),
            lambda rows: self._adopt(rows) if project is self._session.project else None,
            lambda error: self._session.message.emit("bad", str(error)),
        )

    def read_if_gone(self) -> None:
        """A run that was discarded, or brought back, changes the table."""
        if any(not row.folder.exists() for row in self._rows):
            self.read()

    def chosen(self) -> FinetuneRow | None:
        row = self.table.currentIndex().row()
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def show_checkpoint(self) -> None:
        """Open the folder of the chosen row's weights."""
        row = self.chosen()
        if row is not None:
            sentence = show_in_file_manager(row.checkpoint / "config.json")
            if sentence:
                self._session.message.emit("warn", sentence)

    def copy_path(self) -> None:
        row = self.chosen()
        if row is not None:
            QGuiApplication.clipboard().setText(str(row.checkpoint))
            self._session.message.emit("info", f"Copied: {printable(str(row.checkpoint))}")

    def menu(self) -> QMenu:
        """Of the chosen row."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Show checkpoint", self.show_checkpoint)
        menu.addAction("Copy the checkpoint's path", self.copy_path)
        menu.addAction("Copy the table\tCtrl+C", self.table.copy)
        return menu

    def _menu(self, where: QPoint) -> None:
        if self.chosen() is not None:
            self.menu().popup(self.table.viewport().mapToGlobal(where))

    def _adopt(self, rows: list[FinetuneRow]) -> None:
        self._rows = rows
        self._show()

    def _show(self) -> None:
        result = self._session.result
        titles = {facts.id: facts.title for facts in self._session.catalogue}
        kept = max(self.table.currentIndex().row(), 0)
        self.model.show_rows(self._rows, result.split_hashes if result else (), titles)
        self.setVisible(bool(self._rows))
        if self._rows:
            self.table.setCurrentIndex(self.model.index(min(kept, len(self._rows) - 1), 0))
        self.table.fit()
        self._on_chosen()
        self._mark()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._mark()

    def _mark(self) -> None:
        """Choose the run that another place points at, once, and bring it into sight."""
        wanted = str(self._session.recall(POINT, ""))
        place = next((at for at, row in enumerate(self._rows) if row.folder.name == wanted), None)
        if place is None or not self.isVisible():
            return
        self._session.remember(POINT, "")
        self.table.setCurrentIndex(self.model.index(place, 0))
        self.table.setFocus()
        QTimer.singleShot(0, self, self._bring_into_sight)  # once everything has its place

    def _bring_into_sight(self) -> None:
        self.table.scrollTo(self.table.currentIndex())
        above = self.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if above is not None:
            above.ensureWidgetVisible(self)

    def _on_chosen(self) -> None:
        self.show_button.setEnabled(self.chosen() is not None)


class FinetuneTable(QTableView):
    """One row selected at a time; Ctrl+C copies the table."""

    def __init__(self, model: FinetuneModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._finetunes = model
        self.setModel(model)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setFixedHeight(HEAD_HEIGHT)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setAccessibleName("Fine-tuned backbones, not ranked with probes")

    def fit(self) -> None:
        """As high as its rows, or as many as are shown at once; every column as wide as the room allows."""
        most = ROWS_IN_ROOM if self.window().height() >= ROOMY else ROWS
        rows = min(max(self._finetunes.rowCount(), 1), most)
        self.setFixedHeight(HEAD_HEIGHT + rows * ROW_HEIGHT + 2)
        metrics = QFontMetrics(font_of())
        widths = {
            column: max(
                metrics.horizontalAdvance(HEADS[column]) + 2 * MARGIN,
                self.sizeHintForColumn(column) + MARGIN,
            )
            for column in Column
        }
        spare = self.viewport().width() - sum(widths.values())
        if spare > 0:
            for column, share in SHARES.items():
                widths[column] += spare * share // sum(SHARES.values())
        for column, least in FLEXIBLE.items():
            lost = min(max(widths[column] - least, 0), max(-spare, 0))
            widths[column] -= lost
            spare += lost
        for column, width in widths.items():
            self.setColumnWidth(column, width)

    def sizeHint(self) -> QSize:
        return QSize(900, self.height())

    def text(self) -> str:
        """The table as tab-separated lines, for a spreadsheet or a mail."""
        model = self._finetunes
        lines = ["\t".join(HEADS[column] for column in Column)]
        for row in range(model.rowCount()):
            lines.append("\t".join(str(model.index(row, column).data()) for column in Column))
        return "\n".join(lines)

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)
