"""`workbench inspect` from the command line: its keys are a contract, and every picture lies where it is said to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.test_cli import document
from workbench import cli
from workbench.engine.control import Control
from workbench.engine.jobs import inspect
from workbench.gui import board_sheet
from workbench.pixels.cells import PANELS
from workbench.records.inspection import FOR_LOOKING, NEEDS, SETTABLE, SHOWN
from workbench.records.jobs import JobConfig
from workbench.records.runs import RunFolder
from workbench.verbs import inspecting

KEYS = {"view", "images", "unreadable", "models", "files"}
MODEL_KEYS = {
    *("model", "title", "depth", "heads", "grid", "notes", "error"),
    *("artefact_patches", "reconstruction_errors"),
}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qapp: Any) -> list[JobConfig]:
    """Jobs run in this process, and are listed; starting a worker takes seconds."""
    ran: list[JobConfig] = []

    def run_job(project: Any, job: Any, title: str) -> RunFolder:
        ran.append(job)
        run = RunFolder.create(tmp_path / "runs", job, name=f"r{len(ran)}")
        inspect.run(job, run, Control(run))
        return run

    monkeypatch.setattr(inspecting, "run_job", run_job)
    return ran


@pytest.fixture
def pictures(tmp_path: Path, photographs: list[np.ndarray]) -> Path:
    """A folder of four photographs, one of them deeper, and a file that is no picture although it says so."""
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for number, image in enumerate(photographs):
        Image.fromarray(image).resize((90, 70)).save(
            folder / ("deep" if number == 1 else "") / f"{number}.png"
        )
    (folder / "torn.png").write_bytes(b"no picture")
    return folder


@pytest.mark.parametrize("view", SHOWN)
def test_every_view_leaves_its_pictures_and_a_board(
    view, here, pictures, published, tmp_path, capsys
) -> None:
    model, out = str(published("vit_mae").folder), tmp_path / "out"
    words = ["inspect", view, str(pictures), "--backbone", model, "--backbone", "nobody/nothing"]
    assert cli.main([*words, "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == KEYS and found["view"] == view
    assert [Path(image).name for image in found["images"]] == ["0.png", "2.png", "3.png", "1.png", "torn.png"]
    assert [each["image"] for each in found["unreadable"]] == ["torn.png"]
    right, wrong = found["models"]
    assert set(right) == set(wrong) == MODEL_KEYS
    assert (right["depth"], right["heads"], right["grid"], right["error"]) == (3, 4, [4, 4], "")
    assert "not on this machine" in wrong["error"] and wrong["title"] == "nobody/nothing"
    panels = list(PANELS) if view == "reconstruction" else [""]
    assert len(found["files"]) == 4 * len(panels) + 1 and found["files"][-1] == str(out / "board.png")
    assert sorted(found["files"]) == sorted(map(str, out.iterdir()))
    for file in found["files"][:-1]:
        with Image.open(file) as image:
            assert image.size == (64, 64) and np.ptp(np.asarray(image)) > 0
    with Image.open(found["files"][-1]) as image:
        assert min(image.size) > 700
    errors = right["reconstruction_errors"]
    if view == "reconstruction":
        assert errors[-1] is None and all(error > 0 for error in errors[:-1])
    else:
        assert errors is None
    assert (right["artefact_patches"] is not None) == (view == "attention")


def test_flags_are_those_that_count(here, pictures, published, tmp_path, capsys) -> None:
    for view in SHOWN:
        assert set(NEEDS[view]) - set(SETTABLE[view]) == set()
    words = [
        str(pictures / "0.png"),
        "--backbone",
        str(published("vit").folder),
        "--out",
        str(tmp_path / "o"),
    ]
    flags = [
        "--query",
        "0.5,0.25",
        "--layer",
        "2",
        "--rollout",
        "max",
        "--keep-mass",
        "0.5",
        "--no-artefacts",
    ]
    assert cli.main(["inspect", "attention", *words, *flags, "--board", "svg", "--dark"]) == 0
    (job,) = here
    assert (job.query, job.layer, job.rollout, job.keep_mass) == ("0.5,0.25", 2, "max", 0.5)
    assert not job.artefacts and job.show == "attention"
    told = capsys.readouterr().out
    assert (
        "rollout to layer 2 of 3, max of 4 heads" in told
        and "1 picture, and all of them on board.svg" in told
    )
    assert told.rstrip().endswith(FOR_LOOKING)
    assert (tmp_path / "o" / "board.svg").read_text().count("<image") == 2
    assert cli.main(["inspect", "segments", *words, "--mask-ratio", "0.5"]) == 2
    assert "--mask-ratio" in capsys.readouterr().err


def test_errors_are_told_the_oddest_first(here, pictures, published, tmp_path, capsys) -> None:
    folder = str(published("vit_mae").folder)
    words = ["--backbone", folder, "--backbone", folder, "--out", str(tmp_path / "o"), "--seed", "1"]
    assert cli.main(["inspect", "reconstruction", str(pictures), *words, "--most", "3"]) == 0
    said = capsys.readouterr()
    assert "the first 3 of 5 images" in said.err
    lines = said.out.splitlines()
    first = next(place for place, line in enumerate(lines) if "oddest first" in line)
    table = [line.split() for line in lines[first + 1 : first + 4]]
    assert {row[2] for row in table} == {"0.png", "2.png", "3.png"} and all(row[0] == row[1] for row in table)
    assert [float(row[0]) for row in table] == sorted((float(row[0]) for row in table), reverse=True)
    assert len(list((tmp_path / "o").iterdir())) == 3 * 5 * 2 + 1, "two models of one name overwrite nothing"


def test_a_board_that_is_too_large_stops_no_picture(here, pictures, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(board_sheet, "_MOST_SIDE", 100)
    words = [
        "inspect",
        "patch-pca",
        str(pictures / "0.png"),
        "--backbone",
        "random_vit",
        "--image-size",
        "64",
    ]
    assert cli.main([*words, "--out", str(tmp_path / "o")]) == 0
    said = capsys.readouterr()
    assert "too many for one PNG" in said.err and "1 picture\n" in said.out
    assert len(list((tmp_path / "o").iterdir())) == 1


def test_wrong_requests_and_nothing_to_show(here, pictures, tmp_path, capsys) -> None:
    image, out = str(pictures / "0.png"), str(tmp_path / "o")
    (tmp_path / "bare").mkdir()
    for words, said in (
        (["attention", str(pictures / "gone.png")], "does not exist"),
        (["attention", str(tmp_path / "bare")], "holds no images"),
        (["attention", image, "--query", "left"], 'not "left"'),
        (["reconstruction", image, "--boxes", "1,1,0,0"], "box must be"),
        (["segments", image, "--groups", "99"], "groups must be between"),
        (["segments", str(pictures), "--most", "0"], "--most must be 1 or more"),
        (["attention", image, "--out", image], "0.png is a file, so that no folder"),
        (["attention", image, "--out", f"{image}/below"], "0.png is a file, so that no folder"),
    ):
        words = words if "--out" in words else [*words, "--out", out]
        assert cli.main(["inspect", *words, "--backbone", "random_vit"]) == 2
        assert said in capsys.readouterr().err
    assert cli.main(["inspect", "attention", image, "--backbone", "histogram", "--out", out]) == 1
    assert "no patches to look at" in capsys.readouterr().out
    assert cli.main(["inspect", "attention", image, "--backbone", "histogram", "--out", out, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["files"] == [] and not Path(out).exists()


def test_where_nothing_can_be_read_every_file_is_told_by_name(here, tmp_path, capsys) -> None:
    torn, text = tmp_path / "torn.png", tmp_path / "text\n.png"
    torn.write_bytes(b"")
    text.write_text("no picture")
    words = ["inspect", "attention", str(torn), str(text), str(torn), "--backbone", "random_vit"]
    assert cli.main([*words, "--out", str(tmp_path / "o")]) == 1
    told = capsys.readouterr().out
    assert (
        "torn.png can't be shown: The file is empty" in told and "text\\n.png can't be shown: It is t" in told
    )
    assert cli.main([*words, "--out", str(tmp_path / "o"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [each["image"] for each in found["unreadable"]] == ["torn.png", "text\\n.png"] and not found[
        "files"
    ]


def test_a_project_says_how_its_pictures_are_read(here, published, tmp_path) -> None:
    from dataclasses import replace

    from workbench.records.project import Project
    from workbench.records.spec import Reading

    project = Project.create(tmp_path / "project")
    project.settings.curation = replace(project.settings.curation, reading=Reading(window="u16=1000:1640"))
    project.save()
    ramp = (np.arange(64)[None, :] * 10 + 1000 + np.zeros((64, 1))).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    words = ["inspect", "segments", str(tmp_path / "deep.png"), "--backbone", str(published("vit").folder)]
    spans = []
    for number, more in enumerate(([], ["--project", str(tmp_path / "project")])):
        out = tmp_path / f"out{number}"
        assert cli.main([*words, *more, "--out", str(out), "--opacity", "0", "--groups", "2"]) == 0
        (picture,) = (file for file in out.iterdir() if file.stem != "board")
        spans.append(np.ptp(np.asarray(Image.open(picture)).astype(int)))
    assert spans[0] < 10 and spans[1] > 240


def test_a_worker_and_no_display_suffice(pictures, tmp_path) -> None:
    words = (
        "inspect",
        "patch-pca",
        str(pictures / "0.png"),
        "--backbone",
        "random_vit",
        "--image-size",
        "64",
    )
    found = document(*words, "--out", str(tmp_path / "out"), "--board", "pdf")
    assert (tmp_path / "out" / "board.pdf").read_bytes()[:5] == b"%PDF-" and len(found["files"]) == 2
