"""The images of the open project: which folders, what was decided about them, what counts. Every edit can be undone.

An edit replaces the project's curation; the index that counts is then made anew from the index of the files, in a
thread. Only new folders, and another way to take the pages of a file, need a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.gui.jobs import Jobs
from workbench.records.arrange import Arranged
from workbench.records.curation import IGNORED, Curation
from workbench.records.edits import Edits, State
from workbench.records.index import ImageIndex
from workbench.records.jobs import IndexJob, SampleJob
from workbench.records.layout import Layout
from workbench.records.leaks import superfluous
from workbench.records.project import UNTITLED, Project, Settings
from workbench.records.roots import Roots, moved, name_roots, told
from workbench.records.runs import RunFolder
from workbench.records.spec import Reading
from workbench.records.splits import Split, SplitPlan, make_split
from workbench.records.text import count, printable

_STATE = (
    "roots",
    "pool",
    "index",
    "pool_index",
    "result",
    "baseline",
)  # what an edit may change, and the curation


@dataclass(slots=True)
class _Read:
    """What a thread has read and made."""

    files: ImageIndex | None
    pool: ImageIndex | None
    arranged: Arranged | None = None
    split: Split | None = None
    problem: str = ""


class Dataset(QObject):
    """Part of the session, which opens it with a project."""

    changed = Signal()  # the index that counts, the split, the pool, or where the files are
    edited = Signal(str)  # a sentence on what was done, when it can be undone
    left = Signal()  # another data set: the old answers don't belong to it
    failed = Signal(str)

    def __init__(self, jobs: Jobs, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._background = jobs, background
        self.project: Project | None = None
        self.edits: Edits | None = None
        self.files: ImageIndex | None = None
        self.arranged: Arranged | None = None
        self.pool: ImageIndex | None = None
        self.split: Split | None = None
        self._key: tuple[object, object] = ("", "")  # what `files` and `pool` were read from
        self._asked = 0

    # What is open

    @property
    def index(self) -> ImageIndex | None:
        """The index that counts."""
        return self.arranged.index if self.arranged is not None else None

    @property
    def settings(self) -> Settings:
        return self.project.settings if self.project else Settings()

    @property
    def curation(self) -> Curation:
        return self.settings.curation

    @property
    def roots(self) -> Roots:
        return self.settings.roots

    @property
    def title(self) -> str:
        """The folders, in one line."""
        return told(self.settings.roots)

    def file(self, position: int) -> Path:
        assert self.index is not None
        return self.index.file(position, self.settings.roots)

    def open(self, project: Project) -> None:
        self.project, self.edits = project, project.edits
        self._forget()
        self.read()

    def _forget(self) -> None:
        self.files = self.arranged = self.pool = self.split = None
        self._key = ("", "")

    def read(self, undo: Callable[[], None] | None = None) -> None:
        """Make the index that counts anew, in a thread. `undo` is called where the curation can't be applied."""
        project = self._project()
        settings = project.settings
        key = (settings.index, (settings.pool_index, settings.curation.pool_left_out))
        files = self.files if key[0] == self._key[0] else None
        pool = self.pool if key[1] == self._key[1] else None
        self._asked += 1
        asked = self._asked

        def read() -> _Read:
            found = _Read(files or project.files_index(), pool or project.pool_index())
            if found.files is None:
                if settings.index:
                    found.problem = (
                        f"The list of this project's images is damaged or gone ({printable(settings.index)}). Choose "
                        "the image folder again to make it anew: labels, split and what was left out stay."
                    )
                return found
            if set(found.files.roots) == set(settings.roots):
                found.files.roots = dict(settings.roots)
            found.arranged = project.arranged(found.files)
            index = found.arranged.index
            if len(index.labelled()):
                try:
                    found.split = make_split(
                        index.ids, index.label, index.group, seed=0, plan=index.plan, official=index.part
                    )
                except ValueError as error:  # without an official training part it is still a data set
                    found.problem = str(error)
            return found

        def show(found: _Read) -> None:
            if project is not self.project or asked != self._asked:
                return
            self.files, self.pool = found.files, found.pool
            self.arranged, self.split = found.arranged, found.split
            self._key = key
            self.changed.emit()
            if found.problem:
                self.failed.emit(found.problem)

        def fail(error: Exception) -> None:
            if undo is not None and project is self.project:
                undo()
            self.failed.emit(str(error))

        self._background.run(read, show, fail)

    # Folders

    def set_folders(self, folders: Sequence[Path], curation: Curation | None = None) -> str:
        """Index `folders` in a worker; returns the run's id. Raises ValueError for folders that make no data set.

        The same folders again are looked at for changes, and what was decided about them stays.
        """
        roots = name_roots(folders)
        project = self._project()
        before = self._state()
        if project.settings.roots and dict(project.settings.roots) != roots:
            project.settings.curation = Curation()
            self._leave()
        project.settings.roots = roots
        if curation is not None:
            project.settings.curation = curation
        if project.settings.name == UNTITLED:
            project.settings.name = printable(Path(next(iter(roots.values()))).name)
        project.save()
        if self._state() != before and before["roots"]:
            self._did(f"the folder {printable(told(roots))}", before)
        return self._scan()

    def look_again(self) -> str:
        """Index the same folders again: what is new, changed or gone since."""
        return self._scan()

    def set_limit(self, megapixels: float) -> str:
        """Refuse images above this size from now on, and look at the folders again; returns the run's id."""
        self._project().settings.max_megapixels = megapixels
        self._project().save()
        return self._scan()

    def _scan(self) -> str:
        settings = self._project().settings
        job = IndexJob(
            folders=tuple(settings.roots.values()),
            pages=settings.curation.reading.pages,
            previous=self._previous(settings.index),
            max_megapixels=settings.max_megapixels,
        )
        names = ", ".join(printable(Path(folder).name) for folder in job.folders)
        return self._jobs.start(job, f"Index {names}", then=self.adopt)

    def set_pool(self, folder: Path) -> str:
        """Index a folder of unlabelled images, for pretraining."""
        project = self._project()
        before = self._state()
        if project.settings.pool and project.settings.pool != str(folder):
            self._did("the unlabelled pool", before)
        project.settings.pool = str(folder)
        project.save()
        job = IndexJob(
            folders=(str(folder),),
            previous=self._previous(project.settings.pool_index),
            max_megapixels=project.settings.max_megapixels,
        )
        return self._jobs.start(job, f"Index {printable(folder.name)}", then=self.adopt)

    def draw_sample(self, folder: Path, *, labelled: int = 600, unlabelled: int = 3000) -> str:
        """Draw the sample images and index them."""

        def then(run: RunFolder) -> None:
            self.set_folders([folder / "labelled"], Curation(layout=Layout(group_by="name:(lot[0-9]+)")))
            self.set_pool(folder / "unlabelled")

        job = SampleJob(folder=str(folder), labelled=labelled, unlabelled=unlabelled)
        return self._jobs.start(job, "Draw the sample images", then=then)

    def repoint(self, name: str, folder: Path) -> None:
        """The images of one root are now in `folder`; what was computed stays valid.

        Raises ValueError when the folder holds none of them.
        """
        files = self.files
        if files is not None and len(files):
            step = max(len(files) // 200, 1)
            roots = moved(self.settings.roots, name, folder)
            mine = [
                i
                for i in range(0, len(files), step)
                if not name or str(files.paths[i]).startswith(name + "/")
            ]
            if mine and not any(files.file(i, roots).exists() for i in mine):
                raise ValueError(
                    f"{printable(str(folder))} holds none of the images that were indexed. Choose the folder in "
                    f"which {printable(str(files.paths[mine[0]]))} lies."
                )

        def change(settings: Settings) -> None:
            settings.roots = moved(settings.roots, name, folder)

        self._edit(f"the images are now in {printable(str(folder))}", change)

    def adopt(self, run: RunFolder) -> None:
        """What an index job found counts from now on, if its folders are still the ones that are chosen."""
        project, job = self._project(), run.job()
        assert isinstance(job, IndexJob)
        found = project.relative(run.path / "index.npz")
        if job.folders == tuple(project.settings.roots.values()):
            project.settings.index = found
        elif job.folders == (project.settings.pool,):
            project.settings.pool_index = found
        else:
            return
        project.save()
        self.read()

    # Decisions

    def set_layout(self, layout: Layout, table: Path | None = None) -> None:
        """How labels and groups are told; `table` is a label table to copy into the project.

        Raises ValueError for a table that can't be read.
        """
        project = self._project()
        curation = replace(self.curation, layout=layout)
        if table is not None:
            curation = replace(curation, table=project.keep_table(table), table_name=table.name)
        if "table" not in (layout.labels, layout.group_by):
            curation = replace(curation, table="", table_name="")
        self.decide("other rules for labels and groups", curation)

    def rename_class(self, name: str, new: str) -> None:
        """Raises ValueError for a name that is none."""
        merged = self.index is not None and new in self.index.classes
        what = (
            f"class {printable(name)} merged into {printable(new)}"
            if merged
            else f"class {printable(name)} renamed"
        )
        self.decide(what, self.curation.rename(name, new))

    def ignore_class(self, name: str) -> None:
        self.decide(f"class {printable(name)} ignored", self.curation.rename(name, IGNORED))

    def restore_class(self, found: str) -> None:
        self.decide(f"class {printable(found)} brought back", self.curation.restore_class(found))

    def leave_out(self, names: Iterable[str]) -> None:
        """Leave images out, by `ImageIndex.name`."""
        gone = frozenset(names)
        self.decide(f"{count(len(gone), 'image')} left out", self.curation.leave_out(gone))

    def bring_back(self, names: Iterable[str]) -> None:
        back = frozenset(names)
        self.decide(f"{count(len(back), 'image')} brought back", self.curation.bring_back(back))

    def leave_out_copies(self, sets: Sequence[Sequence[int]]) -> None:
        """Keep one image of each set of positions; none of a set whose labels contradict each other."""
        assert self.index is not None
        gone = superfluous(self.index, sets)
        told = f"{count(len(gone), 'copy', 'copies')} left out"
        self.decide(told, self.curation.leave_out(gone))

    def join_copies(self, sets: Sequence[Sequence[int]]) -> None:
        """Make each set of positions one group."""
        assert self.index is not None
        names = [[self.index.name(position) for position in members] for members in sets]
        self.decide(f"{count(len(names), 'set')} of copies grouped", self.curation.join(names))

    def leave_out_of_pool(self, names: Iterable[str]) -> None:
        gone = frozenset(names)
        curation = replace(self.curation, pool_left_out=self.curation.pool_left_out | gone)
        self.decide(f"{count(len(gone), 'image')} taken out of the pool", curation)

    def set_reading(self, reading: Reading, window_told: str = "") -> None:
        """How numbers become pictures. Other pages need the files to be read again."""
        rescan = reading.pages != self.curation.reading.pages
        self.decide(
            "pixels read another way", replace(self.curation, reading=reading, window_told=window_told)
        )
        if rescan:
            self._scan()

    def set_plan(self, plan: SplitPlan) -> None:
        self.decide(f"split by {plan.told()}", replace(self.curation, plan=plan))

    def decide(self, what: str, curation: Curation) -> None:
        """Put another curation in force; nothing happens when it is the same."""
        if curation == self.curation:
            return

        def change(settings: Settings) -> None:
            settings.curation = curation

        self._edit(what, change)

    # Undo

    @property
    def undoable(self) -> str:
        """What undo would take back; "" for nothing."""
        return self.edits.past[-1][0] if self.edits and self.edits.past else ""

    @property
    def redoable(self) -> str:
        return self.edits.future[-1][0] if self.edits and self.edits.future else ""

    def undo(self) -> None:
        if self.edits is not None:
            self._go(self.edits.undo(self._state()), "Undone")

    def redo(self) -> None:
        if self.edits is not None:
            self._go(self.edits.redo(self._state()), "Done again")

    def _go(self, step: tuple[str, State] | None, word: str) -> None:
        if step is None:
            return
        what, state = step
        elsewhere = state["roots"] != dict(self.settings.roots)
        self._restore(state)
        if elsewhere:
            self._forget()
            self.left.emit()
            self.changed.emit()
        self.read()
        self.edited.emit(f"{word}: {what}.")

    def _edit(self, what: str, change: Callable[[Settings], None]) -> None:
        project, before = self._project(), self._state()
        change(project.settings)
        project.save()
        self._did(what, before)

        def take_back() -> None:
            self._restore(before)
            if self.edits is not None and self.edits.past:
                self.edits.past.pop()

        self.read(take_back)
        self.edited.emit(f"{what[:1].upper()}{what[1:]}.")

    def _did(self, what: str, before: State) -> None:
        if self.edits is not None:
            self.edits.did(what, before)

    def _state(self) -> State:
        settings = self.settings
        return {**{name: getattr(settings, name) for name in _STATE}, "curation": settings.curation.to_json()}

    def _restore(self, state: State) -> None:
        settings = self._project().settings
        for name in _STATE:
            setattr(settings, name, state[name])
        settings.curation = Curation.from_json(state["curation"])
        self._project().save()

    # Inside

    def _leave(self) -> None:
        """Another folder is another question: its answers must not stand under the old ones. The runs stay."""
        settings = self._project().settings
        settings.index = settings.result = settings.baseline = ""
        self._forget()
        self.left.emit()
        self.changed.emit()

    def _project(self) -> Project:
        if self.project is None:
            raise ValueError("No project is open. Create or open one first.")
        return self.project

    def _previous(self, stored: str) -> str:
        path = self._project().resolve(stored) if stored else None
        return str(path) if path and path.exists() else ""
