"""The memo in the window: own words and boards, written, opened and checked in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel

from tests.decide.memo.made_memo import memo_project
from workbench.gui import file_manager
from workbench.gui.commands import Commands
from workbench.gui.decide.commands import CHECK, MEMO, NEXT, register_decide
from workbench.gui.decide.memo_card import MemoCard
from workbench.gui.decide.memo_dialog import MemoDialog
from workbench.gui.session import Session
from workbench.records.case import SECTIONS, Case

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def session(qtbot, tmp_path: Path, monkeypatch) -> Iterator[Session]:
    """Of a project with a memo to write; no worker is ever started."""
    project = memo_project(tmp_path / "project")
    made = Session()
    monkeypatch.setattr(made, "describe", lambda **_: None)
    monkeypatch.setattr(made.dataset, "read", lambda *_: None)
    made.open_project(project.folder)
    yield made
    made.close()


@pytest.fixture
def card(qtbot, session: Session) -> MemoCard:
    commands = Commands()
    register_decide(session, commands)
    made = MemoCard(session, session.decisions, lambda: commands.run(MEMO))
    made.commands = commands
    qtbot.addWidget(made)
    made.resize(430, 320)
    made.show()
    return made


def done(qtbot, session: Session) -> None:
    qtbot.waitUntil(lambda: not session.decisions.memo.doing, timeout=30_000)


def test_the_memo_is_written_opened_and_every_number_of_it_checked(
    qtbot, session: Session, card: MemoCard, monkeypatch
) -> None:
    desk = session.decisions.memo
    told: list[str] = []
    said: list[tuple[str, str]] = []
    session.message.connect(lambda severity, sentence: said.append((severity, sentence)))
    monkeypatch.setattr(
        file_manager, "open_with_system", lambda path: told.append(path.name) or "No browser."
    )
    with qtbot.waitSignal(desk.ready, timeout=30_000) as ready:
        card.show_button.click()
        assert not card.show_button.isEnabled() and "Writing" in card.state.text()
    path = ready.args[0]
    assert told == [path.name] and said == [("warn", "No browser.")]
    assert path == desk.standard_file() and path.read_text("utf-8").startswith("<!")
    assert card.verdict.text() == "written" and card.show_button.isEnabled()
    card.check.click()
    done(qtbot, session)
    assert (card.verdict.text(), card.verdict.property("severity")) == ("same", "good")
    path.write_text(path.read_text("utf-8").replace("0.750", "0.950"), "utf-8")
    card.check.click()
    done(qtbot, session)
    assert (card.verdict.text(), card.verdict.property("severity")) == ("differs", "bad")
    shown = [label.text() for label in card.differences.findChildren(QLabel) if label.isVisible()]
    assert shown and desk.checked is not None and shown[0] == desk.checked.differences[0].said


@pytest.mark.parametrize(("ending", "begin"), [(".pdf", b"%PDF"), (".md", b"#")])
def test_it_is_saved_where_the_author_says(
    qtbot, session: Session, card: MemoCard, tmp_path: Path, monkeypatch, ending: str, begin: bytes
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "told"), ""))
    card.save(ending)
    done(qtbot, session)
    assert (tmp_path / f"told{ending}").read_bytes().lstrip().startswith(begin)
    assert session.decisions.memo.problem == ""


def test_what_is_wrong_with_the_words_is_said(qtbot, session: Session, card: MemoCard) -> None:
    session.decisions.say(prose={"verdict": "It reaches {{no.such.number}}."})
    card.show_button.click()
    done(qtbot, session)
    assert card.verdict.property("severity") == "bad" and "no.such.number" in card.state.text()


def test_title_and_author_are_kept_when_the_field_is_left(qtbot, session: Session, card: MemoCard) -> None:
    assert card.author.text() == "Ada"
    card.name.setFocus()
    qtbot.keyClicks(card.name, "Line 4")
    qtbot.keyClick(card.name, Qt.Key.Key_Return)
    assert Case.load(session.project.folder).title == "Line 4"  # type: ignore[union-attr]
    assert "Own words in Question" in card.said.text()


def test_own_words_are_kept_section_by_section_and_dropped_on_cancel(qtbot, tmp_path: Path) -> None:
    said: list[dict] = []
    case = Case(prose={"question": "Which?"})
    dialog = MemoDialog(case, tmp_path, lambda **changes: said.append(changes))
    qtbot.addWidget(dialog)
    assert dialog.text.toPlainText() == "Which?"
    assert [dialog.sections.item(row).text() for row in (0, 1)] == ["Question  ●", "Data"]
    dialog.sections.setCurrentRow(list(SECTIONS).index("verdict"))
    dialog.text.setPlainText("So be it.\n\nToday.")
    dialog.sections.setCurrentRow(0)
    dialog.text.setPlainText("  ")
    assert dialog.sections.item(0).text() == "Question"
    dialog.accept()
    assert said == [{"prose": {"verdict": "So be it.\n\nToday."}, "boards": ()}]
    again = MemoDialog(case, tmp_path, lambda **changes: said.append(changes))
    qtbot.addWidget(again)
    again.text.setPlainText("Other")
    again.reject()
    assert len(said) == 1


def test_a_board_from_elsewhere_is_copied_into_the_project(qtbot, tmp_path: Path) -> None:
    project, outside = tmp_path / "project", tmp_path / "attention.png"
    (project / "boards").mkdir(parents=True)
    (project / "boards" / "kept.png").write_bytes(PNG)
    outside.write_bytes(PNG + b"x")
    said: list[dict] = []
    dialog = MemoDialog(Case(boards=("runs/a/board.png",)), project, lambda **changes: said.append(changes))
    qtbot.addWidget(dialog)
    assert list(dialog.boards) == ["runs/a/board.png", "boards/kept.png"]
    dialog.take_board(outside)
    dialog.take_board(outside)
    assert not dialog.boards["boards/kept.png"].isChecked()
    dialog.take_board(project / "boards" / "kept.png")
    assert (project / "boards" / "attention.png").read_bytes() == PNG + b"x"
    dialog.accept()
    assert said[0]["boards"] == ("runs/a/board.png", "boards/kept.png", "boards/attention.png")


def test_another_board_of_a_name_does_not_replace_the_first(qtbot, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "boards").mkdir(parents=True)
    (project / "boards" / "board.png").write_bytes(PNG + b"first")
    other = tmp_path / "board.png"
    other.write_bytes(PNG + b"second")
    said: list[dict] = []
    dialog = MemoDialog(Case(), project, lambda **changes: said.append(changes))
    qtbot.addWidget(dialog)
    dialog.take_board(other)
    dialog.accept()
    assert (project / "boards" / "board.png").read_bytes().endswith(b"first")
    [kept] = said[0]["boards"]
    assert (project / kept).read_bytes().endswith(b"second")


def test_the_palette_has_the_step_and_the_memo_and_says_why_not(session: Session, card: MemoCard) -> None:
    commands = card.commands
    assert "Open the place Decide first" in commands[NEXT].why_not()
    assert commands[MEMO].why_not() == "" and commands[CHECK].why_not() == ""
    assert register_decide(session, commands) == [], "under one name wherever they are offered"
