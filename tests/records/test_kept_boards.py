"""Boards come back from their file as they were kept, and what is no board is refused with a sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.records.boards import BoardPlan, Rows, load_boards, save_boards, with_board, without_board
from workbench.records.files import DocumentError
from workbench.records.inspection import InspectSettings

PLAN = BoardPlan(
    name="Cracks",
    models=("facebook/dinov2-small", "/data/runs/mae"),
    rows=Rows(kind="kept", number=2, ids=("00" * 8, "11" * 8 + "~2")),
    pinned=("22" * 8,),
    settings=InspectSettings(show="reconstruction", boxes=("0.1,0.2,0.3,0.4",), mask_ratio=0.5),
    panel="error",
    query_image="00" * 8,
)


def test_boards_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "boards.json"
    assert load_boards(path) == ()
    default = BoardPlan(name="As it was")
    save_boards(path, (PLAN, default))
    assert load_boards(path) == (PLAN, default)


def test_a_name_stands_for_one_board() -> None:
    other = replace(PLAN, panel="masked")
    boards = with_board(with_board((), PLAN, "A"), PLAN, "B")
    boards = with_board(boards, other, "A")
    assert [(board.name, board.panel) for board in boards] == [("B", "error"), ("A", "masked")]
    assert [board.name for board in without_board(boards, "B")] == ["A"]


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("settings", "show"), "x-ray"),
        (("settings", "query"), "here"),
        (("settings", "boxes"), ["0.9,0.9,0.1,0.1"]),
        (("rows", "kind"), "all"),
        (("rows", "number"), "many"),
        (("pinned",), None),
    ],
)
def test_what_is_no_board_is_refused(tmp_path: Path, where: tuple[str, ...], value: object) -> None:
    path = tmp_path / "boards.json"
    save_boards(path, (PLAN,))
    document = json.loads(path.read_text("utf-8"))
    body = document["boards"][0]
    for key in where[:-1]:
        body = body[key]
    body[where[-1]] = value
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(DocumentError, match=r"boards\.json"):
        load_boards(path)


def test_no_more_rows_than_there_may_be() -> None:
    body = replace(PLAN, rows=Rows(number=10_000)).to_json()
    assert BoardPlan.from_json(json.loads(json.dumps(body))).rows.number == 48
