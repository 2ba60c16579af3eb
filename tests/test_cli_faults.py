"""What the command line says when the world does not play along."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.headless import run_job
from workbench.records.jobs import IndexJob
from workbench.records.project import Project
from workbench.verbs import common


class Gone(io.StringIO):
    """A stream whose reader has left, as of `2>&1 | head -1`."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


@pytest.mark.usefixtures("warm_workers")
def test_work_goes_on_when_nobody_reads_its_progress(picture_folder: Path, tmp_path: Path) -> None:
    job = IndexJob(folders=(str(picture_folder),))
    run = run_job(Project.open_or_create(tmp_path / "project"), job, "Index", out=Gone())
    assert run.status().state == "done"


@pytest.mark.usefixtures("warm_workers")
def test_a_folder_without_images_says_what_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "phone"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.heic").write_bytes(b"x")
    (folder / "empty.jpg").touch()
    place = ["--project", str(tmp_path / "project")]
    assert (
        main(["embed", str(folder), "--backbone", "histogram", "--out", str(tmp_path / "o.h5ad"), *place])
        == 2
    )
    said = capsys.readouterr().err
    assert "1 file was refused, such as empty.jpg: The file is empty" in said
    assert "3 files of other kinds were passed over: 3 .heic. Images end in .bmp" in said
    assert main(["index", str(folder), *place]) == 0
    assert "3 files of other kinds were passed over: 3 .heic." in capsys.readouterr().out


@pytest.mark.parametrize("out", ["FOLDER", "FILE/o.h5ad"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    picture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    (tmp_path / "a.h5ad").mkdir()
    (tmp_path / "file").touch()
    place = out.replace("FOLDER", str(tmp_path / "a.h5ad")).replace("FILE", str(tmp_path / "file"))
    assert main(["embed", str(picture_folder), "--backbone", "histogram", "--out", place]) == 2
    said = capsys.readouterr().err
    assert "Index" not in said and ("is a folder. Name a file" in said or "is a file, so that" in said)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["index", "/no/such/folder", "--json"], 2, "/no/such/folder does not exist"),
        (["index", "/tmp", "--json", "--no-such-flag"], 2, "--no-such-flag"),
        (["evaluate", "--json"], 2, "required: files"),
        (["memo", "/no/such/project", "--json"], 2, "/no/such/project"),
        (["pack", "export", "", "--out", "/tmp", "--json"], 2, "the name of the backbone is empty"),
    ],
)
def test_a_failure_is_one_json_document_too(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert main(words) == code
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert set(found) == {"error", "exit_code"} and found["exit_code"] == code and said in found["error"]
    assert said in told.err
    assert main([word for word in words if word != "--json"]) == code
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.h5ad"), "a.h5ad: the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/root/a"), "/root/a: You have no permission"),
        (KeyboardInterrupt(), "Stopped."),
    ],
)
def test_a_fault_of_the_system_is_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fault: BaseException, said: str
) -> None:
    def refuse(*_: object) -> None:
        raise fault

    monkeypatch.setattr("workbench.doctor.examine", refuse)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err.startswith(f"workbench: {said}")


def test_what_a_job_made_is_delivered_whole_to_another_disk_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, out = tmp_path / "made", tmp_path / "new" / "out.h5ad"
    made.write_bytes(b"all of it")
    plain = Path.replace

    def other_disk(self: Path, target: Path) -> Path:
        if self == made:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return plain(self, target)

    monkeypatch.setattr(Path, "replace", other_disk)
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        with pytest.raises(OSError, match="full"):
            common.deliver(made, out)
    assert made.exists() and not list(out.parent.iterdir()), "half a file, or the work is lost"
    common.deliver(made, out)
    assert out.read_bytes() == b"all of it" and not made.exists()
