"""The place Decide: every state of a decision, what each button does, and that nothing is cut."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from tests.decide.made_evidence import curve_of, floor
from tests.gui.decide.conftest import RUN, STATES, Show, known
from workbench.decide.decision import decide
from workbench.gui import theme
from workbench.gui.commands import Commands
from workbench.gui.compare.run_command import POINT
from workbench.gui.decide.doubt_dialog import DoubtDialog
from workbench.gui.decide.interval_bar import IntervalBar, axis_of
from workbench.gui.decide.ladder_card import NameButton
from workbench.gui.decide.view import DecideView
from workbench.gui.decide.words import evidence_rows
from workbench.gui.decision_store import STARTED, _key
from workbench.gui.session import Session
from workbench.gui.widgets.labels import Chip
from workbench.records.case import Case
from workbench.records.runs import Status
from workbench.supervisor import JobState

VERDICTS = {
    "nothing asked": "undecided",
    "nothing measured": "undecided",
    "no labels": "undecided",
    "undecided": "undecided",
    "leaks": "undecided",
    "suffices": "good",
    "adapt": "warn",
    "justified": "bad",
    "table": "neutral",
}


def settle() -> None:
    for _ in range(4):
        QApplication.processEvents()


def visible(view: QWidget, kind: type) -> list:
    return [found for found in view.findChildren(kind) if found.isVisible()]


@pytest.mark.parametrize("state", STATES)
def test_the_heading_is_the_verdict_with_its_colour_and_word(show: Show, state: str) -> None:
    view = show(STATES[state])
    assert view.heading.text() == decide(STATES[state]).title
    assert view.verdict.isVisible() and view.verdict.property("severity") == VERDICTS[state]
    assert view.verdict.text()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("size", [(1152, 640), (1472, 840)])
def test_no_text_is_cut_off_and_whatever_takes_the_keyboard_has_a_name(
    show: Show, state: str, size: tuple[int, int]
) -> None:
    view = show(STATES[state])
    view.resize(*size)
    settle()
    for label in visible(view, QLabel):
        if label.wordWrap():
            assert label.height() >= label.heightForWidth(label.width()), label.text()
        elif isinstance(label, Chip):
            assert label.width() >= label.sizeHint().width(), label.text()
    for button in visible(view, QPushButton):
        if not isinstance(button, NameButton):
            assert button.width() >= button.minimumSizeHint().width(), button.text()
    named = [widget for widget in visible(view, QWidget) if widget.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert named
    for widget in named:
        text = widget.text() if isinstance(widget, QPushButton) else ""
        assert widget.accessibleName() or text or widget.focusProxy() or _part_of_a_field(widget), widget


def _part_of_a_field(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    return parent is not None and bool(parent.accessibleName())


def test_the_ladder_shows_each_rung_its_bar_and_what_lies_ahead(show: Show) -> None:
    evidence = STATES["undecided"]
    view = show(evidence)
    decision = decide(evidence)
    names = [name._whole for name in view.ladder.names]
    assert names == [standing.name for standing in decision.standings]
    assert len(visible(view.ladder, IntervalBar)) == len(decision.standings)
    ahead = [item.step.title for item in decision.ahead if item.state != "next"]
    assert list(view.ladder.step_buttons) == ahead
    assert decision.next_step is not None and decision.next_step.title in view.ladder.next.title.text()
    primary = [made for made in visible(view, QPushButton) if made.property("kind") == "primary"]
    assert primary == [view.ladder.next.run]


def test_where_no_step_is_left_the_memo_is_the_next_thing(show: Show) -> None:
    view = show(STATES["suffices"])
    assert view.ladder.next.title.text() == "No further step is needed"
    assert not view.ladder.next.run.isVisible()
    assert view.memo.show_button.property("kind") == "primary"


def doubt_of(view: DecideView) -> DoubtDialog | None:
    found = [made for made in view.window().findChildren(DoubtDialog) if made.isVisible()]
    return found[0] if found else None


def test_steps_are_started_by_their_buttons(show: Show, monkeypatch) -> None:
    view = show(STATES["undecided"])
    asked: list[str] = []
    monkeypatch.setattr(view.store, "start", lambda step: asked.append(step.title))
    view.ladder.next.run.click()
    view.ladder.step_buttons["Label-budget curve"].click()
    decision = decide(STATES["undecided"])
    assert asked == [decision.next_step.title, "Label-budget curve"]  # type: ignore[union-attr]
    assert doubt_of(view) is None


@pytest.mark.parametrize(
    ("state", "step", "said"),
    [
        ("suffices", "pretrain", "What costs more isn't needed."),
        ("suffices", "last block", "What costs more isn't needed."),
        ("undecided", "pretrain", "Run more seeds"),
        ("justified", "pretrain", "The next step is: Label-budget curve."),
    ],
)
def test_hours_that_the_evidence_speaks_against_are_asked_about_first(
    show: Show, monkeypatch, state: str, step: str, said: str
) -> None:
    view = show(STATES[state])
    started: list[str] = []
    monkeypatch.setattr(view.store, "start", lambda step: started.append(step.step))
    item = next(item for item in decide(STATES[state]).ahead if item.step.step == step)
    view.ladder.step_buttons[item.step.title].click()
    dialog = doubt_of(view)
    assert dialog is not None and not started
    told = " ".join(label.text() for label in visible(dialog, QLabel))
    assert said in told and f"Expected cost: {item.step.cost}." in told
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert not started and doubt_of(view) is None, "Enter leaves it"
    view.ladder.step_buttons[item.step.title].click()
    dialog = doubt_of(view)
    assert dialog is not None
    dialog.run.click()
    assert started == [step]


def test_a_doubtful_pretraining_can_be_estimated_instead(
    qtbot, show: Show, commands: Commands, session: Session
) -> None:
    view = show(STATES["suffices"])
    [title] = [title for title in view.ladder.step_buttons if title.startswith("Pretrain")]
    view.ladder.step_buttons[title].click()
    dialog = doubt_of(view)
    assert dialog is not None
    offered: list[tuple[dict, str]] = []
    session.pretraining.proposed.connect(lambda: offered.append(session.pretraining.take_proposal()))
    dialog.estimate.click()
    assert commands.gone == ["go.pretrain", "pretrain.new"]
    qtbot.waitUntil(lambda: bool(offered), timeout=20_000)
    [(values, why)] = offered
    asked = {"method": "mae", "preset": "industrial", "epochs": 100, "start": "", "learn_from": "unlabelled"}
    assert values == asked
    assert why.startswith(
        "MAE from random weights, for no public backbone that it can go on from was measured;"
    )
    assert "No GPU was measured" in why, "with the reasons for the method"
    assert not session.submitted, "nothing runs"


def test_a_pretraining_that_comes_next_can_be_looked_at_before_it_takes_its_hours(
    qtbot, show: Show, commands: Commands, session: Session
) -> None:
    view = show(STATES["undecided"])
    assert not view.ladder.next.look.isVisible()
    known_ = STATES["justified"]
    rungs = tuple(replace(rung, budgets=curve_of(0.6, 0.65)) for rung in known_.rungs)
    view = show(replace(known_, rungs=rungs))
    step = view.ladder.next.step
    assert step is not None and step.step == "pretrain" and view.ladder.next.look.isVisible()
    with qtbot.waitSignal(session.pretraining.proposed, timeout=20_000):
        view.ladder.next.look.click()
    assert commands.gone == ["go.pretrain", "pretrain.new"] and not session.submitted


def test_a_step_that_runs_says_so_and_cannot_be_started_again(show: Show, session: Session) -> None:
    view = show(STATES["undecided"])
    step = decide(STATES["undecided"]).next_step
    assert step is not None
    session.remember(STARTED, {_key(step): ["r1"]})
    status = Status(state="running", done=410, total=1674, rate=40.0, eta=90.0)
    session._jobs.take_up([JobState(id="r1", kind="finetune", title="Fine-tune DINOv2 base", status=status)])
    assert view.ladder.next.run.text() == "Running" and not view.ladder.next.run.isEnabled()
    assert "410 / 1,674" in view.ladder.next.cost.text()
    session._jobs.take_up(
        [JobState(id="r1", kind="finetune", title="x", status=replace(status, state="failed"))]
    )
    session._jobs._states["r1"] = JobState(
        id="r1", kind="f", title="x", status=replace(status, state="failed")
    )
    session.jobs_changed.emit()
    assert view.ladder.next.run.isEnabled() and "Expected cost" in view.ladder.next.cost.text()


def test_steps_of_people_lead_to_where_they_are_done(
    show: Show, commands: Commands, session: Session
) -> None:
    view = show(STATES["no labels"])
    assert view.ladder.next.run.text() == "Label in Data"
    view.ladder.next.run.click()
    assert commands.gone == ["go.data", "data.label"]
    view = show(STATES["leaks"])
    view.ladder.next.run.click()
    assert commands.gone == ["go.data", "data.label", "go.data", "data.copies"]
    assert not session.submitted


def test_to_set_the_threshold_the_field_is_opened(show: Show) -> None:
    evidence = known(floor(), *STATES["undecided"].rungs[1:], threshold=None)
    view = show(evidence, STATES["undecided"].target)
    assert view.ask.folded
    assert view.ladder.next.run.text() == "Set the threshold"
    view.ladder.next.run.click()
    assert not view.ask.folded and view.ask.threshold.isVisible()


def test_a_climbed_rung_opens_its_comparison(
    show: Show, commands: Commands, session: Session, monkeypatch
) -> None:
    view = show(STATES["suffices"])
    folder = session.project.folder / RUN  # type: ignore[union-attr]
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("{}")
    shown: list[str] = []
    monkeypatch.setattr(session, "show_result", shown.append)
    view.ladder.names[-1].click()
    assert shown == [folder.name] and commands.gone == ["go.compare"]
    assert session.recall(POINT) == STATES["suffices"].rungs[-1].checkpoint


def test_a_fine_tune_points_compare_at_its_run(show: Show, commands: Commands, session: Session) -> None:
    view = show(STATES["adapt"])
    view.ladder.names[-1].click()
    assert commands.gone == ["go.compare"] and session.recall(POINT) == RUN.rsplit("/", 1)[-1]


def test_what_makes_numbers_doubtful_leads_to_where_it_is_mended(show: Show, commands: Commands) -> None:
    view = show(STATES["leaks"])
    assert list(view.findings.links) == ["leaks decide", "leaks left in"]
    view.findings.links["leaks left in"].click()
    assert commands.gone == ["go.data", "data.copies"]
    [line] = [w for w in visible(view.findings, QWidget) if w.accessibleName().startswith("leaks decide")]
    [more] = [made for made in visible(line, QPushButton) if made.text() == "More"]
    before = [label.text() for label in visible(line, QLabel)]
    more.click()
    assert [label.text() for label in visible(line, QLabel)] != before
    assert decide(STATES["leaks"]).findings[0].advice in [label.text() for label in visible(line, QLabel)]


def test_what_is_not_made_of_images_is_turned_away_with_a_way_back(show: Show, session: Session) -> None:
    view = show(STATES["table"])
    assert view.other.isVisible() and not view.ladder.isVisible()
    assert "gradient boosting" in view.other.state.text.text()
    view.other.state.buttons[0].click()
    assert Case.load(session.project.folder).problem == "images"  # type: ignore[union-attr]


def test_without_images_the_next_click_is_to_choose_them(
    show: Show, session: Session, commands: Commands
) -> None:
    session.dataset.arranged = None
    view = show(STATES["nothing measured"])
    assert view.empty.isVisible() and not view.verdict.isVisible()
    view.empty.buttons[0].click()
    assert commands.gone == ["project.open"]
    status = Status(state="running", done=1, total=9)
    session._jobs.take_up([JobState(id="r1", kind="index", title="Index images", status=status)])
    assert view.empty.title.text() == "The images are being read" and not view.empty.buttons[0].isVisible()


def test_what_could_not_be_decided_is_told_instead_of_hidden(show: Show) -> None:
    view = show(STATES["undecided"])
    view.store.problem = "The index can't be read."
    view.store.changed.emit()
    assert view.caption.text() == "The index can't be read."


def test_what_is_known_stands_whole_below_the_memo(show: Show) -> None:
    view = show(STATES["undecided"])
    settle()
    said = [label.text() for label in visible(view.known, QLabel)]
    assert {part for row in evidence_rows(STATES["undecided"]) for part in row} <= set(said)
    assert view.known.y() > view.memo.y()


def test_no_title_of_a_step_ahead_loses_its_end_in_a_small_window(show: Show) -> None:
    view = show(STATES["adapt"])
    view.resize(832, 640)
    settle()
    said = [label.text() for label in visible(view.ladder, QLabel)]
    assert set(view.ladder.step_buttons) <= set(said)


def test_a_list_shows_its_first_lines_and_the_rest_on_a_click(show: Show) -> None:
    section = show(STATES["undecided"]).reasons.sections["escalation"]
    assert len(section._rows) == 4 and section.more.text() == f"{len(section.lines) - 4} more"
    section.more.click()
    assert len(section._rows) == len(section.lines) and section.more.text() == "Show fewer"


# The bars


def test_all_bars_share_an_axis_on_which_floors_do_not_press_the_rest_together(qtbot) -> None:
    standings = decide(STATES["undecided"]).standings
    low, high = axis_of(standings, 0.9)
    assert standings[0].kind == "floor" and standings[0].mean < low
    for standing in standings[1:]:
        assert standing.interval is not None and low <= standing.interval[0] and standing.interval[1] <= high
    assert axis_of((), None) == (0.0, 1.0)
    bar = IntervalBar(standings[1], 0.9, (0.5, 1.0))
    qtbot.addWidget(bar)
    bar.resize(108, 18)
    assert bar.x_of(0.5) == 4 and bar.x_of(1.0) == 104 and bar.x_of(0.75) == 54


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_bar_is_where_the_interval_is_and_the_line_where_the_threshold_is(qtbot, name: str) -> None:
    theme.themes().set_preference(name)  # type: ignore[arg-type]
    standing = replace(decide(STATES["suffices"]).standings[-1], mean=0.8, interval=(0.7, 0.9), place="above")
    bar = IntervalBar(standing, 0.6, (0.5, 1.0))
    qtbot.addWidget(bar)
    bar.resize(508, 18)  # 1,000 px a unit
    image = bar.grab().toImage()
    colours = theme.current_theme()
    at = lambda x, y: image.pixelColor(x, y).name()  # noqa: E731
    assert at(304, 9) == colours.good, "the mean is a point"
    assert at(104, 2) == colours.text, "the threshold is a line from top to bottom"
    inside, outside = at(220, 6), at(190, 6)
    assert inside != outside and at(390, 6) == inside and at(420, 6) == outside


def test_rungs_keep_the_focus_when_nothing_of_the_decision_changed(show: Show) -> None:
    view: DecideView = show(STATES["undecided"])
    first = view.ladder.names[0]
    view.store.changed.emit()
    assert view.ladder.names[0] is first


def test_where_there_is_room_nothing_is_folded_away(show: Show) -> None:
    view = show(STATES["leaks"])
    section = view.reasons.sections["escalation"]
    assert len(section._rows) < len(section.lines)
    view.resize(2400, 1300)
    settle()
    assert len(section._rows) == len(section.lines)
    shown = [label.text() for label in visible(view.findings, QLabel)]
    assert {finding.advice for finding in decide(STATES["leaks"]).findings} <= set(shown)
    strong = [name for name, line in view.cases.lines.items() if line[0].property("role") == "strong"]
    assert view.cases.isVisible() and strong == [decide(STATES["leaks"]).advice.row]
    section.more.click()
    view.resize(2300, 1300)
    settle()
    assert len(section._rows) < len(section.lines), "it stays as the user left it"


@pytest.mark.parametrize("state", ["leaks", "undecided", "adapt", "nothing asked"])
@pytest.mark.parametrize("width", [832, 1152, 2400])
def test_nothing_reaches_beyond_the_place_and_narrow_ones_stack_the_cards(
    show: Show, state: str, width: int
) -> None:
    view = show(STATES[state])
    view.resize(width, 640)
    settle()
    viewport = view._whole.viewport()
    assert view._whole.content.width() <= viewport.width()
    beside = view.advice.mapTo(viewport, view.advice.rect().topLeft()).x() > view.ladder.width() // 2
    assert beside == (width > 832)
    for card in (view.ask, view.ladder, view.reasons, view.advice, view.findings, view.memo, view.known):
        right = card.mapTo(viewport, card.rect().topRight()).x()
        assert right < viewport.width()
