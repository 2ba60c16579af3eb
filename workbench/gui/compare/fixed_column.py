"""The first column of a table, kept in sight while the table is moved sideways."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView

COLUMN = 0
LINE = 1  # px, at its right side


class FixedColumn(QTableView):
    """Lies over its table where that is wider than its room. It shares the table's rows, choice, painter and menu, so
    that whatever is done to a name is done to the table."""

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table
        self.setObjectName("fixed_column")  # for the style sheet: nothing shows through
        self.setModel(table.model())
        self.setSelectionModel(table.selectionModel())
        self.setItemDelegate(table.itemDelegate())
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(table.selectionBehavior())
        self.setSelectionMode(table.selectionMode())
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(table.verticalScrollMode())
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setFocusProxy(table)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(table.verticalHeader().defaultSectionSize())
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionsClickable(True)
        header.sectionClicked.connect(lambda _: self._sort())
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.verticalScrollBar().valueChanged.connect(table.verticalScrollBar().setValue)
        table.verticalScrollBar().valueChanged.connect(self.verticalScrollBar().setValue)
        table.horizontalScrollBar().rangeChanged.connect(lambda *_: self.lay_out())
        table.viewport().installEventFilter(self)
        self.hide()

    def lay_out(self) -> None:
        """As wide as the table's own, and there only where the table can be moved."""
        table, own, header = self._table, self.horizontalHeader(), self._table.horizontalHeader()
        for column in range(self.model().columnCount()):
            self.setColumnHidden(column, column != COLUMN)
        self.setColumnWidth(COLUMN, table.columnWidth(COLUMN))
        own.setFixedHeight(header.height())
        corner = header.mapTo(table, QPoint(0, 0))
        height = header.height() + table.viewport().height()
        self.setGeometry(corner.x(), corner.y(), table.columnWidth(COLUMN) + LINE, height)
        self.setVisible(table.horizontalScrollBar().maximum() > 0)
        self.verticalScrollBar().setValue(table.verticalScrollBar().value())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.lay_out()
        return False

    def _sort(self) -> None:
        """As a click on the table's own head does it."""
        header = self._table.horizontalHeader()
        up, down = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
        same = header.sortIndicatorSection() == COLUMN
        header.setSortIndicator(COLUMN, down if same and header.sortIndicatorOrder() == up else up)
