"""Thumbnails: right pixels, off the window's thread, newest first, bounded, kept on disk."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QImage

from workbench.gui import thumbnails
from workbench.gui.thumbnails import Thumbnails, Tile, make_tile, shrink, to_image


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
    started = time.perf_counter()
    thumbs.close()
    assert time.perf_counter() - started < 2
    assert not any(thread.name.startswith("thumbnails") for thread in threading.enumerate())
    assert thumbs.get(b"z" * 16, tmp_path / "a.png") is None
