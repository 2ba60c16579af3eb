"""The facts that matter everywhere: data set, pool, split, how often the test was opened, leaks, memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout

from workbench.gui.dataset_facts import DatasetFacts
from workbench.gui.glossary import tip
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import Chip, ElidedLabel, Fact
from workbench.records.runs import ACTIVE
from workbench.records.text import count

if TYPE_CHECKING:
    from workbench.gui.session import Session

HEIGHT = 48  # px
SEARCH, SHORT = "Search commands  Ctrl K", "Ctrl K"


class TopBar(QFrame):
    """Reads the session; `search` is the button that opens the palette."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setObjectName("topBar")
        self.setFixedHeight(HEIGHT)
        self.name = ElidedLabel("", "title")
        self.name.set_floor(160)
        self.data = Fact()
        self.pool = Fact()
        self.split = Fact()
        self.leaks = Chip()
        self.device = Fact()
        self.search = button(SEARCH, tip="Find anything that can be done, by its name (Ctrl+K)")
        self.search.setAccessibleName("Search commands")
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(12)
        row.addWidget(self.name)
        for widget in (self.data, self.pool, self.split, self.leaks):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.device)
        row.addWidget(self.search)
        session.project_changed.connect(self.refresh_name)
        session.backbones_changed.connect(self.refresh_device)
        session.jobs_changed.connect(self.refresh_device)
        session.job_progressed.connect(self.refresh_device)
        self.show_facts(DatasetFacts())
        self.refresh_name()
        self.refresh_device()

    def refresh_name(self) -> None:
        project = self._session.project
        self.name.setText(self._session.settings.name if project else "SSL workbench")
        self.name.set_tip(str(project.folder) if project else "")
        self._fit()

    def show_facts(self, facts: DatasetFacts) -> None:
        """After the index, the split or the number of test openings has changed."""
        parts = []
        if facts.labelled:
            parts = [f"**{facts.labelled:,}** labelled", _bold(len(facts.classes), "class", "classes")]
            if facts.groups:
                parts.append(_bold(facts.groups, "group"))
        elif facts.images:
            parts = [f"**{facts.images:,}** images without labels"]
        self.data.set(" · ".join(parts), tip("label", "class", "group"))
        self.pool.set(f"**{facts.pool:,}** unlabelled" if facts.pool else "", tip("unlabelled pool"))
        opened = self._session.test_openings
        if facts.split_hash:
            self.split.set(
                f"split **{facts.split_hash[:4]}** · test opened **{opened}×**", tip("split", "test openings")
            )
        else:
            self.split.set("")
        self.leaks.setVisible(bool(facts.leaks or facts.duplicate_sets))
        if facts.leaks:
            self.leaks.set(count(facts.leaks, "leak"), "bad", tip("leak"))
        elif facts.duplicate_sets:
            self.leaks.set(f"{count(facts.duplicate_sets, 'set')} of copies", "neutral", tip("duplicate"))
        self._fit()

    def refresh_device(self, *_: object) -> None:
        """The memory of a running job's device is newer than what was found at the start."""
        facts = self._session.devices
        memory, name = facts.get("memory"), _device(str(facts.get("device", "")))
        for job in self._session.jobs:
            if job.status.state in ACTIVE and job.status.memory:
                memory = job.status.memory
                name = _device(job.status.device) or name
        if not memory or not memory[1]:
            self.device.set("")
        else:
            used, total = (value / 2**30 for value in memory)
            self.device.set(
                f"{name or 'Device'} · **{used:.1f}** / {total:.0f} GB", str(facts.get("name", ""))
            )
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Nothing is cut: where there is little room the button shortens, then what Data tells anyway goes."""
        self.search.setText(SEARCH)
        for fact in (self.pool, self.data):
            fact.give_room(True)
        for spare in (
            lambda: self.search.setText(SHORT),
            lambda: self.pool.give_room(False),
            lambda: self.data.give_room(False),
        ):
            if self._row.totalMinimumSize().width() <= self.width():
                return
            spare()


def _device(name: str) -> str:
    """ "cuda:1" as people say it: "GPU 1"."""
    return name.upper().replace("CUDA", "GPU").replace(":", " ")


def _bold(number: int, noun: str, plural: str | None = None) -> str:
    return f"**{number:,}** {count(number, noun, plural).split(' ', 1)[1]}"
