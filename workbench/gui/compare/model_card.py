"""The card of the chosen model, seen in one of four ways: confusion, classes, calibration, failures.

Owns which way and which cell are looked at; the plots know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from workbench.gui.compare.behind import confusion_of, worst_cell
from workbench.gui.compare.behind_panel import BehindPanel
from workbench.gui.compare.class_bars import ClassPlot, bars_of
from workbench.gui.compare.confusion import ConfusionMatrix, Matrix
from workbench.gui.compare.failures_panel import FailuresPanel
from workbench.gui.compare.panes import Pages, panes
from workbench.gui.compare.reliability import Curve, ReliabilityPlot, more, told
from workbench.gui.plain_text import set_tip
from workbench.gui.session import Session
from workbench.gui.widgets.cards import Card, EmptyState
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.segments import Segments
from workbench.records.results import EvaluationResult
from workbench.records.scores import ModelResult
from workbench.records.text import count, printable

CONFUSION, CLASSES, CALIBRATION, FAILURES = "confusion", "classes", "calibration", "failures"
VIEWS = {
    CONFUSION: ("Confusion", "How many test answers of each true class were given which class"),
    CLASSES: ("Classes", "Recall and precision of each class, with their intervals"),
    CALIBRATION: ("Calibration", "Whether the model is right as often as it is sure"),
    FAILURES: ("Failures", "Images that all models miss, or only this one"),
}
EARLIER = "This evaluation is of an earlier version, which did not compute it. Run the comparison again."


class ModelCard(Card):
    """`choose_model` says whose it is; what is opened here is selected everywhere."""

    run_asked = Signal()
    view_changed = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.name = ""  # the model that is shown
        self.cell: tuple[int, int] | None = None
        self._titles: Mapping[str, str] = {}
        self._baseline = ""
        self.views = Segments("View of the model", [(key, word, tip) for key, (word, tip) in VIEWS.items()])
        self.views.chosen.connect(self.show_view)
        self.head.insertWidget(0, self.views)
        self.matrix = ConfusionMatrix()
        self.matrix.cell_changed.connect(self.show_cell)
        self.matrix.cell_opened.connect(self._open_cell)
        self.classes = ClassPlot()
        self.classes.class_chosen.connect(self._open_class)
        self.behind = BehindPanel(session)
        self.reliability = ReliabilityPlot()
        self.calibration = label("", "dim", wrap=True)
        self.failures = FailuresPanel(session)
        self.lacking = EmptyState("", "", actions=[("Run again", self.run_asked.emit, "")])
        self._lay_out()

    def _lay_out(self) -> None:
        self.order = Segments(
            "Order of the classes",
            [
                ("worst", "Worst first", "The class with the lowest recall at the top"),
                ("name", "By name", "The classes in the order of their names"),
            ],
        )
        self.order.chosen.connect(self._on_order)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.order)
        line.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.classes)
        bars = _column(line, scroll)
        self._left = Pages(self.matrix, bars, least=QSize(200, 140))
        self.inner = panes(Qt.Orientation.Horizontal, self._left, self.behind, shares=(5, 3))
        curve = _column(self.calibration, self.reliability)
        self._pages = Pages(self.inner, curve, self.failures, self.lacking, least=QSize(362, 144))
        self.body.addWidget(self._pages)

    @property
    def view(self) -> str:
        return self.views.current

    @property
    def lacks(self) -> str:
        """Why there is nothing to see in the chosen view; "" where there is."""
        return (
            f"{self.lacking.title.text()}. {EARLIER}" if self._pages.currentWidget() is self.lacking else ""
        )

    def restore(self) -> None:
        """What this project remembered."""
        recall = self.session.recall
        self.views.choose(str(recall("compare.view", CONFUSION)))
        self.order.choose(str(recall("compare.class_order", "worst")))
        self.failures.restore()
        self._show()

    def choose_model(self, name: str, titles: Mapping[str, str], baseline: str) -> None:
        """Show `name`; `baseline` is the model that its classes are compared with."""
        result = self.session.result
        if result is None or all(model.name != name for model in result.models):
            return
        self.name, self._titles, self._baseline = name, titles, baseline
        counts = confusion_of(result, name)
        if self.cell is None or max(self.cell) >= len(result.classes):
            self.cell = worst_cell(counts)
        self.matrix.show_matrix(Matrix(result.classes, counts), self.cell)
        self._show()

    def show_view(self, view: str) -> None:
        self.views.choose(view)
        self.session.remember("compare.view", view)
        self._show()
        self.view_changed.emit(view)

    def refresh_images(self) -> None:
        """After another folder was opened or the images changed."""
        self._show_behind()
        if self.view == FAILURES:
            self.failures.show_model(self.name)

    # Cells and classes

    def show_cell(self, true: int, predicted: int) -> None:
        self.cell = (true, predicted)
        self._show_behind()

    def _open_cell(self, true: int, predicted: int) -> None:
        self.show_cell(true, predicted)
        self.session.select(self.behind.ids())

    def _open_class(self, code: int) -> None:
        """Its row of the matrix, at its most frequent mistake, and its images that were not found."""
        result = self.session.result
        if result is None:
            return
        line = confusion_of(result, self.name)[code]
        wrong = [number if other != code else -1 for other, number in enumerate(line)]
        self.cell = (code, max(range(len(wrong)), key=lambda other: wrong[other]) if max(wrong) > 0 else code)
        self.matrix.show_matrix(self.matrix.matrix, self.cell)
        self._show()
        self.session.select(self.behind.ids())

    def _on_order(self, order: str) -> None:
        self.session.remember("compare.class_order", order)
        self._show()

    # Showing

    def _show(self) -> None:
        result, view = self.session.result, self.view
        model = next((row for row in result.models if row.name == self.name), None) if result else None
        if result is None or model is None:
            return
        title = self._titles.get(self.name, self.name)
        self.set_title("", title)
        self.aside.set_tip(f"probe, {count(len(result.seeds), 'split')} added up")
        self.setAccessibleName(printable(f"{VIEWS[view][0]}, {title}"))
        if view == CLASSES and not model.per_class:
            self._lack("No scores of the classes")
        elif view == CALIBRATION and (model.calibration is None or not model.calibration.bins):
            self._lack("No calibration")
        elif view == CALIBRATION:
            self._show_calibration(model)
        elif view == FAILURES:
            self._pages.setCurrentWidget(self.failures)
            self.failures.show_model(self.name)
        else:
            self._pages.setCurrentWidget(self.inner)
            self._left.setCurrentIndex(0 if view == CONFUSION else 1)
            self._show_classes(result, model)
            self._show_behind()

    def _lack(self, title: str) -> None:
        self.lacking.set(title, EARLIER)
        self._pages.setCurrentWidget(self.lacking)

    def _show_calibration(self, model: ModelResult) -> None:
        assert model.calibration is not None
        self.calibration.setText(told(model.calibration))
        set_tip(self.calibration, more(model.calibration))
        self.reliability.show_plot(Curve(model=model.name, bins=model.calibration.bins))
        self._pages.setCurrentIndex(1)

    def _show_classes(self, result: EvaluationResult, model: ModelResult) -> None:
        base = next((row for row in result.models if row.name == self._baseline), None)
        against = base.per_class if base is not None and base.name != model.name else ()
        plot = bars_of(
            model.name,
            model.per_class,
            by_name=self.order.current == "name",
            baseline=against,
            baseline_title=self._titles.get(self._baseline, self._baseline),
        )
        self.classes.show_plot(plot, self.cell[0] if self.cell else -1)

    def _show_behind(self) -> None:
        if self.view == CLASSES and self.cell is not None:
            self.behind.show_class(self.name, self.cell[0])
        else:
            self.behind.show_cell(self.name, self.cell)


def _column(*parts: QWidget | QHBoxLayout) -> QWidget:
    """One above the other, the last one taking what is left."""
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    for part in parts:
        column.addWidget(part) if isinstance(part, QWidget) else column.addLayout(part)
    column.setStretch(len(parts) - 1, 1)
    return made
