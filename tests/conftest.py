"""What every test may use."""

from __future__ import annotations

import functools
import gc
import io
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import warm

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Files that take half a minute or more, the longest first. After them come those that have a slow test.
LONGEST = (
    "test_every_method_learns",
    "test_going_on",
    "test_cli",
    "test_together",
    "test_collapse_doctor",
    "test_with_pip",
    "test_window_text",
    "test_finetune_job",
    "test_hub",
    "test_decision_calibrated",
    "test_joining",
)
SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell starts so what it puts into the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the programs that tests start inherit it
os.fsync = os.fstat  # nothing of a test has to survive a power cut, and each costs milliseconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first, so that of two processes none is left with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (rank.get(item.path.stem, len(rank)), item.path not in slow))


def pytest_collection_finish() -> None:
    """What has been imported is there to stay: a search for garbage or for threads need not walk 800,000 objects."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or leaves anything in the user's own folders."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("WORKBENCH_PLUGINS", "off")  # whatever happens to be installed
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))


@pytest.fixture
def warm_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that need not import the large libraries anew, see `warm.py`."""
    for module in warm.STARTERS:
        monkeypatch.setattr(module, "subprocess", module.subprocess)  # put back afterwards
    warm.supervise()


@pytest.fixture
def neu() -> Path:
    folder = SHARED / "neu_surface_defects"
    if not folder.is_dir():
        pytest.skip("the shared images (neu_surface_defects) are not beside this checkout")
    return folder


@pytest.fixture
def picture_folder(tmp_path: Path) -> Path:
    """36 small images in 3 classes that colour alone tells apart, in 6 lots named in the file names."""
    return lay_out(tmp_path / "pictures", _pictures())


@functools.cache
def _pictures() -> dict[str, bytes]:
    rng = np.random.default_rng(7)
    made = {}
    for number, name in enumerate(("blue", "green", "red")):
        for i in range(12):
            pixels = rng.integers(0, 90, (48, 64, 3), dtype=np.uint8)
            pixels[..., 2 - number] += 120
            made[f"{name}/lot{i % 6}_{i:02d}.png"] = png(pixels)
    return made


def png(pixels: np.ndarray) -> bytes:
    """(H, W, 3) uint8 as a file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def lay_out(root: Path, files: dict[str, bytes]) -> Path:
    """Write files by their paths below `root`, which is given back."""
    for folder in {Path(path).parent for path in files}:
        (root / folder).mkdir(parents=True)
    for path, data in files.items():
        (root / path).write_bytes(data)
    return root
