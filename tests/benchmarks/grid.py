"""The grid of a million images: first paint, frames while one scrolls, memory of the index in the window.

Set against Qt's own list view in icon mode, which is what a grid usually is, on the same million names. Offscreen:
what is measured is this program and Qt's painting in memory, without a screen's own wait.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks.row import Row

IMAGES = 1_000_000
FILES = 400  # that are really there; the images share them
SIZE = (1000, 700)  # px of the grid
FRAMES = 150  # of each way to scroll
FIRST_PAINT_MS, FRAME_MS, BYTES = 50.0, 1000 / 30, 500.0

# What the window holds of a data set: the index, its ids, a split. Measured in a process of its own.
MEMORY = """
import sys
from pathlib import Path
from tests.benchmarks.grid import make_index
from workbench.records.index import ImageIndex
path = Path(sys.argv[1])
def held():
    return next(int(l.split()[1]) * 1024 for l in open("/proc/self/status") if l.startswith("VmRSS"))
import numpy as np
from workbench.records.splits import make_split
before = held()
index = ImageIndex.load(path)
split = make_split(index.ids, index.label, index.group, seed=0)
import gc
gc.collect()
print("HELD", held() - before)
"""


def make_index(images: int = IMAGES):  # type: ignore[no-untyped-def]
    """An index of images that nobody has, with paths as long as real ones."""
    from workbench.records.index import ImageIndex, Strings

    rng = np.random.default_rng(0)
    return ImageIndex(
        roots={"": "/data"},
        paths=Strings.of(f"class_{i % 10}/image_{i:07d}.jpg" for i in range(images)),
        file_size=np.full(images, 10_000, np.int64),
        mtime_ns=np.zeros(images, np.int64),
        width=np.full(images, 200, np.int32),
        height=np.full(images, 200, np.int32),
        mode=np.zeros(images, np.int16),
        digest=rng.integers(0, 256, (images, 16), dtype=np.uint8),
        label=(np.arange(images) % 10).astype(np.int32),
        group=np.full(images, -1, np.int32),
        modes=("RGB 8-bit",),
        classes=tuple(f"class_{i}" for i in range(10)),
    )


def measure(images: int = IMAGES) -> list[Row]:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from workbench.gui import app as gui

    application = gui.application()
    index = make_index(images)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held = _held(index, folder / "index.npz", images)
        ours, frames = _ours(application, index, folder)
    theirs = _theirs(application, index)
    slowest = float(np.percentile(frames, 99))
    title = f"{images:,} images"
    return [
        Row(
            what=f"First paint of {title}",
            ours=f"{ours:.1f} ms",
            against="QListView in icon mode, names only",
            theirs=f"{theirs:,.0f} ms",
            ratio=theirs / ours,
            note=f"goal {FIRST_PAINT_MS:g} ms: {'met' if ours < FIRST_PAINT_MS else 'not met'}.",
        ),
        Row(
            what=f"Scrolling {title}, slowest frame of 100",
            ours=f"{slowest:.1f} ms",
            against="30 frames a second",
            theirs=f"{FRAME_MS:.1f} ms",
            ratio=FRAME_MS / slowest,
            goal=1.0,
            note=f"page by page, by the wheel and by jumps, while thumbnails are decoded; half of the frames take "
            f"{float(np.median(frames)):.1f} ms or less.",
        ),
        Row(
            what="Memory of a file in the window",
            ours=f"{held:.0f} bytes",
            against="what was asked for",
            theirs=f"{BYTES:.0f} bytes",
            ratio=BYTES / held,
            goal=1.0,
            note="index, item ids and split.",
        ),
    ]


def _held(index: object, path: Path, images: int) -> float:
    """Bytes of an image that the window's process grows by."""
    index.save(path)  # type: ignore[attr-defined]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True
    )
    return int(done.stdout.split("HELD")[1]) / images


def _ours(application, index, folder: Path) -> tuple[float, list[float]]:  # type: ignore[no-untyped-def]
    """Milliseconds to the first paint (median of 5), and of each frame while one scrolls."""
    from PIL import Image

    from workbench.gui.thumbnails import Thumbnails
    from workbench.gui.widgets.image_grid import ImageGrid

    rng = np.random.default_rng(0)
    for number in range(FILES):
        grain = Image.fromarray(rng.integers(0, 256, (25, 25, 3), dtype=np.uint8))
        grain.resize((200, 200), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")
    frames: list[float] = []

    class Timed(ImageGrid):
        def paintEvent(self, event) -> None:  # type: ignore[no-untyped-def]
            began = time.perf_counter()
            super().paintEvent(event)
            frames.append(1000 * (time.perf_counter() - began))

    thumbnails = Thumbnails(folder / "cache")
    grid = Timed(thumbnails, lambda position: folder / f"{position % FILES}.jpg")
    grid.resize(*SIZE)
    grid.show()
    application.processEvents()
    firsts = []
    for _ in range(5):
        grid.set_items(None)
        began = time.perf_counter()
        grid.set_items(index)
        grid.viewport().repaint()
        firsts.append(1000 * (time.perf_counter() - began))
    frames.clear()
    bar = grid.verticalScrollBar()
    _scroll(application, lambda: bar.setValue(bar.value() + bar.pageStep()), 1 / 15)
    _scroll(application, lambda: bar.setValue(bar.value() + 3 * bar.singleStep()), 1 / 30)
    _scroll(application, lambda: bar.setValue(int(rng.integers(bar.maximum()))), 1 / 15)
    thumbnails.close()
    grid.close()
    return float(np.median(firsts)), frames


def _scroll(application, step: Callable[[], None], pause: float) -> None:  # type: ignore[no-untyped-def]
    for _ in range(FRAMES):
        until = time.perf_counter() + pause
        step()
        application.processEvents()
        while time.perf_counter() < until:
            application.processEvents()
            time.sleep(0.001)


def _theirs(application, index) -> float:  # type: ignore[no-untyped-def]
    """Milliseconds to the first paint of a list view in icon mode with equal sizes and a fixed layout."""
    from PySide6.QtCore import QAbstractListModel, QSize, Qt
    from PySide6.QtWidgets import QListView

    class Names(QAbstractListModel):
        def rowCount(self, parent=None) -> int:  # type: ignore[no-untyped-def]
            return len(index)

        def data(self, cell, role=Qt.ItemDataRole.DisplayRole):  # type: ignore[no-untyped-def]
            return index.paths[cell.row()] if role == Qt.ItemDataRole.DisplayRole else None

    view = QListView()
    view.setViewMode(QListView.ViewMode.IconMode)
    view.setUniformItemSizes(True)
    view.setGridSize(QSize(112, 132))
    view.resize(*SIZE)
    view.show()
    application.processEvents()
    model = Names()
    began = time.perf_counter()
    view.setModel(model)
    view.viewport().repaint()
    took = 1000 * (time.perf_counter() - began)
    view.close()
    return took


if __name__ == "__main__":
    for row in measure():
        print(row.line())
