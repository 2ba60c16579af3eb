"""The check finds what was changed: in a run, in a memo's file, or by a run that is gone; and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.decide.memo.made_memo import add_extra, evaluation, memo_project
from workbench.decide.memo.check import Checked, check_memo
from workbench.decide.memo.edits import edits
from workbench.decide.memo.write import write_memo
from workbench.records.case import Case
from workbench.records.evidence import Target
from workbench.records.files import DocumentError
from workbench.records.memo import MemoRecord
from workbench.records.project import Project, append_ledger


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = memo_project(tmp_path / "steel")
    for name in ("memo.html", "memo.md"):
        write_memo(made.folder, made.folder / name)
    return made


def kinds(checked: Checked) -> set[str]:
    return {each.kind for each in checked.differences}


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text("utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, "utf-8")


def test_an_untouched_memo_holds_also_after_a_move(project: Project, tmp_path: Path) -> None:
    checked = check_memo(project.folder)
    assert checked.same and checked.files == 2 and not checked.notes
    assert checked.numbers == len(MemoRecord.load(project.folder).numbers) > 40
    moved = tmp_path / "elsewhere"
    project.folder.rename(moved)
    assert check_memo(moved).same


def test_nothing_is_written_by_a_check(project: Project) -> None:
    def state() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}

    before = state()
    check_memo(project.folder)
    assert state() == before


def test_an_edited_result_is_found_with_its_number(project: Project) -> None:
    path = evaluation(project).path / "result.json"
    body = json.loads(path.read_text("utf-8"))
    body["models"][1]["probe"]["macro_f1"]["values"][2] = 0.5
    path.write_text(json.dumps(body), "utf-8")
    checked = check_memo(project.folder)
    found = {each.number: each for each in checked.differences}
    changed = found["lab-good.seed.2"]
    assert changed.runs == "0.5000" and changed.memo != changed.runs
    assert changed.file == f"runs/{evaluation(project).id}/result.json"
    assert {"lab-good.mean", "lab-good.interval"} <= set(found)
    # And what the predictions beside it say, which an edit before the memo could not hide from.
    assert any("predictions beside it give" in each.said for each in checked.differences)


def test_an_edit_before_the_memo_was_written_is_found_by_the_predictions(project: Project) -> None:
    path = evaluation(project).path / "result.json"
    body = json.loads(path.read_text("utf-8"))
    body["models"][0]["probe"]["macro_f1"]["values"][0] += 0.001
    body["models"][0]["confusion"][0][0] += 1
    path.write_text(json.dumps(body), "utf-8")
    for name in ("memo.html", "memo.md"):
        write_memo(project.folder, project.folder / name)
    said = [each.said for each in check_memo(project.folder).differences]
    assert len(said) == 2 and "split 1" in said[0] and "confusion" in said[1]


def test_a_deleted_run_is_named(project: Project) -> None:
    run = evaluation(project)
    shutil.rmtree(run.path)
    checked = check_memo(project.folder)
    assert "run" in kinds(checked)
    mean = next(each for each in checked.differences if each.number == "lab-good.mean")
    assert mean.run == f"runs/{run.id}" and "is gone" in mean.said


@pytest.mark.parametrize("name", ["memo.html", "memo.md"])
def test_every_digit_of_a_file_counts(project: Project, name: str) -> None:
    """Each of a dozen digits, spread over the whole file, is changed in turn."""
    path = project.folder / name
    whole = path.read_text("utf-8")
    places = [place for place, letter in enumerate(whole) if letter.isdigit()]
    for place in places[:: max(len(places) // 12, 1)]:
        other = "7" if whole[place] != "7" else "3"
        path.write_text(whole[:place] + other + whole[place + 1 :], "utf-8")
        checked = check_memo(project.folder)
        assert kinds(checked) == {"file"}, whole[place - 40 : place + 40]
    path.write_text(whole, "utf-8")
    assert check_memo(project.folder).same


def test_a_changed_number_of_a_page_is_told_by_its_key(project: Project) -> None:
    mean = next(n for n in MemoRecord.load(project.folder).numbers if n.key == "lab-good.mean")
    rewrite(
        project.folder / "memo.html",
        lambda text: text.replace(f'"#n-lab-good.mean">{mean.text}<', '"#n-lab-good.mean">0.123<', 1),
    )
    (found,) = check_memo(project.folder).differences
    assert (found.number, found.memo, found.runs, found.file) == (
        "lab-good.mean",
        "0.123",
        mean.text,
        "memo.html",
    )


def test_a_changed_sentence_counts_and_changed_words_of_the_author_do_not(project: Project) -> None:
    rewrite(
        project.folder / "memo.html",
        lambda text: text.replace("We look at steel.", "We look at good old steel."),
    )
    rewrite(
        project.folder / "memo.md", lambda text: text.replace("We look at steel.", "More words.\n\nOf mine.")
    )
    checked = check_memo(project.folder)
    assert checked.same and len(checked.notes) == 2 and "author's words" in checked.notes[0]
    rewrite(
        project.folder / "memo.md",
        lambda text: text.replace("The threshold is 0.750", "The threshold is 0.650", 1),
    )
    (found,) = check_memo(project.folder).differences
    assert (found.memo, found.runs) == ("0.650", "0.750")
    rewrite(project.folder / "memo.html", lambda text: text.replace("good enough", "bad enough", 1))
    assert {each.file for each in check_memo(project.folder).differences} == {"memo.html", "memo.md"}


def test_an_editor_may_change_line_ends(project: Project) -> None:
    path = project.folder / "memo.md"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert check_memo(project.folder).same


def test_what_was_measured_or_asked_since_is_found(project: Project) -> None:
    append_ledger(project.ledger, {"run": "another", "splits": []})
    checked = check_memo(project.folder)
    found = {each.number for each in checked.differences}
    assert "openings" in found and "threshold" not in found
    assert any("was written from other numbers" in each.said for each in checked.differences)
    Case(target=Target(threshold=0.7)).save(project.folder)
    assert "threshold" in {each.number for each in check_memo(project.folder).differences}


def test_copies_elsewhere_and_files_that_are_gone(project: Project, tmp_path: Path) -> None:
    copy = tmp_path / "mailed.html"
    write_memo(project.folder, copy)
    assert check_memo(project.folder).files == 3 and check_memo(project.folder).same
    rewrite(copy, lambda text: text.replace("0.750", "0.760", 1))
    (found,) = check_memo(project.folder, [copy]).differences
    assert found.runs == "0.750" and check_memo(project.folder, [project.folder / "memo.md"]).same
    copy.unlink()
    checked = check_memo(project.folder)
    assert checked.same and checked.files == 2 and "no longer there" in checked.notes[0]


def test_another_picture_in_a_board_and_a_damaged_run_are_found(project: Project) -> None:
    board = project.folder / "looks" / "board.png"
    board.parent.mkdir()
    board.write_bytes(b"\x89PNG\r\n\x1a\none")
    Case(target=Target(threshold=0.75), boards=("looks",)).save(project.folder)
    write_memo(project.folder, project.folder / "memo.html")
    (project.folder / "memo.md").unlink()
    assert check_memo(project.folder).same
    board.write_bytes(b"\x89PNG\r\n\x1a\ntwo")
    assert "board.1" in {each.number for each in check_memo(project.folder).differences}
    (evaluation(project).path / "run.json").write_text("{")
    checked = check_memo(project.folder)
    assert "lab-good.mean" in {each.number for each in checked.differences}
    assert any("damaged" in note for note in checked.notes)


def test_words_that_can_not_be_filled_in_any_more(project: Project) -> None:
    words = {"prose": {"question": "It has {{lab-good.mean}}."}, "target": Target(threshold=0.75)}
    Case(**words).save(project.folder)  # type: ignore[arg-type]
    write_memo(project.folder, project.folder / "memo.html")
    shutil.rmtree(evaluation(project).path)
    assert any("lab-good.mean}}" in each.said for each in check_memo(project.folder).differences)


def test_a_project_without_a_memo(tmp_path: Path) -> None:
    Project.create(tmp_path / "new")
    with pytest.raises(DocumentError, match="has no memo yet"):
        check_memo(tmp_path / "new")


def test_edits_tell_line_and_words() -> None:
    wanted = "<p>one 1</p>\n<!--author:data-->\n<!--/author-->\n<p>two <b>2</b> three</p>"
    found = "<p>one 1</p>\n<!--author:data-->\nfree\nwords\n<!--/author-->\n<p>two <b>5</b> three</p>"
    made, words = edits(wanted, found)
    assert [(edit.line, edit.found, edit.wanted) for edit in made] == [(6, "5", "2")] and words
    assert edits(wanted, wanted) == ([], False)


def test_an_edited_score_of_a_plugin_is_found(project: Project) -> None:
    add_extra(project)
    assert any("that the memo lacks" in each.said for each in check_memo(project.folder).differences)
    for name in ("memo.html", "memo.md"):
        write_memo(project.folder, project.folder / name)
    assert check_memo(project.folder).same
    path = evaluation(project).path / "result.json"
    body = json.loads(path.read_text("utf-8"))
    body["extra"][0]["score"]["values"][4] = 0.95
    body["extra"][0]["score"]["interval"][1] = 0.9
    path.write_text(json.dumps(body), "utf-8")
    stem = "lab-good.plugin.plugin-prototypes-shots-1"
    found = {each.number for each in check_memo(project.folder).differences if each.kind == "number"}
    assert found == {f"{stem}.mean", f"{stem}.interval", f"{stem}.seed.4"}
