"""The two plots of a run: what it measures of itself, and what validation says of its features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from workbench.gui.glossary import tip
from workbench.gui.pretrain.curve_drawing import Line, Mark
from workbench.gui.pretrain.curve_plot import CurvePlot
from workbench.gui.pretrain.metrics_tail import Curves
from workbench.gui.session import Session
from workbench.gui.widgets.buttons import menu_button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.records.catalogue import PRETRAINED_HERE
from workbench.records.pretraining import CURVES
from workbench.records.text import printable

SCALES = {"%": 100.0, "GB": 1e-9}
LOOKS = "solid k-NN, dotted linear probe"


@dataclass(frozen=True, slots=True)
class Shown:
    """A run whose curves are drawn; the first is the one that the page is about."""

    id: str
    title: str
    colour: str
    curves: Curves


class CurvesCard(Card):
    """One of the measurements, chosen from a menu; `changed` comes with the choice."""

    changed = Signal(str, bool)  # key, by epoch

    def __init__(self) -> None:
        super().__init__("Loss")
        self.key, self.by_epoch = "loss", False
        self._shown: tuple[Shown, ...] = ()
        self.plot = CurvePlot("Curves")
        menu = QMenu(self)
        self.actions_: dict[str, QAction] = {}
        for key, title, _, _ in CURVES:
            action = menu.addAction(title)
            action.setCheckable(True)
            action.triggered.connect(lambda _, key=key: self.choose(key, self.by_epoch, tell=True))
            self.actions_[key] = action
        menu.addSeparator()
        self.epochs = menu.addAction("By epoch")
        self.epochs.setCheckable(True)
        self.epochs.triggered.connect(lambda on: self.choose(self.key, on, tell=True))
        picker = menu_button("Curve", menu, tip="Which measurement is drawn, over steps or epochs")
        picker.setProperty("kind", "quiet")
        self.add_head(picker)
        self.body.addWidget(self.plot, 1)
        self.choose("loss", False)

    def choose(self, key: str, by_epoch: bool, *, tell: bool = False) -> None:
        """An unknown key changes nothing."""
        if key in self.actions_:
            self.key = key
        self.by_epoch = by_epoch
        for name, action in self.actions_.items():
            action.setChecked(name == self.key)
        self.epochs.setChecked(by_epoch)
        self.show_runs(self._shown)
        if tell:
            self.changed.emit(self.key, by_epoch)

    def show_runs(self, shown: Sequence[Shown]) -> None:
        self._shown = tuple(shown)
        _, title, unit, log = next(curve for curve in CURVES if curve[0] == self.key)
        lines = [
            Line(run.id, run.title, run.colour, series, SCALES.get(unit, 1.0))
            for run in self._shown
            if (series := run.curves.series.get(self.key)) is not None
        ]
        self.set_title(title, shown_words(self._shown))
        scale = " (logarithmic)" if log else ""
        self.plot.setAccessibleName(f"{title}{scale}")
        self.plot.show_lines(lines, by_epoch=self.by_epoch, log=log, unit=unit)


class LooksCard(Card):
    """k-NN and probe on validation, with the best public backbone of the shown comparison as a dashed line."""

    def __init__(self) -> None:
        super().__init__("k-NN on validation", "never the test part")
        self.title.set_tip(tip("k-NN", "validation"))
        self.plot = CurvePlot("k-NN and linear probe on validation")
        self.note = label("", "caption", wrap=True)
        self.body.addWidget(self.plot, 1)
        self.body.addWidget(self.note)

    def show_runs(self, shown: Sequence[Shown], mark: Mark | None, by_epoch: bool) -> None:
        lines = []
        for run in shown:
            for key, dashed in (("knn", False), ("probe", True)):
                series = run.curves.series.get(key)
                if series is not None:
                    word = "probe" if dashed else "k-NN"
                    lines.append(Line(run.id, f"{run.title}, {word}", run.colour, series, dashed=dashed))
        self.plot.show_lines(lines, by_epoch=by_epoch, mark=mark if lines else None)
        told = f"{LOOKS[:1].upper()}{LOOKS[1:]}."
        if lines and mark is not None:
            told += " Dashed: the best public backbone of the comparison that is shown, by its k-NN there."
        elif lines:
            told += " A comparison of public backbones would draw the best of them as a dashed line."
        else:
            told = "Labelled images are looked at now and then while it learns; where there are none, nothing is."
        self.note.setText(told)


def shown_words(shown: Sequence[Shown]) -> str:
    """ "this run", "this run and 2 more"."""
    if not shown:
        return ""
    more = len(shown) - 1
    return f"this run and {more:,} more" if more else "this run"


def public_mark(session: Session) -> Mark | None:
    """The best public backbone's k-NN in the shown comparison: none of this project's own runs, and no floor."""
    result, project = session.result, session.project
    if result is None or project is None:
        return None
    others = {
        facts.id for facts in session.catalogue if facts.family == "Floor" or facts.source == PRETRAINED_HERE
    }
    own = str(project.runs_folder)
    found = [
        (model.knn[result.metric].mean, model.backbone)
        for model in result.models
        if result.metric in model.knn and model.backbone not in others and own not in model.backbone
    ]
    if not found:
        return None
    best, backbone = max(found)
    return Mark(best, printable(session.title_of(backbone)))
