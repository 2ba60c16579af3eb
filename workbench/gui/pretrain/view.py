"""The Pretrain place: what the next run will be, or the run that is looked at."""

from __future__ import annotations

from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from workbench.gui.commands import Commands
from workbench.gui.compare.panes import Scrolled
from workbench.gui.pretrain.commands import (
    BRANCH,
    COMPARE,
    CONTINUE,
    NEW,
    PAUSE,
    RUNS,
    START,
    STOP,
    RunActions,
)
from workbench.gui.pretrain.live import LivePage
from workbench.gui.pretrain.plan import Plan
from workbench.gui.pretrain.setup import SetupPage
from workbench.gui.pretrain.words import architecture_words, images_words, start_words
from workbench.gui.session import Session
from workbench.gui.widgets.buttons import CommandButton, command_button, set_icon
from workbench.gui.widgets.cards import Card, EmptyState, Page
from workbench.records.runs import ENDED
from workbench.records.text import count, printable

QUESTION = "Let a backbone learn from your own images"
MODE = "pretrain.page"  # "setup" or "live", as it was left


class PretrainView(Page):
    """Shows one of three pages: nothing to learn from, the next run, a run."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__(QUESTION)
        self.session, self.commands = session, commands
        self.plan = Plan(session)
        self.setup = SetupPage(session, self.plan)
        self.live = LivePage(session)
        self.actions_ = RunActions(self)
        self.destroyed.connect(commands.add_all(self.actions_.listed()))
        self._live = False
        self._build_tools()
        self.empty = Scrolled()
        self.empty_state = EmptyState(
            "Nothing to learn from yet",
            "Pretraining needs images, and no labels. Choose the folder of your images, or a pool of unlabelled "
            "ones. Nothing is copied or sent anywhere.",
            (
                ("Choose image folder…", lambda: commands.run("project.open"), "primary"),
                ("Choose unlabelled pool…", lambda: commands.run("project.pool"), ""),
                ("Open the sample project", lambda: commands.run("project.sample"), ""),
            ),
            "pretrain",
        )
        card = Card()
        card.body.addWidget(self.empty_state)
        column = QVBoxLayout(self.empty.content)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)
        self.stack = QStackedLayout()
        for page in (self.empty, self.setup, self.live):
            self.stack.addWidget(page)
        self.body.addLayout(self.stack, 1)
        self.live.rows_changed.connect(self.refresh)
        self.live.told.connect(self._show_state)
        self.plan.changed.connect(lambda what: self._show_state())
        for signal in (session.dataset_changed, session.jobs_changed):
            signal.connect(self.refresh)
        for signal in (session.backbones_changed, session.pretraining.methods_changed):
            signal.connect(self._show_state)
        session.project_changed.connect(self._restore)
        self._restore()

    def _build_tools(self) -> None:
        self.tools: dict[str, CommandButton] = {}
        words = {
            PAUSE: "Pause",
            STOP: "Stop and keep",
            CONTINUE: "Continue for more epochs…",
            BRANCH: "Branch from here",
            COMPARE: "Compare with public backbones",
            RUNS: "Show runs",
            NEW: "New run",
            START: "Start pretraining",
        }
        for identifier, word in words.items():
            primary = identifier in (NEW, START)
            made = command_button(self.commands, identifier, text=word, kind="primary" if primary else "")
            assert isinstance(made, CommandButton)
            self.tools[identifier] = made
            self.add_tool(made, right=identifier in (RUNS, NEW, START))
        set_icon(self.tools[STOP], "stop")
        self._pause_icon = ""

    # Which page

    def refresh(self) -> None:
        have = self.session.index is not None or self.session.pool_index is not None
        page: QWidget = self.setup if have else self.empty
        if self._live and self.live.rows:
            page = self.live
        if self.stack.currentWidget() is not page:
            self.stack.setCurrentWidget(page)
        self._show_state()

    def show_setup(self) -> None:
        self._go(live=False)

    def show_live(self) -> None:
        self._go(live=True)

    def show_run(self, run_id: str) -> None:
        self.live.show_run(run_id)
        self._go(live=True)
        self.live.read()

    def _go(self, *, live: bool) -> None:
        self._live = live
        self.session.remember(MODE, "live" if live else "setup")
        self.refresh()
        first = self.tools[PAUSE if live else START]
        if first.isEnabled():
            first.setFocus()

    def _restore(self) -> None:
        self._live = self.session.recall(MODE, "setup") == "live"
        self.refresh()

    # Doing

    def start(self) -> None:
        if self.why_not_start():  # a second press that came before the button knew of the first
            return
        try:
            run_id = self.setup.start()
        except (ValueError, OSError) as error:
            self.session.message.emit("bad", str(error))
            return
        if run_id:
            self.show_run(run_id)

    def why_not_start(self) -> str:
        return self.plan.why_not() or self.session.pretraining.why_not(self.plan.values())

    def why_not_live(self) -> str:
        return "" if self.live.rows else "No backbone was pretrained in this project yet."

    def draw_again(self) -> None:
        page = self.stack.currentWidget()
        if page in (self.setup, self.live):
            page.views.draw_again()

    # Heading and tools

    def _show_state(self) -> None:
        page = self.stack.currentWidget()
        if page is self.live and self.live.row is not None:
            self.set_heading(self.live.title_of(self.live.row), self.live.caption())
        else:
            self.set_heading(QUESTION, "" if page is self.empty else self._summary())
        self._show_tools()

    def _summary(self) -> str:
        """What Start will do, or why it can't."""
        plan = self.plan
        reason = plan.why_not()
        if reason or plan.method is None:
            return reason
        patch = int(plan.recipe.get("patch_size", 0))
        start = self.session.title_of(plan.start) if plan.start else ""
        parts = [
            printable(plan.method.title),
            *([] if plan.start else [architecture_words(plan.backbone, patch)]),
            start_words(plan.start, start),
            f"up to {images_words(plan.sizes().of(plan.learn_from))}",
            count(int(plan.recipe.get("epochs", 100)), "epoch"),
        ]
        return " · ".join(parts)

    def _show_tools(self) -> None:
        page, state = self.stack.currentWidget(), self.actions_.state
        live, ended = page is self.live, state in ENDED
        shown = {
            PAUSE: live and state != "done",
            STOP: live and not ended,
            CONTINUE: live and state in ("done", "stopped"),
            BRANCH: live,
            COMPARE: live and ended,
            RUNS: page is self.setup and bool(self.live.rows),
            NEW: live,
            START: page is self.setup,
        }
        for identifier, made in self.tools.items():
            made.setVisible(shown[identifier])
            made.refresh()
        self.show_tools(page is not self.empty)
        word, name = self.actions_.pause_words()
        if name != self._pause_icon:
            self._pause_icon = name
            self.tools[PAUSE].setText(word)
            set_icon(self.tools[PAUSE], name)
