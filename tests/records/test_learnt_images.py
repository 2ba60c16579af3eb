"""The images that a backbone has learnt from, against Python's own sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.records.files import DocumentError
from workbench.records.learnt_images import POOL, LearntImages


def test_it_knows_its_images_whatever_their_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    digests = rng.integers(0, 256, (300, 16), dtype=np.uint8)
    digests[5] = digests[9]
    digests[7] = digests[8]
    digests[7, 15] ^= 1  # differs in the last bit alone
    learnt = LearntImages.of(digests[:200])
    assert len(learnt) == 199
    known = {row.tobytes() for row in digests[:200]}
    expected = [row.tobytes() in known for row in digests]
    assert learnt.holds(digests).tolist() == expected
    assert learnt.content_hash() == LearntImages.of(digests[:200][::-1]).content_hash()
    assert learnt.content_hash() != LearntImages.of(digests[:199]).content_hash()
    learnt.save(tmp_path / POOL)
    again = LearntImages.load(tmp_path / POOL)
    assert again.content_hash() == learnt.content_hash()
    assert LearntImages.of(np.zeros((0, 16), np.uint8)).holds(digests).tolist() == [False] * 300


def test_a_damaged_list_is_named(tmp_path: Path) -> None:
    for write in (
        lambda path: path.write_bytes(b"PK"),
        lambda path: np.savez(path, version=1, digests=np.zeros((2, 3), np.uint8)),
        lambda path: np.savez(path, version=1),
        lambda path: None,
    ):
        (tmp_path / POOL).unlink(missing_ok=True)
        write(tmp_path / POOL)
        with pytest.raises(DocumentError, match=r"pool\.npz"):
            LearntImages.load(tmp_path / POOL)
