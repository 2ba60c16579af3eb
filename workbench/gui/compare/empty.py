"""Compare before there is anything to compare: why it is empty, and the next step as a button."""

from __future__ import annotations

from workbench.gui.commands import Commands
from workbench.gui.compare.evaluations_dialog import EVALUATIONS, why_no_evaluations
from workbench.gui.compare.run_command import RUN, go, register_run, running, why_it_waits, why_not_run
from workbench.gui.session import Session
from workbench.gui.widgets.cards import Card, EmptyState
from workbench.records.text import count


class ComparisonAwaited(Card):
    """One of some sentences: no images, no backbones, ready, running, waiting for what failed."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__()
        self.session, self.commands = session, commands
        register_run(session, commands)
        actions = [
            ("Next", self._next, "primary"),
            ("Evaluations…", lambda: self.commands.run(EVALUATIONS), ""),
        ]
        self.state = EmptyState("", icon_name="compare", actions=actions)
        self.action, self.more = self.state.buttons
        self.body.addWidget(self.state)
        self._step = ""
        self.refresh()

    def refresh(self) -> None:
        session = self.session
        job = running(session)
        if job is not None and (reason := why_it_waits(session, job)):
            self._show("", "The comparison waits", reason)
        elif job is not None:
            self._show(
                "",
                "The comparison is running",
                "The table appears here as soon as the probes are fitted. The bar below shows how far it is.",
            )
        elif session.index is None:
            self._show(
                "data",
                "No images yet",
                "Choose a folder with one folder of images for each class. Nothing in it is changed.",
                "Choose an image folder",
            )
        elif not session.settings.chosen:
            self._show(
                "models",
                "No backbones chosen",
                "Choose two or more, one of them a floor: a number is only worth what it beats.",
                "Choose backbones",
            )
        elif reason := session.why_not_compare():
            self._show("data", "Not ready to compare", reason, "Look at the images")
        elif reason := why_not_run(session):
            self._show("models", "Not ready to compare", reason, "Look at the backbones")
        else:
            chosen = count(len(session.settings.chosen), "backbone")
            splits = count(session.settings.seeds, "split")
            extra = len(session.settings.evaluations)
            more = f", {count(extra, 'evaluation')} of plugins beside probe and k-NN" if extra else ""
            self._show(
                "run",
                "Ready to compare",
                f"{count(len(session.index), 'image')}, {chosen}, {splits}{more}. Nothing leaves this machine.",
                "Run comparison",
            )

    def run(self) -> None:
        self.commands.run(RUN)

    def _show(self, step: str, title: str, text: str, action: str = "") -> None:
        self._step = step
        self.state.set(title, text)
        self.action.setText(action)
        self.action.setVisible(bool(action))
        self.more.setVisible(step == "run" and not why_no_evaluations(self.session))

    def _next(self) -> None:
        if self._step == "run":
            self.run()
        elif self._step:
            go(self.commands, self._step)
