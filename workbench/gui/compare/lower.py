"""The lower half of the Compare place: every seed, the label budget, and the chosen model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QScrollArea, QSplitter, QVBoxLayout, QWidget

from workbench.gui.compare.budget_card import BudgetCard
from workbench.gui.compare.model_card import CALIBRATION, CLASSES, CONFUSION, FAILURES, ModelCard
from workbench.gui.compare.output import Output, Plot
from workbench.gui.compare.panes import panes, remember_panes, restore_panes
from workbench.gui.compare.strip import Strip, StripPlot, Strips
from workbench.gui.session import Session
from workbench.gui.widgets.buttons import icon_button
from workbench.gui.widgets.cards import Card
from workbench.records.results import EvaluationResult
from workbench.records.scores import METRIC_NAMES
from workbench.records.tables import Row
from workbench.records.text import count, printable


class LowerHalf(QWidget):
    """Is told which numbers and which model to show, and tells which model was chosen."""

    model_chosen = Signal(str)

    def __init__(self, session: Session, output: Output) -> None:
        super().__init__()
        self.session = session
        self.strips = StripPlot()
        self.budget = BudgetCard(session)
        self.one = ModelCard(session)
        self.strips.model_chosen.connect(self.model_chosen)
        self.budget.model_chosen.connect(self.model_chosen)
        self.one.view_changed.connect(lambda _: self._show_outputs())
        self.strip_card = Card("Every seed")
        self.strip_card.title.set_floor(100)  # in a narrow window the asides go first
        for aside in (self.strip_card.aside, self.budget.aside, self.one.aside):
            aside.set_floor(0)
        self.strip_card.add_head(output.save_button("Every seed", self.strips))
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.strips)
        self.strip_card.body.addWidget(scroll)
        self.save_budget = self.budget.add_head(output.save_button("Label budget", self.budget.plot))
        self.plots: dict[str, Plot] = {
            CONFUSION: self.one.matrix,
            CLASSES: self.one.classes,
            CALIBRATION: self.one.reliability,
        }
        titles = {CONFUSION: "Confusion", CLASSES: "Classes", CALIBRATION: "Calibration"}
        self._outputs: dict[str, QWidget] = {
            view: self.one.add_head(output.save_button(titles[view], plot))
            for view, plot in self.plots.items()
        }
        copy = icon_button("copy", "Copy these images as a list (CSV)", self.one.failures.copy_list)
        self._outputs[FAILURES] = self.one.add_head(copy)
        self.splitter = panes(
            Qt.Orientation.Horizontal, self.strip_card, self.budget, self.one, shares=(11, 10, 16)
        )
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.splitter)
        for name, splitter in self._splitters():
            remember_panes(session, name, splitter)

    def _splitters(self) -> tuple[tuple[str, QSplitter], ...]:
        return ("lower", self.splitter), ("inner", self.one.inner)

    def restore(self) -> None:
        """What this project remembered."""
        self.one.restore()
        self.budget.restore()
        self._show_outputs()
        for name, splitter in self._splitters():
            restore_panes(self.session, name, splitter)

    def show_numbers(
        self,
        result: EvaluationResult,
        metric: str,
        rows: Sequence[Row],
        baseline: Row | None,
        titles: Mapping[str, str],
        chosen: str,
    ) -> None:
        """The plots of all models: those of `rows`, in that order."""
        name = METRIC_NAMES.get(metric, metric)
        half = result.margin
        base = baseline.probe if baseline is not None else None
        plot = Strips(
            strips=tuple(
                Strip(
                    name=row.name,
                    title=printable(row.title),
                    values=row.probe.values,
                    interval=row.probe.interval,
                )
                for row in rows
                if row.probe is not None
            ),
            seeds=result.seeds,
            metric=name,
            band=(base.mean - half, base.mean + half) if base and half else None,
        )
        self.strips.show_plot(plot, chosen)
        aside = count(len(result.seeds), "split")
        if plot.band:
            aside += f" · band: baseline ± {100 * half:g} points"
        self.strip_card.set_title("Every seed", aside)
        self.budget.show_numbers(result, metric, titles, [row.name for row in rows])
        self._show_outputs()

    def choose_model(self, name: str, titles: Mapping[str, str], baseline: str) -> None:
        self.strips.show_plot(self.strips.plot, name)
        self.budget.choose_model(name)
        self.one.choose_model(name, titles, baseline)
        self._show_outputs()

    def _show_outputs(self) -> None:
        """The button that saves or copies what is shown."""
        for view, made in self._outputs.items():
            made.setVisible(view == self.one.view and not self.one.lacks)
        self.save_budget.setVisible(bool(self.budget.plot.plot.curves))
