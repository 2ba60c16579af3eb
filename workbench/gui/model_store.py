"""Bringing backbones to this machine and carrying them to another: downloads and model packs, part of the session.

Each is a job like any other: it shows in the tray, and when it is done the catalogue is looked up again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.gui.jobs import Jobs
from workbench.records.catalogue import BackboneFacts, load_catalogue
from workbench.records.jobs import FetchJob, PackJob
from workbench.records.runs import ENDED, RunFolder
from workbench.records.text import data_size, printable


class ModelStore(QObject):
    """`names` are the timm names that the catalogue doesn't list."""

    told = Signal(str, str)  # severity, sentence
    names_changed = Signal()

    def __init__(
        self, jobs: Jobs, background: Background, look_again: Callable[[], None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self.names: tuple[BackboneFacts, ...] = ()
        self._jobs, self._background, self._look_again = jobs, background, look_again
        self._runs: dict[str, str] = {}  # backbone -> run id of its latest download

    # Downloads

    def fetch(self, backbone: str, title: str) -> str:
        """Download a backbone, or go on with a download that ended early. Returns the run's id."""
        state = self._state(backbone)
        if state and state not in ENDED:
            return self._runs[backbone]
        if state in ("failed", "stopped"):
            self._jobs.retry(self._runs[backbone], lambda run: self.adopt)
            return self._runs[backbone]
        job = FetchJob(backbone=backbone)
        self._runs[backbone] = self._jobs.start(job, f"Download {printable(title)}", then=self.adopt)
        return self._runs[backbone]

    def is_fetching(self, backbone: str) -> bool:
        state = self._state(backbone)
        return bool(state) and state not in ENDED

    # Model packs

    def export_pack(self, backbone: str, title: str, out: Path) -> str:
        """Write a backbone of this machine as a pack into the folder `out`."""
        job = PackJob(action="export", backbone=backbone, folder=str(out))
        return self._jobs.start(job, f"Export {printable(title)} as a model pack", then=self.adopt)

    def import_pack(self, folder: Path) -> str:
        job = PackJob(action="import", folder=str(folder))
        return self._jobs.start(job, f"Import {printable(folder.name)}", then=self.adopt)

    def adopt(self, run: RunFolder) -> None:
        """A job is done: say what it made, and look up again what is here."""
        result = run.status().result
        title = printable(str(result.get("title", "The backbone")))
        if run.document()["kind"] == "fetch":
            self.told.emit("info", f"{title} is on this machine now.")
        elif "document" in result:
            size, pack = data_size(int(result["bytes"])), printable(str(result["pack"]))
            self.told.emit(
                "info",
                f"{title} was written to {pack} ({size}). Its licence: {printable(str(result['licence']))}.",
            )
        else:
            note = f" {printable(str(result['note']))}" if result.get("note") else ""
            self.told.emit("info", f"{title} was imported, and every hash agreed.{note}")
        self._look_again()

    # The names

    def adopt_names(self, run: RunFolder, keep: Path) -> None:
        """What a describe job found becomes the cache."""
        made = run.path / keep.name
        if made.exists():
            made.replace(keep)
            self.read_names(keep)

    def read_names(self, path: Path) -> None:
        """In a thread: there are nearly two thousand. Without the file nothing is shown, and nothing is amiss."""
        if path.exists():
            self._background.run(lambda: load_catalogue(path), self._show_names, lambda error: None)

    def _show_names(self, names: tuple[BackboneFacts, ...]) -> None:
        if names != self.names:
            self.names = names
            self.names_changed.emit()

    def _state(self, backbone: str) -> str:
        run_id = self._runs.get(backbone)
        return next((job.status.state for job in self._jobs.all() if job.id == run_id), "")
