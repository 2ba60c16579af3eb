"""What the shown runs measure, followed while they run: read in a thread, kept for the plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from workbench.gui.background import Background
from workbench.gui.pretrain.metrics_tail import Chunk, Curves, MetricsTail
from workbench.gui.pretrain.run_rows import checkpoint_time
from workbench.records.files import DocumentError
from workbench.records.pretraining import HEALTH, Health

INTERVAL_MS = 500


@dataclass(slots=True)
class Watched:
    """One run. `tail` belongs to the thread while `reading`."""

    path: Path
    tail: MetricsTail
    curves: Curves = field(default_factory=Curves)
    health: Health | None = None
    checkpoint: float | None = None  # Unix time of the newest
    reading: bool = False


class RunWatch(QObject):
    """`changed` comes with the run's id when there is something new of it."""

    changed = Signal(str)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self.runs: dict[str, Watched] = {}
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self.look)

    def watch(self, paths: Sequence[Path]) -> None:
        """Follow these runs and no others; what is known of one that was followed before stays."""
        self.runs = {
            path.name: self.runs.get(path.name) or Watched(path, MetricsTail(path / "metrics.jsonl"))
            for path in paths
        }
        self.look()

    def curves(self, run_id: str) -> Curves:
        return self.runs[run_id].curves if run_id in self.runs else Curves()

    def begin(self) -> None:
        """Somebody looks."""
        self.look()
        self._timer.start()

    def end(self) -> None:
        self._timer.stop()

    def look(self) -> None:
        """Read what is new of every run, unless a reading is under way."""
        for run_id in self.runs:
            self._read(run_id)

    def _read(self, run_id: str) -> None:
        watched = self.runs[run_id]
        if watched.reading:
            return
        watched.reading = True

        def take(found: tuple[Chunk, Health | None, float | None]) -> None:
            chunk, health, checkpoint = found
            watched.reading = False
            if self.runs.get(run_id) is not watched:
                return
            new = watched.curves.add(chunk)
            new = new or health != watched.health or checkpoint != watched.checkpoint
            watched.health, watched.checkpoint = health, checkpoint
            if new:
                self.changed.emit(run_id)
            if chunk.more:
                self._read(run_id)

        def fail(_: Exception) -> None:
            watched.reading = False

        self._background.run(lambda: _look_at(watched), take, fail)


def _look_at(watched: Watched) -> tuple[Chunk, Health | None, float | None]:
    try:
        health = Health.load(watched.path / HEALTH)
    except (DocumentError, KeyError, TypeError):
        health = None  # it was not looked at yet
    return watched.tail.read(), health, checkpoint_time(watched.path)
