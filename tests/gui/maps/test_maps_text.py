"""Maps and neighbours in words: nothing is cut, everything has a name, nothing is read as HTML."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QWidget,
)

from tests.gui.comparison import facts, small_comparison
from tests.gui.maps.conftest import write_files
from tests.gui.test_window_text import EVIL, assert_harmless, harmless, is_inside, visible
from workbench.gui.commands import Commands
from workbench.gui.compare.walked_plot import WalkedPlot
from workbench.gui.maps.column import DRAW
from workbench.gui.maps.page import MapsPage
from workbench.gui.neighbours.column import PURE
from workbench.gui.neighbours.page import NeighboursPage
from workbench.gui.plain_text import plain
from workbench.gui.session import Session
from workbench.gui.widgets.labels import ElidedLabel
from workbench.records.arrange import Arranged
from workbench.records.index import ImageIndex

PAGES = {"maps": MapsPage, "neighbours": NeighboursPage}


@pytest.fixture
def opened(qtbot, session: Session, small_index: ImageIndex) -> Callable[[str], QWidget]:
    def open_page(name: str) -> QWidget:
        write_files(session, small_index)
        page = PAGES[name](session, Commands())
        qtbot.addWidget(page)
        page.resize(1152, 620)  # what the window leaves of 1280 x 800
        page.show()
        if isinstance(page, MapsPage):
            qtbot.waitUntil(lambda: page.colours.colouring is not None)
        else:
            qtbot.waitUntil(lambda: len(page.question.found) == 3 and page._known is not None)
        session.select(small_index.ids[:4])
        QApplication.processEvents()
        return page

    return open_page


def parts(page: QWidget) -> list[Callable[[], None]]:
    """What shows the other half of a page's column."""
    if isinstance(page, MapsPage):
        return [lambda: None, lambda: page.column.show_part(DRAW)]
    assert isinstance(page, NeighboursPage)
    return [lambda: None, lambda: page.column.segments._pick(PURE)]


@pytest.mark.parametrize("name", PAGES)
def test_whatever_takes_the_keyboard_has_a_name(opened, name: str) -> None:
    page = opened(name)
    for show in parts(page):
        show()
        takers = [
            widget
            for widget in visible(page, QWidget)
            if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
            and widget.focusProxy() is None
            and not is_inside(widget, QAbstractSpinBox, QComboBox, QLineEdit)
        ]
        assert len(takers) > 5
        assert not [
            widget
            for widget in takers
            if not QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name).strip()
        ]


@pytest.mark.parametrize("name", PAGES)
def test_no_text_is_cut_without_a_tooltip(opened, name: str) -> None:
    page = opened(name)
    for show in parts(page):
        show()
        QApplication.processEvents()
        cut = []
        for shown in visible(page, QLabel):
            if isinstance(shown, ElidedLabel):
                short = shown.fontMetrics().horizontalAdvance(shown.text()) > shown.contentsRect().width()
                if short and plain(shown.text())[:-4] not in shown.toolTip():
                    cut.append(shown.text())
            elif shown.wordWrap():
                if shown.heightForWidth(shown.width()) > shown.height():
                    cut.append(shown.text())
            elif shown.sizeHint().width() > shown.width():
                cut.append(shown.text())
        for button in visible(page, QAbstractButton):
            if button.text() and button.sizeHint().width() > button.width():
                cut.append(button.text())
        for box in visible(page, QComboBox):
            if box.fontMetrics().horizontalAdvance(box.currentText()) > box.width() - 32:
                cut.append(box.currentText())
        assert not cut


@pytest.mark.parametrize("name", PAGES)
def test_names_are_never_read_as_html(
    qtbot, opened, session: Session, small_index: ImageIndex, name: str
) -> None:
    small_index.classes = (EVIL, *small_index.classes[1:])
    small_index.groups = (EVIL, *small_index.groups[1:])
    session.dataset.arranged = Arranged(small_index)
    session.result, session.predictions = small_comparison(small_index)
    session.lookup.catalogue = tuple(facts(model, title=EVIL) for model in ("strong",))
    page = opened(name)
    for show in parts(page):
        show()
        page.grab()
        if isinstance(page, MapsPage):
            for key in ("class", "said", "group"):
                page.colours.colour_by(key)
                page.panels["strong"].canvas.pointed.emit(0)
                assert assert_harmless(page) > 1
        assert_harmless(page)
    for plot in visible(page, WalkedPlot):
        for dot in plot._dots:
            told = plain(plot.tell((dot.row, dot.place)))
            assert harmless(told) and "\x1b" not in told


def test_a_damaged_file_with_an_evil_name_is_told_as_it_is(
    qtbot, session: Session, small_index: ImageIndex
) -> None:
    files = write_files(session, small_index)
    files["middle"].write_bytes(EVIL.encode())
    page = MapsPage(session, Commands())
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: page.colours.colouring is not None)
    assert_harmless(page)
