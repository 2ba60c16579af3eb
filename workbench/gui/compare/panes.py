"""Panes that the user can size, and what the project remembers of them."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QScrollArea, QSplitter, QStackedWidget, QWidget

from workbench.gui.session import Session


class Pages(QStackedWidget):
    """One of several widgets at a time. It can be as small as `least`, whatever a hidden page wants."""

    def __init__(self, *pages: QWidget, least: QSize) -> None:
        super().__init__()
        self._least = least
        for page in pages:
            self.addWidget(page)

    def minimumSizeHint(self) -> QSize:
        return self._least


class Scrolled(QScrollArea):
    """What is in it has the height of the window, and scrolls only where that is less than it can do with."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.content = _AsLowAsCanBe()
        self.setWidget(self.content)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.content.minimumSizeHint().width(), super().minimumSizeHint().height())


class _AsLowAsCanBe(QWidget):
    """A scroll area asks for the height at a width, which would otherwise be the one that a layout likes best."""

    def heightForWidth(self, width: int) -> int:
        layout = self.layout()
        return layout.minimumHeightForWidth(width) if layout is not None else -1


def panes(side: Qt.Orientation, *parts: QWidget, shares: tuple[int, ...]) -> QSplitter:
    """A splitter; a part with a share of 0 keeps its size when the window grows."""
    made = QSplitter(side)
    made.setHandleWidth(12)
    made.setChildrenCollapsible(False)
    for place, (part, share) in enumerate(zip(parts, shares, strict=True)):
        made.addWidget(part)
        made.setStretchFactor(place, share)
    if all(shares):
        made.setSizes([share * 1000 for share in shares])
    return made


def remember_panes(session: Session, name: str, splitter: QSplitter) -> None:
    """Keep the sizes that the user gives, under `compare.NAME`."""
    splitter.splitterMoved.connect(lambda *_: session.remember(f"compare.{name}", splitter.sizes()))


def restore_panes(session: Session, name: str, splitter: QSplitter) -> None:
    """The sizes of last time, unless there are as many panes no longer."""
    sizes = session.recall(f"compare.{name}", None)
    if isinstance(sizes, list) and len(sizes) == splitter.count():
        splitter.setSizes([int(size) for size in sizes])
