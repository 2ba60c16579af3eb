"""Pretraining as part of the session: the methods that there are, runs that are started, continued and branched, and
what was asked before one: views, estimate, audit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.gui.jobs import Jobs, Then
from workbench.gui.pretrain.previewer import Previewer
from workbench.records.curation import Curation
from workbench.records.methods import MethodFacts, load_methods
from workbench.records.pretrain_job import AuditJob, EstimateJob
from workbench.records.pretrain_plans import AUDIT, ESTIMATE, Audit, Estimate
from workbench.records.pretraining import extend
from workbench.records.project import Project
from workbench.records.project_jobs import pretrain_job, write_asked
from workbench.records.runs import ENDED, RunFolder

Answer = Estimate | Audit
REMEMBERED = "pretrain.answers"  # kind of question -> [key of what was asked, run id]


class PretrainStore(QObject):
    """`methods` are those of this installation, also before a project is open."""

    told = Signal(str, str)  # severity, sentence
    methods_changed = Signal()
    runs_changed = Signal()
    answered = Signal(str)  # "estimate" or "audit"
    proposed = Signal()

    def __init__(
        self,
        jobs: Jobs,
        background: Background,
        project: Callable[[], Project],
        look_again: Callable[[], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.methods: tuple[MethodFacts, ...] = ()
        self._jobs, self._background, self._project = jobs, background, project
        self._look_again = look_again
        self.previewer = Previewer(jobs, background, project, self)
        self._answers: dict[str, tuple[str, Answer]] = {}  # kind -> key of what was asked, answer
        self._asking: dict[str, tuple[str, str]] = {}  # kind -> key, run id
        self._proposal: tuple[dict[str, Any], str] | None = None
        self._begun: dict[str, tuple[str, Curation]] = {}  # run id -> key of what was asked, what counted

    def open(self) -> None:
        """Another project: what was asked in it before is read again."""
        self.previewer.stop()
        self._answers, self._asking, self._proposal = {}, {}, None
        for kind, known in dict(self._project().settings.view.get(REMEMBERED, {})).items():
            key, run_id = (str(part) for part in known)
            self._asking[kind] = key, run_id
            self._read_answer(kind, self._project().run(run_id))

    @property
    def follow_ups(self) -> dict[str, Then]:
        """What is done when a job of a kind is done, also one of an earlier session."""
        return {"pretrain": self.adopt, "estimate": self._adopt_answer, "audit": self._adopt_answer}

    # The methods

    def method(self, name: str) -> MethodFacts | None:
        return next((facts for facts in self.methods if facts.name == name), None)

    def adopt_methods(self, run: RunFolder, keep: Path) -> None:
        """What a describe job found becomes the cache."""
        made = run.path / keep.name
        if made.exists():
            made.replace(keep)
            self.read_methods(keep)

    def read_methods(self, path: Path) -> None:
        if path.exists():
            self._background.run(
                lambda: load_methods(path),
                self._show_methods,
                lambda error: self.told.emit("bad", str(error)),
            )

    def _show_methods(self, methods: tuple[MethodFacts, ...]) -> None:
        if methods != self.methods:
            self.methods = methods
            self.methods_changed.emit()

    # Runs

    def start(self, values: Mapping[str, Any], title: str) -> str:
        """Queue a pretraining; `values` are the job's own, without the project's files. Returns the run's id.

        Raises ValueError for what the job doesn't take.
        """
        project = self._project()
        run_id = self._jobs.start(pretrain_job(project, values), title, then=self.adopt)
        self._begun[run_id] = self._key(values), project.settings.curation
        self.runs_changed.emit()
        return run_id

    def why_not(self, values: Mapping[str, Any]) -> str:
        """A sentence where a run of this window is asked for just the same and has not ended; else ""."""
        asked = self._key(values), self._project().settings.curation
        under_way = {job.id for job in self._jobs.all() if job.status.state not in ENDED}
        if all(asked != self._begun.get(run_id) for run_id in under_way):
            return ""
        return "Just this run is on its way already. Change something, its seed at least, to start another."

    def extend(self, run_id: str, epochs: int) -> None:
        """Go on with a run that has ended, up to more epochs. Raises ValueError for fewer than it was planned for."""
        extend(self._project().run(run_id), epochs)
        self._jobs.run_again(run_id, self.adopt)

    def adopt(self, _: RunFolder) -> None:
        """A run is done: its backbone is one of those on this machine."""
        self.runs_changed.emit()
        self._look_again()

    # What Decide proposes

    def propose(self, values: Mapping[str, Any], why: str) -> None:
        """Offer what a run could be asked, and where that comes from, to whatever plans the next one: at once, or as
        soon as it is there."""
        self._proposal = dict(values), why
        self.proposed.emit()

    def take_proposal(self) -> tuple[dict[str, Any], str] | None:
        """What was offered and nobody has taken yet."""
        taken, self._proposal = self._proposal, None
        return taken

    # What is asked before

    def config(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The whole job as plain data. Raises ValueError for what the job doesn't take."""
        return asdict(pretrain_job(self._project(), values))

    def preview(self, values: Mapping[str, Any], draw: int = 0) -> None:
        """Ask for the views of some values; the answer comes by the previewer's signals."""
        self.previewer.ask(self.config(values), draw)

    def estimate(self, values: Mapping[str, Any]) -> str:
        job = EstimateJob(pretrain=str(self._write(values)), device=str(values.get("device", "auto")))
        return self._ask("estimate", values, job, "Estimate a pretraining")

    def audit(self, values: Mapping[str, Any], backbone: str) -> str:
        """Measure, with the features of `backbone`, which change of the views destroys the label."""
        job = AuditJob(
            pretrain=str(self._write(values)),
            backbone=backbone,
            device=str(values.get("device", "auto")),
        )
        return self._ask("audit", values, job, "Audit the views")

    def answer(self, kind: str) -> Answer | None:
        return self._answers[kind][1] if kind in self._answers else None

    def is_current(self, kind: str, values: Mapping[str, Any]) -> bool:
        """Whether the answer is to what would be asked now."""
        return kind in self._answers and self._answers[kind][0] == self._key(values)

    def asking(self, kind: str) -> str:
        """Id of the run that answers a question, or did; "" where it was not asked."""
        return self._asking.get(kind, ("", ""))[1]

    def _ask(self, kind: str, values: Mapping[str, Any], job: EstimateJob | AuditJob, title: str) -> str:
        run_id = self._jobs.start(job, title, then=self._adopt_answer)
        self._asking[kind] = self._key(values), run_id
        project = self._project()
        project.settings.view[REMEMBERED] = {name: list(known) for name, known in self._asking.items()}
        project.save()
        return run_id

    def _adopt_answer(self, run: RunFolder) -> None:
        kind = str(run.document()["kind"])
        if self.asking(kind) == run.id:
            self._read_answer(kind, run)

    def _read_answer(self, kind: str, run: RunFolder) -> None:
        key = self._asking[kind][0]

        def read() -> Answer | None:
            path = run.path / (ESTIMATE if kind == "estimate" else AUDIT)
            if not path.exists():
                return None  # it did not end, and the tray offers to retry it
            return Estimate.load(path) if kind == "estimate" else Audit.load(path)

        def take(answer: Answer | None) -> None:
            if answer is not None and self.asking(kind) == run.id:
                self._answers[kind] = key, answer
                self.answered.emit(kind)

        self._background.run(read, take, lambda error: self.told.emit("bad", str(error)))

    def _write(self, values: Mapping[str, Any]) -> Path:
        project = self._project()
        return write_asked(project, pretrain_job(project, values))

    def _key(self, values: Mapping[str, Any]) -> str:
        """Names what is asked: the values, and which images they are about."""
        settings = self._project().settings
        body = {**values, "index": settings.index, "pool_index": settings.pool_index}
        text = json.dumps(body, sort_keys=True, default=list)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
