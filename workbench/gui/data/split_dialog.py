"""How the labelled images are divided: by shares, in folds or as a table says, and what that makes of each class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QHBoxLayout,
    QRadioButton,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.background import Background
from workbench.gui.data.parts_legend import PartsLegend
from workbench.gui.data.split_preview import PartsTable, SplitPreview, preview_split
from workbench.gui.glossary import tip
from workbench.gui.guarded import guarded
from workbench.gui.plain_text import set_tip
from workbench.gui.theme import FIELD_MARGINS
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card, EmptyState
from workbench.gui.widgets.labels import Chip, label
from workbench.records.dataset_findings import find
from workbench.records.index import ImageIndex
from workbench.records.leaks import leaking_sets
from workbench.records.splits import SplitPlan
from workbench.records.text import count

if TYPE_CHECKING:
    from workbench.gui.session import Session

SETTLE_MS = 150  # after the last change
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a thread has found out about one plan."""

    preview: SplitPreview
    few_groups: str  # why folds are the better way; "" where they aren't


class SplitDialog(QDialog):
    """Puts the plan in force when accepted."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        assert session.index is not None
        self._session, self._index = session, session.index
        self._before = session.settings.curation.plan
        self._asked = 0
        self._leaks: dict[bool, int] = {}  # official or not -> sets of copies that leak
        self._background = Background(self)
        self.setWindowTitle("How images are split")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(980, 600)
        self._make_ways()
        self.table = PartsTable()
        self.legend = PartsLegend()
        self.groups = label("", "dim", wrap=True)
        self.shown = label("", "dim", wrap=True)
        self.error = label("", "error", wrap=True)
        self.error.hide()
        self.opened = label(_opened(session.test_openings), "", wrap=True)
        self.apply = button("Split this way", self.accept, kind="primary")
        self.apply.setDefault(True)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.refresh)
        self._lay_out()
        self.refresh()

    def _make_ways(self) -> None:
        plan = self._before
        self.ways = {
            "shares": QRadioButton("By shares"),
            "folds": QRadioButton("In folds"),
            "official": QRadioButton("As the table says"),
        }
        group = QButtonGroup(self)
        for way, radio in self.ways.items():
            group.addButton(radio)
            radio.setChecked(way == plan.kind)
            radio.toggled.connect(lambda on: self._settle.start() if on else None)
        self.shares = []
        for number, (part, value) in enumerate(zip(PARTS, whole_shares(plan.fractions), strict=True)):
            spin = QSpinBox()
            spin.setRange(1, 98)
            spin.setSuffix(" %")
            spin.lineEdit().setTextMargins(*FIELD_MARGINS)
            spin.setMinimumWidth(84)
            spin.setAccessibleName(f"Share of the {part} part")
            spin.setValue(value)
            spin.valueChanged.connect(lambda _, number=number: self._balance(number))
            self.shares.append(spin)
        self._shares_before = [spin.value() for spin in self.shares]
        self.folds = QSpinBox()
        self.folds.setRange(3, 100)
        self.folds.setValue(plan.folds)
        self.folds.setSuffix(" folds")
        self.folds.lineEdit().setTextMargins(*FIELD_MARGINS)
        self.folds.setMinimumWidth(100)
        self.folds.setAccessibleName("Number of folds")
        self._last = self._values()
        self.folds.valueChanged.connect(lambda _: self._on_folds())
        self.recommended = Chip("recommended", "good")
        self.recommended.hide()
        self.why = label("", "", wrap=True)
        self.why.hide()
        counts = official_counts(self._index)
        has_parts = bool(counts[0])
        self.ways["official"].setEnabled(has_parts or plan.kind == "official")
        self.official = label(_official(counts), "dim", wrap=True)
        if not has_parts:
            set_tip(self.ways["official"], _official(counts))

    def _lay_out(self) -> None:
        ways = Card("Way")
        shares = QHBoxLayout()
        shares.setSpacing(8)
        for part, spin in zip(PARTS, self.shares, strict=True):
            column = QVBoxLayout()
            column.setSpacing(2)
            column.addWidget(label(part.capitalize(), "caption"))
            column.addWidget(spin)
            shares.addLayout(column)
        shares.addStretch(1)
        folds = QHBoxLayout()
        folds.setSpacing(8)
        folds.addWidget(self.folds)
        folds.addStretch(1)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.ways["folds"])
        head.addWidget(self.recommended)
        head.addStretch(1)
        told = "Every seed draws another split of these shares."
        _add(ways, self.ways["shares"], shares, label(told, "dim", wrap=True))
        told = "Each fold is the test part once, and the next one is for validation: every image is tested."
        _add(ways, head, folds, label(told, "dim", wrap=True), self.why)
        _add(ways, self.ways["official"], self.official)
        ways.body.addStretch(1)
        ways.body.addWidget(self.opened)
        self.card = Card("What it makes of the classes")
        self.card.body.addWidget(self.legend)
        self.card.body.addWidget(self.table, 1000)
        self.card.body.addWidget(self.groups)
        self.card.body.addWidget(self.shown)
        self._warnings = QVBoxLayout()
        self._warnings.setSpacing(6)
        self.card.body.addLayout(self._warnings)
        self.card.body.addWidget(self.error)
        self.card.body.addStretch(1)
        self._lines: list[QWidget] = []
        empty = Card()
        empty.body.addWidget(
            EmptyState(
                "Nothing to split",
                "No image has a label, and only labelled images are split.",
                (("Label the images…", self._label, "primary"),),
                "data",
            )
        )
        self._pages = QStackedWidget()
        self._pages.addWidget(self.card)
        self._pages.addWidget(empty)
        both = QHBoxLayout()
        both.setSpacing(12)
        ways.setFixedWidth(352)
        both.addWidget(ways)
        both.addWidget(self._pages, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(button("Cancel", self.reject))
        row.addWidget(self.apply)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addWidget(label("How the labelled images are divided", "heading", tip=tip("split", "group")))
        outer.addLayout(both, 1)
        outer.addLayout(row)

    # What is chosen

    def plan(self) -> SplitPlan:
        """The plan that the fields describe."""
        way = next(way for way, radio in self.ways.items() if radio.isChecked())
        shares = [spin.value() for spin in self.shares]
        fractions = self._before.fractions  # which need not be whole per cents
        if shares != self._shares_before:
            fractions = (shares[0] / 100, shares[1] / 100, 1 - (shares[0] + shares[1]) / 100)
        return SplitPlan(kind=way, fractions=fractions, folds=self.folds.value())

    def _values(self) -> list[int]:
        return [*(spin.value() for spin in self.shares), self.folds.value()]

    def _on_folds(self) -> None:
        if self._values() != self._last:  # Enter tells of a value that is the same
            self._last = self._values()
            self._choose("folds")

    def _balance(self, changed: int) -> None:
        """The three sum to 100: what one takes another gives."""
        if self._values() == self._last:
            return
        for spin, value in zip(
            self.shares, balanced([spin.value() for spin in self.shares], changed), strict=True
        ):
            with QSignalBlocker(spin):
                spin.setValue(value)
        self._last = self._values()
        if self.plan().kind != "official":  # there, shares say how much validation takes of training
            self._choose("shares")
        self._settle.start()

    def _choose(self, way: str) -> None:
        self.ways[way].setChecked(True)
        self._settle.start()

    # What it makes of the images

    def refresh(self) -> None:
        """Split with seed 0, in a thread."""
        index, plan = self._index, self.plan()
        labelled = bool((index.label >= 0).any())
        self._pages.setCurrentIndex(0 if labelled else 1)
        if not labelled:
            self.apply.setEnabled(False)
            return  # else it stays as the last plan that was tried has left it
        self._asked += 1
        asked = self._asked
        self.shown.setText("Splitting…")

        def look() -> _Looked | None:
            if asked != self._asked:
                return None
            official = plan.kind == "official"
            if official not in self._leaks:
                self._leaks[official] = len(leaking_sets(replace(index, plan=plan)))
            by_shares = find(replace(index, plan=SplitPlan()), 0)
            few = next((found.advice for found in by_shares if found.name == "few groups"), "")
            return _Looked(preview_split(index, plan, self._leaks[official]), few)

        def show(found: _Looked | None) -> None:
            if found is not None and asked == self._asked:
                self._show(plan, found)

        def refuse(error: Exception) -> None:
            if asked == self._asked:
                self._refuse(str(error))

        self._background.run(look, show, refuse)

    def _show(self, plan: SplitPlan, found: _Looked) -> None:
        preview = found.preview
        self.apply.setEnabled(True)
        self.error.hide()
        self.recommended.setVisible(bool(found.few_groups))
        self.why.setText(found.few_groups)
        self.why.setVisible(bool(found.few_groups))
        self.table.show_parts(self._index.classes, preview.parts)
        self.legend.show_counts([int(number) for number in preview.parts.sum(axis=0)])
        self.groups.setVisible(any(preview.groups))
        self.groups.setText(
            "Groups: "
            + " · ".join(f"{num:,} {part}" for num, part in zip(preview.groups, PARTS, strict=True))
        )
        self.shown.setText(_shown(plan, bool(any(preview.groups))))
        for line in self._lines:
            line.hide()
            line.deleteLater()
        self._lines = []
        for finding in preview.findings:
            line = QWidget()
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
            row.addWidget(Chip(finding.name, finding.severity), 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(label(finding.advice, wrap=True), 1)
            self._warnings.addWidget(line)
            self._lines.append(line)

    def _refuse(self, sentence: str) -> None:
        self.apply.setEnabled(False)
        self.error.setText(f"{sentence[:1].upper()}{sentence[1:]}")
        self.error.show()
        self.shown.setText("")
        self.groups.hide()
        self.legend.show_counts([0, 0, 0])
        self.table.show_parts(self._index.classes, np.zeros((len(self._index.classes), 3), dtype=np.int64))

    # Hands

    def accept(self) -> None:
        plan = self.plan()
        guarded(self._session, lambda: self._session.dataset.set_plan(plan))
        super().accept()

    def _label(self) -> None:
        """Labels come first."""
        from workbench.gui.data.layout_dialog import LayoutDialog

        session, parent = self._session, self.parentWidget()
        self.reject()
        LayoutDialog(session, parent).open()

    def done(self, result: int) -> None:
        self._asked += 1  # what still waits needn't be computed
        self._background.close()
        super().done(result)


def balanced(shares: list[int], changed: int) -> list[int]:
    """Shares that sum to 100: the test part gives and takes first, then validation, then training.

    The one at place `changed` keeps its value as far as the others can keep 1 each.
    """
    out = list(shares)
    out[changed] = min(max(out[changed], 1), 98)
    others = [place for place in (2, 1, 0) if place != changed]
    if changed == 2:
        others = [0, 1]
    surplus = sum(out) - 100
    for place in others:
        given = min(surplus, out[place] - 1)  # negative: it takes all that is missing
        out[place] -= given
        surplus -= given
    return out


def whole_shares(fractions: tuple[float, float, float]) -> list[int]:
    """The fractions in whole per cents that sum to 100."""
    train, val = (min(max(round(100 * share), 1), 98) for share in fractions[:2])
    return balanced([train, val, 100 - train - val], 0)


def official_counts(index: ImageIndex) -> tuple[int, int, int, int]:
    """Labelled images whose official part is train, validation, test, or none."""
    part = index.part[index.label >= 0]
    train, val, test = (int((part == number).sum()) for number in range(3))
    return train, val, test, int((part < 0).sum())


def _official(counts: tuple[int, int, int, int]) -> str:
    train, val, test, rest = counts
    if not train + val + test:
        return 'No image has an official part. A label table with a column "split" gives them: see Labels and groups.'
    told = f"{train:,} train, {val:,} validation, {test:,} test."
    missing = [name for name, number in (("validation", val), ("test", test)) if not number]
    if missing and train:
        verb = "part is" if len(missing) == 1 else "parts are"
        told += f" The missing {' and '.join(missing)} {verb} drawn from training."
    if rest:
        told += (
            f" {count(rest, 'image')} without a part {'takes' if rest == 1 else 'take'} no part in a score."
        )
    return told


def _shown(plan: SplitPlan, grouped: bool) -> str:
    kept = "; no group is in two parts" if grouped and plan.kind != "official" else ""
    if plan.kind == "folds":
        return f"Shown: the first of {plan.folds} folds as the test part{kept}."
    if plan.kind == "official":
        return "Shown: the parts of the table, and what seed 0 draws where one is missing."
    return f"Shown: the split of seed 0{kept}."


def _opened(openings: int) -> str:
    if not openings:
        return "The test part has not been opened yet."
    times = "once" if openings == 1 else f"{openings:,} times"
    return (
        f"The test part was opened {times} under the present split. Another split after a look at the test is a "
        "choice: tell it with the scores."
    )


def _add(card: Card, *parts: object) -> None:
    """A block of the card: its head, then the rest indented under it."""
    column = QVBoxLayout()
    column.setSpacing(6)
    for number, part in enumerate(parts):
        line = QHBoxLayout()
        line.setContentsMargins(24 if number else 0, 0, 0, 0)
        if isinstance(part, QRadioButton):
            line.addWidget(part)
            line.addStretch(1)
        elif isinstance(part, QWidget):
            line.addWidget(part, 1)
        else:
            line.addLayout(part, 1)  # type: ignore[call-overload]
        column.addLayout(line)
    card.body.addLayout(column)
    card.body.addSpacing(8)
