"""All places in the real window at 1280 x 800: nothing is cut, everything has a name, nothing is read as HTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QModelIndex, QPoint
from PySide6.QtGui import QAccessible, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QWidget,
)

from tests.gui.comparison import facts, small_comparison
from workbench.gui.commands import Commands
from workbench.gui.compare.table_model import Column
from workbench.gui.compare.view import CompareView
from workbench.gui.compare.walked_plot import WalkedPlot
from workbench.gui.data.rows_dialog import refused_dialog
from workbench.gui.main_window import MainWindow
from workbench.gui.plain_text import menu_text, plain, set_tip
from workbench.gui.session import Session
from workbench.gui.widgets.labels import ElidedLabel, Fact
from workbench.records.arrange import Arranged
from workbench.records.index import ImageIndex, Refused
from workbench.records.plotting import nice_axis
from workbench.records.results import Finding
from workbench.records.runs import Status
from workbench.records.splits import make_split
from workbench.supervisor import JobState

EVIL = "<b>x</b><img src=file:///etc/passwd>\x1b[31m\u202e&amp;"
PLACES = ("data", "models", "compare", "inspect", "decide")


def fill(session: Session, index: ImageIndex) -> None:
    """As if everything had been read and run."""
    session.dataset.arranged, session.settings.roots = Arranged(index), dict(index.roots)
    session.dataset.split = make_split(index.ids, index.label, index.group, seed=0)
    session.result, session.predictions = small_comparison(index)
    session.settings.result = "run-7"
    session.lookup.catalogue = tuple(facts(name) for name in ("strong", "middle", "weak"))
    for name in ("strong", "weak"):
        session.choose(f"lab/{name}")
    status = Status(state="running", done=10, total=40, rate=20.0, eta=90.0)
    session._jobs.take_up([JobState(id="e", kind="embed", title="Embed with Strong", status=status)])
    show_all(session)


def show_all(session: Session) -> None:
    for signal in (
        session.project_changed,
        session.dataset_changed,
        session.backbones_changed,
        session.result_changed,
        session.jobs_changed,
    ):
        signal.emit()


@pytest.fixture
def session(qtbot, tmp_path: Path, monkeypatch, small_index: ImageIndex) -> Iterator[Session]:
    made = Session()
    for name in ("describe", "read_result"):
        monkeypatch.setattr(made, name, lambda: None)
    monkeypatch.setattr(made.dataset, "read", lambda *_: None)
    made.create_project(tmp_path / "project", "Line 4")
    fill(made, small_index)
    yield made
    made.close()


@pytest.fixture
def window(qtbot, session: Session) -> Iterator[MainWindow]:
    made = MainWindow(session, Commands())
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made._watcher.facts.images == 37)
    for place in PLACES:
        made.show_place(place)
    yield made
    made.close()


def settle(window: MainWindow, place: str) -> None:
    window.show_place(place)
    for _ in range(3):  # rows are rebuilt by timers of 0 ms
        QApplication.processEvents()


def visible(window: QWidget, kind: type) -> list:
    return [found for found in window.findChildren(kind) if found.isVisible()]


def is_inside(widget: QWidget, *kinds: type) -> bool:
    parent = widget.parentWidget()
    return parent is not None and isinstance(parent, kinds)


@pytest.mark.parametrize("place", PLACES)
def test_whatever_takes_the_keyboard_has_a_name(window: MainWindow, place: str) -> None:
    settle(window, place)
    takers = [
        widget
        for widget in visible(window, QWidget)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and widget.focusProxy() is None
        and not is_inside(widget, QAbstractSpinBox, QComboBox, QLineEdit)  # parts of a field that has a name
    ]
    assert len(takers) > 10
    nameless = [
        widget
        for widget in takers
        if not QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name).strip()
    ]
    assert not nameless


@pytest.mark.parametrize("place", PLACES)
def test_no_text_is_cut_without_a_tooltip(window: MainWindow, session: Session, place: str) -> None:
    assert (window.width(), window.height()) == (1280, 800)
    session.settings.name = (
        "Line 4, camera above the rolls, spring campaign, all shifts, as labelled by both experts"
    )
    session.project_changed.emit()
    settle(window, place)
    cut, elided = [], 0
    for shown in visible(window, QLabel):
        if isinstance(shown, ElidedLabel):
            short = shown.fontMetrics().horizontalAdvance(shown.text()) > shown.contentsRect().width()
            elided += short
            if short and plain(shown.text())[:-4] not in shown.toolTip():
                cut.append(shown.text())
        elif shown.wordWrap():
            if shown.heightForWidth(shown.width()) > shown.height():
                cut.append(shown.text())
        elif shown.sizeHint().width() > shown.width():
            cut.append(shown.text())
    for shown in visible(window, QAbstractButton):
        if shown.text() and shown.sizeHint().width() > shown.width():
            cut.append(shown.text())
    for field in visible(window, QLineEdit):
        hint = field.placeholderText() or field.text()
        if field.fontMetrics().horizontalAdvance(hint) > field.width() - 8:
            cut.append(hint)
    for box in visible(window, QComboBox):
        if box.fontMetrics().horizontalAdvance(box.currentText()) > box.width() - 32:
            cut.append(box.currentText())
    assert not cut
    assert elided, "the project's name does not fit"


VIEWS = ("confusion", "classes", "calibration", "failures")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", [(1280, 800), (960, 600)])
def test_no_view_of_the_comparison_is_cut_or_covered(
    qtbot, window: MainWindow, session: Session, view: str, size: tuple[int, int]
) -> None:
    settle(window, "compare")
    place = window.findChild(CompareView)
    place.lower.one.show_view(view)
    place.lower.budget.target.setValue(0.8)
    window.resize(*size)
    qtbot.waitUntil(lambda: bool(place.lower.budget.needs))
    if view == "failures":
        qtbot.waitUntil(lambda: bool(place.lower.one.failures.found))
    settle(window, "compare")
    assert (window.width(), window.height()) == size
    cut = [
        shown.text()
        for shown in visible(place, QAbstractButton)
        if shown.text() and shown.sizeHint().width() > shown.width()
    ]
    assert not cut
    widths = sum(place.table.columnWidth(column) for column in Column)  # a hidden one has none
    assert widths <= place.table.viewport().width()
    content = place.scroll.widget()
    cards = [place.table, place.lower.strip_card, place.lower.budget, place.lower.one, place.findings]
    boxes = [card.rect().translated(card.mapTo(content, QPoint(0, 0))) for card in cards]
    assert all(content.rect().contains(box) for box in boxes)
    assert content.width() == place.scroll.viewport().width()
    assert place.scroll.verticalScrollBar().maximum() == 0 or size == (960, 600)
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.intersects(b)]
    for card in cards[1:4]:
        for part in visible(card, QWidget):
            if not is_inside(part, QAbstractScrollArea) and part.window() is window:
                box = part.rect().translated(part.mapTo(card, QPoint(0, 0)))
                assert card.rect().contains(box) or scrolled(part, card), part


def scrolled(part: QWidget, card: QWidget) -> bool:
    """Whether a scroll area of the card holds the part."""
    while part is not card:
        part = part.parentWidget()
        if isinstance(part, QAbstractScrollArea):
            return True
    return False


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_of_the_comparison_reads_names_as_html(
    qtbot, window: MainWindow, session: Session, small_index: ImageIndex, view: str
) -> None:
    small_index.classes = (EVIL, *small_index.classes[1:])
    session.dataset.arranged = Arranged(small_index)
    session.result, session.predictions = small_comparison(small_index)
    session.result = replace(
        session.result, diagnoses=tuple(replace(one, advice=EVIL) for one in session.result.diagnoses)
    )
    session.lookup.catalogue = tuple(facts(name, title=EVIL) for name in ("strong",))
    show_all(session)
    settle(window, "compare")
    place = window.findChild(CompareView)
    place.lower.one.show_view(view)
    place.lower.budget.target.setValue(0.8)
    qtbot.waitUntil(lambda: bool(place.lower.budget.needs))
    if view == "failures":
        place.choose_model("weak")
        qtbot.waitUntil(lambda: bool(place.lower.one.failures.found))
    window.grab()
    assert assert_harmless(window) > 5
    for plot in visible(place, WalkedPlot):
        for dot in plot._dots:
            told = plot.tell((dot.row, dot.place))
            assert harmless(plain(told)) and "\x1b" not in plain(told)


# Untrusted text


def harmless(tooltip: str) -> bool:
    """Plain, or escaped by `plain`."""
    if not Qt.mightBeRichText(tooltip):
        return True
    return tooltip.startswith('<p style="white-space:pre-wrap">') and tooltip.count("<") == 2


def cells(model: QAbstractItemModel) -> list[QModelIndex]:
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount()
    return [model.index(row, column) for row in range(model.rowCount()) for column in range(columns)]


def assert_harmless(window: QWidget) -> int:
    """Every text and tooltip of a window; returns how many of them showed the evil name."""
    evil = 0
    for widget in (window, *window.findChildren(QWidget)):
        texts = [
            widget.toolTip(),
            widget.accessibleName(),
            widget.accessibleDescription(),
            widget.windowTitle(),
        ]
        assert harmless(widget.toolTip()), widget
        if isinstance(widget, QLabel):
            texts.append(widget.text())
            if not isinstance(widget.parentWidget(), Fact):
                assert widget.textFormat() == Qt.TextFormat.PlainText or not widget.text(), widget.text()
            else:
                assert "<img" not in widget.text()
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            for cell in cells(widget.model()):
                tooltip = cell.data(Qt.ItemDataRole.ToolTipRole) or ""
                assert harmless(tooltip), tooltip
                texts += [tooltip, str(cell.data(Qt.ItemDataRole.DisplayRole) or "")]
        assert not [text for text in texts if "\x1b" in text or "\u202e" in text], widget
        evil += any("x</b>" in text or "x&lt;/b&gt;" in text for text in texts)
    return evil


@pytest.mark.parametrize("place", PLACES)
def test_names_are_never_read_as_html(
    window: MainWindow, session: Session, small_index: ImageIndex, place: str
) -> None:
    small_index.classes = (EVIL, *small_index.classes[1:])
    small_index.groups = (EVIL, *small_index.groups[1:])
    session.dataset.arranged = Arranged(replace(small_index, roots={"": f"/data/{EVIL}"}))
    session.settings.roots = {"": f"/data/{EVIL}"}
    session.settings.name, session.settings.pool = EVIL, f"/{EVIL}"
    result, session.predictions = small_comparison(session.index)
    pairs = tuple(replace(pair, reason=f"{EVIL} is better.") for pair in result.comparisons)
    findings = (Finding(name=EVIL, severity="bad", advice=EVIL),)
    session.result = replace(result, comparisons=pairs, findings=findings)
    session.lookup.catalogue = tuple(
        facts(name, title=EVIL, licence=EVIL, training_data=EVIL, family=EVIL, available=False, remedy=EVIL)
        for name in ("strong", "middle", "weak")
    )
    jobs = (("running", {"notes": (EVIL,)}), ("failed", {"error": EVIL}))
    session._jobs.take_up(
        [
            JobState(id=state, kind="embed", title=EVIL, status=Status(state=state, **more))
            for state, more in jobs
        ]
    )
    show_all(session)
    session.message.emit("bad", f"{EVIL} can't be read.")
    settle(window, place)
    assert assert_harmless(window) > 10


def test_dialogs_and_tiles_show_names_as_they_are(qtbot, small_index: ImageIndex) -> None:
    for dialog in (refused_dialog([Refused(EVIL, EVIL)]),):
        qtbot.addWidget(dialog)
        dialog.show()
        assert_harmless(dialog)


def test_a_tip_is_escaped_to_the_eye_and_plain_to_the_ear(qtbot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    set_tip(widget, "a < b\n<i>c</i>")
    assert widget.toolTip() == '<p style="white-space:pre-wrap">a &lt; b\n&lt;i&gt;c&lt;/i&gt;</p>'
    assert widget.accessibleDescription() == "a < b\n<i>c</i>"
    set_tip(widget, "")
    assert (widget.toolTip(), widget.accessibleDescription()) == ("", "")
    widget.setAccessibleDescription("own words")
    set_tip(widget, "tip")
    assert widget.accessibleDescription() == "own words"
    assert menu_text("R&D\n") == "R&&D\\n"


@pytest.mark.parametrize(
    ("low", "high"), [(0.17, 0.95), (0.87, 0.93), (0.5, 0.62), (0.0, 1.0), (0.911, 0.915)]
)
@pytest.mark.parametrize("ticks", [3, 4, 5, 6])
def test_an_axis_has_three_to_six_ticks(low: float, high: float, ticks: int) -> None:
    _, _, found = nice_axis((low, high), ticks)
    assert 3 <= len(found) <= 6
    steps = {round(b - a, 9) for a, b in pairwise(found)}
    assert len(steps) == 1
