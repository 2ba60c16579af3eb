"""What is wrong with the images, in words, each with the way to see it. Hidden while nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from workbench.gui.dataset_facts import DatasetFacts
from workbench.gui.glossary import tip
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, ElidedLabel
from workbench.records.text import count

IMBALANCE = 3.0  # largest class over smallest, from which it is worth a word
THIN = 5  # test images of a class, below which its recall means little


class FindingsCard(Card):
    """One line a finding: a word, a sentence, a link."""

    def __init__(self, show_refused: Callable[[], object], show_duplicates: Callable[[], object]) -> None:
        super().__init__("Worth knowing")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._show_refused, self._show_duplicates = show_refused, show_duplicates
        self._lines: list[QWidget] = []
        self.body.setSpacing(6)

    @property
    def num_findings(self) -> int:
        return len(self._lines)

    def show_facts(self, facts: DatasetFacts) -> None:
        for line in self._lines:
            line.hide()
            line.deleteLater()
        self._lines = []
        if facts.refused:
            sentence = f"{count(facts.refused, 'file')} can't be used"
            self._add("refused", "bad", sentence, "", "Show", self._show_refused)
        if facts.leaks:
            sentence = f"{count(facts.leaks, 'set')} of copies in two parts"
            self._add("leak", "bad", sentence, tip("leak"), "Show", self._show_duplicates)
        elif facts.duplicate_sets:
            sentence = f"{count(facts.duplicate_sets, 'set')} of identical files"
            self._add("duplicates", "warn", sentence, tip("duplicate"), "Show", self._show_duplicates)
        self._add_class_findings(facts)
        self.setVisible(bool(self._lines))

    def _add_class_findings(self, facts: DatasetFacts) -> None:
        sizes = [size for size in facts.class_sizes if size]
        if len(sizes) > 1 and max(sizes) >= IMBALANCE * min(sizes):
            ratio = max(sizes) / min(sizes)
            self._add("imbalance", "warn", f"largest class {ratio:.0f}× the smallest", tip("macro-F1"))
        thin = (
            int(((facts.parts[:, 2] < THIN) & (facts.parts.sum(axis=1) > 0)).sum()) if len(facts.parts) else 0
        )
        if thin:
            sentence = f"{count(thin, 'class', 'classes')} with under {THIN} test images"
            self._add("thin class", "warn", sentence, tip("recall"))

    def _add(
        self,
        word: str,
        severity: str,
        sentence: str,
        why: str,
        link: str = "",
        run: Callable[[], object] | None = None,
    ) -> None:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(Chip(word, severity, why))
        told = ElidedLabel(sentence)
        told.set_tip(why)
        row.addWidget(told, 1)
        if link and run is not None:
            made = button(link, run, kind="link")
            made.setAccessibleName(f"{link}: {sentence}")
            row.addWidget(made)
        self.body.addWidget(line)
        self._lines.append(line)
