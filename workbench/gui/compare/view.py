"""The Compare place: the table, the plots under it, findings.

Owns which model is looked at and tells the parts; the parts know nothing of each other.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QStackedLayout, QVBoxLayout

from workbench.gui.commands import Commands
from workbench.gui.compare.disagreement import disagreements
from workbench.gui.compare.empty import ComparisonAwaited
from workbench.gui.compare.evaluations_dialog import EVALUATIONS, evaluations_command, why_no_evaluations
from workbench.gui.compare.findings import Findings
from workbench.gui.compare.lower import LowerHalf
from workbench.gui.compare.model_card import FAILURES
from workbench.gui.compare.output import Output
from workbench.gui.compare.panes import Scrolled, panes, remember_panes, restore_panes
from workbench.gui.compare.run_command import POINT, RUN, go
from workbench.gui.compare.table import ComparisonTable
from workbench.gui.compare.table_model import ComparisonModel
from workbench.gui.compare.tools import MarginField, MetricMenu, ResultMenu
from workbench.gui.compare.words import evaluation_words, titles_of
from workbench.gui.finetune.card import FinetunedCard
from workbench.gui.plain_text import set_tip
from workbench.gui.session import Session
from workbench.gui.theme import know_models
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import NoticeBar, Page
from workbench.records.asked import BUDGETS
from workbench.records.extra_columns import extra_columns
from workbench.records.results import EvaluationResult
from workbench.records.scores import METRIC_NAMES
from workbench.records.tables import baseline_of, headline, protocol_sentence

QUESTION = "Which backbone separates the classes"


class CompareView(Page):
    """Rebuilds itself from the session; remembers metric, order, filter and panes in the project."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__(QUESTION)
        self.session, self.commands = session, commands
        self.titles: dict[str, str] = {}
        self.chosen = ""  # the model that the lower half is about
        self._metric = ""
        self._build_parts()
        self.output = Output(self)
        self.lower = LowerHalf(session, self.output)
        self.lower.model_chosen.connect(self.choose_model)
        self.lower.one.run_asked.connect(self._run_again)
        self.lower.budget.budgets_asked.connect(self._run_with_budgets)
        self._build_tools()
        self._lay_out()
        session.result_changed.connect(self.refresh)
        session.baseline_changed.connect(self.show_numbers)
        session.backbones_changed.connect(self._on_backbones)
        session.brought_changed.connect(self._on_backbones)
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
        self.findings = Findings()
        self.findings.why_opened.connect(self.choose_model)
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
        self.destroyed.connect(self.commands.add(evaluations_command(self.session, self)))
        self.evaluations = button("Evaluations…", lambda: self.commands.run(EVALUATIONS))
        set_tip(self.evaluations, "What plugins compute beside probe and k-NN")
        self.pin_button = button(
            "Pin as baseline", self.pin, tip="Compare the others with the selected model (B)"
        )
        self.add_button = button("Add models", lambda: go(self.commands, "models"), kind="primary")
        set_tip(self.add_button, "Choose more backbones for this comparison")
        for widget in (
            self.metric_menu.button,
            self.margin,
            self.filter,
            self.evaluations,
            self.results.button,
        ):
            self.add_tool(widget)
        for widget in (self.pin_button, self.output.copy_button, self.output.export_button, self.add_button):
            self.add_tool(widget, right=True)

    def _lay_out(self) -> None:
        frame = QFrame()
        frame.setProperty("card", True)
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(4, 2, 4, 6)
        inside.addWidget(self.table)

        self.panes = panes(Qt.Orientation.Vertical, frame, self.lower, shares=(0, 1))
        remember_panes(self.session, "panes", self.panes)
        self.scroll = Scrolled()
        column = QVBoxLayout(self.scroll.content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.notice)
        column.addWidget(self.panes, 1)
        column.addWidget(FinetunedCard(self.session, self.commands))
        column.addWidget(self.findings)
        self.stack = QStackedLayout()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.scroll)
        self.body.addLayout(self.stack)

    def _restore(self) -> None:
        """What this project remembered of the place."""
        recall = self.session.recall
        self._metric = str(recall("compare.metric", ""))
        self.filter.setText(str(recall("compare.filter", "")))
        column, descending = recall("compare.sort", [2, True])
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self.table.sortByColumn(int(column), order)
        self.lower.restore()
        restore_panes(self.session, "panes", self.panes)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.findings.fit(event.size().height())

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
        self.margin.show_value(self.session.settings.margin)
        self.results.refresh()
        self.evaluations.setVisible(not why_no_evaluations(self.session))
        if self.chosen not in names:
            wanted = self.session.recall("compare.model", "")
            self.chosen = wanted if wanted in names else ""
        self.show_numbers()
        if not self.session.recall("compare.panes"):
            tall = self.table.wanted_height() + 10
            self.panes.setSizes([tall, max(self.panes.height() - tall, tall)])

        self._mark()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._mark()

    def _mark(self) -> None:
        """Choose the model that another place points at, once."""
        result, wanted = self.session.result, str(self.session.recall(POINT, ""))
        name = next((m.name for m in result.models if m.backbone == wanted), "") if result and wanted else ""
        if name:
            self.session.remember(POINT, "")
            self.choose_model(name)
            self.scroll.ensureWidgetVisible(self.table)

    def show_numbers(self) -> None:
        """The table and what hangs on it: after another metric, baseline or name."""
        result = self.session.result
        if result is None:
            return
        self.titles = titles_of(result, self.session.catalogue)
        self.findings.show_findings(result.findings, disagreements(result, self.titles))
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
        self._show_plots()
        self._tell_about_settings()

    def _show_plots(self) -> None:
        result = self.session.result
        if result is None:
            return
        baseline = next((row for row in self.model.rows if row.name == self.baseline), None)
        rows = self.table.filter.shown()
        self.lower.show_numbers(result, self.shown_metric, rows, baseline, self.titles, self.chosen)

    def choose_model(self, name: str) -> None:
        """Look at one model: its row, its strip, its curve, its matrix."""
        if self.session.result is None:
            return
        if name != self.chosen:
            self.chosen = name
            self.session.remember("compare.model", name)
        self.table.choose(name)
        self.lower.choose_model(name, self.titles, self.baseline)
        self.pin_button.setEnabled(name != self.baseline)

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
        elif awaited := self._awaited(result):
            self.notice.tell("info", awaited, "Run again", self._run_again)
        else:
            self.notice.hide()

    def _awaited(self, result: EvaluationResult) -> str:
        """Which evaluations of plugins were chosen and not computed, in a sentence; "" where none is."""
        there = {column.evaluation for column in extra_columns(result)}
        lacking = [text for text in self.session.settings.evaluations if text not in there]
        if not lacking:
            return ""
        if len(lacking) > 1:
            return f"{len(lacking)} evaluations of plugins are computed when the comparison runs again."
        words = evaluation_words(lacking[0], self.session.brought)
        return f"{words}: it is computed when the comparison runs again."

    def _run_again(self) -> None:
        reason = self.commands.run(RUN)
        if reason:
            self.notice.tell("warn", reason)

    def copy_failures(self) -> None:
        self.lower.one.show_view(FAILURES)
        self.lower.one.failures.copy_list()

    def _run_with_budgets(self) -> None:
        self.session.set_budgets(BUDGETS)
        self._run_again()

    # Signals

    def _on_backbones(self) -> None:
        self.margin.show_value(self.session.settings.margin)
        self.evaluations.setVisible(not why_no_evaluations(self.session))
        if self.session.result is None:
            self.empty.refresh()
        else:
            self.show_numbers()

    def _on_dataset(self) -> None:
        if self.session.result is None:
            self.empty.refresh()
        else:
            self.lower.one.refresh_images()

    def _on_jobs(self) -> None:
        if self.session.result is None:
            self.empty.refresh()

    def _on_filter(self, text: str) -> None:
        self.table.filter.set_text(text)
        self.session.remember("compare.filter", text)
        self._show_plots()

    def _on_sorted(self, column: int, order: Qt.SortOrder) -> None:
        self.session.remember("compare.sort", [column, order == Qt.SortOrder.DescendingOrder])
        self._show_plots()
