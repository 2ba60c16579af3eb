"""Looking up which backbones, methods and devices there are, and what plugins bring: what was found last is shown
until a worker has been."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from workbench.gui.jobs import Jobs
from workbench.gui.model_store import ModelStore
from workbench.gui.pretrain_store import PretrainStore
from workbench.records import brought
from workbench.records.brought import Brought
from workbench.records.catalogue import BackboneFacts, load_catalogue
from workbench.records.files import DocumentError
from workbench.records.jobs import DescribeJob
from workbench.records.project import Project
from workbench.records.runs import RunFolder
from workbench.supervisor import JobState


class Lookup(QObject):
    """`catalogue`, `devices` and what plugins have `brought` as they were found last; `found` says that there is a
    new catalogue, `brought_changed` that plugins bring something else."""

    found = Signal()
    brought_changed = Signal()
    told = Signal(str, str)  # severity, sentence

    def __init__(
        self, jobs: Jobs, models: ModelStore, pretraining: PretrainStore, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.catalogue: tuple[BackboneFacts, ...] = ()
        self.devices: dict[str, Any] = {}
        self.brought = Brought()
        self._jobs, self._models, self._pretraining = jobs, models, pretraining

    def look(self, project: Project, *, devices: bool, methods: bool = False) -> None:
        """Show the catalogue of last time, and ask a worker which backbones and `devices` there are now, and which
        `methods` and other things plugins bring; those also where nothing is known of them."""
        known = project.folder / "caches" / "catalogue.json"
        if known.exists() and not self.catalogue:
            self._show(known)
            self._models.read_names(known.with_name("names.json"))
            self._pretraining.read_methods(known.with_name("methods.json"))
            self._show_brought(known.with_name(brought.FILE))
        wanted, runs = methods or devices or not self._pretraining.methods, str(project.runs_folder)
        job = DescribeJob(devices=devices, names=True, methods=wanted, runs=runs)
        run = RunFolder.create(known.parent / "describe", job, title="Look up the backbones")
        self._jobs.start_aside(run, self._adopt)

    def _adopt(self, run: RunFolder, state: JobState) -> None:
        """What a describe job found becomes the cache; its run folder has served."""
        if state.status.state == "failed":
            self.told.emit("bad", f"The backbones could not be looked up. {state.status.error}")
        elif state.status.state == "done":
            self.devices = run.status().result.get("devices", self.devices)
            known = run.path.parent.parent / "catalogue.json"
            (run.path / "catalogue.json").replace(known)
            self._models.adopt_names(run, known.with_name("names.json"))
            self._pretraining.adopt_methods(run, known.with_name("methods.json"))
            self._adopt_brought(run.path / brought.FILE, known.with_name(brought.FILE))
            self._show(known)
        shutil.rmtree(run.path, ignore_errors=True)

    def _adopt_brought(self, made: Path, known: Path) -> None:
        if made.exists():  # asked for
            made.replace(known)
            self._show_brought(known)

    def _show_brought(self, path: Path) -> None:
        try:
            found = Brought.load(path)
        except DocumentError:  # none yet, or of another version: the worker that is on its way writes it anew
            return
        if found != self.brought:
            self.brought = found
            self.brought_changed.emit()

    def _show(self, path: Path) -> None:
        try:
            self.catalogue = load_catalogue(path)
        except DocumentError as error:
            self.told.emit("bad", str(error))
            return
        self.found.emit()
