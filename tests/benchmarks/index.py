"""Index of 100,000 small files, cold start of the process and warm disk cache, against torchvision's ImageFolder.

ImageFolder lists names, and must import torch to do so. The workbench's index also decodes, measures and hashes every
file; that first run is shown for what it costs, beside the second run, which is what a user meets each day.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.benchmarks.row import Row, paired, seconds

FILES = 100_000
CLASSES = 20

_OURS = """
import sys
from pathlib import Path
from workbench.engine.indexing import build_index
from workbench.engine.listing import list_images
from workbench.records.index import ImageIndex
roots, index, step = {"": sys.argv[1]}, Path(sys.argv[2]), sys.argv[3]
if step == "list":
    assert len(list_images(roots).paths) == int(sys.argv[4])
else:
    previous = ImageIndex.load(index) if index.exists() else None
    made = build_index(roots, check=step, previous=previous)
    assert len(made) == int(sys.argv[4])
    made.save(index)
"""
_THEIRS = """
import sys
from torchvision.datasets import ImageFolder
assert len(ImageFolder(sys.argv[1]).samples) == int(sys.argv[2])
"""


def measure(files: int = FILES) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        root, index = Path(name) / "images", Path(name) / "index.npz"
        _make(root, files)

        def ours(step: str, fresh: bool = False) -> None:
            if fresh:
                index.unlink(missing_ok=True)
            _run(_OURS, str(root), str(index), step, str(files))

        def theirs() -> None:
            _run(_THEIRS, str(root), str(files))

        listed, folder = paired(lambda: ours("list"), theirs)
        first = seconds(lambda: ours("pixels", fresh=True), 1)
        again = seconds(lambda: ours("pixels"), 3)
    title = f"{files:,} files"
    against = "torchvision ImageFolder (names only)"
    theirs_text = f"{folder:.1f} s"
    return [
        Row(
            what=f"List {title}",
            ours=f"{listed:.1f} s",
            against=against,
            theirs=theirs_text,
            ratio=folder / listed,
        ),
        Row(
            what=f"Index {title} again",
            ours=f"{again:.1f} s",
            against=against,
            theirs=theirs_text,
            ratio=folder / again,
            note="with size, time, mode, hash and label of every file, and every file looked at for changes.",
        ),
        Row(
            what=f"Index {title} the first time",
            ours=f"{first:.1f} s",
            against=against,
            theirs=theirs_text,
            ratio=folder / first,
            note="every file decoded, measured and hashed, which ImageFolder doesn't do.",
        ),
    ]


def _make(root: Path, files: int) -> None:
    for number in range(CLASSES):
        (root / f"class_{number:02d}").mkdir(parents=True)
    from io import BytesIO

    buffer = BytesIO()
    Image.radial_gradient("L").resize((32, 32)).convert("RGB").save(buffer, "JPEG")
    data = buffer.getvalue()
    for number in range(files):
        # A comment behind the end marker makes every file's bytes its own.
        path = root / f"class_{number % CLASSES:02d}" / f"image_{number:06d}.jpg"
        path.write_bytes(data[:-2] + b"\xff\xfe\x00\x0a%08d" % number + data[-2:])


def _run(program: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-c", program, *arguments], check=True)


if __name__ == "__main__":
    for row in measure():
        print(row.line())
