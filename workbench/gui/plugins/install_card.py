"""Installing and removing: what is asked for, what would change, and whether that may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QProgressBar,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.plain_text import set_tip
from workbench.gui.plugins.store import PluginStore
from workbench.gui.plugins.words import brings
from workbench.gui.tray import LogDialog
from workbench.gui.widgets.buttons import button, menu_button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, PlainLabel, label
from workbench.plugin_install.plan import Change, Plan
from workbench.records.plugins import KINDS
from workbench.records.text import count, printable

TRUST = (
    "A plugin is a program and may do whatever you may: install what you trust. Nothing is looked for on the network "
    "before you are asked."
)
FILES = "Wheels and Python files (*.whl *.py)"
LEAST, MOST = 84, 320  # px of the part that scrolls


class InstallCard(Card):
    """Shows the store's installation. `why_wait` says why packages in use can't be replaced now, or ""."""

    def __init__(self, store: PluginStore, why_wait: Callable[[], str]) -> None:
        super().__init__("Install a plugin")
        self._store, self._why_wait = store, why_wait
        self.setAcceptDrops(True)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Wheel, folder, Python file, or the name of a package")
        self.field.setAccessibleName("What to install")
        self.field.setClearButtonEnabled(True)
        set_tip(
            self.field,
            "A wheel (.whl), a folder with a pyproject.toml, a single .py file, or a package's name such as "
            "my-plugin or my-plugin==1.2. Wheels that lie beside a wheel are taken where it needs them.",
        )
        self.field.returnPressed.connect(self.preview)
        menu = QMenu(self)
        menu.addAction("Wheel or Python file…", self._browse_file)
        menu.addAction("Folder…", self._browse_folder)
        self.browse = menu_button("Browse…", menu, tip="Choose a wheel, a Python file or a folder")
        self.preview_button = button(
            "Preview", self.preview, tip="See what would change. Nothing is changed yet."
        )
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        row.addWidget(self.browse)
        row.addWidget(self.preview_button)
        self.body.addLayout(row)
        self.trust = label(TRUST, "caption", wrap=True)
        self.body.addWidget(self.trust)
        self._running = _Running(store.stop)
        self.body.addWidget(self._running)
        self.told = QWidget()
        self._told_column = QVBoxLayout(self.told)
        self._told_column.setContentsMargins(0, 4, 0, 0)
        self._told_column.setSpacing(8)
        self.subject = label("", "strong", wrap=True)
        self.verdict = Chip()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.verdict, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.subject, 1)
        self._told_column.addLayout(head)
        self.sentence = label("", wrap=True)
        self._told_column.addWidget(self.sentence)
        self.changes = _Changes()
        self._told_column.addWidget(self.changes)
        self.notes = label("", "dim", wrap=True)
        self._told_column.addWidget(self.notes)
        self.go = button("Install", self._go, kind="primary")
        self.network = button(
            "Ask the network",
            store.ask_network,
            kind="primary",
            tip="Asks the package index that pip is set up for. What is found is shown before anything is installed.",
        )
        self.log_button = button("What pip said", self._show_log, icon_name="log")
        self.drop = button("Cancel", self._drop)
        actions = QHBoxLayout()
        actions.setSpacing(8)
        for made in (self.go, self.network, self.log_button, self.drop):
            actions.addWidget(made)
        actions.addStretch(1)
        self._told_column.addLayout(actions)
        self.body.addWidget(self.told)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        store.work_changed.connect(self.refresh)
        self.refresh()

    # Asking

    def preview(self) -> None:
        if self.field.text().strip() and not self._store.working:
            self._store.preview(self.field.text())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        self._take(paths[0] if paths else "")

    def _browse_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Choose a wheel or a Python file", str(Path.home()), FILES
        )
        self._take(chosen)

    def _browse_folder(self) -> None:
        self._take(QFileDialog.getExistingDirectory(self, "Choose a plugin's folder", str(Path.home())))

    def _take(self, chosen: str) -> None:
        if chosen and not self._store.working:
            self.field.setText(chosen)
            self.preview()

    def _go(self) -> None:
        self._store.carry_out()

    def _drop(self) -> None:
        self._store.drop()
        self.field.setFocus()

    def _show_log(self) -> None:
        LogDialog("pip", self._store.log, self).show()

    # Showing

    def refresh(self) -> None:
        store = self._store
        plan = store.plan if not store.working else None
        for widget in (self.field, self.browse, self.preview_button):
            widget.setEnabled(not store.working)
        self.trust.setVisible(not store.working and plan is None and not store.failure)
        self._running.show_words(store.words, store.stoppable)
        self.told.setVisible(plan is not None or bool(store.failure and not store.working))
        if plan is not None:
            self._show_plan(plan)
        elif store.failure:
            self._show_failure()
        self._told_column.invalidate()  # Qt doesn't while it is hidden
        self.updateGeometry()

    def _show_failure(self) -> None:
        self.verdict.set("not possible", "bad")
        self._say("It can't be installed", self._store.failure)
        self.changes.show_changes(())
        self.changes.hide()
        self.notes.hide()
        self._offer(log=bool(self._store.log))

    def _show_plan(self, plan: Plan) -> None:
        name = f"{printable(plan.plugin)} {plan.version}".strip() or plan.what
        adding = plan.action == "install"
        if plan.refused:
            self.verdict.set("refused", "bad")
            self._say(name, plan.refused)
        elif plan.missing:
            self.verdict.set("network needed", "warn")
            self._say(name, plan.lack)
        else:
            self.verdict.set("fits" if adding else "removal", "good" if adding else "warn")
            self._say(name, _effect(plan))
        shown = () if plan.missing else plan.changes
        self.changes.show_changes(shown)
        self.changes.setVisible(bool(shown))
        self.notes.setText(" ".join(plan.notes))
        self.notes.setVisible(bool(plan.notes) and plan.ready)
        wait = self._why_wait() if plan.ready and plan.replaces else ""
        self.go.setText("Install" if adding else "Remove")
        self.go.setEnabled(not wait)
        set_tip(self.go, wait or "Exactly what is shown here is done.")
        if wait:
            self.notes.setText(f"{self.notes.text()} {wait}".strip())
            self.notes.show()
        self._offer(go=plan.ready, network=bool(plan.missing) and not plan.network)

    def _say(self, head: str, sentence: str) -> None:
        self.subject.setText(head)
        self.sentence.setText(sentence)

    def _offer(self, *, go: bool = False, network: bool = False, log: bool = False) -> None:
        self.go.setVisible(go)
        self.network.setVisible(network)
        self.log_button.setVisible(log)
        self.drop.setText("Cancel" if go or network else "Close")


class _Running(QWidget):
    """What is being done, and a way to stop it."""

    def __init__(self, stop: Callable[[], object]) -> None:
        super().__init__()
        self.words = label("")
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.stop = button(
            "Stop", stop, icon_name="stop", tip="Nothing was changed yet, and nothing will be."
        )
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(self.words)
        column.addWidget(self.bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 0)
        row.setSpacing(12)
        row.addLayout(column, 1)
        row.addWidget(self.stop)

    def show_words(self, words: str, stoppable: bool) -> None:
        self.words.setText(f"{words}…" if words else "")
        self.stop.setVisible(stoppable)
        self.setVisible(bool(words))


class _Changes(QScrollArea):
    """A line for each package: its version now and afterwards. It scrolls where there are many."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("What would change in the environment")
        self.lines: list[str] = []

    def show_changes(self, changes: tuple[Change, ...]) -> None:
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(3, 1)
        heads = ("Package", "Now", "Afterwards", "")
        for column, head in enumerate(heads):
            grid.addWidget(label(head, "caption"), 0, column)
        self.lines = []
        for row, change in enumerate(changes, start=1):
            words = _row(change)
            self.lines.append("  ".join(words))
            for column, word in enumerate(words):
                shown: PlainLabel = label(word, "" if column in (0, 2) else "dim")
                grid.addWidget(shown, row, column)
        grid.setRowStretch(len(changes) + 1, 1)
        self.setWidget(inside)
        wanted = inside.sizeHint().height()
        self.setMinimumHeight(min(wanted, LEAST))
        self.setMaximumHeight(wanted)

    def sizeHint(self) -> QSize:
        return QSize(200, min(self.maximumHeight(), MOST))


def _row(change: Change) -> tuple[str, str, str, str]:
    if not change.before:
        what = "new"
    elif not change.after:
        what = "goes"
    elif change.same:
        what = "installed again"
    else:
        what = "used by the program" if change.program else "replaced"
    return printable(change.package), change.before or "–", change.after or "–", what


def _effect(plan: Plan) -> str:
    """ "It brings 2 methods: vicreg, barlow_twins. One package is new." """
    names = ", ".join(name for kind in KINDS for name in plan.provides.get(kind, {}))
    told = brings(plan.provides)
    if plan.action == "remove":
        return f"What it brings goes with it: {names}." if names else ""
    new = sum(not change.before for change in plan.changes)
    again = sum(change.same for change in plan.changes)
    changed = len(plan.changes) - new - again
    parts = [
        count(new, "new package") if new else "",
        f"{changed} replaced" if changed else "",
        f"{again} installed again" if again else "",
    ]
    told_changes = ", ".join(part for part in parts if part)
    return f"It brings {told}: {names}." + (f" In the environment: {told_changes}." if told_changes else "")
