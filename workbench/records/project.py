"""A project folder: where the images are, what was chosen, and every run.

    project.json    name, data root, layout, which index counts, what is chosen
    runs/           one folder a run
    trash/          discarded runs, until the user empties it
    caches/         vectors and thumbnails; may be deleted at any time
    ledger.jsonl    one line for every time that the test part was opened; only ever appended

The folder can be moved or zipped. Paths inside it are stored relative to it; the images are found
through one data root, which is re-pointed when they move.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.index import ImageIndex
from workbench.records.jobs import JobConfig
from workbench.records.runs import RunFolder, list_runs

VERSION = 1
UNTITLED = "Untitled"


@dataclass(slots=True, kw_only=True)
class Chosen:
    """One backbone that the user put into the comparison."""

    backbone: str
    feature: str = ""  # empty: what its family is usually used with
    image_size: int = 0  # 0: the backbone's own


@dataclass(slots=True, kw_only=True)
class Settings:
    """What the user chose. Everything here has a default, so that an older project opens."""

    name: str = UNTITLED
    root: str = ""  # folder of the labelled images
    pool: str = ""  # folder of unlabelled images
    labels: str = "folder"
    group_by: str = ""
    index: str = ""  # path of the index that counts, relative to the project
    pool_index: str = ""
    chosen: list[Chosen] = field(default_factory=list)
    seeds: int = 5
    margin: float = 1.0  # points
    metric: str = "auto"
    baseline: str = ""  # name of the pinned model
    result: str = ""  # run id of the evaluation that is shown
    view: dict[str, Any] = field(
        default_factory=dict
    )  # place, filters, sort order: what the window remembers


class Project:
    """An open project. Methods that change settings write them at once."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings

    @classmethod
    def create(cls, folder: Path, name: str = "") -> Project:
        """Raises ValueError when the folder already holds a project."""
        if (folder / "project.json").exists():
            raise ValueError(f"{folder} already holds a project. Open it, or choose another folder.")
        folder.mkdir(parents=True, exist_ok=True)
        project = cls(folder.absolute(), Settings(name=name or folder.name))
        project.save()
        return project

    @classmethod
    def open(cls, folder: Path) -> Project:
        """Raises DocumentError when there is no project that this program reads."""
        body = read_document(folder / "project.json", "project", VERSION)
        known = {item.name for item in fields(Settings)}
        values = {key: value for key, value in body.items() if key in known}
        known_chosen = {item.name for item in fields(Chosen)}
        values["chosen"] = [
            Chosen(**{key: value for key, value in choice.items() if key in known_chosen})
            for choice in values.get("chosen", [])
        ]
        return cls(folder.absolute(), Settings(**values))

    @classmethod
    def open_or_create(cls, folder: Path, name: str = "") -> Project:
        return cls.open(folder) if (folder / "project.json").exists() else cls.create(folder, name)

    def save(self) -> None:
        write_document(self.folder / "project.json", "project", VERSION, asdict(self.settings))

    @property
    def runs_folder(self) -> Path:
        return self.folder / "runs"

    @property
    def features_cache(self) -> Path:
        return self.folder / "caches" / "features"

    @property
    def thumbnails_cache(self) -> Path:
        return self.folder / "caches" / "thumbnails"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.jsonl"

    def new_run(
        self, job: JobConfig, *, title: str = "", after: tuple[str, ...] = (), name: str = ""
    ) -> RunFolder:
        return RunFolder.create(self.runs_folder, job, title=title, after=after, name=name)

    def runs(self, kind: str = "") -> list[RunFolder]:
        """Oldest first; of one kind where `kind` is given."""
        found = list_runs(self.runs_folder)
        return [run for run in found if not kind or f"-{kind}-" in run.id or run.document()["kind"] == kind]

    def run(self, run_id: str) -> RunFolder:
        return RunFolder(self.runs_folder / run_id)

    def discard(self, run: RunFolder) -> Path:
        """Move a run to the trash, from where `restore` brings it back."""
        target = self.folder / "trash" / run.id
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        run.path.rename(target)
        return target

    def restore(self, run_id: str) -> RunFolder:
        (self.folder / "trash" / run_id).rename(self.runs_folder / run_id)
        return self.run(run_id)

    def relative(self, path: Path) -> str:
        """`path` as it is stored: relative to the project where it is inside."""
        try:
            return path.absolute().relative_to(self.folder).as_posix()
        except ValueError:
            return str(path.absolute())

    def resolve(self, stored: str) -> Path:
        return self.folder / stored  # an absolute path wins over the folder

    def index(self) -> ImageIndex | None:
        """The index that counts; None before a folder was indexed or when its file is gone."""
        return self._load_index(self.settings.index)

    def pool_index(self) -> ImageIndex | None:
        return self._load_index(self.settings.pool_index)

    def _load_index(self, stored: str) -> ImageIndex | None:
        if not stored:
            return None
        try:
            return ImageIndex.load(self.resolve(stored))
        except DocumentError:
            return None

    def test_openings(self) -> int:
        """How often an evaluation has looked at the test part."""
        return len(read_ledger(self.ledger))


def append_ledger(path: Path, entry: dict[str, Any]) -> None:
    """Add one opening of the test part. An append of one short line is whole on every file system we use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"time": time.time(), **entry}) + "\n")


def read_ledger(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return []
    entries = []
    for line in lines:
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries
