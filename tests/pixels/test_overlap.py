"""Copies that were moved are told from other pictures of the same kind by their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pixels.drawn import photograph
from workbench.engine.sample.build import build_sample
from workbench.pixels.decode import ImageError, read_image
from workbench.pixels.overlap import SAME, confirm, overlap
from workbench.pixels.signature import signature
from workbench.records.duplicates import copy_sets

MOVED = {
    "itself": lambda image: image,
    "shifted by 4 %": lambda image: image.crop((9, 9, 240, 240)).resize((231, 231)),
    "enlarged by 6 %": lambda image: image.resize((220, 220), box=(7, 7, 233, 233)),
    "enlarged and shifted": lambda image: image.resize((220, 220), box=(3, 12, 229, 238)),
    "darker and smaller": lambda image: image.point(lambda level: level * 0.7).resize((120, 120)),
    "grey": lambda image: image.convert("L"),
}


@pytest.mark.parametrize("name", MOVED)
def test_a_moved_copy_fits_both_ways_and_another_picture_does_not(name: str) -> None:
    for seed in range(3):
        image = photograph(seed)
        moved = np.asarray(MOVED[name](image))
        assert overlap(np.asarray(image), moved) >= SAME
        assert overlap(moved, np.asarray(image)) >= SAME
        assert overlap(moved, np.asarray(photograph(seed + 10))) < SAME - 0.1


def test_only_what_both_pictures_show_makes_them_fit() -> None:
    """A shift of a third is beyond what counts as a copy; nothing fits a picture without details."""
    image = photograph(2)
    assert overlap(np.asarray(image), np.asarray(image.crop((80, 0, 240, 240)))) < SAME
    assert overlap(np.asarray(image), np.zeros((30, 30), np.float32)) == 0
    assert overlap(np.zeros((30, 30), np.uint8), np.zeros((1, 1, 3), np.uint8)) == 0


def test_pictures_that_cannot_be_read_are_no_copies_and_others_are_read_once() -> None:
    pictures = [np.asarray(photograph(seed)) for seed in (0, 0, 1)]
    read: list[int] = []
    told: list[tuple[int, int]] = []

    def reader(position: int) -> np.ndarray:
        read.append(position)
        if position == 3:
            raise ImageError(Path("gone.png"), "The file is not there any more.")
        return pictures[position]

    pairs = np.asarray([[0, 1], [0, 2], [1, 2], [0, 3], [1, 3]])
    agreed = confirm(pairs, reader, lambda done, total: told.append((done, total)))
    assert agreed.tolist() == [True, False, False, False, False]
    assert sorted(read) == [0, 1, 2, 3]
    assert told == [(number, 5) for number in range(1, 6)]


def test_every_planted_copy_of_the_sample_is_found_and_no_other(tmp_path: Path) -> None:
    truth = build_sample(tmp_path / "steel", labelled=300, unlabelled=32)
    files = [path for path in truth.files if path not in truth.deep]
    pictures = [read_image(truth.folder / path) for path in files]
    signatures = np.frombuffer(b"".join(map(signature, pictures)), np.uint8).reshape(-1, 40)
    known: dict[bytes, int] = {}
    digest = np.zeros((len(files), 16), np.uint8)
    for row, path in enumerate(files):
        content = (truth.folder / path).read_bytes()
        digest[row, :2] = np.frombuffer(known.setdefault(content, len(known)).to_bytes(2), np.uint8)
    codes = copy_sets(digest, signatures, confirm=lambda pairs: confirm(pairs, pictures.__getitem__))
    found = {frozenset(files[i] for i in np.flatnonzero(codes == code)) for code in range(codes.max() + 1)}
    planted = [*truth.near_duplicates, *truth.exact_duplicates]
    assert len(planted) >= 5
    assert found == {frozenset(pair) for pair in planted}


def test_steel_surfaces_are_no_copies_of_each_other(neu: Path) -> None:
    """Of pictures that differ in more than a few signs; the set holds some true copies, looked at by eye."""
    paths = sorted(neu.rglob("*.jpg"))[::9]
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    signatures = np.frombuffer(b"".join(map(signature, pictures)), np.uint8).reshape(-1, 40)
    nothing = np.random.default_rng(0).integers(0, 255, (len(paths), 16), dtype=np.uint8)
    assert (
        copy_sets(nothing, signatures, confirm=lambda pairs: confirm(pairs, pictures.__getitem__)).max() == -1
    )
