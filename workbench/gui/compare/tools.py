"""The left part of the tool row: which metric, which margin, which evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QSignalBlocker, QTimer
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QDoubleSpinBox, QMenu

from workbench.gui.glossary import tip
from workbench.gui.plain_text import menu_text, plain, set_tip
from workbench.gui.session import Session
from workbench.gui.theme import FIELD_MARGINS
from workbench.gui.widgets.buttons import menu_button
from workbench.records.files import DocumentError
from workbench.records.scores import METRIC_NAMES

LISTED = 20  # evaluations in the menu, the newest ones


class MetricMenu:
    """Which score the numbers are."""

    def __init__(self, choose: Callable[[str], None]) -> None:
        self._choose = choose
        self.menu = QMenu()
        self.button = menu_button("Metric", self.menu)

    def show_metrics(self, metrics: Sequence[str], current: str) -> None:
        self.menu.clear()
        group = QActionGroup(self.menu)
        self.menu.setToolTipsVisible(True)
        for metric in metrics:
            action = self.menu.addAction(METRIC_NAMES[metric], lambda m=metric: self._choose(m))
            action.setCheckable(True)
            action.setChecked(metric == current)
            action.setToolTip(plain(tip(METRIC_NAMES[metric])))
            group.addAction(action)
        name = METRIC_NAMES.get(current, current)
        self.button.setText(f"Metric: {name} ▾")
        self.button.setAccessibleName(f"Metric: {name}")
        set_tip(self.button, tip(name) if current in METRIC_NAMES else "")


class MarginField(QDoubleSpinBox):
    """The difference, in points, that makes no difference to the user. Tells when typing has ended."""

    def __init__(self, changed: Callable[[float], None]) -> None:
        super().__init__()
        self.setPrefix("Margin ± ")
        self.setSuffix(" points")
        self.setRange(0.0, 50.0)
        self.setDecimals(1)
        self.setSingleStep(0.5)
        self.setKeyboardTracking(False)
        self.lineEdit().setTextMargins(*FIELD_MARGINS)
        self.setFixedWidth(self.fontMetrics().horizontalAdvance("Margin ± 50.0 points") + 48)
        self.setAccessibleName("Margin, in points")
        set_tip(self, tip("margin"))
        self._settle = QTimer(self, singleShot=True, interval=300)
        self._settle.timeout.connect(lambda: changed(self.value()))
        self.valueChanged.connect(lambda _: self._settle.start())

    def show_value(self, points: float) -> None:
        if not self._settle.isActive():
            with QSignalBlocker(self):
                self.setValue(points)


class ResultMenu:
    """Earlier evaluations. Each has a protocol of its own; two are never ranked in one table."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.menu = QMenu()
        self.menu.aboutToShow.connect(self._fill)
        self.button = menu_button("Latest", self.menu, tip="Show an earlier evaluation of this project")
        self.button.hide()

    def refresh(self) -> None:
        """Shown from the second evaluation on."""
        runs = self.session.results()
        self.button.setVisible(len(runs) > 1)
        current = self.session.settings.result
        latest = not runs or runs[0].id == current
        self.button.setText("Latest ▾" if latest else "Earlier evaluation ▾")

    def _fill(self) -> None:
        self.menu.clear()
        note = self.menu.addAction("Each evaluation is a table of its own: they are not ranked together")
        note.setEnabled(False)
        self.menu.addSeparator()
        for run in self.session.results()[:LISTED]:
            try:
                document = run.document()
                when = time.strftime("%d %b %Y, %H:%M", time.localtime(float(document["created"])))
                title = f"{when} · {document['title']}"
            except (DocumentError, KeyError, TypeError, ValueError):
                title = run.id
            action = self.menu.addAction(menu_text(title), lambda r=run.id: self.session.show_result(r))
            action.setCheckable(True)
            action.setChecked(run.id == self.session.settings.result)
