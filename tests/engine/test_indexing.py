"""The index of real folders: what is listed, what is refused and why, and what a second run reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.indices import counted
from workbench.engine import look
from workbench.engine.indexing import build_index
from workbench.engine.listing import list_images


def test_labels_groups_and_order(picture_folder: Path) -> None:
    index = counted(picture_folder, group_by="name:(lot[0-9])")
    assert index.class_counts() == {"blue": 12, "green": 12, "red": 12}
    assert index.groups == ("lot0", "lot1", "lot2", "lot3", "lot4", "lot5")
    assert list(index.paths) == sorted(index.paths)
    assert (int(index.width[0]), int(index.height[0])) == (64, 48)
    assert index.mode_counts() == {"RGB 8-bit": 36}


def test_a_flat_folder_has_no_labels(picture_folder: Path) -> None:
    index = counted(picture_folder / "red")
    assert len(index) == 12
    assert index.classes == ()
    assert len(index.labelled()) == 0


@pytest.fixture
def odd_folder(picture_folder: Path) -> Path:
    good = picture_folder / "red" / "lot0_00.png"
    root = picture_folder / "red"
    (root / "empty.jpg").touch()
    (root / "text.jpg").write_text("I am not a picture")
    (root / "cut.png").write_bytes(good.read_bytes()[:200])
    (root / "broken_link.png").symlink_to("nowhere.png")
    (root / "loop.png").symlink_to("loop.png")
    os.mkfifo(root / "pipe.png")
    (root / "round").symlink_to(picture_folder)  # a folder that contains itself
    (root / "notes.txt").write_text("no image, no matter")
    (root / ".hidden.png").write_bytes(good.read_bytes())
    for name in ("two words.png", "試料.png", "line\nbreak.png", "n" * 251 + ".png"):
        shutil.copy(good, root / name)
    (root / os.fsdecode(b"\xff\xfe.png")).write_bytes(good.read_bytes())
    Image.new("L", (1, 1)).save(root / "one.png")
    Image.new("L", (1, 6000)).save(root / "thin.png")
    return picture_folder


def test_odd_files_are_named_with_a_reason_and_stop_nothing(odd_folder: Path) -> None:
    index = counted(odd_folder)
    reasons = {item.path.removeprefix("red/"): item.reason for item in index.refused}
    assert set(reasons) == {
        "empty.jpg",
        "text.jpg",
        "cut.png",
        "broken_link.png",
        "loop.png",
        "pipe.png",
        "round",
    }
    assert reasons["round"] == "It is a link to a folder that is listed already."
    assert all(reason.endswith(".") for reason in reasons.values())
    assert "empty" in reasons["empty.jpg"]
    assert len(index) == 36 + 7
    copies = [len(group) for group in index.exact_duplicates()]
    assert copies == [6], "the five copies under odd names, and their original"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_file_that_may_not_be_read_is_refused(picture_folder: Path) -> None:
    secret = picture_folder / "red" / "lot0_00.png"
    secret.chmod(0)
    for folder in (picture_folder, *picture_folder.parents):
        if (folder.stat().st_mode & 0o055) != 0o055:
            folder.chmod(folder.stat().st_mode | 0o055)
    build_index({"": str(picture_folder)})  # what is imported late must be imported by a user who may
    os.seteuid(65534)
    try:
        index = build_index({"": str(picture_folder)})
    finally:
        os.seteuid(0)
    assert len(index) == 35
    assert [item.path for item in index.refused] == ["red/lot0_00.png"]
    assert "permission" in index.refused[0].reason.lower() or "allowed" in index.refused[0].reason


def test_a_second_run_reads_only_what_is_new(picture_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build_index({"": str(picture_folder)})
    shutil.copy(picture_folder / "red/lot0_00.png", picture_folder / "red/new.png")
    changed = picture_folder / "blue/lot1_01.png"
    shutil.copy(picture_folder / "red/lot1_01.png", changed)
    os.utime(changed, ns=(1, 1))
    (picture_folder / "green/lot2_02.png").unlink()
    read: list[str] = []
    real = look.examine
    monkeypatch.setattr(look, "examine", lambda path, **more: read.append(path.name) or real(path, **more))
    second = build_index({"": str(picture_folder)}, previous=first)
    assert sorted(read) == ["lot1_01.png", "new.png"]
    assert len(second) == 36
    fresh = build_index({"": str(picture_folder)})
    assert second.content_hash() == fresh.content_hash()


def test_processes_find_what_threads_find(picture_folder: Path) -> None:
    (picture_folder / "red" / "empty.jpg").touch()
    roots = {"": str(picture_folder)}
    alone, together = (build_index(roots, processes=number) for number in (0, 2))
    assert together.content_hash() == alone.content_hash()
    assert (together.signature == alone.signature).all()
    assert together.refused == alone.refused


def test_hands_die_with_the_process_that_started_them(tmp_path: Path) -> None:
    program = (
        "import os, sys, time\nfrom pathlib import Path\nfrom workbench.engine.crew import Crew\n"
        "if __name__ == '__main__':\n"
        "    with Crew(0, 2) as crew:\n"
        "        pids = {crew.submit(os.getpid).result() for _ in range(20)}\n"
        "        Path(sys.argv[1]).write_text(' '.join(map(str, pids)))\n"
        "        time.sleep(60)\n"
    )
    script, told = tmp_path / "crew_program.py", tmp_path / "pids"
    script.write_text(program)
    with subprocess.Popen([sys.executable, str(script), str(told)]) as process:
        deadline = time.monotonic() + 30
        while not (told.exists() and told.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        pids = [int(pid) for pid in told.read_text().split()]
        process.kill()
    assert pids
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_stopping_between_files(picture_folder: Path) -> None:
    class Stop(Exception):
        pass

    def stop(done: int, total: int, detail: str) -> None:
        raise Stop

    with pytest.raises(Stop):
        build_index({"": str(picture_folder)}, on_progress=stop)


def test_a_folder_that_is_none_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        list_images({"": str(tmp_path / "nowhere")})
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ValueError, match="is not a folder"):
        list_images({"": str(file)})
