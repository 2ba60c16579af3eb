"""What a disk refuses is told in a sentence that names the file."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from workbench.records.disk_faults import FULL, is_full, told
from workbench.records.embeddings import Embeddings, write_h5ad
from workbench.records.files import whole_path, write_text

FULL_DEVICE = Path("/dev/full")  # each write to it fails as on a full disk


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow above 64 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "no permission"),
        (errno.ENOENT, "is not there"),
        (errno.ENOTCONN, os.strerror(errno.ENOTCONN)),
    ],
)
def test_a_fault_names_file_and_remedy(code: int, said: str) -> None:
    sentence = told(OSError(code, os.strerror(code), "/a\nb/c.h5ad"))
    assert sentence.startswith("/a\\nb/c.h5ad: ") and said in sentence and sentence.endswith(".")


def test_of_a_move_the_target_is_named() -> None:
    assert told(OSError(errno.ENOSPC, "No space left on device", "/from", None, "/to")).startswith("/to: ")


def test_a_fault_without_a_number_keeps_its_own_words() -> None:
    assert (
        told(OSError("x.png can't be written. Is the disk full?"))
        == "x.png can't be written. Is the disk full?"
    )


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_known_by_the_words_of_libraries_too() -> None:
    with pytest.raises(OSError) as caught, FULL_DEVICE.open("wb", buffering=0) as stream:
        stream.write(b"x")
    assert is_full(caught.value) and told(caught.value) == FULL
    assert is_full(RuntimeError("file write failed: errno = 28, error message = 'No space left on device'"))
    assert not is_full(RuntimeError("CUDA error: no kernel image is available")) and not is_full(
        ValueError("28")
    )


def test_a_text_that_does_not_fit_is_named_and_leaves_nothing(tmp_path: Path, small_files: None) -> None:
    file = tmp_path / "a.json"
    write_text(file, "before")
    with pytest.raises(OSError, match="large") as caught:
        write_text(file, "x" * 100_000)
    assert told(caught.value).startswith(f"{file}: It would become larger")
    assert file.read_text() == "before" and [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_place_that_may_not_be_written_to_is_named_by_the_file_that_was_wanted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wanted = tmp_path / "file" / "a.json"
    with pytest.raises(OSError, match=r"exist|directory") as caught:
        write_text(wanted, "x")
    assert str(tmp_path / "file") in told(caught.value)
    with pytest.raises(OSError, match="long") as caught, whole_path(tmp_path / f"{'n' * 300}.h5ad"):
        pass
    assert "too long" in told(caught.value)


def test_vectors_that_do_not_fit_leave_the_old_file(tmp_path: Path, small_files: None) -> None:
    file = tmp_path / "a.h5ad"
    write_h5ad(file, Embeddings(X=np.zeros((3, 2)), ids=list("abc")))
    with pytest.raises((OSError, RuntimeError)):
        write_h5ad(file, Embeddings(X=np.ones((3, 100_000)), ids=list("abc")))
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5ad"]
    with h5py.File(file) as kept:
        assert kept["X"].shape == (3, 2)
