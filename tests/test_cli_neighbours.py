"""`workbench inspect neighbours`: its keys are a contract, and the sheet shows the images that it names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.indices import counted
from workbench import cli
from workbench.engine.control import Control
from workbench.engine.jobs import embed, neighbours
from workbench.pixels.nearest_board import nearest_board
from workbench.records.jobs import EmbedJob
from workbench.records.neighbours_job import FOR_LOOKING, NeighboursJob, NeighboursResult
from workbench.records.runs import RunFolder
from workbench.records.spec import Reading
from workbench.verbs import neighbours as verb


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qapp: Any) -> list[NeighboursJob]:
    """Jobs run in this process, and are listed; starting a worker takes seconds."""
    ran: list[NeighboursJob] = []

    def run_job(project: Any, job: Any, title: str) -> RunFolder:
        ran.append(job)
        run = RunFolder.create(tmp_path / "runs", job, name=f"r{len(ran)}")
        neighbours.run(job, run, Control(run))
        return run

    monkeypatch.setattr(verb, "run_job", run_job)
    return ran


@pytest.fixture
def file(tmp_path: Path, picture_folder: Path) -> Path:
    counted(picture_folder).save(tmp_path / "index.npz")
    job = EmbedJob(
        index=str(tmp_path / "index.npz"), backbone="histogram", cache=str(tmp_path / "cache"), image_size=64
    )
    run = RunFolder.create(tmp_path / "runs", job)
    embed.run(job, run, Control(run))
    (tmp_path / "vectors").mkdir()
    shutil.move(run.path / "embeddings.h5ad", tmp_path / "vectors" / "a.h5ad")
    return tmp_path / "vectors" / "a.h5ad"


def test_a_picture_and_an_item_are_answered_on_a_sheet_and_in_a_document(
    here: list[NeighboursJob], file: Path, picture_folder: Path, tmp_path: Path, capsys: Any
) -> None:
    own, out = picture_folder / "red" / "lot3_09.png", tmp_path / "out"
    words = ["inspect", "neighbours", str(own), "blue/lot0_00.png", "--files", str(file), "--k", "4"]
    assert cli.main([*words, "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"k", "files", "images", "distance", "written"} and found["k"] == 4
    assert found["written"] == [str(out / "neighbours.json"), str(out / "sheet.png")]
    kept = json.loads((out / "neighbours.json").read_text())
    assert kept == {key: value for key, value in found.items() if key != "written"}
    assert found["files"] == [
        {"file": str(file), "title": "Colour and texture", "feature": "pooled", "items": 36}
    ]
    outside, item = found["images"]
    assert set(outside) == {"image", "item", "same", "copies", "answers"}
    first = outside["answers"][0]["nearest"][0]
    assert set(first) == {"id", "path", "label", "distance"}
    assert (first["path"], first["label"], outside["item"]) == ("red/lot3_09.png", "red", None)
    assert first["distance"] < 1e-5 and outside["same"][0]["id"] == first["id"]
    assert item["item"]["path"] == "blue/lot0_00.png" and len(item["answers"][0]["nearest"]) == 4
    assert here[0].folders == (str(picture_folder),)  # found above the picture
    with Image.open(out / "sheet.png") as image:
        assert image.width > 700 and np.ptp(np.asarray(image)) > 200


def test_words_for_a_terminal_and_a_folder_that_is_not_known(
    here: list[NeighboursJob], file: Path, picture_folder: Path, tmp_path: Path, capsys: Any
) -> None:
    copy = tmp_path / "far" / "away.png"
    copy.parent.mkdir()
    shutil.copy(picture_folder / "red" / "lot3_09.png", copy)
    moved = tmp_path / "moved"
    picture_folder.rename(moved)
    words = ["inspect", "neighbours", str(copy), "--files", str(file), "--out", str(tmp_path / "out")]
    assert cli.main(words) == 0
    told = capsys.readouterr()
    assert "away.png: The same file as red/lot3_09.png, which is in the data set" in told.out
    assert "0.0000  red  red/lot3_09.png" in told.out and told.out.rstrip().endswith(FOR_LOOKING)
    assert "  Colour and texture: 9 of 9 of the same class" in told.out  # but for itself
    assert "name it with --folder" in told.err
    assert cli.main([*words, "--folder", str(moved)]) == 0
    assert "--folder" not in capsys.readouterr().err


def test_of_several_the_readable_are_asked_in_their_order_and_each_once(
    here: list[NeighboursJob], file: Path, picture_folder: Path, tmp_path: Path, capsys: Any
) -> None:
    torn, lots = tmp_path / "torn\n.png", picture_folder / "red"
    torn.write_bytes(b"\x89PNG\r\n\x1a\nno more")
    last = lots / "lot3_09.png"
    words = ["inspect", "neighbours", str(last), str(torn), str(lots), "--most", "2", "--files", str(file)]
    assert cli.main([*words, "--out", str(tmp_path / "out")]) == 0
    first = sorted(lots.iterdir())[:2]
    assert here[-1].images == tuple(map(str, (last, torn, *first)))
    told = capsys.readouterr()
    (line,) = [line for line in told.out.splitlines() if line.startswith("torn")]
    assert line.startswith("torn\\n.png can't be asked about: ") and "the first 2 of" in told.err
    assert all(f"{picture.name}: The same file as" in told.out for picture in (last, *first))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/gone/x.png", "--files", "FILE"], "/gone/x.png does not exist"),
        (["FOLDER", "--files", "FILE", "--most", "0"], "--most must be 1 or more"),
        (["FOLDER", "--files", "FILE", "--out", "FILE"], "is a file, so that no folder"),
        (["FOLDER/red/lot3_09.png", "--files", "gone.h5ad"], "gone.h5ad does not exist"),
        (["FOLDER/red/lot3_09.png", "--files", "FILE", "--k", "0"], "k must be between 1 and 100"),
    ],
)
def test_wrong_requests_end_with_a_sentence(
    here: list[NeighboursJob],
    file: Path,
    picture_folder: Path,
    tmp_path: Path,
    capsys: Any,
    words: list[str],
    said: str,
) -> None:
    words = [word.replace("FILE", str(file)).replace("FOLDER", str(picture_folder)) for word in words]
    words = words if "--out" in words else [*words, "--out", str(tmp_path / "out")]
    assert cli.main(["inspect", "neighbours", *words]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_the_board_shows_each_item_and_nothing_that_took_its_place(
    here: list[NeighboursJob], file: Path, picture_folder: Path, tmp_path: Path
) -> None:
    own, torn = picture_folder / "red" / "lot3_09.png", tmp_path / "torn.png"
    torn.write_bytes(b"no picture")
    job = NeighboursJob(
        images=(str(own), str(torn)), files=(str(file), str(file)), k=3, folders=(str(picture_folder),)
    )
    run = RunFolder.create(tmp_path / "runs", job, name="b")
    neighbours.run(job, run, Control(run))
    result = NeighboursResult.load(run.path / "neighbours.json")
    near = result.images[0].answers[0].nearest
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(picture_folder / near[1].path)
    (picture_folder / near[2].path).unlink()
    board = nearest_board(result, (str(picture_folder),), Reading())
    assert [row.heading for row in board.rows] == [
        "Colour and texture · pooled (a.h5ad) · 2 of 2 of the same class"
    ] * 2
    (itself,), (other,), (gone,) = board.rows[0].cells
    np.testing.assert_array_equal(itself.pixels, np.asarray(Image.open(own)))
    assert itself.caption.startswith("the same file · red · 0.000")
    assert other.pixels is None and "another image than the one" in other.reason
    assert gone.pixels is None and "is not in the folder" in gone.reason
    assert board.claim == FOR_LOOKING and board.notes[0].startswith("lot3_09.png: The same file as")
    assert any(note.startswith("torn.png, Colour and texture") for note in board.notes)
    with pytest.raises(ValueError, match="No file has an answer"):
        nearest_board(NeighboursResult(k=3, files=result.files, images=result.images[1:]), ())
