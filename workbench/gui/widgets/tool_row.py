"""The tools over a place: a group at the left, one at the right, and that one below where both don't fit."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QWidget

SPACING = 8  # px


class ToolRow(QWidget):
    """As narrow as its wider group, and then two rows high."""

    def __init__(self) -> None:
        super().__init__()
        self.room: Callable[[], int] = (
            self.width
        )  # px that it could have: more where it stands beside something
        self._groups = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._groups.setContentsMargins(0, 0, 0, 0)
        self._groups.setSpacing(SPACING)
        self.left, self.right = QHBoxLayout(), QHBoxLayout()
        for group in (self.left, self.right):
            group.setSpacing(SPACING)
            self._groups.addLayout(group)
        self.left.addStretch(1)
        self.right.insertStretch(0, 0)
        self._groups.setStretch(0, 1)

    def add(self, widget: QWidget, *, right: bool) -> None:
        """At the end of its group."""
        if right:
            self.right.addWidget(widget)
        else:
            self.left.insertWidget(self.left.count() - 1, widget)

    def minimumSizeHint(self) -> QSize:
        """What either direction needs at the least: the layout's own would keep the window from being narrowed."""
        height = super().minimumSizeHint().height()
        return QSize(max(self.left.minimumSize().width(), self.right.minimumSize().width()), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def event(self, event: QEvent) -> bool:
        """A button has come, gone or got another word."""
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self.fit()
        return done

    def fit(self) -> None:
        """One row where there is room for it."""
        whole = self.left.sizeHint().width() + SPACING + self.right.sizeHint().width()
        beside = QBoxLayout.Direction.LeftToRight
        wanted = beside if whole <= self.room() else QBoxLayout.Direction.TopToBottom
        if wanted != self._groups.direction():
            self._groups.setDirection(wanted)
            self.updateGeometry()
