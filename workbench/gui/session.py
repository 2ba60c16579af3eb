"""What is open and what is chosen. Views read it, connect to its signals and call its methods; nothing else.

Everything here can be rebuilt from the project folder. Nothing here waits: work happens in workers,
files of any size are read in a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.gui.dataset import Dataset
from workbench.gui.decision_store import DecisionStore
from workbench.gui.hold import Hold, alike
from workbench.gui.inspect.asker import Asker
from workbench.gui.jobs import Jobs, Then, unfinished
from workbench.gui.lookup import Lookup
from workbench.gui.map_store import MapStore
from workbench.gui.model_store import ModelStore
from workbench.gui.neighbours.outside import OutsideAsker
from workbench.gui.outside_files import OutsideFiles
from workbench.gui.pretrain_store import PretrainStore
from workbench.records.brought import Brought
from workbench.records.catalogue import BackboneFacts
from workbench.records.index import ImageIndex
from workbench.records.jobs import ExportJob
from workbench.records.methods import MethodFacts
from workbench.records.project import Chosen, Project, Settings
from workbench.records.project_jobs import embed_jobs, evaluate_job, finetune_job, why_not_compare
from workbench.records.results import EvaluationResult, Predictions
from workbench.records.runs import RunFolder
from workbench.records.spec import Reading
from workbench.records.splits import Split
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
    brought_changed = Signal()  # what plugins bring
    finetunes_changed = Signal()
    selection_changed = Signal()
    message = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project: Project | None = None
        self.result: EvaluationResult | None = None
        self.predictions: Predictions | None = None
        self.selected: frozenset[str] = frozenset()
        self._jobs = Jobs(self)
        self._jobs.changed.connect(self.jobs_changed)
        self._jobs.progressed.connect(self.job_progressed)
        self._jobs.discarded.connect(self._on_discarded)
        self._background = Background(self)
        self._hold = Hold(self.message.emit)
        self.dataset = Dataset(self._jobs, self._background, self)
        self.dataset.changed.connect(self.dataset_changed)
        self.dataset.left.connect(self._leave_results)
        self.dataset.edited.connect(self._on_edited)
        self.dataset.failed.connect(lambda sentence: self.message.emit("bad", sentence))
        look_again = lambda: self.describe(devices=False)  # noqa: E731
        self.models = ModelStore(self._jobs, self._background, look_again, self)
        self.models.told.connect(self.message)
        self.models.names_changed.connect(self.backbones_changed)
        self.pretraining = PretrainStore(self._jobs, self._background, self._project, look_again, self)
        self.pretraining.told.connect(self.message)
        self.inspection = Asker(self._jobs, Background(self), self._project, self)
        self.outside = OutsideAsker(self._jobs, Background(self), self._project, self)
        self.lookup = Lookup(self._jobs, self.models, self.pretraining, self)
        self.lookup.told.connect(self.message)
        self.lookup.found.connect(self.backbones_changed)
        self.lookup.brought_changed.connect(self.brought_changed)
        self.pictures, self.maps = OutsideFiles(self), MapStore(self, self._jobs)
        self.decisions = DecisionStore(self, self._jobs, self._follow_up)
        self.decisions.told.connect(self.message)
        self._done: list[str] = []  # "edit" and "discard" in the order in which they were done

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
    def index(self) -> ImageIndex | None:
        """The index that counts."""
        return self.dataset.index

    @property
    def pool_index(self) -> ImageIndex | None:
        return self.dataset.pool

    @property
    def split(self) -> Split | None:
        """The first of the splits that a comparison draws."""
        return self.dataset.split

    @property
    def reading(self) -> Reading:
        """How stored numbers become pictures, for whoever shows one."""
        return self.settings.curation.reading

    @property
    def catalogue(self) -> tuple[BackboneFacts, ...]:
        return self.lookup.catalogue

    @property
    def brought(self) -> Brought:
        """Evaluations and inspections of plugins."""
        return self.lookup.brought

    @property
    def devices(self) -> dict[str, Any]:
        return self.lookup.devices

    @property
    def names(self) -> tuple[BackboneFacts, ...]:
        """Every timm name that the catalogue doesn't list, for who searches."""
        return self.models.names

    @property
    def methods(self) -> tuple[MethodFacts, ...]:
        return self.pretraining.methods

    @property
    def baseline(self) -> str:
        return self.settings.baseline

    @property
    def test_openings(self) -> int:
        return self.project.test_openings() if self.project else 0

    def file(self, position: int) -> Path:
        return self.dataset.file(position)

    def create_project(self, folder: Path, name: str = "") -> None:
        """Raises ValueError when the folder holds a project already, OSError where none can be written."""
        self._open(Project.create(folder, name))

    def open_project(self, folder: Path) -> None:
        """Raises ValueError when there is no project that this program reads, or it is open in another window."""
        self._open(Project.open(folder))

    def _open(self, project: Project) -> None:
        if self.busy:
            raise ValueError(
                "Jobs are still running. Stop them or let them end before opening another project."
            )
        self._hold.open(project)
        self.project = project
        self.result = self.predictions = None
        self.selected = frozenset()
        self._done = []
        self._jobs.open(project)
        self.dataset.open(project)
        self.pretraining.open()
        self.decisions.open()
        self.project_changed.emit()
        self.dataset_changed.emit()
        self.result_changed.emit()
        self.read_result()
        self._background.run(
            lambda: unfinished(project),
            lambda states: self._take_up(states) if project is self.project else None,
            self._complain,
        )
        self.describe()

    def close(self) -> None:
        """Stop the workers, keeping what they have."""
        for child in self.findChildren(Background):  # also those of dialogs that share one
            child.close()
        self._jobs.close()
        self._hold.close()

    def set_folder(self, folder: Path) -> str:
        """Index one folder of images; see `Dataset.set_folders`."""
        named = self.settings.name
        run_id = self.dataset.set_folders([folder])
        if self.settings.name != named:
            self.project_changed.emit()
        return run_id

    def _leave_results(self) -> None:
        self.result = self.predictions = None
        self.selected = frozenset()
        self.result_changed.emit()
        self.read_result()

    # The backbones

    def describe(self, *, devices: bool = True, plugins: bool = False) -> None:
        """Show what is known of the backbones, and look up again what there is now; also what `plugins` bring."""
        self.lookup.look(self._project(), devices=devices, methods=plugins)

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

    def set_lock(self, **changes: Any) -> None:
        """Of the settings that hold for every chosen backbone, such as feature_rule, layers and evaluations."""
        for name, value in changes.items():
            setattr(self.settings, name, value)
        self._save_choice()

    def set_budgets(self, budgets: str) -> None:
        self.settings.budgets = budgets
        self._save_choice()

    def _save_choice(self) -> None:
        self._project().save()
        self.backbones_changed.emit()

    # The comparison

    def why_not_compare(self) -> str:
        """A sentence that says why a comparison can't run now; "" when it can."""
        return why_not_compare(self.project, self.index)

    def run_comparison(self) -> list[str]:
        """Embed with every chosen backbone, then evaluate. Returns the run ids, the evaluation's last."""
        project, reason = self._project(), self.why_not_compare()
        if reason:
            self.message.emit("warn", reason)
            return []
        embeds = [
            self._jobs.start(job, f"Embed with {self.title_of(job.backbone)}") for job in embed_jobs(project)
        ]
        job = evaluate_job(project, [project.run(run_id).path / "embeddings.h5ad" for run_id in embeds])
        evaluation = self._jobs.start(
            job, f"Compare {count(len(embeds), 'backbone')}", after=tuple(embeds), then=self._adopt_result
        )
        return [*embeds, evaluation]

    def title_of(self, backbone: str) -> str:
        """The backbone's name as people say it."""
        facts = next((known for known in (*self.catalogue, *self.names) if known.id == backbone), None)
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

    def run_finetune(self, values: Mapping[str, Any]) -> str:
        """Let a backbone learn from the labels; `values` are the job's own, without the project's files."""
        job = finetune_job(self._project(), values)
        return self._jobs.start(job, f"Fine-tune {self.title_of(job.backbone)}", then=self._adopt_finetune)

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
        self._jobs.retry(run_id, lambda run: self._follow_up(str(run.document()["kind"])))

    def discard(self, run_id: str) -> None:
        """Stop a job and take away what it made; `undo_discard` brings it back."""
        self._jobs.discard(run_id)

    @property
    def discarded(self) -> list[str]:
        """Run ids that undo can bring back, oldest first."""
        return self._jobs.trash

    # Undo

    @property
    def num_done(self) -> int:
        """How many things were done since the project was opened that undo takes back in turn."""
        return len(self._done)

    def undo(self) -> None:
        """Take back what was done last: an edit of the data set, or a run that was discarded."""
        if self._done and self._done.pop() == "discard" and self._jobs.trash:
            self._jobs.undo_discard()
        else:
            self.dataset.undo()

    def redo(self) -> None:
        """Do again what undo took back; discarded runs are discarded by hand."""
        self.dataset.redo()

    def why_not_undo(self) -> str:
        return "" if self._jobs.trash or self.dataset.undoable else "There is nothing to undo."

    def why_not_redo(self) -> str:
        return "" if self.dataset.redoable else "Nothing was undone."

    def _on_discarded(self, _: str) -> None:
        self._done.append("discard")
        self.message.emit("info", "The run was discarded. Undo brings it back.")

    def _on_edited(self, sentence: str) -> None:
        if not sentence.startswith(("Undone", "Done again")):
            self._done.append("edit")
        self.message.emit("info", sentence)

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
        """What was kept, or `default` where nothing was, or something of another type: that costs a look alone."""
        return alike(self.settings.view.get(key, default), default)

    # Inside

    def _follow_up(self, kind: str) -> Then | None:
        """What is done when a job of a kind is done."""
        follow_ups: dict[str, Then] = {
            "index": self.dataset.adopt,
            "evaluate": self._adopt_result,
            "finetune": self._adopt_finetune,
            "fetch": self.models.adopt,
            "pack": self.models.adopt,
            "project": self.maps.adopt,
            **self.pretraining.follow_ups,
        }
        return follow_ups.get(kind)

    def _project(self) -> Project:
        if self.project is None:
            raise ValueError("No project is open. Create or open one first.")
        return self.project

    def _adopt_result(self, run: RunFolder) -> None:
        self.show_result(run.id)

    def _adopt_finetune(self, _: RunFolder) -> None:
        self.finetunes_changed.emit()

    def _take_up(self, states: list[JobState]) -> None:
        """Runs of an earlier session that did not end well go into the tray, to be retried or discarded."""
        if states:
            self._jobs.take_up(states)
            text = f"{count(len(states), 'job')} of last time did not end. Retry or discard."
            self.message.emit("info", text)

    def _complain(self, error: Exception) -> None:
        self.message.emit("bad", str(error))
