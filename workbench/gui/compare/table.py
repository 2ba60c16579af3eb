"""The comparison's table on the screen: columns that share the room, the keys, and the menu of a row."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QMenu, QTableView, QWidget

from workbench.gui.compare.delegate import MARGIN, ROW_HEIGHT, ComparisonDelegate
from workbench.gui.compare.fixed_column import FixedColumn
from workbench.gui.compare.table_model import ROW_ROLE, Column, ComparisonFilter, ComparisonModel
from workbench.gui.theme import font_of
from workbench.records.tables import Row

HEAD_HEIGHT, TALL_HEAD = 34, 44  # px, of one and of two lines
AXIS_FROM = 220  # px, the width from which the interval's head tells its axis
ROWS_AT_ONCE = 8  # the table asks for the height of so many at the most; more scroll
# Who gets what is left over, in shares.
SHARES = {Column.MODEL: 1, Column.INTERVAL: 3, Column.DIFFERENCE: 6}
LEAST_MISSED = (Column.SEEDS, Column.INPUT)  # hidden in this order where the window is too narrow for all
FLEXIBLE_MINIMUM = {Column.MODEL: 148, Column.INTERVAL: 102}
TIGHT_MODEL = 200  # px, beside columns of plugins, where the table then needn't be moved
LEAST_MODEL = 232  # px, where it has to be moved anyway


class ComparisonTable(QTableView):
    """One row selected at a time; B pins it as the baseline, Ctrl+C copies the table."""

    model_chosen = Signal(str)  # name of the model in the current row
    pin_asked = Signal(str)
    copy_asked = Signal()
    menu_wanted = Signal(str, QMenu)  # a row's menu opens: others add to it

    def __init__(self, model: ComparisonModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.comparison = model
        self.filter = ComparisonFilter(self)
        self.filter.setSourceModel(model)
        self.setModel(self.filter)
        self.setItemDelegate(ComparisonDelegate(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        # The words carry the mark (see headerData); the style's own would lie over them.
        header.setStyleSheet(
            "QHeaderView::up-arrow, QHeaderView::down-arrow { image: none; width: 0; height: 0; }"
        )
        header.sortIndicatorChanged.connect(model.show_order)
        header.setSortIndicatorClearable(False)
        self.setSortingEnabled(True)
        self.sortByColumn(Column.PROBE, Qt.SortOrder.DescendingOrder)
        self.setAccessibleName("Comparison")
        self.setAccessibleDescription(
            "One row a model. B pins the row as the baseline, Ctrl+C copies the table."
        )
        self.fixed = FixedColumn(self)
        self.fixed.customContextMenuRequested.connect(self._open_menu)
        self.filter.modelReset.connect(self.lay_out)

    def chosen(self) -> str:
        """Name of the model in the current row, "" without one."""
        row: Row | None = self.currentIndex().data(ROW_ROLE)
        return row.name if row else ""

    def choose(self, name: str) -> bool:
        """Make the model's row the current one; False where it isn't shown."""
        for i, row in enumerate(self.filter.shown()):
            if row.name == name:
                if name != self.chosen():
                    self.setCurrentIndex(self.filter.index(i, max(self.currentIndex().column(), 0)))
                return True
        return False

    def wanted_height(self) -> int:
        """For all rows, or as many as are shown at once."""
        rows = min(max(self.filter.rowCount(), 1), ROWS_AT_ONCE)
        bar = self.horizontalScrollBar()
        return self.head_height + rows * ROW_HEIGHT + 2 + (bar.sizeHint().height() if bar.maximum() else 0)

    @property
    def head_height(self) -> int:
        two = any(len(self.comparison.words(column)) > 1 for column in range(self.comparison.columnCount()))
        return TALL_HEAD if two else HEAD_HEIGHT

    def sizeHint(self) -> QSize:
        return QSize(900, self.wanted_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(400, self.head_height + 2 * ROW_HEIGHT)

    def lay_out(self) -> None:
        """Every column as wide as its content, what is left to those that gain from it.

        What plugins say stands beside probe and k-NN; where that doesn't fit, the table can be moved sideways, and
        the models' names stay.
        """
        self.horizontalHeader().setFixedHeight(self.head_height)
        header, after = self.horizontalHeader(), self.horizontalHeader().visualIndex(Column.KNN)
        for place, column in enumerate(range(len(Column), self.comparison.columnCount()), after + 1):
            header.moveSection(header.visualIndex(column), place)
        metrics = QFontMetrics(font_of())
        widths: dict[int, int] = {}
        for column in range(self.comparison.columnCount()):
            words = self.comparison.words(column)
            head = max(metrics.horizontalAdvance(f"{line} ↓") for line in words) + 2 * MARGIN + 2
            widths[column] = max(head, self.sizeHintForColumn(column))
        room = self.viewport().width()
        floors = dict(FLEXIBLE_MINIMUM)
        if self.comparison.extra:
            floors[Column.MODEL] = TIGHT_MODEL
            kept = {column: width for column, width in widths.items() if column not in LEAST_MISSED}
            if sum(min(width, floors.get(column, width)) for column, width in kept.items()) > room:
                floors[Column.MODEL] = LEAST_MODEL
        for column in LEAST_MISSED:
            least = sum(min(width, floors.get(kept, width)) for kept, width in widths.items())
            self.setColumnHidden(column, least > room)
            if least > room:
                del widths[column]
        spare = room - sum(widths.values())
        if spare >= 0:
            shares = sum(SHARES.values())
            for column, share in SHARES.items():
                widths[column] += spare * share // shares
        else:
            for column, floor in floors.items():
                given = min(widths[column] - floor, -spare)
                if given > 0:
                    widths[column] -= given
                    spare += given
        self.comparison.show_axis(widths[Column.INTERVAL] >= AXIS_FROM)
        for column, width in widths.items():
            self.setColumnWidth(column, width)
        self.fixed.lay_out()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.lay_out()

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        super().selectionChanged(selected, deselected)
        name = self.chosen()
        if name and selected.count():
            self.model_chosen.emit(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_asked.emit()
        elif event.key() == Qt.Key.Key_B and not event.modifiers() and self.chosen():
            self.pin_asked.emit(self.chosen())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            self._open_menu(event.pos())
        elif self.chosen():
            box = self.visualRect(self.currentIndex())
            self.menu().popup(
                self.viewport().mapToGlobal(box.bottomLeft() if box.isValid() else QPoint(0, 0))
            )

    def _open_menu(self, place: QPoint) -> None:
        """Of the row at a place of the viewport, or of the column that lies over its left end."""
        at = self.indexAt(place)
        if at.isValid():
            self.setCurrentIndex(at)
        if self.chosen():
            self.menu().popup(self.viewport().mapToGlobal(place))

    def menu(self) -> QMenu:
        """The menu of the current row."""
        name = self.chosen()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Pin as baseline\tB", lambda: self.pin_asked.emit(name))
        self.menu_wanted.emit(name, menu)
        return menu
