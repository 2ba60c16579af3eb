"""The Compare place: table, every seed, confusion matrix with the images behind it, findings.

Owns which model and which cell are looked at and tells the parts; the parts know nothing of each other.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QScrollArea,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.commands import Commands
from workbench.gui.compare.behind import confusion_of, worst_cell
from workbench.gui.compare.behind_panel import BehindPanel
from workbench.gui.compare.confusion import ConfusionMatrix, Matrix
from workbench.gui.compare.empty import ComparisonAwaited
from workbench.gui.compare.findings import Findings
from workbench.gui.compare.output import Output
from workbench.gui.compare.run_command import RUN, go
from workbench.gui.compare.strip import Strip, StripPlot, Strips
from workbench.gui.compare.table import ComparisonTable
from workbench.gui.compare.table_model import ComparisonModel
from workbench.gui.compare.tools import MarginField, MetricMenu, ResultMenu
from workbench.gui.compare.words import titles_of
from workbench.gui.plain_text import set_tip
from workbench.gui.session import Session
from workbench.gui.theme import know_models
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card, NoticeBar, Page
from workbench.records.scores import METRIC_NAMES
from workbench.records.tables import baseline_of, headline, protocol_sentence
from workbench.records.text import count, printable

ROOMY = 900  # px of height, from which more findings are shown
QUESTION = "Which backbone separates the classes"


class CompareView(Page):
    """Rebuilds itself from the session; remembers metric, order, filter and panes in the project."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__(QUESTION)
        self.session, self.commands = session, commands
        self.titles: dict[str, str] = {}
        self.chosen = ""  # the model whose matrix is shown
        self.cell: tuple[int, int] | None = None
        self._metric = ""
        self._build_parts()
        self.output = Output(self)
        self._build_tools()
        self._lay_out()
        session.result_changed.connect(self.refresh)
        session.baseline_changed.connect(self.show_numbers)
        session.backbones_changed.connect(self._on_backbones)
        session.dataset_changed.connect(self._on_dataset)
        session.jobs_changed.connect(self._on_jobs)
        session.project_changed.connect(self._restore)
        self._restore()
        self.refresh()

    # Parts

    def _build_parts(self) -> None:
        self.notice = NoticeBar()
        self.model = ComparisonModel(self)
        self.table = ComparisonTable(self.model)
        self.table.model_chosen.connect(self.choose_model)
        self.table.pin_asked.connect(self.pin)
        self.table.horizontalHeader().sortIndicatorChanged.connect(self._on_sorted)
        self.strips = StripPlot()
        self.strips.model_chosen.connect(self.choose_model)
        self.matrix = ConfusionMatrix()
        self.matrix.cell_changed.connect(self.show_cell)
        self.matrix.cell_opened.connect(self._select_behind)
        self.behind = BehindPanel(self.session)
        self.findings = Findings()
        self.empty = ComparisonAwaited(self.session, self.commands)

    def _build_tools(self) -> None:
        self.metric_menu = MetricMenu(self.set_metric)
        self.margin = MarginField(self._set_margin)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter models")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Filter models")
        set_tip(self.filter, "Show the rows that hold all of these words: name, feature or verdict")
        self.filter.setMinimumWidth(120)
        self.filter.setMaximumWidth(220)
        self.filter.textChanged.connect(self._on_filter)
        self.results = ResultMenu(self.session)
        self.pin_button = button(
            "Pin as baseline", self.pin, tip="Compare the others with the selected model (B)"
        )
        self.add_button = button("Add models", lambda: go(self.commands, "models"), kind="primary")
        set_tip(self.add_button, "Choose more backbones for this comparison")
        for widget in (self.metric_menu.button, self.margin, self.filter, self.results.button):
            self.add_tool(widget)
        for widget in (self.pin_button, self.output.copy_button, self.output.export_button, self.add_button):
            self.add_tool(widget, right=True)

    def _lay_out(self) -> None:
        frame = QFrame()
        frame.setProperty("card", True)
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(4, 2, 4, 6)
        inside.addWidget(self.table)

        self.strip_card = Card("Every seed")
        self.strip_card.add_head(self.output.save_button("Every seed", self.strips))
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.strips)
        self.strip_card.body.addWidget(scroll)

        self.matrix_card = Card("Confusion")
        self.matrix_card.add_head(self.output.save_button("Confusion", self.matrix))
        self.inner = _splitter(Qt.Orientation.Horizontal, self.matrix, self.behind, shares=(5, 3))
        self.matrix_card.body.addWidget(self.inner)

        self.lower = _splitter(Qt.Orientation.Horizontal, self.strip_card, self.matrix_card, shares=(3, 5))
        self.panes = _splitter(Qt.Orientation.Vertical, frame, self.lower, shares=(0, 1))
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.notice)
        column.addWidget(self.panes, 1)
        column.addWidget(self.findings)
        self.stack = QStackedLayout()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(content)
        self.body.addLayout(self.stack)
        for name, splitter in self._splitters():
            splitter.splitterMoved.connect(lambda *_, n=name, s=splitter: self._remember_panes(n, s))

    def _splitters(self) -> tuple[tuple[str, QSplitter], ...]:
        return ("panes", self.panes), ("lower", self.lower), ("inner", self.inner)

    def _remember_panes(self, name: str, splitter: QSplitter) -> None:
        self.session.remember(f"compare.{name}", splitter.sizes())

    def _restore(self) -> None:
        """What this project remembered of the place."""
        recall = self.session.recall
        self._metric = str(recall("compare.metric", ""))
        self.filter.setText(str(recall("compare.filter", "")))
        column, descending = recall("compare.sort", [2, True])
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self.table.sortByColumn(int(column), order)
        for name, splitter in self._splitters():
            sizes = recall(f"compare.{name}", None)
            if sizes:
                splitter.setSizes([int(size) for size in sizes])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.findings.fit(event.size().height() >= ROOMY)

    # Showing

    @property
    def shown_metric(self) -> str:
        """The metric of the numbers: the chosen one where the result has it, else its own."""
        result = self.session.result
        if result is None:
            return ""
        known = any(self._metric in model.probe for model in result.models)
        return self._metric if known else result.metric

    @property
    def baseline(self) -> str:
        result = self.session.result
        return baseline_of(result, self.session.baseline, self.shown_metric) if result else ""

    def refresh(self) -> None:
        """Another result, or none."""
        result = self.session.result
        self.show_tools(result is not None)
        self.notice.hide()
        if result is None:
            self.set_heading(QUESTION, "")
            self.empty.refresh()
            self.stack.setCurrentIndex(0)
            return
        know_models(model.name for model in result.models)
        names = [model.name for model in result.models]
        self.stack.setCurrentIndex(1)
        self.findings.show_findings(result.findings)
        self.margin.show_value(self.session.settings.margin)
        self.results.refresh()
        if self.chosen not in names:
            wanted = self.session.recall("compare.model", "")
            self.chosen = wanted if wanted in names else ""
        self.show_numbers()
        if not self.session.recall("compare.panes"):
            tall = self.table.wanted_height() + 10
            self.panes.setSizes([tall, max(self.panes.height() - tall, tall)])

    def show_numbers(self) -> None:
        """The table and what hangs on it: after another metric, baseline or name."""
        result = self.session.result
        if result is None:
            return
        self.titles = titles_of(result, self.session.catalogue)
        metric = self.shown_metric
        self.set_heading(headline(result, metric, self.titles), protocol_sentence(result, metric))
        self.metric_menu.show_metrics(
            [name for name in METRIC_NAMES if any(name in model.probe for model in result.models)],
            self.shown_metric,
        )
        chosen = self.chosen
        self.model.show_result(result, self.session.baseline, self.shown_metric, self.titles)
        shown = self.table.filter.shown()
        self.table.choose(chosen) or (shown and self.table.choose(shown[0].name))
        self._show_strips()
        self._tell_about_settings()

    def _show_strips(self) -> None:
        result = self.session.result
        if result is None:
            return
        shown = [row for row in self.table.filter.shown() if row.probe is not None]
        base = next((row.probe for row in self.model.rows if row.name == self.baseline), None)
        half = result.margin
        plot = Strips(
            strips=tuple(
                Strip(
                    name=row.name,
                    title=printable(row.title),
                    values=row.probe.values,
                    interval=row.probe.interval,
                )
                for row in shown
                if row.probe is not None
            ),
            seeds=result.seeds,
            metric=METRIC_NAMES.get(self.shown_metric, self.shown_metric),
            band=(base.mean - half, base.mean + half) if base and half else None,
        )
        self.strips.show_plot(plot, self.chosen)
        aside = count(len(result.seeds), "split")
        if plot.band:
            aside += f" · band: baseline ± {100 * result.margin:g} points"
        self.strip_card.set_title("Every seed", aside)

    def choose_model(self, name: str) -> None:
        """Look at one model: its row, its strip, its matrix."""
        result = self.session.result
        if result is None:
            return
        if name != self.chosen or self.cell is None:
            self.chosen = name
            self.session.remember("compare.model", name)
            self.strips.show_plot(self.strips.plot, name)
        self.table.choose(name)
        counts = confusion_of(result, name)
        if self.cell is None or max(self.cell) >= len(result.classes):
            self.cell = worst_cell(counts)
        self.matrix.show_matrix(Matrix(result.classes, counts), self.cell)
        splits = count(len(result.seeds), "split")
        self.matrix_card.set_title(
            f"Confusion, {self.titles.get(name, name)}",
            f"probe, {splits} added up" if len(result.seeds) > 1 else f"probe, {splits}",
        )
        self.pin_button.setEnabled(name != self.baseline)
        self.behind.show_cell(name, self.cell)

    def show_cell(self, true: int, predicted: int) -> None:
        self.cell = (true, predicted)
        self.behind.show_cell(self.chosen, self.cell)

    def _select_behind(self, true: int, predicted: int) -> None:
        self.show_cell(true, predicted)
        self.session.select(self.behind.ids())

    # Doing

    def pin(self, name: str = "") -> None:
        wanted = name or self.chosen
        if wanted:
            self.session.pin_baseline(wanted)
            self.pin_button.setEnabled(wanted != self.baseline)

    def set_metric(self, metric: str) -> None:
        self._metric = metric
        self.session.remember("compare.metric", metric)
        self.show_numbers()

    def _set_margin(self, points: float) -> None:
        self.session.set_margin(points)
        self._tell_about_settings()

    def _tell_about_settings(self) -> None:
        """Where what is set is not what was computed, say so instead of pretending."""
        result = self.session.result
        if result is None:
            return
        wanted = self.session.settings.margin
        if self.shown_metric != result.metric:
            mine, theirs = METRIC_NAMES[self.shown_metric], METRIC_NAMES[result.metric]
            self.notice.tell(
                "info",
                f"The verdicts of this comparison are about {theirs}. "
                f"Under {mine} the scores are shown without a verdict.",
                f"Decide by {mine} in the next run",
                lambda: self.session.set_metric(self.shown_metric),
            )
        elif abs(wanted - 100 * result.margin) > 1e-6:
            self.notice.tell(
                "info",
                f"These verdicts were made with a margin of ± {100 * result.margin:g} points. "
                f"± {wanted:g} applies when the comparison runs again.",
                "Run again",
                self._run_again,
            )
        else:
            self.notice.hide()

    def _run_again(self) -> None:
        reason = self.commands.run(RUN)
        if reason:
            self.notice.tell("warn", reason)

    # Signals

    def _on_backbones(self) -> None:
        self.margin.show_value(self.session.settings.margin)
        if self.session.result is None:
            self.empty.refresh()
        else:
            self.show_numbers()

    def _on_dataset(self) -> None:
        if self.session.result is None:
            self.empty.refresh()
        else:
            self.behind.show_cell(self.chosen, self.cell)

    def _on_jobs(self) -> None:
        if self.session.result is None:
            self.empty.refresh()

    def _on_filter(self, text: str) -> None:
        self.table.filter.set_text(text)
        self.session.remember("compare.filter", text)
        self._show_strips()

    def _on_sorted(self, column: int, order: Qt.SortOrder) -> None:
        self.session.remember("compare.sort", [column, order == Qt.SortOrder.DescendingOrder])
        self._show_strips()


def _splitter(side: Qt.Orientation, *parts: QWidget, shares: tuple[int, ...]) -> QSplitter:
    made = QSplitter(side)
    made.setHandleWidth(12)
    made.setChildrenCollapsible(False)
    for place, (part, share) in enumerate(zip(parts, shares, strict=True)):
        made.addWidget(part)
        made.setStretchFactor(place, share)
    if all(shares):
        made.setSizes([share * 1000 for share in shares])
    return made
