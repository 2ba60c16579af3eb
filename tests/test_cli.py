"""The command line is a contract: its JSON keys, exit codes and silence on stdout."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
from PIL import Image

from tests import warm
from workbench.records.runs import RunFolder
from workbench.records.splits import Split


def workbench(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = warm.run("workbench", *words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def document(*words: str) -> Any:
    return json.loads(workbench(*words, "--json").stdout)


@pytest.fixture
def odd_folder(picture_folder: Path) -> Path:
    (picture_folder / "red" / "empty.jpg").touch()
    (picture_folder / "red" / "line\nbreak\x1b[31m.png").write_text("not an image")
    (picture_folder / "blue" / "copy.png").write_bytes((picture_folder / "blue" / "lot0_00.png").read_bytes())
    return picture_folder


def test_index(odd_folder: Path) -> None:
    found = document("index", str(odd_folder), "--group-by", "name:(lot[0-9])")
    assert set(found) == {
        "images",
        "classes",
        "rejected",
        "duplicates",
        "near_duplicates",
        "leaks",
        "leaks_left",
        "modes",
        "groups",
        "left_out",
        "ignored",
        "unmatched",
        "unlisted",
        "window",
        "channels",
        "saturated",
        "split",
        "other_files",
        "warnings",
    }
    assert found["images"] == 37
    assert found["classes"] == {"blue": 13, "green": 12, "red": 12}
    assert {tuple(sorted(item)) for item in found["rejected"]} == {("path", "reason")}
    assert [item["path"] for item in found["rejected"]] == ["red/empty.jpg", "red/line\\nbreak\\x1b[31m.png"]
    assert found["duplicates"] == [["blue/copy.png", "blue/lot0_00.png"]]
    assert found["modes"] == {"RGB 8-bit": 37}
    assert found["groups"] == 6
    assert found["leaks"] == found["duplicates"], (
        "the copy's name tells no lot, so that a split can tear them apart"
    )
    assert document("index", str(odd_folder), "--group-by", "folder:1")["leaks"] == []
    text = workbench("index", str(odd_folder)).stdout
    assert "37 images in 3 classes" in text
    assert "\x1b" not in text


def test_decisions_about_the_images(odd_folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    rows = [f"{name}/lot{i % 6}_{i:02d}.png,{name},p{i % 4}" for name in ("red", "blue") for i in range(12)]
    table.write_text("\n".join(["path,label,patient", *rows, "nowhere.png,red,p1"]))
    folder = str(odd_folder)
    found = document(
        "index",
        folder,
        "--labels",
        str(table),
        "--rename",
        "red=warm",
        "--ignore",
        "blue",
        "--split",
        "folds:4",
    )
    assert found["classes"] == {"warm": 12}
    assert (found["groups"], found["ignored"], found["unlisted"], found["split"]) == (4, 12, 13, "4 folds")
    assert [(row["line"], row["path"]) for row in found["unmatched"]] == [(26, "nowhere.png")]
    project = str(tmp_path / "project")
    left = document("index", folder, "--copies", "leave-out", "--project", project)
    assert (left["images"], left["leaks_left"], left["left_out"]) == (36, 0, ["blue/lot0_00.png"])
    assert left["leaks"] == [["blue/copy.png", "blue/lot0_00.png"]]
    kept = document("index", folder, "--project", project)
    assert (kept["images"], kept["leaks"]) == (36, []), "a project remembers what was decided"
    grouped = document("index", folder, "--copies", "group")
    assert (grouped["images"], grouped["leaks_left"], grouped["groups"]) == (37, 0, 1)
    listed = tmp_path / "refused.csv"
    workbench("index", folder, "--rejected", str(listed))
    assert [line.partition(",")[0] for line in listed.read_text().splitlines()] == [
        "path",
        "red/empty.jpg",
        "red/line\\nbreak\\x1b[31m.png",
    ]


def test_several_folders_are_one_data_set(picture_folder: Path) -> None:
    folders = [str(picture_folder / name) for name in ("red", "blue")]
    found = document("index", *folders)
    assert found["classes"] == {"blue": 12, "red": 12}, "the folder's own name is the first folder"
    assert "twice" in workbench("index", folders[0], folders[0], code=2).stderr


def test_leaks_are_told_by_every_result(odd_folder: Path, tmp_path: Path) -> None:
    files = []
    for copies in ("keep", "leave-out"):
        files.append(str(tmp_path / f"{copies}.h5ad"))
        document("embed", str(odd_folder), "--backbone", "histogram", "--copies", copies, "--out", files[-1])
    left_in, clean = (document("evaluate", file, "--seeds", "5") for file in files)
    assert left_in["leaks"]["sets"] == 1
    assert "leak" in {finding["name"] for finding in left_in["findings"]}
    assert clean["leaks"] == {"sets": 0, "test_images": 0, "near": True}
    assert "no leaks" in workbench("evaluate", files[1], "--seeds", "2").stdout
    folds = str(tmp_path / "folds.h5ad")
    document("embed", str(odd_folder), "--backbone", "histogram", "--split", "folds:3", "--out", folds)
    tested = [set(), set(), set()]
    found = document("evaluate", folds, "--seeds", "3", "--project", str(tmp_path / "p"))
    assert found["seeds"] == [0, 1, 2]
    for seed, path in enumerate(sorted((tmp_path / "p").rglob("splits/seed-*.json"))):
        split = Split.load(path)
        tested[seed] = {name for name, part in zip(split.ids, split.part, strict=True) if part == 2}
    assert sum(map(len, tested)) == len(set.union(*tested)) == 37


def test_from_a_folder_to_a_comparison(odd_folder: Path, tmp_path: Path) -> None:
    files = [str(tmp_path / "a.h5ad"), str(tmp_path / "b.h5ad")]
    folder = str(odd_folder)
    first = document("embed", folder, "--backbone", "histogram", "--out", files[0])
    assert {"images", "dimension", "computed", "refused", "fingerprint", "out", "rejected"} <= set(first)
    assert (first["images"], first["computed"]) == (37, 36)
    assert [item["path"] for item in first["rejected"]] == ["red/empty.jpg", "red/line\\nbreak\\x1b[31m.png"]
    again = document("embed", folder, "--backbone", "histogram", "--out", files[0])
    assert again["computed"] == 0
    workbench("embed", folder, "--backbone", "random_vit", "--image-size", "64", "--out", files[1])
    table = anndata.read_h5ad(files[0])
    assert {"path", "label", "split", "group"} <= set(table.obs.columns)
    assert table.shape == (37, first["dimension"])

    found = document("evaluate", *files, "--seeds", "3", "--budgets", "50,100", "--target", "0.5")
    assert {"diagnoses", "feature_rule", "standardise", "target"} <= set(found)
    for model in found["models"]:
        assert {"macro_f1", "balanced_accuracy", "ece", "per_class", "labels_to_target"} <= set(model)
        assert [budget["fraction"] for budget in model["budgets"]] == [0.5, 1.0]
        assert all({"fraction", "mean", "sd", "labels"} <= set(budget) for budget in model["budgets"])
        assert model["budgets"][1]["mean"] == model["probe"]["mean"], "all labels are the table's own score"
        assert all(
            {"name", "precision", "recall", "recall_interval"} <= set(one) for one in model["per_class"]
        )
    assert {"p_adjusted", "minimum_detectable_difference"} <= set(found["comparisons"][0])
    found = document("evaluate", *files, "--seeds", "3")
    assert {"models", "comparisons", "findings", "metric", "protocol", "seeds"} <= set(found)
    assert len(found["models"]) == 2
    for model in found["models"]:
        assert {"metric", "mean", "sd", "values"} <= set(model["probe"])
        assert {"metric", "mean", "sd", "values", "k"} <= set(model["knn"])
        assert len(model["probe"]["values"]) == 3
    (pair,) = found["comparisons"]
    assert {"a", "b", "difference", "interval", "verdict"} <= set(pair)
    assert len(pair["interval"]) == 2
    assert pair["verdict"] in ("better", "equivalent", "undecided")
    assert found["models"][0]["name"] == "Colour and texture"
    assert found["models"][0]["probe"]["mean"] > 0.9, "colour alone tells these classes apart"
    assert found == {**document("evaluate", *files, "--seeds", "3")}, "the same run again, other numbers"
    workbench("evaluate", *files, "--budgets", "0,200", code=2)
    (kept, *_) = list(Path(os.environ["XDG_DATA_HOME"]).rglob("splits/seed-0.json"))
    assert Split.load(kept).hash == json.loads(kept.read_text())["hash"] == found["splits"][0]
    single = document("evaluate", *files, "--seeds", "1")
    assert single["comparisons"][0]["verdict"] == "undecided"
    assert "Colour and texture" in workbench("evaluate", *files, "--seeds", "3").stdout

    written = document("export", files[0], "--format", "npz", "--out", str(tmp_path / "a.npz"))
    assert [Path(name).name for name in written["files"]] == ["a.npz"]


def test_backbones_and_doctor() -> None:
    entries = document("backbones")
    assert all({"id", "source", "family", "available"} <= set(entry) for entry in entries)
    here = {entry["id"] for entry in entries if entry["available"]}
    assert {"efficientnet_lite0", "random_vit", "histogram"} <= here
    assert {"facebook/dinov2-small", "facebook/vit-mae-base"} <= {entry["id"] for entry in entries}
    checks = document("doctor")["checks"]
    assert all(set(check) == {"name", "ok", "detail", "remedy"} for check in checks)
    assert all(check["ok"] or check["remedy"] for check in checks)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["index", "FOLDER", "--max-megapixels", "nan"], 2, "--max-megapixels: 'nan' is not a number"),
        (["index", "/no/such/folder"], 2, "does not exist"),
        (["evaluate", "/no/such/file.h5ad"], 2, "does not exist"),
        (["embed", "FOLDER", "--backbone", "histogram", "--out", "a.csv"], 2, "must end in .h5ad"),
        (["embed", "FOLDER", "--backbone", "no_such_backbone", "--out", "OUT"], 1, "no_such_backbone"),
        (["embed", "FOLDER", "--backbone", "facebook/dinov2-small", "--out", "OUT"], 1, "dinov2-small"),
        (["index", "FOLDER", "--group-by", "name:lot"], 2, "captures nothing"),
        (["index", "FOLDER", "--labels", "none.csv"], 2, "none.csv does not exist"),
        (["index", "FOLDER", "--split", "thirds"], 2, "a split is written"),
        (["index", "FOLDER", "--window", "wide"], 2, "wide"),
        (["index", "FOLDER", "--rename", "red"], 2, "OLD=NEW"),
        (["index", "FOLDER", "--rename", "rde=stop"], 2, "no class 'rde'. The classes are blue, green, red."),
        (["index", "FOLDER", "--ignore", "rde"], 2, "no class 'rde'"),
        (["index", "FOLDER", "--labels", "FOLDER"], 2, "is a folder"),
        (["/no/such/project"], 2, "holds no project"),
    ],
)
def test_wrong_requests_end_with_a_sentence(
    picture_folder: Path, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    names = {"FOLDER": str(picture_folder), "OUT": str(tmp_path / "out.h5ad")}
    done = workbench(*[names.get(word, word) for word in words], code=code)
    assert said in done.stderr
    assert done.stdout == ""
    assert done.stderr.strip().splitlines()[-1].startswith("workbench")


def test_a_decision_that_makes_no_sense_costs_no_second_index(picture_folder: Path, tmp_path: Path) -> None:
    project = ["--project", str(tmp_path / "project")]
    workbench("index", str(picture_folder), "--ignore", "red", "--window", "wide", *project, code=2)
    assert "index.npz" in (tmp_path / "project" / "project.json").read_text()
    assert "red" in document("index", str(picture_folder), *project)["classes"], "nothing was decided"
    document("index", str(picture_folder), "--rename", "red=stop", *project)
    workbench("index", str(picture_folder), "--ignore", "blue", "--window", "wide", *project, code=2)
    assert "stop" in document("index", str(picture_folder), *project)["classes"], "the earlier decision holds"


def test_nothing_left_to_embed_says_why(picture_folder: Path, tmp_path: Path) -> None:
    words = [word for name in ("red", "green", "blue") for word in ("--ignore", name)]
    out = ["--backbone", "histogram", "--out", str(tmp_path / "a.h5ad")]
    assert "of an ignored class" in workbench("embed", str(picture_folder), *words, *out, code=2).stderr


def test_ctrl_c_keeps_what_is_done(picture_folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(1500):  # so many that the key is pressed before the last, on a fast machine too
        pixels = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(picture_folder / "red" / f"more_{number:04d}.png")
    project = tmp_path / "project"
    command = ["embed", str(picture_folder), "--backbone", "random_vit", "--batch-size", "1"]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "workbench",
            *command,
            "--out",
            str(tmp_path / "o.h5ad"),
            "--project",
            str(project),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        runs = list(project.glob("runs/*-embed-*"))
        if runs and RunFolder(runs[0]).status().done >= 2:
            break
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "goes on from what was kept" in errors
    assert list(project.glob("caches/features/*/chunk-*.npz"))
