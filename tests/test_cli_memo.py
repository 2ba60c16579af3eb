"""`workbench memo` from the command line: what it writes, what its check says, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.decide.memo.made_memo import memo_project
from tests.test_cli import document
from workbench.cli import main


def test_a_memo_is_written_checked_and_found_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = memo_project(tmp_path / "steel").folder
    outs = [str(folder / f"memo.{ending}") for ending in ("html", "md", "pdf")]
    flags = [word for out in outs for word in ("--out", out)]
    made = document("memo", str(folder), *flags)
    assert set(made) == {"verdict", "title", "date", "numbers", "files"} and made["files"] == outs
    before = [Path(out).read_bytes() for out in outs]
    assert document("memo", str(folder), *flags) == made, "in another process"
    assert [Path(out).read_bytes() for out in outs] == before

    def check(code: int) -> tuple[Any, str]:
        assert main(["memo", str(folder), "--check", "--json"]) == code
        checked = json.loads(capsys.readouterr().out)
        assert main(["memo", str(folder), "--check"]) == code
        return checked, capsys.readouterr().out

    checked, told = check(0)
    assert set(checked) == {"same", "checked", "files", "differences", "notes"}
    assert checked["same"] and checked["checked"] == made["numbers"] and checked["files"] == 3
    assert f"{made['numbers']} numbers, and 3 files checked: the run folders say the same." in told

    path, pdf = Path(outs[0]), Path(outs[2])
    path.write_text(path.read_text("utf-8").replace("0.750", "0.760", 1), "utf-8")
    pdf.write_bytes(pdf.read_bytes() + b" ")
    checked, told = check(1)
    assert not checked["same"] and "2 differences" in told
    found = [(each["file"], each["number"]) for each in checked["differences"]]
    assert found == [("memo.html", "threshold"), ("memo.pdf", "")]
    assert set(checked["differences"][0]) == {"kind", "said", "number", "memo", "runs", "run", "file"}


def test_what_can_not_be_done_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = memo_project(tmp_path / "steel").folder

    def refused(*words: str) -> str:
        assert main(["memo", *words]) == 2
        return capsys.readouterr().err

    assert "does not exist" in refused(str(tmp_path / "none"))
    assert "has no memo yet" in refused(str(folder), "--check")
    assert "ends otherwise" in refused(str(folder), "--out", "memo.docx")
    assert not (folder / "decision" / "decision.json").exists()
    assert "can't be written" in refused(str(folder), "--out", str(folder / "index.npz" / "m.md"))
    assert main(["memo", str(folder)]) == 0 and (folder / "memo.html").exists()
    assert "bound numbers" in capsys.readouterr().out
