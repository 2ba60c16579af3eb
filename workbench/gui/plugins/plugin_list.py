"""The plugins one under the other: name and version, what it brings, and a word for how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from workbench.gui.compare.delegate import draw_chip
from workbench.gui.plain_text import plain
from workbench.gui.plugins.words import HELP, brings, state_chip
from workbench.gui.theme import current_theme, font_of
from workbench.plugins import Plugin
from workbench.records.text import printable

AnyIndex = QModelIndex | QPersistentModelIndex
ROW_HEIGHT, MARGIN = 48, 8  # px
CHIP_SPACE = 24  # px, a chip's own margins and the gap before it
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
PLUGIN_ROLE = int(Qt.ItemDataRole.UserRole) + 1


class PluginModel(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Plugin, ...] = ()

    def show_rows(self, rows: Sequence[Plugin]) -> None:
        self.beginResetModel()
        self.rows = tuple(rows)
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        one = self.rows[index.row()]
        if role == PLUGIN_ROLE:
            return one
        word, _ = state_chip(one)
        if role == Qt.ItemDataRole.DisplayRole:  # what a screen reader says
            return f"{title_of(one)}, {word}, {second_line(one)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(f"{title_of(one)}: {word}. {one.error or HELP[word]}")
        return None


class PluginList(QListView):
    """`chosen` comes with the place of the row that is the current one now."""

    chosen = Signal(int)

    def __init__(self, model: PluginModel) -> None:
        super().__init__()
        self._plugins = model
        self.setModel(model)
        self.setItemDelegate(_Delegate(self))
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName("Plugins")
        self.selectionModel().currentChanged.connect(lambda now, _: self.chosen.emit(now.row()))

    def go_to(self, name: str) -> None:
        """Make the plugin of that name the current one, or the first where there is none."""
        names = [one.name for one in self._plugins.rows]
        if names:
            self.setCurrentIndex(self._plugins.index(names.index(name) if name in names else 0))


class _Delegate(QStyledItemDelegate):
    """Two lines, the word at the right."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        one: Plugin = index.data(PLUGIN_ROLE)
        theme = current_theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(option.rect)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.fillRect(whole, theme.colour("accent_on"))
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(
            QPointF(whole.left(), whole.bottom() - 0.5), QPointF(whole.right(), whole.bottom() - 0.5)
        )
        word, severity = state_chip(one)
        area = whole.adjusted(MARGIN, 5, -MARGIN, -5)
        chip = _width(word, 12) + CHIP_SPACE
        draw_chip(painter, area.right() - chip + 8, whole.center().y(), word, severity, chosen=chosen)
        room = area.width() - chip - 4
        upper = QRectF(area.left(), area.top(), room, area.height() / 2)
        name = QFontMetricsF(font_of("semibold")).elidedText(
            printable(one.name), Qt.TextElideMode.ElideMiddle, room
        )
        painter.setFont(font_of("semibold"))
        painter.setPen(theme.colour("text"))
        painter.drawText(upper, _LEFT, name)
        taken = QFontMetricsF(font_of("semibold")).horizontalAdvance(name) + 8
        painter.setFont(font_of())
        painter.setPen(theme.colour("dim"))
        painter.drawText(upper.adjusted(taken, 0, 0, 0), _LEFT, _version(one))
        painter.setFont(font_of("regular", 12))
        lower = QRectF(area.left(), upper.bottom(), room, area.height() / 2)
        told = QFontMetricsF(font_of("regular", 12)).elidedText(
            second_line(one), Qt.TextElideMode.ElideRight, room
        )
        painter.drawText(lower, _LEFT, told)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return QSize(200, ROW_HEIGHT)


def title_of(one: Plugin) -> str:
    return f"{printable(one.name)} {_version(one)}".strip()


def second_line(one: Plugin) -> str:
    """What it brings by name, or what keeps it from being read."""
    manifest = one.found.manifest
    if manifest is None:
        return one.error
    names = ", ".join(name for kind in manifest.provides for name in manifest.names(kind))
    return f"{brings(manifest.provides)}: {names}"


def _version(one: Plugin) -> str:
    return one.found.manifest.version if one.found.manifest else ""


def _width(text: str, size: int) -> float:
    return QFontMetricsF(font_of("regular", size)).horizontalAdvance(text)
