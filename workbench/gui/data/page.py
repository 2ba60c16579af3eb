"""The Data page: facts on the left, the images on the right, or the invitation to choose a folder."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.commands import Command
from workbench.gui.data.actions import PLACE_ID, DataActions
from workbench.gui.data.class_edits import ClassChanges, ClassEdits
from workbench.gui.data.class_list import EVERYTHING, ClassList
from workbench.gui.data.findings_card import Actions, FindingsCard
from workbench.gui.data.glance_card import GlanceCard
from workbench.gui.data.images_card import ImagesCard
from workbench.gui.data.parts_legend import PartsLegend
from workbench.gui.data.regime_card import RegimeCard
from workbench.gui.dataset_facts import DatasetFacts, watcher_of
from workbench.gui.glossary import tip
from workbench.gui.plain_text import set_tip
from workbench.gui.project_commands import open_folder
from workbench.gui.theme import restyle
from workbench.gui.tray import numbers
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card, EmptyState, Page
from workbench.records.index import NO_CODE
from workbench.records.runs import ENDED
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.gui.commands import Commands
    from workbench.gui.session import Session

SIDE_WIDTH = 368  # px of the column of facts
QUESTION = "Which images is this about?"


class DataPage(Page):
    """Rebuilt from the session whenever its index changes."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__(QUESTION)
        self._session, self._commands = session, commands
        self._watcher = watcher_of(session)
        self._shown_index: object = None
        self.setAcceptDrops(True)
        self.images = ImagesCard(session)
        self.classes = ClassList("label")
        self.groups = ClassList("group")
        self.edits = ClassEdits(self.classes, session)
        self.changes = ClassChanges(session)
        self.regime = RegimeCard()
        self.glance = GlanceCard()
        self.actions = DataActions(session, self)
        self.actions.register(commands)
        commands.add(
            Command(
                id="data.label",
                title="Label images…",
                run=self.label,
                why_not=lambda: "" if session.index is not None else "Choose an image folder first.",
                help="The images without a label, and the table that tells them",
                place=PLACE_ID,
            )
        )
        self.findings = FindingsCard(self._links())
        self.empty = EmptyState(
            "Choose a folder of images",
            "Take a folder with one folder for each class, or drop it here. Images without labels are "
            "welcome too. Nothing is copied, changed or sent anywhere.",
            (
                ("Choose image folder…", lambda: self._run("project.open"), "primary"),
                ("Open the sample project", lambda: self._run("project.sample"), ""),
            ),
            "folder",
        )
        self.waiting = _Waiting()
        self._lay_out()
        self._add_tools()
        self.images.refused_asked.connect(self.actions.refused)
        self.images.left_out_asked.connect(self.actions.left_out)
        self.classes.chosen.connect(lambda code, name: self._filter(self.classes, code, name))
        self.groups.chosen.connect(lambda code, name: self._filter(self.groups, code, name))
        self.images.shown.connect(self._mark)
        self.images.folders_asked.connect(self.actions.folders)
        session.dataset_changed.connect(self.refresh)
        session.jobs_changed.connect(self._show_state)
        session.job_progressed.connect(self._on_progress)
        session.project_changed.connect(self.refresh)
        self._watcher.changed.connect(self._show_facts)
        self.refresh()
        self._show_facts()

    def _lay_out(self) -> None:
        self.class_card = Card("Classes")
        self.legend = PartsLegend()
        self.class_card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.class_card.body.addWidget(self.legend)
        self.class_card.body.addWidget(self.classes)
        self.class_card.body.addWidget(self.changes)
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self.group_card = Card("Groups")
        self.group_card.title.set_tip(tip("group"))
        self.group_card.body.addWidget(self.groups)
        column.addWidget(self.regime)
        column.addWidget(self.findings)
        column.addWidget(self.class_card)
        column.addWidget(self.glance)
        column.addWidget(self.group_card, 1)
        column.addStretch(0)
        self._side = area = QScrollArea()
        area.setWidget(side)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFixedWidth(SIDE_WIDTH)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        ready = QWidget()
        row = QHBoxLayout(ready)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(area)
        row.addWidget(self.images, 1)
        self._pages = QStackedWidget()
        self._empty_card = Card()
        self._empty_card.body.addWidget(self.empty)
        self._waiting_card = Card()
        self._waiting_card.body.addWidget(self.waiting)
        self._ready = ready
        for page in (self._empty_card, self._waiting_card, ready):
            self._pages.addWidget(page)
        self.body.addWidget(self._pages, 1)

    def _add_tools(self) -> None:
        actions = self.actions
        self.add_tool(button("Folders…", actions.folders, tip=tip("unlabelled pool")))
        self.add_tool(button("Labels and groups…", actions.layout, tip=tip("label", "group")))
        self.add_tool(button("Pixels…", actions.pixels, tip="Intensity window, channels and pages"))
        self.add_tool(button("Split…", actions.split, tip=tip("split")))
        self.add_tool(button("Copies…", actions.copies, tip=tip("duplicate", "leak")))
        self.next = button("Choose backbones", self._go_on, kind="primary")
        self.add_tool(self.next, right=True)

    def _links(self) -> Actions:
        """What each finding leads to."""
        actions = self.actions
        return {
            "moved": ("Find…", actions.folders),
            "refused": ("Show", actions.refused),
            "table": ("Show", actions.layout),
            "not listed": ("Show", actions.layout),
            "pool": ("Mend…", actions.copies),
            "leak": ("Mend…", actions.copies),
            "two labels": ("Show", actions.copies),
            "copies": ("Show", actions.copies),
            "no labels": ("Label…", self.label),
            "one class": ("Label…", actions.layout),
            "groups": ("Group…", actions.group_by_name),
            "official split": ("Use…", actions.official_split),
            "left out": ("Show", actions.left_out),
            "dark": ("Choose…", actions.pixels),
            "saturated": ("Show", lambda: self.images.show_only("saturated")),
            "small class": ("Label…", actions.layout),
            "one group": ("Change…", actions.layout),
            "dominant group": ("Change…", actions.split),
            "few groups": ("Choose…", actions.split),
            "no official part": ("Choose…", actions.split),
            "too many folds": ("Choose…", actions.split),
            "thin test": ("Choose…", actions.split),
        }

    # What is shown

    def refresh(self) -> None:
        """Another index, or none."""
        index = self._session.index
        if index is not self._shown_index:
            self._shown_index = index
            self.classes.show_index(index, None)
            self.groups.show_index(index, None)
            self.images.set_index(index)
        else:
            self.images.refresh_files()
        self._show_state()

    def _show_state(self) -> None:
        ready = self._session.index is not None
        job = self._reading()
        if ready:
            page: QWidget = self._ready
        else:
            page = self._waiting_card if job is not None else self._empty_card
        moved = page is not self._pages.currentWidget()
        focused = self.isAncestorOf(QApplication.focusWidget() or self)
        self._pages.setCurrentWidget(page)
        if moved and focused:
            self.setFocus()
        self.show_tools(ready)
        index = self._session.index
        self.next.setVisible(bool(index) and "go.models" in {command.id for command in self._commands.all()})
        self.next.setText("Label the images…" if self._lacks_labels() else "Choose backbones")
        set_tip(self.next, tip("label") if self._lacks_labels() else tip("backbone"))
        self._side.setVisible(bool(index))
        self.class_card.setVisible(bool(index and index.classes) or bool(self.changes.changes()))
        if not ready and job is None:
            self.set_heading(QUESTION, "One folder of images is all it takes to begin.")
        elif not ready:
            self.set_heading(
                printable(job.title) if job else "", "The images are listed, checked and hashed once."
            )
            self._on_progress("")
        else:
            self._show_heading(self._watcher.facts)

    def _reading(self):  # type: ignore[no-untyped-def]
        """The job that makes the images ready, if one is under way."""
        jobs = [job for job in self._session.jobs if job.kind in ("index", "sample")]
        return next((job for job in jobs if job.status.state not in ENDED), None)

    def _on_progress(self, _: str) -> None:
        job = self._reading()
        if self._session.index is None and job is not None:
            self.waiting.show_progress(
                job.status.done, job.status.total, numbers(job.status), job.status.detail
            )

    def _show_facts(self) -> None:
        facts = self._watcher.facts
        index = self._session.index
        self.classes.show_index(index, facts)
        self.groups.show_index(index, facts)
        self.group_card.setVisible(bool(facts.groups))
        self.legend.show_counts([int(part) for part in facts.parts.sum(axis=0)])
        self.regime.show_regime(facts.regime)
        self.glance.show_facts(facts, index)
        self.findings.show_facts(facts)
        if index is not None:
            self._show_heading(facts)
        self._order_tabs()

    def _order_tabs(self) -> None:
        """Tab goes as the eye does: tools, facts, what is above the images, the images. Findings come and go."""
        bar, images = self.images.bar, self.images
        links = [bar.links.itemAt(place).widget() for place in range(bar.links.count())]
        parts: tuple[QWidget, ...] = (*self.findings.links, self.classes, self.changes.back, self.groups)
        chain = [
            self.next,
            *parts,
            images.clear,
            images.slider,
            bar.choose,
            bar.search,
            *links,
            bar.sort,
            images.grid,
        ]
        for before, after in pairwise(chain):
            QWidget.setTabOrder(before, after)

    def _show_heading(self, facts: DatasetFacts) -> None:
        index = self._session.index
        assert index is not None
        labelled, classes = len(index.labelled()), len(index.classes)
        if not len(index):
            heading = "No image in this folder can be used"
        elif not labelled:
            heading = f"{count(len(index), 'image')} without labels"
        elif classes < 2:
            heading = f"{count(labelled, 'image')}, all of one class: a comparison needs two"
        elif facts.moved:
            heading = (
                f"{count(labelled, 'image')} in {count(classes, 'class', 'classes')}, not where they were"
            )
        else:
            heading = f"{count(labelled, 'image')} in {count(classes, 'class', 'classes')} are ready"
        parts = [self._session.dataset.title]
        if labelled and labelled < len(index):
            parts.append(f"{count(len(index) - labelled, 'image')} without a label")
        if index.refused:
            parts.append(f"{count(len(index.refused), 'file')} refused")
        self.set_heading(heading, " · ".join(parts))

    # Hands

    def setFocus(self, reason: Qt.FocusReason = Qt.FocusReason.OtherFocusReason) -> None:  # type: ignore[override]
        """To the images, or to the first step. With a focus proxy, Tab would jump over all that stands before it."""
        ready = self._pages.currentWidget() is self._ready
        (self.images.grid if ready else self.empty.buttons[0]).setFocus(reason)

    def _lacks_labels(self) -> bool:
        index = self._session.index
        return index is not None and len(index.classes) < 2

    def label(self) -> None:
        """Show the images without a label and ask what tells them; where every one has one, ask for more images."""
        index = self._session.index
        if index is None:
            return
        labelled = len(index.labelled())
        if labelled < len(index):
            if labelled:
                self.images.show_coded("label", NO_CODE, "")
            self.actions.label()
        elif self._lacks_labels():
            self.actions.label()
        else:
            self._session.message.emit(
                "info",
                "Every image here has a label. Add a folder with new ones, or put them into those that there are.",
            )
            self.actions.folders()

    def _go_on(self) -> None:
        """The next step: backbones, or first what they are to tell apart."""
        if self._lacks_labels():
            self.label()
        else:
            self._run("go.models")

    def _filter(self, source: ClassList, code: int, name: str) -> None:
        """One list filters at a time; `_mark` shows which."""
        self.images.show_coded(source.column, code, name)

    def _mark(self) -> None:
        """Let the lists show the filter that is in force, wherever it was chosen."""
        chosen = self.images.bar.filter
        elsewhere = chosen.label or chosen.group or self.images.has_base
        label = chosen.label[0] if len(chosen.label) == 1 else None
        self.classes.mark(label if elsewhere else EVERYTHING)
        self.groups.mark(chosen.group[0] if len(chosen.group) == 1 else None)

    def _run(self, identifier: str) -> None:
        reason = self._commands.run(identifier)
        if reason:
            self._session.message.emit("warn", reason)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _folder_of(event) is not None:
            event.acceptProposedAction()
            restyle(self._empty_card, notice=True)

    def dragLeaveEvent(self, event: object) -> None:
        restyle(self._empty_card, notice=False)

    def dropEvent(self, event: QDropEvent) -> None:
        restyle(self._empty_card, notice=False)
        folder = _folder_of(event)
        if folder is not None:
            event.acceptProposedAction()
            open_folder(self._session, folder)


class _Waiting(QWidget):
    """The first folder is being read: how far, and what comes next."""

    def __init__(self) -> None:
        super().__init__()
        self.state = EmptyState("Reading the images", "", (), "data")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumWidth(420)
        self.bar.setAccessibleName("Progress of reading the images")
        column = QVBoxLayout(self)
        column.addStretch(1)
        column.addWidget(self.state)
        column.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        self.bar.setMinimumWidth(420)

    def show_progress(self, done: int, total: int, text: str, detail: str) -> None:
        self.state.set(
            "Reading the images", " · ".join(part for part in (text, detail) if part) or "Starting…"
        )
        self.bar.setRange(0, 1000 if total else 0)
        self.bar.setValue(round(1000 * done / total) if total else 0)


def _folder_of(event: QDropEvent) -> Path | None:
    """The one folder that is being dragged, if it is one."""
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.is_dir() else None
