"""What the expert said is kept whole, and a broken file is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.records.case import FOLDER, Case
from workbench.records.evidence import Target
from workbench.records.files import DocumentError


def test_what_was_said_is_kept(tmp_path: Path) -> None:
    said = Case(
        target=Target(metric="accuracy", threshold=0.9, gpu_hour_cost=2.5, currency="EUR"),
        everyday=False,
        colour_is_signal=True,
        architecture="cnn",
        author="Ä. <b>",
        prose={"verdict": "We wait.\n\nUntil May."},
        boards=("runs/1-inspect-x",),
    )
    said.save(tmp_path)
    assert Case.load(tmp_path) == said


def test_nothing_said_is_the_default(tmp_path: Path) -> None:
    assert Case.load(tmp_path) == Case()


def test_what_nobody_knows_is_refused() -> None:
    for wrong in ({"problem": "sound"}, {"architecture": "rnn"}, {"prose": {"poem": "x"}}):
        with pytest.raises(ValueError):
            Case(**wrong)  # type: ignore[arg-type]


def test_a_broken_file_is_told_with_its_name(tmp_path: Path) -> None:
    Case(prose={"data": "x"}).save(tmp_path)
    path = tmp_path / FOLDER / "case.json"
    path.write_text(path.read_text().replace('"data"', '"poem"'))
    with pytest.raises(DocumentError, match=r"case\.json.*poem"):
        Case.load(tmp_path)
