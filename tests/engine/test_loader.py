"""Batches come whole, in order and promptly, whatever the files are."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from workbench.engine import loader as module
from workbench.engine.loader import BatchLoader
from workbench.pixels.decode import Stamp
from workbench.pixels.prepare import load
from workbench.records.spec import Preprocess, Reading

RECIPE = Preprocess(
    resize="shortest", resize_to=20, size=16, interpolation="bilinear", mean=(0, 0, 0), std=(1, 1, 1)
)


def folder(root: Path, number: int) -> list[Path]:
    """`number` small PNGs, each of one colour that tells its place."""
    paths = [root / f"{place:03}.png" for place in range(number)]
    for place, path in enumerate(paths):
        Image.new("RGB", (24 + place % 7, 20), (place, place, place)).save(path)
    return paths


def decode_threads() -> int:
    return sum(thread.name.startswith("decode") for thread in threading.enumerate())


@pytest.mark.parametrize("threads", [1, 4])
def test_every_file_once_and_in_order(tmp_path: Path, threads: int) -> None:
    paths = folder(tmp_path, 53)
    batches = list(BatchLoader(paths, RECIPE, batch_size=8, threads=threads))
    assert [len(batch.indices) for batch in batches] == [8] * 6 + [5]
    assert np.concatenate([batch.indices for batch in batches]).tolist() == list(range(53))
    images = np.concatenate([batch.images for batch in batches])
    assert images.dtype == np.uint8 and images.shape == (53, 16, 16, 3)
    for place, path in enumerate(paths):
        assert np.array_equal(images[place], load(path, RECIPE))
    assert not any(batch.refused for batch in batches)
    assert all(0 <= batch.wait < 60 for batch in batches)
    assert decode_threads() == 0


def test_bad_files_become_rows_and_move_nobody(tmp_path: Path) -> None:
    paths = folder(tmp_path, 20)
    stamps = [Stamp(path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    paths[0].write_bytes(b"")
    paths[7].unlink()
    paths[8].write_bytes(paths[9].read_bytes()[:-30])
    info = paths[11].stat()
    os.utime(paths[11], ns=(info.st_mtime_ns, info.st_mtime_ns + 5_000_000))
    for place in range(12, 16):
        paths[place].write_text("not an image, but long enough to look at")
    batches = list(BatchLoader(paths, RECIPE, batch_size=4, threads=3, stamps=stamps))
    refused = dict(row for batch in batches for row in batch.refused)
    assert list(refused) == [0, 7, 8, 11, 12, 13, 14, 15]
    assert "not there any more" in refused[7] and "has changed" in refused[11] and "has changed" in refused[0]
    assert [batch.indices.tolist() for batch in batches] == [
        [1, 2, 3],
        [4, 5, 6],
        [9, 10],
        [],
        [16, 17, 18, 19],
    ]
    assert batches[3].images.shape == (0, 16, 16, 3)
    for batch in batches:
        assert [int(image[0, 0, 0]) for image in batch.images] == batch.indices.tolist()

    refused = dict(
        row for batch in BatchLoader(paths, RECIPE, batch_size=20, threads=2) for row in batch.refused
    )
    assert list(refused) == [0, 7, 8, 12, 13, 14, 15]  # without stamps the changed one is read as it is now
    assert "empty" in refused[0] and "text" in refused[12]


def test_deep_and_shallow_pictures_in_one_batch(tmp_path: Path) -> None:
    paths = folder(tmp_path, 6)
    Image.fromarray(np.full((20, 24), 54321, np.uint16)).save(paths[2])
    paths[4].write_bytes(b"")
    alone, mixed = (list(BatchLoader(paths, RECIPE, batch_size=size, threads=2)) for size in (1, 6))
    assert mixed[0].images.dtype == np.float32
    assert mixed[0].indices.tolist() == [0, 1, 2, 3, 5]
    for row, place in enumerate(mixed[0].indices):
        image = alone[place].images[0]
        assert image.dtype == (np.float32 if place == 2 else np.uint8)
        expected = image if place == 2 else image.astype(np.float32) / np.float32(255)
        assert np.array_equal(mixed[0].images[row], expected)
    assert np.allclose(mixed[0].images[2], 54321 / 65535)


def test_pages_channels_and_the_limit_reach_the_decoder(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    values = np.random.default_rng(0).integers(0, 256, (3, 30, 40, 2), np.uint8)
    tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")
    reading = Reading(channels="all:2", pages="each")
    (batch,) = BatchLoader([path] * 4, RECIPE, batch_size=4, threads=2, reading=reading, pages=[2, 0, 1, 5])
    assert batch.indices.tolist() == [0, 1, 2] and batch.images.shape == (3, 16, 16, 2)
    for row, page in enumerate((2, 0, 1)):
        assert np.array_equal(batch.images[row], load(path, RECIPE, reading=reading, page=page))
    assert [place for place, _ in batch.refused] == [3] and "no page 6" in batch.refused[0][1]
    (batch,) = BatchLoader([path], RECIPE, batch_size=1, threads=1, max_pixels=30 * 40 - 1)
    assert "limit" in batch.refused[0][1]


def test_the_batch_size_can_change_between_batches(tmp_path: Path) -> None:
    loader = BatchLoader(folder(tmp_path, 60), RECIPE, batch_size=16, threads=2)
    sizes, places = [], []
    for number, batch in enumerate(loader):
        sizes.append(len(batch.indices))
        places += batch.indices.tolist()
        loader.batch_size = {0: 8, 3: 5}.get(number, loader.batch_size)
    assert places == list(range(60))
    assert sizes[0] == 16 and max(sizes[1:]) <= 8 and max(sizes[4:]) <= 5


def test_closing_early_is_prompt_and_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def slow(path: Path, *_: object, **__: object) -> np.ndarray:
        begun.append(path)
        time.sleep(0.05)
        return np.zeros((16, 16, 3), np.uint8)

    monkeypatch.setattr(module, "load", slow)
    batches = iter(BatchLoader([Path(f"{n}.png") for n in range(1000)], RECIPE, batch_size=4, threads=2))
    next(batches)
    began = time.perf_counter()
    batches.close()
    assert time.perf_counter() - began < 10, "all of them take 25 s"
    assert decode_threads() == 0
    number = len(begun)
    time.sleep(0.15)
    assert len(begun) == number < 20  # no more than the queue of three batches was ever begun


def test_a_mistake_of_the_program_is_raised_and_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> np.ndarray:
        raise RuntimeError("a bug")

    monkeypatch.setattr(module, "load", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        list(BatchLoader(folder(tmp_path, 3), RECIPE, batch_size=2, threads=2))
    assert decode_threads() == 0


def test_nothing_to_load() -> None:
    assert list(BatchLoader([], RECIPE, batch_size=4, threads=2)) == []


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"threads": 0},
        {"prefetch": 0},
        {"reading": Reading(channels="all")},
        {"pages": [0]},
        {"stamps": [None]},
    ],
    ids=str,
)
def test_impossible_requests_are_told_at_once(options: dict) -> None:
    with pytest.raises(ValueError):
        BatchLoader([], RECIPE, **{"batch_size": 4, "threads": 2, **options})
