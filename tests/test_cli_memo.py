"""`workbench memo` from the command line: what it writes, what its check says, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.decide.memo.made_memo import memo_project
from tests.test_cli import document, workbench


def test_a_memo_is_written_checked_and_found_out(tmp_path: Path) -> None:
    folder = memo_project(tmp_path / "steel").folder
    outs = [str(folder / f"memo.{ending}") for ending in ("html", "md", "pdf")]
    flags = [word for out in outs for word in ("--out", out)]
    made = document("memo", str(folder), *flags)
    assert set(made) == {"verdict", "title", "date", "numbers", "files"} and made["files"] == outs
    before = [Path(out).read_bytes() for out in outs]
    assert "bound numbers" in workbench("memo", str(folder), *flags).stdout
    assert [Path(out).read_bytes() for out in outs] == before

    checked = document("memo", str(folder), "--check")
    assert set(checked) == {"same", "checked", "files", "differences", "notes"}
    assert checked["same"] and checked["checked"] == made["numbers"] and checked["files"] == 3
    assert (
        f"{checked['checked']} numbers, and 3 files checked: the run folders say the same."
        in workbench("memo", str(folder), "--check").stdout
    )

    path = Path(outs[0])
    path.write_text(path.read_text("utf-8").replace("0.750", "0.760", 1), "utf-8")
    pdf = Path(outs[2])
    pdf.write_bytes(pdf.read_bytes() + b" ")
    done = workbench("memo", str(folder), "--check", "--json", code=1)
    found = json.loads(done.stdout)
    assert not found["same"]
    assert [(each["file"], each["number"]) for each in found["differences"]] == [
        ("memo.html", "threshold"),
        ("memo.pdf", ""),
    ]
    assert set(found["differences"][0]) == {"kind", "said", "number", "memo", "runs", "run", "file"}
    assert "2 differences" in workbench("memo", str(folder), "--check", code=1).stdout


def test_what_can_not_be_done_is_said(tmp_path: Path) -> None:
    folder = memo_project(tmp_path / "steel").folder
    assert "does not exist" in workbench("memo", str(tmp_path / "none"), code=2).stderr
    assert "has no memo yet" in workbench("memo", str(folder), "--check", code=2).stderr
    assert "ends otherwise" in workbench("memo", str(folder), "--out", "memo.docx", code=2).stderr
    assert not (folder / "decision" / "decision.json").exists()
    assert (
        "can't be written"
        in workbench("memo", str(folder), "--out", str(folder / "index.npz" / "m.md"), code=2).stderr
    )
    assert workbench("memo", str(folder)).stdout and (folder / "memo.html").exists()
