"""Surfaces: a page with its heading, cards on it, the empty place and the notice bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from workbench.gui.icons import pixmap
from workbench.gui.theme import current_theme, restyle, themes
from workbench.gui.widgets.buttons import button, icon_button
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.gui.widgets.tool_row import ToolRow
from workbench.records.text import printable

BESIDE = 12  # px between a heading and the tools beside it


class Page(QWidget):
    """A place: heading that answers or asks, a dim line under it, a tool row, then `body`.

    `tools` is the row of buttons (hidden until something is added by `add_tool`), `body` a QVBoxLayout
    with 12 px between the cards. With `beside` the tools stand at the right of the heading.
    """

    def __init__(self, heading: str = "", caption: str = "", *, beside: bool = False) -> None:
        super().__init__()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 16, 20, 16)
        outer.setSpacing(12)
        head = QVBoxLayout()
        head.setSpacing(2)
        self.heading = ElidedLabel(heading, "heading")
        self.caption = ElidedLabel(caption, "dim")
        head.addWidget(self.heading)
        head.addWidget(self.caption)
        self._tool_row = ToolRow()
        self._tool_row.hide()
        if beside:
            across = QHBoxLayout()
            across.setSpacing(BESIDE)
            across.addLayout(head, 1)
            across.addWidget(self._tool_row)
            outer.addLayout(across)
            self._tool_row.room = self._beside_heading
        else:
            outer.addLayout(head)
            outer.addWidget(self._tool_row)
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        outer.addLayout(self.body, 1)

    def set_heading(self, heading: str, caption: str = "") -> None:
        self.heading.setText(heading)
        self.caption.setText(caption)
        self.caption.setVisible(bool(caption))
        self._tool_row.fit()

    def _beside_heading(self) -> int:
        """px that the tools can have without the heading being cut."""
        margins = self.layout().contentsMargins()
        inside = self.width() - margins.left() - margins.right()
        return inside - self.heading.sizeHint().width() - BESIDE

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tool_row.fit()

    def add_tool(self, widget: QWidget, *, right: bool = False) -> QWidget:
        """Put a button into the tool row: on the left in order, or on the right in order."""
        self._tool_row.add(widget, right=right)
        self._tool_row.show()
        return widget

    def show_tools(self, shown: bool) -> None:
        self._tool_row.setVisible(shown)


class Card(QFrame):
    """A panel with a title, a dim aside at its right, and `body` (a QVBoxLayout) that fills the rest."""

    def __init__(self, title: str = "", aside: str = "", *, margin: int = 12) -> None:
        super().__init__()
        self.setProperty("card", True)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(margin, 10, margin, margin)
        outer.setSpacing(8)
        self.head = QHBoxLayout()
        self.head.setSpacing(8)
        self.title = ElidedLabel(title, "title")
        self.aside = ElidedLabel(aside, "dim")
        self.aside.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.head.addWidget(self.title)
        self.head.addStretch(1)
        self.head.addWidget(self.aside)
        outer.addLayout(self.head)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        outer.addLayout(self.body, 1)
        self.set_title(title, aside)

    def set_title(self, title: str, aside: str = "") -> None:
        self.title.setText(title)
        self.aside.setText(aside)
        self.title.setVisible(bool(title))
        self.aside.setVisible(bool(aside))
        if title:
            self.setAccessibleName(printable(title))

    def height_at(self, width: int) -> int:
        """px that the card wants at `width` px, also while it is hidden."""
        self.body.invalidate()  # Qt doesn't while the card is hidden
        self.layout().invalidate()
        whole = self.layout()
        return (
            whole.totalHeightForWidth(width) if whole.hasHeightForWidth() else whole.totalSizeHint().height()
        )

    def add_head(self, widget: QWidget) -> QWidget:
        """A control at the right end of the title's line."""
        self.head.addWidget(widget)
        return widget


class EmptyState(QWidget):
    """Why a place is empty, and the next step as a button. `actions`: (text, run, kind) each."""

    def __init__(
        self,
        title: str,
        text: str = "",
        actions: Sequence[tuple[str, Callable[[], object], str]] = (),
        icon_name: str = "",
    ) -> None:
        super().__init__()
        outer = QVBoxLayout(self)
        outer.setSpacing(8)
        outer.addStretch(1)
        self._icon_name = icon_name
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._icon.setVisible(bool(icon_name))
        outer.addWidget(self._icon)
        self.title = label(title, "title")
        self.title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        outer.addWidget(self.title)
        self.text = label(text, "dim", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.text.setMaximumWidth(560)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.text, 4)
        row.addStretch(1)
        outer.addLayout(row)
        self.buttons: list[QPushButton] = []
        if actions:
            outer.addSpacing(8)
            line = QHBoxLayout()
            line.setSpacing(8)
            line.addStretch(1)
            for word, run, kind in actions:
                self.buttons.append(button(word, run, kind=kind))
                line.addWidget(self.buttons[-1])
            line.addStretch(1)
            outer.addLayout(line)
        outer.addStretch(1)
        self._tint()
        themes().changed.connect(self._tint)

    def set(self, title: str, text: str = "") -> None:
        self.title.setText(title)
        self.text.setText(text)

    def _tint(self) -> None:
        if self._icon_name:
            self._icon.setPixmap(pixmap(self._icon_name, current_theme().dim, 40))


class NoticeBar(QFrame):
    """One sentence with a severity, an action and a way to send it away; hidden while there is nothing to say.

    A sentence that leaves by itself only covers one that stays, which then comes back.
    """

    dismissed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("notice", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.setSpacing(12)
        self._text = label("", wrap=True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._action = button("", kind="link")
        self._action.clicked.connect(self._act)
        self._run: Callable[[], object] | None = None
        self._severity = ""
        self._covered: tuple[str, str, str, Callable[[], object] | None] | None = None
        row.addWidget(self._text, 1)
        row.addWidget(self._action)
        row.addWidget(icon_button("close", "Dismiss", self.dismiss))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def tell(
        self,
        severity: str,
        sentence: str,
        action: str = "",
        run: Callable[[], object] | None = None,
        *,
        seconds: float = 0.0,
    ) -> None:
        """Show a sentence; with `seconds` it leaves by itself. Severity: good, info, warn, bad, undecided."""
        if not seconds:
            self._covered = None
        elif not self.isHidden() and not self._timer.isActive():
            self._covered = (self._severity, self.text, self._action.text(), self._run)
        self._severity = severity
        self._text.setText(sentence)
        self.setAccessibleName(printable(sentence))
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self._run = run
        restyle(self, severity=severity)
        self.show()
        self._timer.stop()
        if seconds:
            self._timer.start(round(seconds * 1000))

    def dismiss(self) -> None:
        """Send away what is shown; what it covered comes back."""
        covered, self._covered = self._covered, None
        self._timer.stop()
        if covered is not None:
            self.tell(*covered)
            return
        self.hide()
        self.dismissed.emit()

    def clear(self) -> None:
        """Send away everything."""
        self._covered = None
        self.dismiss()

    def _act(self) -> None:
        run, self._run = self._run, None
        self.dismiss()
        if run is not None:
            run()
