"""Small pictures of images, decoded off the window's thread, the newest wish first.

Three layers: a bounded memory of tiles (the window's thread only), a bounded folder of small JPEGs named by
the image's content and the way of reading it (`tile_cache`), and the file itself. A wish that has scrolled away
is taken back before anybody works on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QImage

from workbench.gui.background import Bell
from workbench.gui.tile_cache import LIMIT, TileCache, read_tile, write_tile
from workbench.records.index import ImageIndex
from workbench.records.spec import Reading

if TYPE_CHECKING:
    from workbench.gui.session import Session

SIDE = 224  # px, the longer side of a tile: sharp up to 112 px on a screen of double density
MEMORY = 128 << 20  # bytes of tiles in memory: some 650 of them, more than a large screen shows
THREADS = max(1, min(4, (os.cpu_count() or 2) - 1))  # one core is left to paint
PENDING = 2048  # wishes that wait; the oldest fall away
QUALITY = 90
INTERVAL_MS = 30  # arrivals are told together


@dataclass(frozen=True, slots=True)
class Tile:
    """A small picture, or the reason why there is none."""

    image: QImage | None
    reason: str = ""
    kept: int = 0  # bytes that were written to the folder for it

    @property
    def cost(self) -> int:
        return self.image.sizeInBytes() if self.image is not None else 256


def tile_key(index: ImageIndex, position: int) -> bytes:
    """What names the picture of an image: the hash of its file, and the page where that isn't the first."""
    page = int(index.page[position])
    return index.digest[position].tobytes() + (page.to_bytes(4, "little") if page else b"")


def how_to_read(page: int = 0, reading: Reading | None = None) -> dict[str, Any]:
    """What the readers of `pixels` are told beside the path: only what differs from the usual."""
    how: dict[str, Any] = {"page": page} if page else {}
    if reading is not None and reading != Reading():
        how["reading"] = reading
    return how


class Thumbnails(QObject):
    """`get` answers at once: the tile, or None and `arrived` tells when it is there."""

    arrived = Signal(object)  # set of keys
    renewed = Signal()  # every tile is another one now

    def __init__(
        self,
        folder: Path | None = None,
        parent: QObject | None = None,
        *,
        side: int = SIDE,
        memory: int = MEMORY,
        disk: int = LIMIT,
        threads: int = THREADS,
    ) -> None:
        super().__init__(parent)
        self.side = side
        self._disk = disk
        self._cache = TileCache(folder, disk) if folder else None
        self._reading = Reading()
        self._memory = memory
        self._tiles: OrderedDict[bytes, Tile] = OrderedDict()
        self._held = 0
        self._wishes: OrderedDict[bytes, Path] = OrderedDict()  # the newest last
        self._wished_by: dict[bytes, set[Hashable]] = {}  # for each wish, who still wants it
        self._working: set[bytes] = set()
        self._finished: dict[bytes, Tile] = {}
        self._round = 0  # raised when what is being made has become worthless
        self._condition = threading.Condition()
        self._open = True
        self._threads: list[threading.Thread] = []
        self._num_threads = threads
        self._timer = QTimer(self, singleShot=True, interval=INTERVAL_MS)
        self._timer.timeout.connect(self._collect)
        self._bell = Bell()
        self._bell.rung.connect(self._wake, Qt.ConnectionType.QueuedConnection)

    def set_folder(self, folder: Path | None) -> None:
        """Keep small JPEGs in `folder` from now on; None keeps none."""
        old = self._cache
        if (old.folder if old else None) == folder:
            return
        with self._condition:
            self._cache = TileCache(folder, self._disk) if folder else None
        if old is not None:
            old.close()

    def set_reading(self, reading: Reading) -> None:
        """Show pictures as this reading makes them, which is as a model gets them."""
        if reading == self._reading:
            return
        with self._condition:
            self._reading = reading
            self._round += 1
            self._wishes.clear()
            self._wished_by.clear()
            self._working.clear()
            self._finished.clear()
        self._tiles.clear()
        self._held = 0
        self.renewed.emit()

    @property
    def held(self) -> int:
        """Bytes of tiles in memory."""
        return self._held

    @property
    def waiting(self) -> int:
        with self._condition:
            return len(self._wishes) + len(self._working)

    def get(self, key: bytes, path: Path, client: Hashable = None) -> Tile | None:
        """The tile that `tile_key` names, found at `path`; None while it is being made.

        `client` is who asks: each takes back its own wishes only.
        """
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
            return tile
        with self._condition:
            if key not in self._working and key not in self._finished:
                self._wishes[key] = path
                self._wishes.move_to_end(key)
                self._wished_by.setdefault(key, set()).add(client)
                while len(self._wishes) > PENDING:
                    self._wished_by.pop(self._wishes.popitem(last=False)[0], None)
                self._condition.notify()
        if not self._threads and self._open:
            self._start()
        return None

    def retain(self, keys: Iterable[bytes], client: Hashable = None) -> None:
        """Take back the wishes of `client` that are not among `keys`: what has scrolled away.

        What somebody else wants too stays.
        """
        wanted = set(keys)
        with self._condition:
            for key in [key for key in self._wishes if key not in wanted]:
                clients = self._wished_by.get(key, set())
                clients.discard(client)
                if not clients:
                    del self._wishes[key]
                    self._wished_by.pop(key, None)

    def forget_failures(self) -> None:
        """Files that could not be read deserve another look: somebody may have mended them, or found the folder."""
        for key in [key for key, tile in self._tiles.items() if tile.image is None]:
            self._held -= self._tiles.pop(key).cost

    def close(self) -> None:
        """End the threads; each finishes the image in its hands."""
        with self._condition:
            self._open = False
            self._wishes.clear()
            self._condition.notify_all()
        for thread in self._threads:
            thread.join(10)
        self._threads = []
        self._timer.stop()
        if self._cache is not None:
            self._cache.close()

    def _start(self) -> None:
        for number in range(self._num_threads):
            thread = threading.Thread(target=self._work, name=f"thumbnails-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while True:
            with self._condition:
                while self._open and not self._wishes:
                    self._condition.wait()
                if not self._open:
                    return
                key, path = self._wishes.popitem()
                self._wished_by.pop(key, None)
                self._working.add(key)
                cache, reading, turn = self._cache, self._reading, self._round
            cached = cache.path(key, f"{self.side}{_suffix(reading)}") if cache else None
            tile = make_tile(path, self.side, cached, **how_to_read(_page(key), reading))
            if cache is not None and tile.kept:
                cache.added(tile.kept)
            with self._condition:
                if not self._open:
                    return
                if turn != self._round:
                    continue
                self._working.discard(key)
                self._finished[key] = tile
            self._bell.rung.emit()

    @Slot()
    def _wake(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _collect(self) -> None:
        with self._condition:
            finished, self._finished = self._finished, {}
        for key, tile in finished.items():
            self._tiles[key] = tile
            self._held += tile.cost
        while self._held > self._memory and len(self._tiles) > 1:
            self._held -= self._tiles.popitem(last=False)[1].cost
        if finished:
            self.arrived.emit(set(finished))


def thumbnails_of(session: Session) -> Thumbnails:
    """The session's thumbnails, shared by every view; made when they are first asked for."""
    found = session.findChild(Thumbnails)
    if isinstance(found, Thumbnails):
        return found
    made = Thumbnails(parent=session)

    def follow() -> None:
        made.set_folder(session.project.thumbnails_cache if session.project else None)

    def renew() -> None:
        made.forget_failures()
        made.set_reading(session.reading)

    session.project_changed.connect(follow)
    session.dataset_changed.connect(renew)
    follow()
    renew()
    return made


def make_tile(path: Path, side: int, cached: Path | None, **how: Any) -> Tile:
    """Decode `path` to at most `side` px, by way of the small JPEG `cached` where there is one. Any thread.

    `how`: see `how_to_read`.
    """
    from workbench.pixels.decode import ImageError, read_scaled

    if cached is not None:
        known = QImage()
        with suppress(OSError):
            if (
                known.loadFromData(QByteArray(read_tile(cached)))
                and max(known.width(), known.height()) <= side
            ):
                return Tile(known.convertToFormat(QImage.Format.Format_RGB32))
    try:
        decoded = read_scaled(path, at_least=side // 2, **how)
    except ImageError as error:
        return Tile(None, error.reason)
    except OSError as error:
        return Tile(None, f"{error.strerror or error}")
    image = shrink(to_image(decoded.image), side)
    # A picture that is hardly larger than its tile is decoded as fast as a small JPEG would be.
    if cached is not None and decoded.width * decoded.height > (2 * side) ** 2:
        with suppress(OSError):  # a full disk costs time later, nothing else
            data = _as_jpeg(image)
            write_tile(cached, data)
            return Tile(image, kept=len(data))
    return Tile(image)


def to_image(pixels: np.ndarray) -> QImage:
    """(H, W, n) uint8, or float32 in 0..1, as a QImage that owns its bytes.

    Of n channels the first three are shown as red, green and blue; one is shown as grey.
    """
    if pixels.shape[2] == 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=2)
    elif pixels.shape[2] != 3:
        pixels = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[..., :3]
    if pixels.dtype != np.uint8:
        pixels = (np.clip(pixels, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)
    block = np.ascontiguousarray(pixels)
    height, width = block.shape[:2]
    borrowed = QImage(block.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return borrowed.convertToFormat(QImage.Format.Format_RGB32)


def shrink(image: QImage, side: int) -> QImage:
    """`image` itself, or reduced so that its longer side is `side` px."""
    if max(image.width(), image.height()) <= side:
        return image
    keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return image.scaled(side, side, keep, smooth)


def _page(key: bytes) -> int:
    return int.from_bytes(key[16:], "little")


def _suffix(reading: Reading) -> str:
    """Tiles of another reading than the usual have names of their own."""
    if reading == Reading():
        return ""
    text = json.dumps(reading.to_json(), sort_keys=True)
    return f"-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


def _as_jpeg(image: QImage) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "JPG", QUALITY):
        raise OSError("the tile could not be written as a JPEG")
    return data.data()
