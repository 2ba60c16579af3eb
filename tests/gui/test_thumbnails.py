"""Thumbnails: right pixels, off the window's thread, newest first, bounded in memory and on disk."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import shiboken6
import tifffile
from PIL import Image
from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from workbench.gui import thumbnails
from workbench.gui.thumbnails import (
    Thumbnails,
    Tile,
    how_to_read,
    make_tile,
    shrink,
    thumbnails_of,
    to_image,
)
from workbench.gui.tile_cache import TileCache, read_tile, write_tile
from workbench.pixels.decode import read_image
from workbench.records.curation import Curation
from workbench.records.spec import Reading


def pixels_of(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    block = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return block[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


@pytest.fixture
def made(qtbot, tmp_path: Path):
    created: list[Thumbnails] = []

    def make(**settings) -> Thumbnails:
        created.append(Thumbnails(tmp_path / "cache", **settings))
        return created[-1]

    yield make
    for each in created:
        each.close()


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (60, 40)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def wait_for(qtbot, thumbs: Thumbnails, key: bytes, path: Path) -> Tile:
    qtbot.waitUntil(lambda: thumbs.get(key, path) is not None, timeout=10_000)
    tile = thumbs.get(key, path)
    assert tile is not None
    return tile


def test_a_small_image_keeps_every_pixel(qtbot, made, tmp_path: Path) -> None:
    expected = picture(tmp_path / "a.png")
    tile = wait_for(qtbot, made(), b"a" * 16, tmp_path / "a.png")
    assert tile.image is not None
    np.testing.assert_array_equal(pixels_of(tile.image), expected)


def test_float_pixels_are_scaled_to_bytes() -> None:
    pixels = np.zeros((2, 3, 3), np.float32)
    pixels[0, 1] = (0.5, 1.0, 0.0)
    np.testing.assert_array_equal(pixels_of(to_image(pixels))[0, 1], (128, 255, 0))


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_of_n_channels_three_are_shown(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, channels), dtype=np.uint8)
    slow = np.zeros((4, 6, 3), np.uint8)
    for colour in range(3):
        if channels == 1:
            slow[..., colour] = pixels[..., 0]
        elif colour < channels:
            slow[..., colour] = pixels[..., colour]
    np.testing.assert_array_equal(pixels_of(to_image(pixels)), slow)


def test_shrinking_keeps_the_shape() -> None:
    image = QImage(400, 100, QImage.Format.Format_RGB32)
    assert (shrink(image, 200).width(), shrink(image, 200).height()) == (200, 50)
    assert shrink(image, 400) is image


def test_decoding_happens_in_another_thread(qtbot, made, tmp_path: Path, monkeypatch) -> None:
    picture(tmp_path / "a.png")
    seen = []
    monkeypatch.setattr(
        thumbnails, "make_tile", lambda *a: seen.append(threading.current_thread()) or make_tile(*a)
    )
    wait_for(qtbot, made(), b"a" * 16, tmp_path / "a.png")
    assert seen
    assert threading.main_thread() not in seen


def test_a_bad_file_becomes_a_tile_with_the_reason(qtbot, made, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    bad = wait_for(qtbot, made(), b"b" * 16, tmp_path / "bad.png")
    assert bad.image is None
    assert bad.reason
    gone = wait_for(qtbot, made(), b"c" * 16, tmp_path / "not-there.png")
    assert gone.image is None
    assert gone.reason


def test_the_newest_wish_comes_first_and_the_unseen_never(qtbot, made, tmp_path: Path, monkeypatch) -> None:
    order: list[str] = []
    gate = threading.Event()

    def slow(path: Path, side: int, cached: Path | None) -> Tile:
        gate.wait(10)
        order.append(path.name)
        return Tile(None, "made up")

    monkeypatch.setattr(thumbnails, "make_tile", slow)
    thumbs = made(threads=1)
    for name in "abcde":
        thumbs.get(name.encode() * 16, Path(name))
        if name == "a":
            qtbot.waitUntil(lambda: len(thumbs._working) == 1)
    thumbs.retain([b"c" * 16, b"e" * 16])
    gate.set()
    qtbot.waitUntil(lambda: thumbs.waiting == 0)
    assert order == ["a", "e", "c"]


def test_a_client_takes_back_its_own_wishes_only(qtbot, made, monkeypatch) -> None:
    order: list[str] = []
    gate = threading.Event()

    def slow(path: Path, side: int, cached: Path | None) -> Tile:
        gate.wait(10)
        order.append(path.name)
        return Tile(None, "made up")

    monkeypatch.setattr(thumbnails, "make_tile", slow)
    thumbs = made(threads=1)
    thumbs.get(b"0" * 16, Path("first"))
    qtbot.waitUntil(lambda: len(thumbs._working) == 1)
    for name, client in (("a", "left"), ("b", "left"), ("b", "right"), ("c", "right"), ("d", "left")):
        thumbs.get(name.encode() * 16, Path(name), client)
    thumbs.retain([b"d" * 16], "left")  # "a" is nobody's wish any more, "b" is still the right one's
    gate.set()
    qtbot.waitUntil(lambda: thumbs.waiting == 0)
    assert order == ["first", "d", "c", "b"]
    assert not thumbs._wished_by


def test_memory_is_bounded(qtbot, made, tmp_path: Path) -> None:
    cost = 60 * 40 * 4
    thumbs = made(memory=3 * cost)
    for number in range(6):
        picture(tmp_path / f"{number}.png", number)
        wait_for(qtbot, thumbs, bytes([number]) * 16, tmp_path / f"{number}.png")
    assert thumbs.held <= 3 * cost
    assert thumbs.held == sum(tile.cost for tile in thumbs._tiles.values())


def test_a_large_image_is_kept_on_disk_and_read_from_there(qtbot, made, tmp_path: Path) -> None:
    yy, xx = np.mgrid[0:900, 0:1200]
    smooth = np.stack([xx * 255 // 1199, yy * 255 // 899, (xx + yy) * 255 // 2098], axis=2).astype(np.uint8)
    path = tmp_path / "large.png"
    Image.fromarray(smooth).save(path)
    first = wait_for(qtbot, made(), b"k" * 16, path)
    kept = list((tmp_path / "cache").rglob("*.jpg"))
    assert [file.suffix for file in kept] == [".jpg"]
    assert not list((tmp_path / "cache").rglob("*.part"))
    path.unlink()
    again = wait_for(qtbot, made(), b"k" * 16, path)
    assert first.image is not None
    assert again.image is not None
    assert (again.image.width(), again.image.height()) == (224, 168)
    difference = np.abs(pixels_of(again.image).astype(int) - pixels_of(first.image).astype(int))
    assert difference.mean() < 3
    expected = np.asarray(Image.fromarray(smooth).resize((224, 168), Image.Resampling.BOX)).astype(int)
    assert np.abs(pixels_of(first.image).astype(int) - expected).mean() < 3


def test_a_damaged_cache_is_made_again(qtbot, made, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.fromarray(np.full((900, 900, 3), 90, np.uint8)).save(path)
    key = b"k" * 16
    cached = tmp_path / "cache" / key.hex()[:2] / f"{key.hex()[2:]}-224.jpg"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"\xff\xd8half a picture")
    tile = wait_for(qtbot, made(), key, path)
    assert tile.image is not None
    assert pixels_of(tile.image).mean() == 90
    with Image.open(cached) as mended:
        assert max(mended.size) == 224


def test_close_ends_the_threads(qtbot, made, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    thumbs = made()
    wait_for(qtbot, thumbs, b"a" * 16, tmp_path / "a.png")
    assert any(thread.name.startswith("thumbnails") for thread in threading.enumerate())
    thumbs.close()
    assert not any(thread.name.startswith("thumbnails") for thread in threading.enumerate())
    assert thumbs.get(b"z" * 16, tmp_path / "a.png") is None


def test_a_picture_that_comes_after_its_window_was_deleted_harms_nothing(
    qtbot, tmp_path: Path, monkeypatch, capfd
) -> None:
    gate, going = threading.Event(), threading.Event()

    def slow(path: Path, side: int, cached: Path | None) -> Tile:
        going.set()
        gate.wait(10)
        return Tile(None, "made up")

    monkeypatch.setattr(thumbnails, "make_tile", slow)
    owner = QObject()
    thumbs = Thumbnails(None, owner, threads=1)
    thumbs.get(b"a" * 16, tmp_path / "a.png")
    assert going.wait(10)
    shiboken6.delete(owner)
    gate.set()
    qtbot.waitUntil(lambda: bool(thumbs._finished))
    with thumbs._condition:
        thumbs._open = False
        thumbs._condition.notify_all()
    for thread in thumbs._threads:
        thread.join(10)
    assert "Error" not in capfd.readouterr().err


# Other ways of reading


def two_pages(path: Path) -> np.ndarray:
    """A TIFF of two 12-bit pages in 16 bits."""
    pages = np.random.default_rng(1).integers(0, 4096, (2, 40, 60)).astype(np.uint16)
    tifffile.imwrite(path, pages)
    return pages


def test_a_tile_shows_the_page_and_the_window_that_the_model_gets(qtbot, made, tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    pages = two_pages(path)
    thumbs = made()
    page_1 = b"k" * 16 + (1).to_bytes(4, "little")
    dark = wait_for(qtbot, thumbs, page_1, path)
    np.testing.assert_allclose(pixels_of(dark.image)[..., 0], pages[1] / 65535 * 255, atol=0.51)
    with qtbot.waitSignal(thumbs.renewed):
        thumbs.set_reading(Reading(window="u16=0:4095", pages="each"))
    assert thumbs.get(page_1, path) is None, "the tile of the other reading is gone"
    bright = wait_for(qtbot, thumbs, page_1, path)
    np.testing.assert_allclose(pixels_of(bright.image)[..., 0], pages[1] / 4095 * 255, atol=0.51)
    model = read_image(path, reading=Reading(window="u16=0:4095", pages="each"), page=1)
    np.testing.assert_array_equal(pixels_of(bright.image), np.floor(model * np.float32(255) + 0.5))
    first = wait_for(qtbot, thumbs, b"k" * 16, path)
    np.testing.assert_allclose(pixels_of(first.image)[..., 0], pages[0] / 4095 * 255, atol=0.51)


def test_readings_and_pages_have_files_of_their_own(qtbot, made, tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, np.random.default_rng(1).integers(0, 4096, (2, 600, 600)).astype(np.uint16))
    thumbs = made()
    for reading in (Reading(), Reading(window="u16=0:4095"), Reading(window="u16=0:2000")):
        thumbs.set_reading(reading)
        for key in (b"k" * 16, b"k" * 16 + (1).to_bytes(4, "little")):
            wait_for(qtbot, thumbs, key, path)
    kept = {file.name: file.read_bytes() for file in (tmp_path / "cache").rglob("*.jpg")}
    assert len(kept) == len(set(kept.values())) == 6
    thumbs.set_reading(Reading())
    path.unlink()
    assert wait_for(qtbot, thumbs, b"k" * 16, path).image is not None, "found again on disk"


def test_what_another_reading_was_making_is_thrown_away(qtbot, made, monkeypatch) -> None:
    gate = threading.Event()

    def slow(path: Path, side: int, cached: Path | None, reading: Reading | None = None) -> Tile:
        gate.wait(10)
        return Tile(None, reading.channels if reading else "usual")

    monkeypatch.setattr(thumbnails, "make_tile", slow)
    thumbs = made(threads=1)
    thumbs.get(b"a" * 16, Path("a"))
    qtbot.waitUntil(lambda: len(thumbs._working) == 1)
    thumbs.set_reading(Reading(channels="mean"))
    thumbs.get(b"a" * 16, Path("a"))
    gate.set()
    assert wait_for(qtbot, thumbs, b"a" * 16, Path("a")).reason == "mean"


def test_the_usual_way_is_asked_for_by_saying_nothing() -> None:
    assert how_to_read(0, Reading()) == {}
    assert how_to_read(2, Reading(channels="mean")) == {"page": 2, "reading": Reading(channels="mean")}


def test_a_session_s_thumbnails_follow_its_reading_and_look_again_at_bad_files(
    qtbot, session, small_index, tmp_path: Path
) -> None:
    session.show_index(small_index)
    thumbs = thumbnails_of(session)
    assert thumbnails_of(session) is thumbs
    good, bad = small_index.file(0), tmp_path / "bad.png"
    bad.write_bytes(b"nothing")
    tile = wait_for(qtbot, thumbs, b"g" * 16, good)
    assert wait_for(qtbot, thumbs, b"b" * 16, bad).image is None
    picture(bad)
    session.dataset_changed.emit()
    assert thumbs.get(b"g" * 16, good) is tile, "a good tile stays good"
    assert wait_for(qtbot, thumbs, b"b" * 16, bad).image is not None
    assert thumbs.held == sum(each.cost for each in thumbs._tiles.values())
    session.settings.curation = Curation(reading=Reading(channels="mean"))
    session.dataset_changed.emit()
    assert thumbs.get(b"g" * 16, good) is None
    grey = pixels_of(wait_for(qtbot, thumbs, b"g" * 16, good).image)
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])


# The folder


def trimmed(cache: TileCache) -> None:
    while cache._trimmer is not None:
        time.sleep(0.005)


def test_the_folder_is_bounded_and_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = TileCache(tmp_path, limit=10_000)
    now = time.time()
    for number in range(30):
        path = cache.path(bytes([number]) * 16, "224")
        write_tile(path, b"x" * 1000)
        os.utime(path, (now - 1000 + number, now - 1000 + number))
        if number == 5:
            os.utime(path, (now, now))  # looked at just now
    litter, fresh = tmp_path / "00" / "old.part", tmp_path / "00" / "new.part"
    for path in (litter, fresh):
        path.write_bytes(b"half")
    os.utime(litter, (now - 7200, now - 7200))
    cache.added(1000)
    trimmed(cache)
    left = {int(path.name[:2], 16) for path in tmp_path.rglob("*.jpg")}
    assert left == {5, *range(22, 30)}
    assert (litter.exists(), fresh.exists()) == (False, True)
    cache.added(900)
    assert cache._trimmer is None, "there is room: nobody looks through the folder"
    cache.added(200)
    trimmed(cache)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.jpg")) <= 10_000
    cache.close()


def test_a_look_renews_the_time_of_a_kept_tile_once_a_day(tmp_path: Path) -> None:
    path = tmp_path / "aa" / "tile.jpg"
    write_tile(path, b"data")
    old = time.time() - 3 * 86_400
    os.utime(path, (old, old))
    assert read_tile(path) == b"data"
    renewed = path.stat().st_mtime
    assert renewed > old + 86_400
    hour = time.time() - 3600
    os.utime(path, (hour, hour))
    read_tile(path)
    assert path.stat().st_mtime == pytest.approx(hour)
    with pytest.raises(FileNotFoundError):
        read_tile(tmp_path / "not-there.jpg")


def test_thumbnails_keep_their_folder_within_its_limit(qtbot, made, tmp_path: Path) -> None:
    thumbs = made(disk=200_000)
    for number in range(12):
        rng = np.random.default_rng(number)
        noise = rng.integers(0, 256, (600, 600, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{number}.png", compress_level=1)
        wait_for(qtbot, thumbs, bytes([number]) * 16, tmp_path / f"{number}.png")

    def size() -> int:
        return sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*.jpg"))

    qtbot.waitUntil(lambda: size() <= 200_000)
    assert size() > 0
