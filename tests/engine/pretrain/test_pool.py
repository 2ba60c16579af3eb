"""Validation and test stay unseen, by content and not by name."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.engine.pretrain.made import pretrain_job
from tests.indices import counted
from workbench.engine.evals.items import LabelledItems
from workbench.engine.pretrain.pool import find_pool
from workbench.records.splits import make_split


def test_the_training_part_is_learnt_from_and_validation_looked_at(
    picture_folder: Path, tmp_path: Path
) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work")
    pool = find_pool(job)
    index = counted(picture_folder)
    items = LabelledItems.of(index, index.labelled())
    split = make_split(items.ids, items.labels, items.groups, seed=0, plan=index.plan)
    names = {index.file(i): part for i, part in enumerate(split.part)}
    assert {names[file] for file, learn in zip(pool.files, pool.learn, strict=True) if learn} == {0}
    for file, part, label in zip(pool.files, pool.part, pool.label, strict=True):
        assert part == names[file]
        assert pool.classes[label] == file.parent.name
    assert 2 not in pool.part
    assert pool.left_out == int((split.part > 0).sum())


def test_everything_is_learnt_from_when_asked(picture_folder: Path, tmp_path: Path) -> None:
    pool = find_pool(pretrain_job(picture_folder, tmp_path / "work", learn_from="all"))
    assert pool.learn.all()
    assert len(pool.files) == 36
    assert pool.left_out == 0


def test_copies_of_what_must_stay_unseen_are_left_out(picture_folder: Path, tmp_path: Path) -> None:
    first = pretrain_job(picture_folder, tmp_path / "work")
    index = counted(picture_folder)
    items = LabelledItems.of(index, index.labelled())
    split = make_split(items.ids, items.labels, items.groups, seed=0, plan=index.plan)
    unlabelled = tmp_path / "unlabelled"
    unlabelled.mkdir()
    for place, part in ((int(np.flatnonzero(split.part == part)[0]), part) for part in (0, 1, 2)):
        shutil.copy(index.file(place), unlabelled / f"copy-of-{part}.png")
    rng = np.random.default_rng(0)
    for number in range(4):
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(unlabelled / f"{number}.png")
    extra = tmp_path / "pool.npz"
    counted(unlabelled).save(extra)
    pool = find_pool(replace(first, pool_index=str(extra)))
    learnt = {file.name for file, learn in zip(pool.files, pool.learn, strict=True) if learn}
    assert {"0.png", "1.png", "2.png", "3.png", "copy-of-0.png"} <= learnt
    assert not {"copy-of-1.png", "copy-of-2.png"} & {file.name for file in pool.files}
    assert pool.overlap == 2
    only = find_pool(replace(first, pool_index=str(extra), learn_from="unlabelled"))
    assert {f.name for f, learn in zip(only.files, only.learn, strict=True) if learn} == {
        "0.png",
        "1.png",
        "2.png",
        "3.png",
        "copy-of-0.png",
    }


def test_an_unlabelled_image_of_a_tested_group_is_left_out(picture_folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for lot in range(6):
        pixels = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(picture_folder / f"lot{lot}_unlabelled.png")
    index = counted(picture_folder, group_by="name:(lot[0-9]+)")
    assert (index.label < 0).sum() == 6
    work = tmp_path / "work"
    work.mkdir()
    index.save(work / "index.npz")
    pool = find_pool(pretrain_job(picture_folder, work))
    lots: dict[int, set[str]] = {0: set(), 1: set()}
    for file, part in zip(pool.files, pool.part, strict=True):
        if part >= 0:
            lots[int(part)].add(file.name.partition("_")[0])
    added = {file.name.partition("_")[0] for file in pool.files if file.name.endswith("unlabelled.png")}
    assert added == lots[0]
    assert pool.overlap == 6 - len(lots[0])


def test_nothing_to_learn_from_is_said(picture_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"All 36 images have labels.*Add such a folder"):
        find_pool(pretrain_job(picture_folder, tmp_path / "work", learn_from="unlabelled"))
