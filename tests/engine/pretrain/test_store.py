"""Stored pixels are those of the files, whatever was in the folder before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.engine.pretrain.made import new_run, pretrain_job
from workbench.engine.control import StopRequested
from workbench.engine.pretrain import store as stores
from workbench.engine.pretrain.pool import Pool, find_pool
from workbench.engine.pretrain.store import fill, stored_size


def pool_of(folder: Path, work: Path) -> Pool:
    return find_pool(pretrain_job(folder, work, learn_from="all"))


def written(folder: Path, pictures: dict[str, np.ndarray]) -> Path:
    for name, pixels in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    return folder


def control(work: Path, name: str):  # type: ignore[no-untyped-def]
    return new_run(pretrain_job(work, work), work / "runs", name)[1]


def test_pixels_are_the_files_own(picture_folder: Path, tmp_path: Path) -> None:
    pool = pool_of(picture_folder, tmp_path / "work")
    store = fill(pool, 32, tmp_path / "pixels", 2, control(tmp_path / "work", "a"))
    assert store.pixels.shape == (36, 32, 32, 3)
    for place in (0, 17, 35):
        with Image.open(pool.files[place]) as picture:
            expected = np.asarray(picture.resize((32, 32), Image.Resampling.BICUBIC))
        np.testing.assert_allclose(store.pixels[place].astype(int), expected.astype(int), atol=1)
    assert store.take(np.array([3, 1])).shape == (2, 32, 32, 3)


def test_grey_pictures_keep_one_channel_until_a_coloured_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "_BATCH", 2)
    rng = np.random.default_rng(0)
    greys = {f"a/{n}.png": rng.integers(0, 255, (32, 32), dtype=np.uint8) for n in range(6)}
    folder = written(tmp_path / "grey", greys)
    pool = pool_of(folder, tmp_path / "one")
    store = fill(pool, 32, tmp_path / "pixels", 1, control(tmp_path / "one", "a"))
    assert store.channels == 1
    np.testing.assert_array_equal(store.pixels[2, ..., 0], greys["a/2.png"])
    colour = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
    written(folder, {"b/0.png": colour})
    pool = pool_of(folder, tmp_path / "two")
    store = fill(pool, 32, tmp_path / "pixels", 1, control(tmp_path / "two", "a"))
    assert store.channels == 3
    np.testing.assert_array_equal(store.pixels[6], colour)
    np.testing.assert_array_equal(store.pixels[2], np.repeat(greys["a/2.png"][..., None], 3, axis=2))


def test_deep_pictures_keep_their_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_BATCH", 2)
    rng = np.random.default_rng(0)
    shallow = rng.integers(0, 255, (32, 32), dtype=np.uint8)
    deep = rng.integers(0, 65535, (32, 32)).astype(np.uint16)
    folder = written(tmp_path / "deep", {"a/0.png": shallow, "a/1.png": shallow, "a/2.png": deep})
    pool = pool_of(folder, tmp_path / "work")
    store = fill(pool, 32, tmp_path / "pixels", 1, control(tmp_path / "work", "a"))
    assert store.pixels.dtype == np.uint16
    np.testing.assert_array_equal(store.pixels[2, ..., 0], deep)
    np.testing.assert_array_equal(store.pixels[0, ..., 0], shallow.astype(np.uint16) * 257)


def test_what_is_decoded_is_not_decoded_again(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "_BATCH", 8)
    pool = pool_of(picture_folder, tmp_path / "work")
    stopped = control(tmp_path / "work", "a")
    told: list[int] = []

    def stop_after_two(done: int, total: int, **more: object) -> None:
        told.append(done)
        if len(told) == 2:
            raise StopRequested

    monkeypatch.setattr(stopped, "progress", stop_after_two)
    with pytest.raises(StopRequested):
        fill(pool, 32, tmp_path / "pixels", 1, stopped)
    again = control(tmp_path / "work", "b")
    more: list[int] = []
    monkeypatch.setattr(again, "progress", lambda done, total, **rest: more.append(done))
    store = fill(pool, 32, tmp_path / "pixels", 1, again)
    assert told == [8, 16]
    assert more == [24, 32, 36]
    whole = fill(pool, 32, tmp_path / "elsewhere", 1, control(tmp_path / "work", "c"))
    np.testing.assert_array_equal(store.pixels, whole.pixels)


def test_a_file_that_is_gone_is_left_out(picture_folder: Path, tmp_path: Path) -> None:
    pool = pool_of(picture_folder, tmp_path / "work")
    pool.files[4].unlink()
    store = fill(pool, 32, tmp_path / "pixels", 1, control(tmp_path / "work", "a"))
    assert 4 not in store.good
    assert len(store.good) == 35
    assert "4" not in store.refused and store.refused[4]


def test_what_could_not_be_read_is_told_and_tried_again_the_next_time(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "_BATCH", 8)
    pool = pool_of(picture_folder, tmp_path / "work")
    away = picture_folder.with_name("away")
    (picture_folder / "green").rename(away)  # as a network folder that is not there for a while
    first = control(tmp_path / "work", "a")
    assert len(fill(pool, 32, tmp_path / "pixels", 1, first).good) == 24
    assert "12 images of 36 could not be read and are left out. The first, " in first.status.notes[0]
    away.rename(picture_folder / "green")
    pool.files[30].unlink()  # decoded before, and not read again
    second = control(tmp_path / "work", "b")
    store = fill(pool, 32, tmp_path / "pixels", 1, second)
    assert len(store.good) == 36 and not store.refused and not second.status.notes
    with Image.open(pool.files[14]) as picture:
        expected = np.asarray(picture.resize((32, 32), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(store.pixels[14].astype(int), expected.astype(int), atol=1)


def test_a_full_disk_is_said_before_anything_is_written(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(picture_folder, tmp_path / "work")
    monkeypatch.setattr(stores, "free_bytes", lambda folder: 1 << 20)
    with pytest.raises(ValueError, match=r"the disk has .* left, of which 1.1 GB must stay free"):
        fill(pool, 32, tmp_path / "pixels", 1, control(tmp_path / "work", "a"))


def test_the_stored_size_follows_the_images_and_the_disk(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(picture_folder, tmp_path / "work")  # 64 x 48 px
    assert stored_size(pool, 24, 0, tmp_path) == 48
    assert stored_size(pool, 48, 0, tmp_path) == 64
    assert stored_size(pool, 128, 0, tmp_path) == 128
    assert stored_size(pool, 48, 80, tmp_path) == 80
    monkeypatch.setattr(stores, "free_bytes", lambda folder: 36 * 48 * 48 * 3)
    assert stored_size(pool, 24, 0, tmp_path) == 24
