"""A run: its curves beside validation, its views, its health, and the other runs to compare it with."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from workbench.gui.background import Background
from workbench.gui.compare.panes import Scrolled, panes, remember_panes, restore_panes
from workbench.gui.pretrain.curves_card import CurvesCard, LooksCard, Shown, public_mark
from workbench.gui.pretrain.health_card import HealthCard
from workbench.gui.pretrain.plan import FILES
from workbench.gui.pretrain.run_rows import RunRow, read_rows
from workbench.gui.pretrain.runs_card import RunsCard
from workbench.gui.pretrain.runs_model import MOST, RunsModel, places
from workbench.gui.pretrain.views_card import ViewsCard, preset_title
from workbench.gui.pretrain.watch import RunWatch
from workbench.gui.pretrain.words import ago, percent, run_heading, run_words
from workbench.gui.session import Session
from workbench.gui.theme import model_colour
from workbench.gui.widgets.cards import NoticeBar
from workbench.gui.widgets.labels import label
from workbench.records.pretrain_plans import Audit
from workbench.records.runs import ENDED, Status
from workbench.records.text import count, duration, printable

SPACING, LOWER = 12, 290  # px between cards, and of height for the lower ones
SHOWN, TICKED, CURVE, COLOURS = "pretrain.run", "pretrain.ticked", "pretrain.curve", "pretrain.colours"
PANES = "pretrain.panes"
ENDED_WORDS = {"done": "Done", "stopped": "Stopped and kept", "failed": "Failed"}


class LivePage(QWidget):
    """`rows_changed` comes when the list of runs was read, `told` when what is said of the shown run changed."""

    rows_changed = Signal()
    told = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._background = Background(session)  # closed with it
        self.rows: list[RunRow] = []
        self.shown = ""
        self._ticks: set[str] = set()
        self._colours: dict[str, int] = {}  # run -> its place in the palette
        self.watch = RunWatch(self._background, self)
        self.notice = NoticeBar()
        self.curves, self.looks = CurvesCard(), LooksCard()
        self.views, self.health = ViewsCard(session), HealthCard()
        self.model = RunsModel(self)
        self.runs = RunsCard(self.model)
        self.audit = label("", "dim", wrap=True)
        self.views.body.addWidget(self.audit)
        self._lay_out()
        self.watch.changed.connect(self._on_measured)
        self.model.ticked.connect(self._on_ticked)
        self.runs.opened.connect(self.show_run)
        self.curves.changed.connect(self._on_curve)
        session.pretraining.runs_changed.connect(self.read)
        session.pretraining.answered.connect(lambda kind: self._tell_audit())
        session.jobs_changed.connect(self._on_jobs)
        session.job_progressed.connect(lambda run_id: run_id == self.shown and self.told.emit())
        for signal in (session.result_changed, session.backbones_changed):
            signal.connect(self._draw)
        session.pretraining.methods_changed.connect(self._show_rows)
        session.project_changed.connect(self.restore)
        self.restore()

    def _lay_out(self) -> None:
        upper, lower = QWidget(), QWidget()
        lower.setMinimumHeight(LOWER)
        for half, cards in (
            (upper, ((self.curves, 1), (self.looks, 1))),
            (lower, ((self.views, 10), (self.health, 10), (self.runs, 12))),
        ):
            row = QHBoxLayout(half)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(SPACING)
            for card, share in cards:
                row.addWidget(card, share)
        self.panes = panes(Qt.Orientation.Vertical, upper, lower, shares=(3, 2))
        remember_panes(self._session, PANES, self.panes)
        scroll = Scrolled()
        outer, column = QVBoxLayout(self), QVBoxLayout(scroll.content)
        for layout in (outer, column):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(SPACING)
        column.addWidget(self.notice)
        column.addWidget(self.panes, 1)
        outer.addWidget(scroll)

    # What is shown

    @property
    def row(self) -> RunRow | None:
        return next((row for row in self.rows if row.id == self.shown), None)

    @property
    def status(self) -> Status | None:
        """Of the shown run: the job's where it lives, else the folder's."""
        living = next((job for job in self._session.jobs if job.id == self.shown), None)
        return living.status if living is not None else self.row.status if self.row else None

    def title_of(self, row: RunRow) -> str:
        """ "DINO · ViT-S/16 · started from DINOv2 small"."""
        return run_heading(row.config, *self._names(row), row.architecture, row.patch)

    def short_title_of(self, row: RunRow) -> str:
        return run_words(row.config, *self._names(row))

    def _names(self, row: RunRow) -> tuple[str, str]:
        """What the method and the start weights are called."""
        method = self._session.pretraining.method(row.method)
        start = str(row.config.get("start", ""))
        return method.title if method else row.method, self._session.title_of(start) if start else ""

    def caption(self) -> str:
        """ "Epoch 34 of 100 · 61,200 steps · 2,140 img/s · data wait 1.2 % · 1 h 24 min left · ..."."""
        row, status = self.row, self.status
        if row is None or status is None:
            return ""
        curves = self.watch.curves(row.id)
        step, epoch = curves.last or (None, row.epochs)
        parts = []
        if status.state == "queued":
            waits = next((job.waits_for for job in self._session.jobs if job.id == row.id), "")
            parts.append(f"Waits for {printable(waits)}" if waits else "Waits for its turn")
        elif status.state == "stopped" and curves.last is None and not row.epochs:
            parts.append("Stopped before its first step: Go on begins it")
        elif status.state in ENDED:
            parts.append(ENDED_WORDS.get(status.state, status.state))
            parts.append(f"{epoch:.3g} of {row.planned:,} epochs")
        else:
            parts.append(f"Epoch {min(int(epoch) + 1, row.planned):,} of {row.planned:,}")
        if step is not None:
            parts.append(count(int(step), "step"))
        parts += self._speeds(status)
        checkpoint = self.watch.runs[row.id].checkpoint if row.id in self.watch.runs else None
        if checkpoint is not None and status.state not in ("done", "stopped"):
            parts.append(f"last checkpoint {ago(time.time() - checkpoint)}")
        if status.state in ("paused", "stopping"):
            parts.insert(0, printable(status.detail) or status.state.capitalize())
        return " · ".join(parts)

    def _speeds(self, status: Status) -> list[str]:
        if status.state != "running":
            return []
        parts, curves = [], self.watch.curves(self.shown)
        rate, wait = curves.latest("images_per_second"), curves.latest("data_wait")
        if rate is not None:
            parts.append(f"{rate:,.0f} img/s")
        if wait is not None:
            parts.append(f"data wait {percent(wait)}")
        if status.eta is not None:
            parts.append(f"{duration(status.eta)} left")
        return parts

    def show_run(self, run_id: str) -> None:
        """Make the page about another run."""
        if run_id != self.shown:
            self.shown = run_id
            self._session.remember(SHOWN, run_id)
            self.views.forget()
            self.curves.plot.range = self.looks.plot.range = None
        self._show_rows()
        self.ask_views()

    def restore(self) -> None:
        """What this project remembered of the place."""
        recall = self._session.recall
        self.rows, self.shown = [], str(recall(SHOWN, ""))
        self._ticks = {str(run) for run in recall(TICKED, [])}
        self._colours = {str(run): int(place) for run, place in dict(recall(COLOURS, {})).items()}
        key, by_epoch = recall(CURVE, ["loss", False])
        self.curves.choose(str(key), bool(by_epoch))
        restore_panes(self._session, PANES, self.panes)
        self.read()

    def read(self) -> None:
        """Read the list of runs, in a thread."""
        project = self._session.project
        if project is None:
            self._adopt([])
            return
        self._background.run(
            lambda: read_rows(project),
            lambda rows: self._adopt(rows) if project is self._session.project else None,
            lambda error: self._session.message.emit("bad", str(error)),
        )

    def _adopt(self, rows: list[RunRow]) -> None:
        self.rows = rows
        if self.row is None:
            self.shown = rows[0].id if rows else ""
        self._show_rows()
        self.ask_views()
        self.rows_changed.emit()

    def _show_rows(self) -> None:
        drawn = self.drawn()
        self._colours |= places(drawn, self._colours)
        self._session.remember(COLOURS, dict(self._colours))
        self.model.show_rows(
            self.rows,
            shown=self.shown,
            ticks=self._ticks,
            colours={run: model_colour(self._colours[run]) for run in drawn},
            states={job.id: job.status.state for job in self._session.jobs},
            title=self.short_title_of,
        )
        self.watch.watch([row.path for row in self.rows if row.id in drawn])
        self._draw()
        self._tell_audit()

    def drawn(self) -> list[str]:
        """The shown run, then the ticked ones."""
        known = {row.id for row in self.rows}
        ticked = [row.id for row in self.rows if row.id in self._ticks and row.id != self.shown]
        return ([self.shown] if self.shown in known else []) + ticked[: MOST - 1]

    def _draw(self) -> None:
        rows = {row.id: row for row in self.rows}
        shown = [
            Shown(
                run, self.short_title_of(rows[run]), model_colour(self._colours[run]), self.watch.curves(run)
            )
            for run in self.drawn()
            if run in self._colours
        ]
        self.curves.show_runs(shown)
        self.looks.show_runs(shown, public_mark(self._session), self.curves.by_epoch)
        watched = self.watch.runs.get(self.shown)
        self.health.show_health(watched.health if watched else None)
        self._tell_error()
        self.told.emit()

    def _tell_error(self) -> None:
        status = self.status
        if status is not None and status.state == "failed" and status.error:
            self.notice.tell("bad", status.error)
        else:
            self.notice.hide()

    def ask_views(self) -> None:
        row = self.row
        if row is None:
            return
        self.views.set_preset(preset_title(str(row.config.get("preset", ""))))
        values = {name: value for name, value in row.config.items() if name not in FILES}
        session = self._session
        have = session.index is not None or session.pool_index is not None
        self.views.ask(
            values, reason="" if have else "The images are not there, so that no view can be drawn."
        )

    def _tell_audit(self) -> None:
        audit = self._session.pretraining.answer("audit")
        self.audit.setText(f"Audit: {audit.sentence}" if isinstance(audit, Audit) else "")
        self.audit.setVisible(isinstance(audit, Audit))

    # Signals

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.watch.begin()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.watch.end()

    def _on_measured(self, _: str) -> None:
        if self.isVisible():
            self._draw()

    def _on_ticked(self, runs: list[str]) -> None:
        self._ticks = set(runs)
        self._session.remember(TICKED, list(runs))
        self._show_rows()

    def _on_curve(self, key: str, by_epoch: bool) -> None:
        self._session.remember(CURVE, [key, by_epoch])
        self._draw()

    def _on_jobs(self) -> None:
        """A job began, ended, was discarded or brought back."""
        living = {job.id for job in self._session.jobs if job.kind == "pretrain"}
        known = {row.id for row in self.rows}
        if living - known or any(not Path(row.path).exists() for row in self.rows):
            self.read()
            return
        self._show_rows()
