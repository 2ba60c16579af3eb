"""A project folder: where the images are, what was chosen, and every run.

    project.json    name, where the images are, what was decided about them, what is chosen
    edits.json      what can be undone
    tables/         copies of label tables, named by their content
    curations/      what was decided when something was computed, named by its content
    runs/           one folder a run
    trash/          discarded runs, until the user empties it
    caches/         vectors and thumbnails; may be deleted at any time
    ledger.jsonl    one line for every time that the test part was opened; only ever appended
    window.lock     empty; held by the window in which the project is open

The folder can be moved or zipped. Paths inside it are stored relative to it; the images are found
through one data root, which is re-pointed when they move.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.records.arrange import Arranged, arrange
from workbench.records.curation import Curation
from workbench.records.edits import Edits
from workbench.records.files import DocumentError, read_document, whole_file, write_document
from workbench.records.index import ImageIndex
from workbench.records.jobs import MAX_MEGAPIXELS, JobConfig
from workbench.records.label_table import LabelTable, read_table
from workbench.records.runs import RunFolder, list_runs

VERSION = 2
CURATION_VERSION = 1
CURATIONS = "curations"
UNTITLED = "Untitled"


@dataclass(slots=True, kw_only=True)
class Chosen:
    """One backbone that the user put into the comparison."""

    backbone: str
    feature: str = ""  # empty: what is locked for the comparison; else an exception
    image_size: int = 0  # 0: what is locked for the comparison


@dataclass(slots=True, kw_only=True)
class Settings:
    """What the user chose. Everything here has a default, so that an older project opens."""

    name: str = UNTITLED
    roots: dict[str, str] = field(
        default_factory=dict
    )  # folders of the labelled images, see records/roots.py
    pool: str = ""  # folder of unlabelled images
    curation: Curation = field(default_factory=Curation)
    max_megapixels: float = MAX_MEGAPIXELS  # larger images are refused
    index: str = ""  # path of the index of the files, relative to the project
    pool_index: str = ""
    chosen: list[Chosen] = field(default_factory=list)
    # The lock: what every chosen backbone is asked for, see records/asked.py.
    feature_rule: str = "family"  # each family's own, or one of FEATURES for all
    layers: str = ""  # as in records/layers.py
    image_size: int = 0  # px; 0: each backbone's own
    standardise: str = "z-score"  # what the probe is fitted on: "z-score" or "l2"
    seeds: int = 5
    margin: float = 1.0  # points
    metric: str = "auto"
    budgets: str = ""  # label budgets of a comparison in per cent, "1,5,10,25,50,100"; empty: none
    evaluations: list[str] = field(default_factory=list)  # of plugins, as `EvaluateJob.evaluation` takes them
    baseline: str = ""  # name of the pinned model
    result: str = ""  # run id of the evaluation that is shown
    view: dict[str, Any] = field(
        default_factory=dict
    )  # place, filters, sort order: what the window remembers


class Project:
    """An open project. Methods that change settings write them at once.

    Attributes:
        on_saved: called after every writing of the settings, with the error where it failed. Where nobody is called,
            the error is raised.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self.on_saved: Callable[[OSError | None], None] | None = None

    @classmethod
    def create(cls, folder: Path, name: str = "") -> Project:
        """Raises ValueError when the folder already holds a project."""
        if (folder / "project.json").exists():
            raise ValueError(f"{folder} already holds a project. Open it, or choose another folder.")
        folder.mkdir(parents=True, exist_ok=True)
        project = cls(folder.absolute(), Settings(name=name or folder.name))
        project._write()
        return project

    @classmethod
    def open(cls, folder: Path) -> Project:
        """Raises DocumentError when there is no project that this program reads."""
        body = read_document(folder / "project.json", "project", VERSION, {1: _from_version_1})
        try:
            return cls(folder.absolute(), _settings(body))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DocumentError(
                f"{folder / 'project.json'} is damaged ({error}). Restore it from a backup; the runs beside it are "
                "untouched."
            ) from None

    @classmethod
    def open_or_create(cls, folder: Path, name: str = "") -> Project:
        return cls.open(folder) if (folder / "project.json").exists() else cls.create(folder, name)

    def save(self) -> None:
        """Write the settings. Raises OSError where that fails and there is no `on_saved` to be told."""
        try:
            self._require()
            self._write()
        except OSError as error:
            if self.on_saved is None:
                raise
            self.on_saved(error)
        else:
            if self.on_saved is not None:
                self.on_saved(None)

    def _require(self) -> None:
        """A folder that was moved away must not be begun anew, empty, where it was."""
        path = self.folder / "project.json"
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    def _write(self) -> None:
        body = asdict(replace(self.settings, curation=Curation()))
        body["curation"] = self.settings.curation.to_json()
        write_document(self.folder / "project.json", "project", VERSION, body)

    @property
    def runs_folder(self) -> Path:
        return self.folder / "runs"

    @property
    def features_cache(self) -> Path:
        return self.folder / "caches" / "features"

    @property
    def finetune_cache(self) -> Path:
        return self.folder / "caches" / "finetune"

    @property
    def pixels_cache(self) -> Path:
        """Decoded pixels that pretraining reads."""
        return self.folder / "caches" / "pixels"

    @property
    def thumbnails_cache(self) -> Path:
        return self.folder / "caches" / "thumbnails"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.jsonl"

    def new_run(
        self, job: JobConfig, *, title: str = "", after: tuple[str, ...] = (), name: str = ""
    ) -> RunFolder:
        """Raises OSError where the folder can't be written, or is gone."""
        self._require()
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

    # The images

    def files_index(self) -> ImageIndex | None:
        """The index of the files, where they are now; None before a folder was indexed or when its file is gone."""
        index = self._load_index(self.settings.index)
        if index is not None and set(index.roots) == set(self.settings.roots):
            index.roots = dict(self.settings.roots)
        return index

    def arranged(self, files: ImageIndex) -> Arranged:
        """The index that counts. Raises ValueError where the curation can't be applied, with a sentence."""
        return arrange(files, self.settings.curation, self.table())

    def table(self) -> LabelTable | None:
        """Raises ValueError when the project's copy of the label table can't be read."""
        stored = self.settings.curation.table
        return read_table(self.resolve(stored)) if stored else None

    def keep_table(self, source: Path) -> str:
        """Copy a label table into the project; returns how a curation names it. Raises ValueError with a sentence.

        The copy counts from then on: what the table's file becomes later changes no result.
        """
        read_table(source)
        data = source.read_bytes()
        name = hashlib.blake2b(data, digest_size=8).hexdigest() + (
            source.suffix if source.suffix.lower() in (".csv", ".tsv", ".txt") else ".csv"
        )
        with whole_file(self.folder / "tables" / name) as stream:
            stream.write(data)
        return f"tables/{name}"

    def keep_curation(self) -> Path:
        """The file of what is decided now, named by its content: what is computed from it can be computed again."""
        body = self.settings.curation.to_json()
        text = json.dumps(body, sort_keys=True)
        name = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        path = self.folder / CURATIONS / f"{name}.json"
        if not path.exists():
            write_document(path, "curation", CURATION_VERSION, body)
        return path

    @property
    def edits(self) -> Edits:
        return Edits.load(self.folder / "edits.json")

    def pool_index(self) -> ImageIndex | None:
        """The index of the pool's files, without those that were taken out of it."""
        index = self._load_index(self.settings.pool_index)
        gone = self.settings.curation.pool_left_out
        if index is None or not gone:
            return index
        kept = [position for position, name in enumerate(index.names()) if name not in gone]
        return index.take(np.asarray(kept, dtype=np.int64)) if len(kept) < len(index) else index

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


def counting_index(index: Path, curation: str, roots: Sequence[str]) -> ImageIndex:
    """The index that counts, for a job that was given files of the project.

    Args:
        index: an index of the files, or one that counts already where `curation` is "".
        curation: file that `Project.keep_curation` made.
        roots: folders of the images, in the index's order, where they have moved.

    Raises:
        DocumentError, ValueError: a file that can't be read, or a curation that can't be applied.
    """
    found = ImageIndex.load(index)
    if roots:
        if len(roots) != len(found.roots):
            raise ValueError(f"{index.name} is of {len(found.roots)} folders, and {len(roots)} are named.")
        found.roots = dict(zip(found.roots, roots, strict=True))
    if not curation:
        return found
    decided = Curation.from_json(read_document(Path(curation), "curation", CURATION_VERSION))
    project = Path(curation).parent.parent
    return arrange(found, decided, read_table(project / decided.table) if decided.table else None).index


def _settings(body: dict[str, Any]) -> Settings:
    """Raises an error of some kind where a value is not what it should be."""
    usual = Settings()
    values = {item.name: body[item.name] for item in fields(Settings) if item.name in body}
    for name, value in values.items():
        wanted: Any = dict if name == "curation" else type(getattr(usual, name))
        right = isinstance(value, (int, float) if wanted is float else wanted) and not isinstance(value, bool)
        if not right:
            raise TypeError(f'"{name}" holds {type(value).__name__} instead of {wanted.__name__}')
    known_chosen = {item.name for item in fields(Chosen)}
    values["chosen"] = [
        Chosen(**{key: value for key, value in choice.items() if key in known_chosen})
        for choice in values.get("chosen", [])
    ]
    values["curation"] = Curation.from_json(values.get("curation", {}))
    return Settings(**values)


def _from_version_1(body: dict[str, Any]) -> dict[str, Any]:
    """One folder, and labels and groups by rules, were all that there was."""
    root = body.pop("root", "")
    layout = {"labels": body.pop("labels", "folder"), "group_by": body.pop("group_by", "")}
    return {**body, "roots": {"": root} if root else {}, "curation": {"layout": layout}}


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
