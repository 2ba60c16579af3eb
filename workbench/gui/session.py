"""What is open and what is chosen. Views read it, connect to its signals and call its methods; nothing else.

Everything here can be rebuilt from the project folder. Nothing here waits: work happens in workers,
files of any size are read in a thread.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.gui.jobs import Jobs, unfinished
from workbench.records.catalogue import BackboneFacts, load_catalogue
from workbench.records.files import DocumentError
from workbench.records.index import ImageIndex
from workbench.records.jobs import DescribeJob, EmbedJob, EvaluateJob, ExportJob, IndexJob, SampleJob
from workbench.records.layout import Layout
from workbench.records.project import UNTITLED, Chosen, Project, Settings
from workbench.records.results import EvaluationResult, Predictions
from workbench.records.runs import RunFolder
from workbench.records.splits import Split, make_split
from workbench.records.text import count, printable
from workbench.supervisor import JobState


class Session(QObject):
    """One open project and its jobs."""

    project_changed = Signal()
    dataset_changed = Signal()
    backbones_changed = Signal()
    jobs_changed = Signal()
    job_progressed = Signal(str)
    result_changed = Signal()
    baseline_changed = Signal()
    selection_changed = Signal()
    message = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project: Project | None = None
        self.index: ImageIndex | None = None
        self.pool_index: ImageIndex | None = None
        self.split: Split | None = None
        self.result: EvaluationResult | None = None
        self.predictions: Predictions | None = None
        self.catalogue: tuple[BackboneFacts, ...] = ()
        self.devices: dict[str, Any] = {}
        self.selected: frozenset[str] = frozenset()
        self._jobs = Jobs(self)
        self._jobs.changed.connect(self.jobs_changed)
        self._jobs.progressed.connect(self.job_progressed)
        self._jobs.discarded.connect(
            lambda _: self.message.emit("info", "The run was discarded. Undo brings it back.")
        )
        self._background = Background(self)

    # What is open

    @property
    def settings(self) -> Settings:
        return self.project.settings if self.project else Settings()

    @property
    def jobs(self) -> list[JobState]:
        return self._jobs.all()

    @property
    def busy(self) -> bool:
        return self._jobs.busy

    @property
    def root(self) -> Path:
        return Path(self.settings.root or ".")

    @property
    def baseline(self) -> str:
        return self.settings.baseline

    @property
    def test_openings(self) -> int:
        return self.project.test_openings() if self.project else 0

    def file(self, position: int) -> Path:
        assert self.index is not None
        return self.index.file(position, self.root)

    def create_project(self, folder: Path, name: str = "") -> None:
        """Raises ValueError when the folder holds a project already."""
        self._open(Project.create(folder, name))

    def open_project(self, folder: Path) -> None:
        """Raises DocumentError when there is no project that this program reads."""
        self._open(Project.open(folder))

    def _open(self, project: Project) -> None:
        if self.busy:
            raise ValueError(
                "Jobs are still running. Stop them or let them end before opening another project."
            )
        self.project = project
        self.index = self.pool_index = self.split = self.result = self.predictions = None
        self.selected = frozenset()
        self._jobs.open(project)
        self.project_changed.emit()
        self.dataset_changed.emit()
        self.result_changed.emit()
        self.read_dataset()
        self.read_result()
        self._background.run(
            lambda: unfinished(project),
            lambda states: self._take_up(states) if project is self.project else None,
            self._complain,
        )
        self.describe()

    def rename(self, name: str) -> None:
        self._project().settings.name = name
        self._project().save()
        self.project_changed.emit()

    def close(self) -> None:
        """Stop the workers, keeping what they have."""
        self._background.close()
        self._jobs.close()

    # The images

    def set_folder(self, folder: Path, labels: str = "folder", group_by: str = "") -> str:
        """Index `folder` in a worker; returns the run's id. Raises ValueError for a rule that makes no sense."""
        project = self._project()
        Layout(labels=labels, group_by=group_by)
        settings = project.settings
        if settings.root and Path(settings.root) != folder:
            self._leave_dataset()
        settings.root, settings.labels, settings.group_by = str(folder), labels, group_by
        if settings.name == UNTITLED:
            self.rename(printable(folder.name))
        project.save()
        title = f"Index {printable(folder.name)}"
        job = IndexJob(
            folder=str(folder), labels=labels, group_by=group_by, previous=self._previous(settings.index)
        )
        return self._jobs.start(job, title, then=self._adopt_index)

    def _leave_dataset(self) -> None:
        """Another folder is another question: its answers must not stand under the old ones. The runs stay."""
        settings = self.settings
        settings.index = settings.result = settings.baseline = ""
        self.index = self.split = self.result = self.predictions = None
        self.selected = frozenset()
        self.dataset_changed.emit()
        self.result_changed.emit()

    def set_pool(self, folder: Path) -> str:
        """Index a folder of unlabelled images, for pretraining."""
        project = self._project()
        project.settings.pool = str(folder)
        project.save()
        job = IndexJob(
            folder=str(folder), labels="none", previous=self._previous(project.settings.pool_index)
        )
        return self._jobs.start(job, f"Index {printable(folder.name)}", then=self._adopt_pool)

    def draw_sample(self, folder: Path, *, labelled: int = 600, unlabelled: int = 3000) -> str:
        """Draw the sample images and index them."""

        def then(run: RunFolder) -> None:
            self.set_folder(folder / "labelled", "folder", "name:(lot[0-9]+)")
            self.set_pool(folder / "unlabelled")

        job = SampleJob(folder=str(folder), labelled=labelled, unlabelled=unlabelled)
        return self._jobs.start(job, "Draw the sample images", then=then)

    def repoint(self, folder: Path) -> None:
        """The images have moved to `folder`; what was computed stays valid."""
        self._project().settings.root = str(folder)
        self._project().save()
        self.dataset_changed.emit()

    def read_dataset(self) -> None:
        """Read the indices that count and draw the first split, in a thread."""
        project = self._project()

        def read() -> tuple[ImageIndex | None, ImageIndex | None, Split | None]:
            index, pool = project.index(), project.pool_index()
            if index is None or not len(index.labelled()):
                return index, pool, None
            return index, pool, make_split(index.ids, index.label, index.group, seed=0)

        def show(found: tuple[ImageIndex | None, ImageIndex | None, Split | None]) -> None:
            if project is self.project:
                self.index, self.pool_index, self.split = found
                self.dataset_changed.emit()

        self._background.run(read, show, self._complain)

    # The backbones

    def describe(self) -> None:
        """Show the catalogue of last time, and ask a worker which backbones and devices there are now."""
        known = self._project().folder / "caches" / "catalogue.json"
        if known.exists() and not self.catalogue:
            self._show_catalogue(known)
        run = RunFolder.create(
            known.parent / "describe", DescribeJob(devices=True), title="Look up the backbones"
        )
        self._jobs.start_aside(run, self._adopt_catalogue)

    def choose(self, backbone: str, feature: str = "", image_size: int = 0) -> None:
        choice = Chosen(backbone=backbone, feature=feature, image_size=image_size)
        if choice not in self.settings.chosen:
            self.settings.chosen.append(choice)
            self._save_choice()

    def unchoose(self, backbone: str, feature: str = "", image_size: int = 0) -> None:
        choice = Chosen(backbone=backbone, feature=feature, image_size=image_size)
        if choice in self.settings.chosen:
            self.settings.chosen.remove(choice)
            self._save_choice()

    def set_seeds(self, seeds: int) -> None:
        self.settings.seeds = seeds
        self._save_choice()

    def set_margin(self, points: float) -> None:
        self.settings.margin = points
        self._save_choice()

    def set_metric(self, metric: str) -> None:
        self.settings.metric = metric
        self._save_choice()

    def _save_choice(self) -> None:
        self._project().save()
        self.backbones_changed.emit()

    # The comparison

    def why_not_compare(self) -> str:
        """A sentence that says why a comparison can't run now; "" when it can."""
        if self.project is None or self.index is None:
            return "Choose an image folder first."
        labelled = len(self.index.labelled())
        if not labelled or len(self.index.classes) < 2:
            return (
                "A comparison needs labelled images of at least two classes: "
                "put each class into a folder of its own."
            )
        if not self.settings.chosen:
            return "Choose at least one backbone."
        return ""

    def run_comparison(self) -> list[str]:
        """Embed with every chosen backbone, then evaluate. Returns the run ids, the evaluation's last."""
        project, reason = self._project(), self.why_not_compare()
        if reason:
            self.message.emit("warn", reason)
            return []
        embeds = []
        for choice in project.settings.chosen:
            job = EmbedJob(
                index=str(project.resolve(project.settings.index)),
                root=str(self.root),
                backbone=choice.backbone,
                feature=choice.feature,
                image_size=choice.image_size,
                cache=str(project.features_cache),
            )
            embeds.append(self._jobs.start(job, f"Embed with {self.title_of(choice.backbone)}"))
        job = EvaluateJob(
            files=tuple(str(project.run(run_id).path / "embeddings.h5ad") for run_id in embeds),
            seeds=project.settings.seeds,
            margin=project.settings.margin,
            metric=project.settings.metric,
            ledger=str(project.ledger),
        )
        evaluation = self._jobs.start(
            job, f"Compare {count(len(embeds), 'backbone')}", after=tuple(embeds), then=self._adopt_result
        )
        return [*embeds, evaluation]

    def title_of(self, backbone: str) -> str:
        """The backbone's name as people say it."""
        facts = next((known for known in self.catalogue if known.id == backbone), None)
        return facts.title if facts else printable(backbone)

    def show_result(self, run_id: str) -> None:
        self._project().settings.result = run_id
        self._project().save()
        self.read_result()

    def read_result(self) -> None:
        """Read the evaluation that is shown, in a thread."""
        project = self._project()
        run_id = project.settings.result
        if not run_id:
            return
        path = project.run(run_id).path

        def read() -> tuple[EvaluationResult, Predictions | None]:
            result = EvaluationResult.load(path / "result.json")
            predictions = path / result.predictions
            return result, Predictions.load(predictions) if predictions.exists() else None

        def show(found: tuple[EvaluationResult, Predictions | None]) -> None:
            if project is self.project and project.settings.result == run_id:
                self.result, self.predictions = found
                self.result_changed.emit()

        self._background.run(read, show, self._complain)

    def results(self) -> list[RunFolder]:
        """Every finished evaluation, the newest first."""
        runs = self.project.runs("evaluate") if self.project else []
        return [run for run in reversed(runs) if (run.path / "result.json").exists()]

    def pin_baseline(self, name: str) -> None:
        self.settings.baseline = name
        self._project().save()
        self.baseline_changed.emit()

    def export(self, files: Iterable[str], format: str, out: Path) -> str:
        """Write the embedding `files` to `out` in a worker."""
        job = ExportJob(files=tuple(files), format=format, out=str(out))

        def then(run: RunFolder) -> None:
            written = run.status().result.get("files", [str(out)])
            self.message.emit(
                "info", f"Exported {', '.join(printable(Path(name).name) for name in written)}."
            )

        return self._jobs.start(job, f"Export {printable(out.name)}", then=then)

    # Jobs

    def pause(self, run_id: str) -> None:
        self._jobs.pause(run_id)

    def resume(self, run_id: str) -> None:
        self._jobs.resume(run_id)

    def stop(self, run_id: str) -> None:
        """Stop and keep."""
        self._jobs.stop(run_id)

    def retry(self, run_id: str) -> None:
        """Run a failed or stopped job again; it goes on from what it kept."""
        follow_ups = {"index": self._adopt_index, "evaluate": self._adopt_result}
        self._jobs.retry(run_id, lambda run: follow_ups.get(str(run.document()["kind"])))

    def discard(self, run_id: str) -> None:
        """Stop a job and take away what it made; `undo_discard` brings it back."""
        self._jobs.discard(run_id)

    def undo_discard(self) -> None:
        self._jobs.undo_discard()

    @property
    def discarded(self) -> list[str]:
        """Run ids that undo can bring back, oldest first."""
        return self._jobs.trash

    def dismiss(self, run_id: str) -> None:
        """Take an ended job out of the tray; its run stays."""
        self._jobs.dismiss(run_id)

    def log(self, run_id: str) -> str:
        return self._jobs.log(run_id)

    # Selection, and what the window remembers

    def select(self, ids: Iterable[str]) -> None:
        chosen = frozenset(ids)
        if chosen != self.selected:
            self.selected = chosen
            self.selection_changed.emit()

    def remember(self, key: str, value: Any) -> None:
        """Keep a JSON-able value with the project."""
        if self.project and self.settings.view.get(key) != value:
            self.settings.view[key] = value
            self.project.save()

    def recall(self, key: str, default: Any = None) -> Any:
        return self.settings.view.get(key, default)

    # Inside

    def _project(self) -> Project:
        if self.project is None:
            raise ValueError("No project is open. Create or open one first.")
        return self.project

    def _previous(self, stored: str) -> str:
        path = self._project().resolve(stored) if stored else None
        return str(path) if path and path.exists() else ""

    def _adopt_index(self, run: RunFolder) -> None:
        project = self._project()
        project.settings.index = project.relative(run.path / "index.npz")
        project.save()
        self.read_dataset()

    def _adopt_pool(self, run: RunFolder) -> None:
        project = self._project()
        project.settings.pool_index = project.relative(run.path / "index.npz")
        project.save()
        self.read_dataset()

    def _adopt_result(self, run: RunFolder) -> None:
        self.show_result(run.id)

    def _adopt_catalogue(self, run: RunFolder, state: JobState) -> None:
        """What a describe job found becomes the cache; its run folder has served."""
        if state.status.state == "failed":
            self.message.emit("bad", f"The backbones could not be looked up. {state.status.error}")
        elif state.status.state == "done":
            self.devices = run.status().result.get("devices", {})
            known = run.path.parent.parent / "catalogue.json"
            (run.path / "catalogue.json").replace(known)
            self._show_catalogue(known)
        shutil.rmtree(run.path, ignore_errors=True)

    def _show_catalogue(self, path: Path) -> None:
        try:
            self.catalogue = load_catalogue(path)
        except DocumentError as error:
            self._complain(error)
            return
        self.backbones_changed.emit()

    def _take_up(self, states: list[JobState]) -> None:
        """Runs of an earlier session that did not end well go into the tray, to be retried or discarded."""
        if states:
            self._jobs.take_up(states)
            text = f"{count(len(states), 'job')} of last time did not end. Retry or discard."
            self.message.emit("info", text)

    def _complain(self, error: Exception) -> None:
        self.message.emit("bad", str(error))
