"""Views as the model sees them, drawn anew whenever what they depend on changes."""

from __future__ import annotations

from html import escape
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QStackedWidget

from workbench.gui.pretrain.views_canvas import ViewsCanvas
from workbench.gui.session import Session
from workbench.gui.theme import current_theme, themes
from workbench.gui.widgets.buttons import icon_button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.records.augmentation import preset_of
from workbench.records.pretrain_plans import Preview
from workbench.records.text import printable

WAITING = "The first views take a few seconds: a worker starts."
TITLE = "Views as the model sees them"
TITLE_WIDTH = 240  # px, so that it is the other words in its line that are cut


class ViewsCard(Card):
    """`ask` says which values; the previewer's answer is shown when it comes. Only a card in sight asks."""

    def __init__(self, session: Session) -> None:
        super().__init__(TITLE)
        self.title.set_floor(TITLE_WIDTH)
        self._session = session
        self._values: dict[str, Any] | None = None
        self._preset = ""
        self._draw = 0
        self._since = 0  # number of the first request that is this card's
        self.canvas = ViewsCanvas()
        self.text = label(WAITING, "dim", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.text)
        self.pages.addWidget(self.canvas)
        self.again = icon_button(
            "retry", "Draw again: other crops and changes of the same images", self.draw_again
        )
        self.add_head(self.again)
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self.legend.setProperty("role", "caption")
        self.body.addWidget(self.pages, 1)
        self.body.addWidget(self.legend)
        store = session.pretraining
        store.previewer.came.connect(self._show)
        store.previewer.failed.connect(self._fail)
        store.previewer.waiting_changed.connect(self._on_waiting)
        themes().changed.connect(self._tell_legend)
        self._tell_legend()

    def ask(self, values: dict[str, Any], *, reason: str = "") -> None:
        """`reason` is why there can be no views now, or ""."""
        self._values = None if reason else values
        if reason:
            self._say(reason)
            return
        if self.canvas.preview is None:
            self._say(WAITING)
        if not self.isVisible():
            return
        try:
            self._session.pretraining.preview(values, self._draw)
        except ValueError as error:
            self._say(str(error))

    def showEvent(self, event: QShowEvent) -> None:
        """What comes from now on is of this card, and not of one that was in sight before."""
        super().showEvent(event)
        self._since = self._session.pretraining.previewer.next_ask
        if self._values is not None:
            self.ask(self._values)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._session.pretraining.previewer.leave()

    def draw_again(self) -> None:
        self._draw += 1
        if self._values is not None:
            self.ask(self._values)

    def forget(self) -> None:
        """Another project, or another run: what is shown is not of it."""
        self._since = self._session.pretraining.previewer.next_ask
        self.canvas.show_preview(None)
        self._say(WAITING)
        self._tell_legend()

    def _show(self, preview: Preview) -> None:
        if not self.isVisible() or preview.ask < self._since:
            return
        self.canvas.show_preview(preview)
        self.pages.setCurrentWidget(self.canvas)
        self._tell_legend()

    def _fail(self, sentence: str) -> None:
        if self.isVisible():
            self._say(sentence)

    def _say(self, sentence: str) -> None:
        self.text.setText(sentence)
        self.pages.setCurrentWidget(self.text)

    def set_preset(self, words: str) -> None:
        """The kind of picture, told before the kinds of view."""
        self._preset = words
        self._tell_legend()

    def _on_waiting(self, waiting: bool) -> None:
        self.set_title(TITLE, "drawing" if waiting else "")

    def _tell_legend(self) -> None:
        ink = current_theme().dim
        parts = [_unbroken(f"{self._preset}:")] if self._preset and self.canvas.preview is not None else []
        parts += [
            f'<span style="color:{colour}">■</span>&nbsp;{_unbroken(words)}'
            for colour, words in self.canvas.legend()
        ]
        self.legend.setText(f'<span style="color:{ink}">{" &nbsp; ".join(parts)}</span>')
        self.legend.setVisible(bool(parts))


def preset_title(name: str) -> str:
    try:
        return preset_of(name).title
    except ValueError:
        return printable(name)


def _unbroken(words: str) -> str:
    """As HTML that is not broken between its words."""
    return escape(words).replace(" ", "&nbsp;")
