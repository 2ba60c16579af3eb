"""The card of the label budget: the user's target, how many labels the chosen model needs for it, and the curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QSignalBlocker, QSize, QTimer, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QVBoxLayout, QWidget

from workbench.gui.background import Background
from workbench.gui.compare.budget_plot import BudgetPlot, Curve, Curves, Point
from workbench.gui.compare.panes import Pages
from workbench.gui.compare.targets import Need, curve_of, has_budgets, labels_needed
from workbench.gui.plain_text import set_tip
from workbench.gui.session import Session
from workbench.gui.theme import FIELD_MARGINS
from workbench.gui.widgets.cards import Card, EmptyState
from workbench.gui.widgets.labels import ElidedLabel
from workbench.records.results import EvaluationResult
from workbench.records.scores import METRIC_NAMES

TARGET = "compare.target"  # what the project remembers it by


class TargetField(QDoubleSpinBox):
    """A score, 0 to 1; at 0 there is no target. Tells when typing has ended."""

    def __init__(self, changed: Callable[[float], None]) -> None:
        super().__init__()
        self.setPrefix("Target ")
        self.setSpecialValueText("No target")
        self.setRange(0.0, 1.0)
        self.setDecimals(3)
        self.setSingleStep(0.01)
        self.setKeyboardTracking(False)
        self.lineEdit().setTextMargins(*FIELD_MARGINS)
        self.setFixedWidth(self.fontMetrics().horizontalAdvance("Target 0.000") + 46)
        self.setAccessibleName("Target")
        set_tip(self, "The score that is good enough for you; 0 sets no target")
        self._settle = QTimer(self, singleShot=True, interval=200)
        self._settle.timeout.connect(lambda: changed(self.value()))
        self.valueChanged.connect(lambda _: self._settle.start())

    def textFromValue(self, value: float) -> str:
        text = f"{value:.3f}"
        return text.removesuffix("0")

    def show_value(self, target: float) -> None:
        with QSignalBlocker(self):
            self.setValue(target)


class BudgetCard(Card):
    """Shows the curves of the models that the table shows; where there are none, how to have them."""

    model_chosen = Signal(str)
    budgets_asked = Signal()  # run again, with budgets

    def __init__(self, session: Session) -> None:
        super().__init__("Label budget")
        self.session = session
        self._background = Background(self)
        self._result: EvaluationResult | None = None
        self._metric = ""
        self._titles: Mapping[str, str] = {}
        self._asked: object = None
        self.needs: dict[str, Need] = {}
        self.chosen = ""
        self.target = TargetField(self._on_target)
        self.add_head(self.target)
        self.answer = ElidedLabel("", "dim")
        self.plot = BudgetPlot()
        self.plot.model_chosen.connect(self.model_chosen)
        self.empty = EmptyState(
            "No label budgets yet",
            "They tell how many labels each backbone needs: the probe is fitted on 1, 5, 10, 25, 50 and 100 % of "
            "the labels.",
            actions=[("Add label budgets", self.budgets_asked.emit, "")],
        )
        curves = QWidget()
        column = QVBoxLayout(curves)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.answer)
        column.addWidget(self.plot, 1)
        self.stack = Pages(curves, self.empty, least=QSize(190, 140))
        self.body.addWidget(self.stack)

    @property
    def threshold(self) -> float | None:
        return self.target.value() or None

    def restore(self) -> None:
        """The target that this project remembers; until there is one, that of the result."""
        target = self.session.recall(TARGET, None)
        if target is None and self.session.result is not None:
            target = self.session.result.target
        self.target.show_value(
            float(target) if isinstance(target, int | float) and math.isfinite(target) else 0.0
        )

    def show_numbers(
        self, result: EvaluationResult, metric: str, titles: Mapping[str, str], shown: Sequence[str]
    ) -> None:
        """The curves of the models in `shown`, in that order."""
        self._result, self._metric, self._titles = result, metric, titles
        if self.session.recall(TARGET, None) is None:
            self.restore()
        known = has_budgets(result.models, metric)
        self.stack.setCurrentIndex(0 if known else 1)
        self.target.setVisible(known)
        models = {model.name: model for model in result.models}
        curves = (
            Curve(
                name=name,
                title=titles.get(name, name),
                points=tuple(
                    Point(budget.fraction, budget.labels, score.mean, score.interval)
                    for budget in curve_of(models[name], metric)
                    for score in (budget.scores[metric],)
                ),
            )
            for name in shown
            if name in models
        )
        self._show_plot(tuple(curve for curve in curves if curve.points))
        self._ask()

    def choose_model(self, name: str) -> None:
        self.chosen = name
        self._show_plot(self.plot.plot.curves)
        self._answer()

    def _show_plot(self, curves: tuple[Curve, ...]) -> None:
        name = METRIC_NAMES.get(self._metric, self._metric)
        self.plot.show_plot(Curves(curves=curves, metric=name, target=self.threshold), self.chosen)

    def _on_target(self, target: float) -> None:
        self.session.remember(TARGET, target)
        self._show_plot(self.plot.plot.curves)
        self._ask()

    def _ask(self) -> None:
        """How many labels each model needs: in a thread, for scipy is imported the first time."""
        result, metric, threshold = self._result, self._metric, self.threshold
        self.needs = {}
        self._asked = asked = object()
        self._answer()
        if result is None or threshold is None or not has_budgets(result.models, metric):
            return

        def show(needs: list[Need]) -> None:
            if asked is self._asked:
                self.needs = {need.name: need for need in needs}
                self._answer()

        def fail(error: Exception) -> None:
            if asked is self._asked:
                self.answer.setText(f"How many labels it takes can't be told: {error}")

        self._background.run(lambda: labels_needed(result, metric, threshold), show, fail)

    def _answer(self) -> None:
        if self.threshold is None:
            self.answer.setText("Type the target that is good enough for you.")
            self.answer.set_tip("")
            return
        need = self.needs.get(self.chosen)
        self.answer.setText(f"{need.told[:1].upper()}{need.told[1:]}" if need else "")
        each = [f"{self._titles.get(name, name)}: {need.told}" for name, need in self.needs.items()]
        self.answer.set_tip("\n".join(each))
