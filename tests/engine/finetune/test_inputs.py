"""What training reads: the pixels of the loader whatever their depth, every mirroring, and no image read twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.finetune.tuning import small_vit
from tests.indices import counted
from workbench.engine.backbones.resolve import resolve
from workbench.engine.control import Control, StopRequested
from workbench.engine.finetune import inputs as module
from workbench.engine.finetune.inputs import MIRRORINGS, Inputs, gather
from workbench.pixels.prepare import load
from workbench.records.index import ImageIndex
from workbench.records.jobs import SampleJob
from workbench.records.runs import RunFolder
from workbench.records.spec import FeatureSpec


class Place:
    """A folder of images, their index, and where their inputs are kept."""

    def __init__(self, tmp_path: Path, root: Path) -> None:
        self.index: ImageIndex = counted(root)
        self.rows = self.index.labelled()
        self.spec: FeatureSpec = resolve(str(small_vit(tmp_path / "vit")), memo=tmp_path / "memo").spec
        self.folder = tmp_path / "kept"
        self.run = RunFolder.create(tmp_path / "runs", SampleJob(folder="x"))

    def gather(self, control: Control | None = None, **more: object) -> Inputs:
        given = {"mirrorings": MIRRORINGS["none"], "make": None, "device": "cpu", "threads": 2, **more}
        return gather(
            self.index, self.rows, self.spec, self.folder, control=control or Control(self.run), **given
        )  # type: ignore[arg-type]

    def loaded(self, row: int) -> np.ndarray:
        return load(self.index.file(row), self.spec.preprocess, reading=self.spec.reading)


@pytest.fixture
def mixed(tmp_path: Path, picture_folder: Path) -> Place:
    """36 pictures of 8 bits, and 4 of 16 that come last."""
    rng = np.random.default_rng(0)
    (picture_folder / "zinc").mkdir()
    for number in range(4):
        levels = rng.integers(0, 65536, (40, 40), dtype=np.uint16)
        Image.fromarray(levels).save(picture_folder / "zinc" / f"{number}.png")
    return Place(tmp_path, picture_folder)


def test_pixels_are_the_loaders_and_turn_to_floats_where_8_bits_hold_too_little(mixed: Place) -> None:
    kept = mixed.gather()
    assert kept.store.dtype == torch.float32
    assert len(kept) == 40 and not kept.refused
    for place, row in enumerate(kept.rows.tolist()):
        wanted = mixed.loaded(row)
        wanted = wanted.astype(np.float32) / 255 if wanted.dtype == np.uint8 else wanted
        got = kept.take(np.array([place]), np.array([0]), torch.device("cpu"))[0]
        np.testing.assert_allclose(got.numpy(), wanted, atol=1e-6)


def test_pictures_of_8_bits_stay_bytes(tmp_path: Path, picture_folder: Path) -> None:
    place = Place(tmp_path, picture_folder)
    kept = place.gather()
    assert kept.store.dtype == torch.uint8
    np.testing.assert_array_equal(kept.store[0, 5].numpy(), place.loaded(int(kept.rows[5])))


class Stops(Control):
    def progress(self, done: int, total: int, **more: object) -> None:  # type: ignore[override]
        if done >= 16:
            self.command("stop")
        super().progress(done, total, **more)  # type: ignore[arg-type]


def test_a_stopped_one_goes_on_with_every_mirroring(mixed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def make(pixels: torch.Tensor) -> torch.Tensor:
        seen.append(len(pixels))
        return (
            pixels.float().mean(dim=(1, 3)) if pixels.dtype == torch.uint8 else pixels.mean(dim=(1, 3)) * 255
        )

    more = {"make": make, "mirrorings": MIRRORINGS["flips"]}
    with pytest.raises(StopRequested):
        mixed.gather(Stops(mixed.run), **more)
    assert sum(seen) == 16 * 4
    kept = mixed.gather(**more)
    assert sum(seen) == 40 * 4, "no image is read twice"
    assert kept.store.shape[:2] == (4, 40)
    plain = kept.store[0]
    torch.testing.assert_close(kept.store[1], plain.flip(1), msg="left and right change places")
    torch.testing.assert_close(kept.store[2], plain, msg="up and down don't show in a mean over rows")
    again = mixed.gather(**more)
    assert sum(seen) == 40 * 4
    assert torch.equal(again.store, kept.store)


def test_a_picture_that_cannot_be_read_is_left_out_with_its_reason(mixed: Place) -> None:
    mixed.index.file(3).unlink()
    kept = mixed.gather()
    assert (len(kept), list(kept.refused)) == (39, [3])
    assert 3 not in kept.rows
    got = kept.take(np.array([3]), np.array([0]), torch.device("cpu"))[0]
    wanted = mixed.loaded(4).astype(np.float32) / 255
    np.testing.assert_allclose(got.numpy(), wanted, atol=1e-6)


def test_a_disk_without_room_is_told_before_it_is_full(mixed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(ValueError, match="Free some space"):
        mixed.gather()
