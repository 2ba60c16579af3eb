"""Which files are meant by what somebody names, held against a walk of the folder by the standard library."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.pixels.decode import ImageError
from workbench.pixels.gathered import EMPTY, changed, gather, look_at_picture
from workbench.records.spec import Reading


def picture(path: Path, wide: int = 8, high: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    Image.fromarray(rng.integers(0, 256, (high, wide, 3), dtype=np.uint8)).save(path)
    return path


def test_files_stand_as_they_were_named_and_a_folders_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "lot"
    for name in ("b.png", "a/2.JPG", "a/1.tif", "c/d/e.webp", ".hidden/x.png", ".y.png", "notes.txt"):
        picture(folder / name) if not name.endswith("txt") else (folder / name).write_text("no")
    late, text = picture(tmp_path / "z.png"), folder / "notes.txt"
    found = gather([late, folder, text, late, folder / "b.png"])
    walked = sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and file.suffix != ".txt" and not any(part[0] == "." for part in file.parts[-2:])
    )
    assert found.files == (late, *walked, text) and not found.refused and not found.cut


def test_a_folder_gives_so_many_and_what_is_not_there_is_told(tmp_path: Path) -> None:
    files = [picture(tmp_path / "many" / f"{number}.png") for number in range(5)]
    (tmp_path / "none").mkdir()
    gone = tmp_path / "gone.png"
    found = gather([tmp_path / "many", gone, tmp_path / "none", Path("nul\0.png")], most=3)
    assert found.files == tuple(files[:3]) and found.cut == ((tmp_path / "many", 3, 5),)
    reasons = {each.path: each.reason for each in found.refused}
    assert reasons[str(tmp_path / "none")] == EMPTY and "not there" in reasons[str(gone)]
    assert len(reasons) == 3
    asked = iter([True] * 3 + [False] * 99)
    assert len(gather([tmp_path / "many"], wanted=lambda: next(asked)).files) == 3


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_to_folders_lead_nowhere(tmp_path: Path) -> None:
    file = picture(tmp_path / "lot" / "a.png")
    (tmp_path / "lot" / "again").symlink_to(tmp_path / "lot")
    (tmp_path / "lot" / "broken.png").symlink_to(tmp_path / "nothing.png")
    assert gather([tmp_path / "lot"]).files == (file,)


def test_a_picture_is_read_upright_and_seen_to_be_another(tmp_path: Path) -> None:
    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.effect_noise((400, 300), 60).save(turned, exif=exif)
    for whole in (True, False):
        found = look_at_picture(turned, Reading(), whole=whole)
        assert (found.header.width, found.header.height) == (300, 400)
        assert found.digest == hashlib.blake2b(turned.read_bytes(), digest_size=16).digest()
    assert not changed(found)
    turned.write_bytes(turned.read_bytes()[:-200])
    assert changed(found)
    assert look_at_picture(turned, Reading(), whole=False).header == found.header, "its head is sound"
    with pytest.raises(ImageError, match="ends too early"):
        look_at_picture(turned, Reading(), whole=True)
    turned.unlink()
    assert changed(found)
    with pytest.raises(ImageError, match="not there any more"):
        look_at_picture(turned, Reading(), whole=False)


def test_of_a_file_with_pages_the_first_counts_unless_they_are_channels(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    pages = [Image.fromarray(np.full((5, 7), number, np.uint8)) for number in (10, 20)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    for pages_are, colours in (("first", 1), ("each", 1), ("channels", 2)):
        reading = Reading(pages=pages_are, channels="mean" if pages_are == "channels" else "first")
        assert look_at_picture(path, reading, whole=True).header.colours == colours
