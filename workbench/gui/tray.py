"""The job tray: every job that runs, waits or ended badly, always in sight; one calm line when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.theme import restyle
from workbench.gui.widgets.buttons import button, icon_button
from workbench.gui.widgets.labels import Chip, ElidedLabel, label
from workbench.records.runs import ACTIVE, Status
from workbench.records.text import count, data_size, duration, printable

if TYPE_CHECKING:
    from workbench.gui.session import Session
    from workbench.supervisor import JobState

CARD_HEIGHT = 52  # px
CARD_WIDTH = 560  # px that a card wants before another column opens
ROWS = 2  # rows in sight before the tray scrolls
MOST = 60  # cards; more jobs than that are counted, not drawn

_ORDER = {"running": 0, "stopping": 0, "paused": 1, "failed": 2, "queued": 3, "stopped": 4}
_WORDS = {
    "paused": ("paused", "undecided"),
    "stopping": ("stopping", "warn"),
    "failed": ("failed", "bad"),
    "stopped": ("stopped, kept", "neutral"),
    "queued": ("waiting", "neutral"),
    "done": ("done", "good"),
}
_ACTIONS = {
    "running": ("pause", "stop", "discard"),
    "paused": ("resume", "stop", "discard"),
    "stopping": ("discard",),
    "queued": ("discard",),
    "failed": ("retry", "log", "discard", "dismiss"),
    "stopped": ("retry", "log", "discard", "dismiss"),
}
_BUTTONS = {
    "pause": ("pause", "Pause"),
    "resume": ("play", "Resume"),
    "stop": ("stop", "Stop and keep what is done"),
    "retry": ("retry", "Retry: go on from what was kept"),
    "log": ("log", "Show log"),
    "discard": ("trash", "Discard (undo brings it back)"),
    "dismiss": ("close", "Take out of sight; the run stays"),
}


def numbers(status: Status) -> str:
    """ "41,200 / 180,212 · 3,140 img/s · 44 s left": what is known of the progress."""
    parts = []
    in_bytes = status.unit == "bytes"
    if status.total and in_bytes:
        parts.append(f"{data_size(status.done)} / {data_size(status.total)}")
    elif status.total:
        parts.append(f"{status.done:,} / {status.total:,}")
    elif status.done:
        parts.append(count(status.done, status.unit.rstrip("s") or "item"))
    if status.state == "running":
        if status.rate > 0 and in_bytes:
            parts.append(f"{data_size(round(status.rate))}/s")
        elif status.rate > 0:
            unit = "img" if status.unit == "images" else status.unit
            parts.append(
                f"{status.rate:,.0f} {unit}/s" if status.rate >= 10 else f"{status.rate:.1f} {unit}/s"
            )
        if status.eta is not None:
            parts.append(f"{duration(status.eta)} left")
    return " · ".join(parts)


def detail(job: JobState) -> str:
    """What the job says of itself now: the error, what it waits for, the latest note, or the step it is at."""
    status = job.status
    if status.state == "failed":
        return status.error or "It ended without saying why. The log may tell."
    if status.state == "queued":
        return f"for {job.waits_for}" if job.waits_for else "for its turn"
    return status.notes[-1] if status.notes else status.detail


class Tray(QFrame):
    """Reads `session.jobs`; each button calls the session."""

    log_wanted = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._cards: dict[str, JobCard] = {}
        self._shown: list[str] = []
        self._columns = 0
        self.setObjectName("tray")
        self.setAccessibleName("Jobs")
        self.calm = label("No jobs running", "dim")
        self._more = label("", "dim")
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        self._grid = QGridLayout(inner)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(8)
        self._area.setWidget(inner)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(4)
        column.addWidget(self.calm)
        column.addWidget(self._area)
        column.addWidget(self._more)
        session.jobs_changed.connect(self.refresh)
        session.job_progressed.connect(self._on_progress)
        self.refresh()

    def card(self, run_id: str) -> JobCard:
        return self._cards[run_id]

    def refresh(self) -> None:
        jobs = sorted(self._session.jobs, key=lambda job: _ORDER.get(job.status.state, 5))
        shown = jobs[:MOST]
        self._more.setText(f"and {len(jobs) - MOST:,} more waiting" if len(jobs) > MOST else "")
        self._more.setVisible(len(jobs) > MOST)
        for run_id in set(self._cards) - {job.id for job in shown}:
            gone = self._cards.pop(run_id)
            self._grid.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for job in shown:
            if job.id not in self._cards:
                self._cards[job.id] = JobCard(job.id, self._session, self.show_log)
            self._cards[job.id].show_job(job)
        order = [job.id for job in shown]
        if order != self._shown:
            self._shown = order
            self._arrange()
        self.calm.setVisible(not shown)
        self._area.setVisible(bool(shown))

    def show_log(self, run_id: str) -> None:
        job = next((job for job in self._session.jobs if job.id == run_id), None)
        dialog = LogDialog(job.title if job else run_id, self._session.log(run_id), self.window())
        dialog.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._wanted_columns() != self._columns:
            self._arrange()

    def _wanted_columns(self) -> int:
        return max(1, (self.width() - 32) // CARD_WIDTH)

    def _arrange(self) -> None:
        self._columns = self._wanted_columns()
        for place, run_id in enumerate(self._shown):
            self._grid.addWidget(self._cards[run_id], place // self._columns, place % self._columns)
        for column in range(8):
            self._grid.setColumnStretch(
                column, 1 if column < min(self._columns, max(len(self._shown), 1)) else 0
            )
        rows = min(-(-len(self._shown) // self._columns), ROWS)
        self._area.setFixedHeight(max(rows, 1) * (CARD_HEIGHT + 8) - 8)

    def _on_progress(self, run_id: str) -> None:
        card = self._cards.get(run_id)
        job = next((job for job in self._session.jobs if job.id == run_id), None)
        if card is not None and job is not None:
            card.show_job(job)


class JobCard(QFrame):
    """One job: title, state in a word, what it is at, numbers, buttons, bar."""

    def __init__(self, run_id: str, session: Session, show_log: object) -> None:
        super().__init__()
        self.setProperty("job", True)
        self.setFixedHeight(CARD_HEIGHT)
        self._state = ""
        self.title = ElidedLabel("", "title")
        self.state = Chip()
        self.title.set_floor(200)
        self.detail = ElidedLabel("", "dim")
        self.error = ElidedLabel("", "error")
        self.numbers = label("", "dim")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.buttons: dict[str, QToolButton] = {}
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.title)
        top.addWidget(self.state)
        top.addWidget(self.detail, 1)
        top.addWidget(self.numbers)
        run = {
            name: getattr(session, name)
            for name in ("pause", "resume", "stop", "retry", "discard", "dismiss")
        }
        run["log"] = show_log
        for name, (icon_name, tip) in _BUTTONS.items():
            made = icon_button(icon_name, tip)
            made.clicked.connect(lambda _=False, name=name: run[name](run_id))
            made.hide()
            self.buttons[name] = made
            top.addWidget(made)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 5, 8, 7)
        column.setSpacing(3)
        column.addLayout(top)
        column.addWidget(self.bar)
        column.addWidget(self.error)

    def show_job(self, job: JobState) -> None:
        status = job.status
        self.title.setText(job.title)
        failed = status.state == "failed"
        self.detail.setText("" if failed else detail(job))
        self.detail.set_tip("\n".join(status.notes))
        self.error.setText(detail(job) if failed else "")
        self.numbers.setText(numbers(status))
        self.bar.setRange(0, 1000 if status.total or status.state not in ACTIVE else 0)
        self.bar.setValue(round(1000 * status.done / status.total) if status.total else 0)
        self.bar.setAccessibleName(f"Progress of {printable(job.title)}")
        if status.state != self._state:
            self._state = status.state
            word, severity = _WORDS.get(status.state, ("", "neutral"))
            self.state.set(word, severity)
            self.state.setVisible(bool(word))
            self.setAccessibleName(f"{printable(job.title)}, {word or status.state}")
            restyle(self, severity="bad" if failed else "")
            self.error.setVisible(failed)
            self.bar.setVisible(not failed)
            restyle(self.bar, severity="" if status.state == "running" else "quiet")
            for name, made in self.buttons.items():
                made.setVisible(name in _ACTIONS.get(status.state, ()))


class LogDialog(QDialog):
    """The end of a run's log, to be read and copied."""

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Log of {printable(title)}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(860, 520)
        self.text = QPlainTextEdit(text or "The log is empty: the worker ended before it wrote anything.")
        self.text.setReadOnly(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName(self.windowTitle())
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(button("Copy", self.copy, icon_name="copy"))
        row.addWidget(button("Close", self.close, kind="primary"))
        outer = QVBoxLayout(self)
        outer.addWidget(label(f"Log of {title}", "title"))
        outer.addWidget(self.text, 1)
        outer.addLayout(row)
        self.text.verticalScrollBar().setValue(self.text.verticalScrollBar().maximum())

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
