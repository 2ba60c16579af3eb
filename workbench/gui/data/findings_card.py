"""What is wrong with the images, in words, each with the way to mend it. Hidden while nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from workbench.gui.dataset_facts import DatasetFacts
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, label
from workbench.records.results import Finding
from workbench.records.text import count

THIN = 5  # test images of a class, below which its recall means little

Actions = Mapping[str, tuple[str, Callable[[], object]]]  # a finding's name -> what its link says and does


class FindingsCard(Card):
    """One line a finding: a word, a sentence, a link."""

    def __init__(self, actions: Actions) -> None:
        super().__init__("Worth knowing")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._actions = actions
        self._lines: list[QWidget] = []
        self.links: list[QWidget] = []  # of the findings that have one
        self.body.setSpacing(6)

    def show_facts(self, facts: DatasetFacts) -> None:
        for line in self._lines:
            line.hide()
            line.deleteLater()
        self._lines, self.links = [], []
        for finding in all_findings(facts):
            self._add(finding)
        self.setVisible(bool(self._lines))

    def _add(self, finding: Finding) -> None:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(Chip(finding.name, finding.severity, finding.advice), 0, Qt.AlignmentFlag.AlignTop)
        told = label(_short(finding.advice), wrap=True, tip=finding.advice)
        row.addWidget(told, 1)
        link, run = self._actions.get(finding.name, ("", None))
        if run is not None:
            made = button(link, run, kind="link")
            made.setAccessibleName(f"{link}: {_short(finding.advice)}")
            row.addWidget(made, 0, Qt.AlignmentFlag.AlignTop)
            self.links.append(made)
        self.body.addWidget(line)
        self._lines.append(line)


def all_findings(facts: DatasetFacts) -> list[Finding]:
    """What the files, the table, the copies, the pool and the split have to say; the gravest first."""
    found = []
    if facts.moved:
        sentence = (
            "A folder of images is not where it was. Say where it is now; what was computed stays valid."
        )
        found.append(Finding(name="moved", severity="bad", advice=sentence))
    if facts.refused:
        sentence = f"{count(facts.refused, 'file')} can't be used. Each is listed with its reason."
        found.append(Finding(name="refused", severity="bad", advice=sentence))
    if facts.images and not facts.labelled:
        sentence = "No image has a label. Folders can tell them, or a table (CSV) with a row for each file."
        found.append(Finding(name="no labels", severity="warn", advice=sentence))
    elif facts.labelled and sum(size > 0 for size in facts.class_sizes) < 2:
        sentence = (
            "All labels are the same. A comparison needs two classes; folders or a table can tell them."
        )
        found.append(Finding(name="one class", severity="warn", advice=sentence))
    if facts.group_hint:
        sentence = (
            "Many file names begin alike, as by patient or lot. If pictures of one thing share that part, make it "
            "the group: else they lie in train and in test."
        )
        found.append(Finding(name="groups", severity="warn", advice=sentence))
    if facts.official:
        sentence = "The label table gives an official split, which is not in use. See Split."
        found.append(Finding(name="official split", severity="info", advice=sentence))
    if facts.unmatched:
        sentence = f"{count(facts.unmatched, 'row')} of the label table did not count. See which and why."
        found.append(Finding(name="table", severity="warn", advice=sentence))
    if facts.unlisted:
        sentence = (
            f"{count(facts.unlisted, 'image')} without a row in the label table. They count as unlabelled."
        )
        found.append(Finding(name="not listed", severity="info", advice=sentence))
    if facts.pool_copies:
        sentence = (
            f"{count(len(facts.pool_copies), 'image')} of the pool are copies of labelled images. Pretraining on "
            "them would have seen the test; take them out of the pool."
        )
        found.append(Finding(name="pool", severity="bad", advice=sentence))
    if facts.duplicate_sets and not facts.leaks:
        sentence = (
            f"{count(facts.duplicate_sets, 'set')} of copies, all held together. They weigh more than others."
        )
        found.append(Finding(name="copies", severity="info", advice=sentence))
    if facts.left_out or facts.ignored:
        sentence = (
            f"{count(facts.left_out + facts.ignored, 'image')} left out by you. They can be brought back."
        )
        found.append(Finding(name="left out", severity="info", advice=sentence))
    found += [*facts.findings, *_thin(facts)]
    order = {"bad": 0, "warn": 1, "info": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def _thin(facts: DatasetFacts) -> list[Finding]:
    """Classes whose recall rests on a handful of test images."""
    if not len(facts.parts):
        return []
    thin = int(((facts.parts[:, 2] < THIN) & (facts.parts.sum(axis=1) > 0)).sum())
    if not thin:
        return []
    sentence = (
        f"{count(thin, 'class', 'classes')} with under {THIN} test images. Each of them moves the class's recall by "
        "a fifth or more."
    )
    return [Finding(name="thin test", severity="warn", advice=sentence)]


def _short(advice: str) -> str:
    """The first sentence, without its stop."""
    return advice.partition(". ")[0].rstrip(".").replace(" %", "\u00a0%")
