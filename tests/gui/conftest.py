"""What the window's tests share: a session that does nothing but remember, small folders of images, no leaks."""

from __future__ import annotations

import copy
import functools
import gc
import os
import threading

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QThread, Signal
from pytestqt.qtbot import QtBot

from tests.conftest import lay_out, png
from workbench.gui import theme
from workbench.gui.dataset import Dataset
from workbench.gui.decision_store import DecisionStore
from workbench.records.arrange import Arranged
from workbench.records.brought import Brought
from workbench.records.curation import Curation
from workbench.records.index import ImageIndex, Refused, Strings
from workbench.records.project import Project, Settings
from workbench.records.spec import Reading
from workbench.records.splits import make_split

PATIENCE = 60_000  # ms


class FakeSession(QObject):
    """The face of `Session` without workers: every request is written to `calls`."""

    project_changed = Signal()
    dataset_changed = Signal()
    backbones_changed = Signal()
    jobs_changed = Signal()
    job_progressed = Signal(str)
    result_changed = Signal()
    baseline_changed = Signal()
    brought_changed = Signal()
    finetunes_changed = Signal()
    selection_changed = Signal()
    message = Signal(str, str)

    def __init__(self, project: Project | None = None) -> None:
        super().__init__()
        self.project = project
        self.index: ImageIndex | None = None
        self.pool_index: ImageIndex | None = None
        self.split = None
        self.dataset = FakeDataset(self)
        self.result = None
        self.predictions = None
        self.catalogue = ()
        self.names = ()
        self.brought = Brought()
        self.devices: dict = {}
        self.jobs: list = []
        self.selected: frozenset[str] = frozenset()
        self.discarded: list[str] = []
        self.calls: list[tuple] = []
        self.test_openings = 0
        self.baseline = ""
        self.decisions = DecisionStore(self, SimpleNamespace(all=lambda: []), lambda kind: None)

    @property
    def settings(self) -> Settings:
        return self.project.settings if self.project else Settings()

    @property
    def reading(self) -> Reading:
        return self.settings.curation.reading

    def file(self, position: int) -> Path:
        assert self.index is not None
        return self.index.file(position, self.settings.roots)

    def show_index(self, index: ImageIndex | None, pool: ImageIndex | None = None) -> None:
        """As if an index job had ended."""
        self.index, self.pool_index = index, pool
        if index is not None:
            self.settings.roots = dict(index.roots)
            if len(index.labelled()):
                self.split = make_split(index.ids, index.label, index.group, seed=0)
        self.dataset_changed.emit()

    def show_jobs(self, *jobs: object) -> None:
        self.jobs = list(jobs)
        self.jobs_changed.emit()

    def select(self, ids) -> None:
        if frozenset(ids) != self.selected:
            self.selected = frozenset(ids)
            self.selection_changed.emit()

    def remember(self, key: str, value: object) -> None:
        self.settings.view[key] = value

    def recall(self, key: str, default: object = None) -> object:
        return self.settings.view.get(key, default)

    def why_not_compare(self) -> str:
        return "" if self.settings.chosen else "Choose at least one backbone."

    def log(self, run_id: str) -> str:
        return f"log of {run_id}"

    def __getattr__(self, name: str):
        if name not in (
            "open_project",
            "create_project",
            "set_folder",
            "undo",
            "redo",
            "pause",
            "resume",
            "stop",
            "discard",
            "retry",
            "dismiss",
            "run_comparison",
            "run_finetune",
            "describe",
        ):
            raise AttributeError(name)
        return self.recorder(name)

    def recorder(self, name: str):
        def call(*arguments: object, **named: object) -> str:
            self.calls.append((name, *arguments, *named.values()))
            return "run-1"

        return call

    @property
    def num_done(self) -> int:
        return len(self.discarded)

    def why_not_undo(self) -> str:
        return "" if self.discarded or self.dataset.undoable else "There is nothing to undo."

    def why_not_redo(self) -> str:
        return "" if self.dataset.redoable else "Nothing was undone."


class FakeDataset(QObject):
    """The face of `Dataset`: every edit is written to the session's `calls`."""

    changed = Signal()
    edited = Signal(str)

    def __init__(self, session: FakeSession) -> None:
        super().__init__(session)
        self._session = session
        self.arranged: Arranged | None = None
        self.undoable = self.redoable = ""

    @property
    def index(self) -> ImageIndex | None:
        return self._session.index

    @property
    def files(self) -> ImageIndex | None:
        return self._session.index

    @property
    def pool(self) -> ImageIndex | None:
        return self._session.pool_index

    @property
    def split(self):
        return self._session.split

    @property
    def settings(self) -> Settings:
        return self._session.settings

    @property
    def curation(self) -> Curation:
        return self.settings.curation

    @property
    def roots(self) -> dict[str, str]:
        return self.settings.roots

    @property
    def title(self) -> str:
        return ", ".join(self.roots.values())

    def __getattr__(self, name: str):
        if name.startswith("_") or not callable(getattr(Dataset, name, None)):
            raise AttributeError(name)
        return self._session.recorder(name)


def build_index(root: Path, *, group_of=lambda name: "", refused: tuple[Refused, ...] = ()) -> ImageIndex:
    """An index of the images below `root` (one folder a class), made here by hand with Pillow and hashlib."""
    import hashlib

    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    classes = tuple(sorted({path.split("/")[0] for path in paths if "/" in path}))
    groups_of = [group_of(path.split("/")[-1]) for path in paths]
    groups = tuple(sorted(set(groups_of) - {""}))
    sizes, modes, digests = [], [], []
    for path in paths:
        with Image.open(root / path) as image:
            sizes.append(image.size)
            modes.append(image.mode)
        digests.append(hashlib.blake2b((root / path).read_bytes(), digest_size=16).digest())
    kinds = tuple(sorted(set(modes)))
    names = {"RGB": "RGB 8-bit", "L": "grey 8-bit"}
    n = len(paths)
    width, height = np.asarray(sizes, dtype=np.int32).reshape(n, 2).T
    return ImageIndex(
        roots={"": str(root)},
        paths=Strings.of(paths),
        file_size=np.zeros(n, np.int64),
        mtime_ns=np.zeros(n, np.int64),
        width=width,
        height=height,
        mode=np.asarray([kinds.index(mode) for mode in modes], np.int16),
        digest=np.frombuffer(b"".join(digests), np.uint8).reshape(n, 16),
        label=np.asarray([classes.index(p.split("/")[0]) if "/" in p else -1 for p in paths], np.int32),
        group=np.asarray([groups.index(g) if g else -1 for g in groups_of], np.int32),
        copies=np.asarray([digests.index(d) if digests.count(d) > 1 else -1 for d in digests], np.int32),
        modes=tuple(names.get(kind, kind) for kind in kinds),
        classes=classes,
        groups=groups,
        refused=refused,
    )


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """Three classes of 12 small pictures in four lots; one picture is there twice."""
    return lay_out(tmp_path / "images", _pictures())


@functools.cache
def _pictures() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    made = {}
    for number, name in enumerate(("crack", "dent", "stain")):
        for i in range(12):
            pixels = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8) // (number + 1)
            made[f"{name}/lot{i % 4}_{i:02d}.png"] = png(pixels)
    made["crack/lot0_99.png"] = made["crack/lot1_01.png"]
    return made


_made: ImageIndex | None = None


@pytest.fixture
def small_index(image_folder: Path) -> ImageIndex:
    """Of `image_folder`, a copy for each test: made once, for its files are the same each time."""
    global _made
    if _made is None:
        refused = (
            Refused("dent/broken.jpg", "The file ends too early."),
            Refused("=cmd\n.png", "It is empty."),
        )
        _made = build_index(image_folder, group_of=lambda name: name.split("_")[0], refused=refused)
    return replace(copy.deepcopy(_made), roots={"": str(image_folder)})


@pytest.fixture
def session(qtbot, tmp_path: Path) -> Iterator[FakeSession]:
    """A session on an empty project; its threads are ended after the test."""
    made = FakeSession(Project.create(tmp_path / "project", "Line 4"))
    yield made
    for child in made.findChildren(QObject):
        close = getattr(child, "close", None)
        if callable(close):
            close()


class PatientBot(QtBot):
    """Waits longer than anything takes on a machine that others work on too; only what fails takes that long."""

    def waitUntil(self, callback, *, timeout: int = PATIENCE) -> None:
        super().waitUntil(callback, timeout=max(timeout, PATIENCE))

    def waitSignal(self, signal, *, timeout: int = PATIENCE, raising: bool = True, **how):
        """As it is where no signal is what is hoped for."""
        patience = PATIENCE if raising else 0
        return super().waitSignal(signal, timeout=max(timeout, patience), raising=raising, **how)


@pytest.fixture
def qtbot(qapp, request) -> QtBot:
    return PatientBot(request)


@pytest.fixture(autouse=True, scope="module")
def garbage_of_windows() -> Iterator[None]:
    """As in the program (`workbench.gui.garbage`) no thread of a test may destroy what lies in cycles."""
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture(autouse=True)
def dressed(qapp) -> Iterator[None]:
    """The application wears the light theme, whatever the test before did."""
    if not qapp.styleSheet():
        theme.install(qapp, "light")
    yield
    # pytest-qt has asked for the end of the test's widgets; without an event loop they would live on, and be dressed.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    theme.themes().set_preference("light")
    theme.know_models([], forget=True)
    gc.collect(1)  # the young, as Python would have done


@pytest.fixture(autouse=True)
def no_leaked_threads(request) -> Iterator[None]:
    """A test that leaves a running QThread or a thread of ours behind fails."""
    before = {thread.ident for thread in threading.enumerate()}
    yield
    # No search has made the objects of this test old. By type: isinstance would ask each object for its __class__,
    # which wakes the lazy modules of torch.
    young = (found for generation in (0, 1) for found in gc.get_objects(generation))
    running = [found for found in young if issubclass(type(found), QThread) and _runs(found)]
    assert not running, f"QThreads still run: {running}"
    ours = ("thumbnails", "supervisor")
    left = [t for t in threading.enumerate() if t.ident not in before and t.name.startswith(ours)]
    for thread in left:
        thread.join(5)
    assert not [t for t in left if t.is_alive()], f"threads still run: {left}"


def _runs(thread: QThread) -> bool:
    from shiboken6 import isValid

    return isValid(thread) and thread.isRunning() and thread is not QThread.currentThread()
