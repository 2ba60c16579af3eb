"""What can be done in the Pretrain place, each under one name for button, palette and key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.gui.commands import Command
from workbench.gui.compare.run_command import go
from workbench.gui.guarded import guarded
from workbench.gui.pretrain.dialogs import BranchDialog, ContinueDialog
from workbench.gui.pretrain.run_rows import checkpoints
from workbench.records.runs import ENDED

if TYPE_CHECKING:
    from workbench.gui.pretrain.view import PretrainView

PLACE = "pretrain"
START, NEW, PAUSE, STOP = "pretrain.start", "pretrain.new", "pretrain.pause", "pretrain.stop"
BRANCH, CONTINUE, COMPARE, RUNS = (
    "pretrain.branch",
    "pretrain.continue",
    "pretrain.compare",
    "pretrain.runs",
)
NO_RUN = "There is no pretraining to do this with yet."


class RunActions:
    """Acts on the run that the place shows."""

    def __init__(self, view: PretrainView) -> None:
        self._view, self._session, self._live = view, view.session, view.live

    @property
    def state(self) -> str:
        status = self._live.status
        return status.state if status is not None else ""

    # Pause and stop

    def pause(self) -> None:
        """Pause what runs, go on with what is paused, and with what failed or was stopped."""
        act = {"running": self._session.pause, "paused": self._session.resume}.get(
            self.state, self._session.retry
        )
        guarded(self._session, lambda: act(self._live.shown))

    def why_not_pause(self) -> str:
        if not self.state:
            return NO_RUN
        if self.state == "done":
            return "It has ended. It can be continued for more epochs."
        return "" if self.state in ("running", "paused", "failed", "stopped") else "It does not run yet."

    def pause_words(self) -> tuple[str, str]:
        """What the button says now, and its icon."""
        if self.state == "running":
            return "Pause", "pause"
        return ("Go on", "play") if self.state in ("paused", "failed", "stopped") else ("Pause", "pause")

    def stop(self) -> None:
        self._session.stop(self._live.shown)

    def why_not_stop(self) -> str:
        if not self.state:
            return NO_RUN
        return "It has ended already." if self.state in ENDED or self.state == "stopping" else ""

    # Going on

    def branch(self) -> None:
        row = self._live.row
        if row is None:
            return
        title = f"Branch of {self._live.title_of(row)}"
        dialog = BranchDialog(
            row.config,
            checkpoints(row.path),
            lambda values: guarded(
                self._session, lambda: self._view.show_run(self._session.pretraining.start(values, title))
            ),
            self._view.window(),
        )
        dialog.open()

    def why_not_branch(self) -> str:
        row = self._live.row
        if row is None:
            return NO_RUN
        return "" if checkpoints(row.path) else "It has no checkpoint yet. The first comes within minutes."

    def extend(self) -> None:
        row = self._live.row
        if row is None:
            return
        dialog = ContinueDialog(
            row.planned,
            row.epochs,
            lambda epochs: guarded(self._session, lambda: self._session.pretraining.extend(row.id, epochs)),
            self._view.window(),
        )
        dialog.open()

    def why_not_extend(self) -> str:
        if not self.state:
            return NO_RUN
        return "" if self.state in ("done", "stopped") else "It has not ended yet."

    # Comparing

    def compare(self) -> None:
        """Put the run's backbone into the comparison, beside the public ones."""
        row = self._live.row
        if row is not None:
            self._session.choose(str(row.path.absolute()))  # as the catalogue calls it
            self._session.message.emit(
                "info", "Its backbone is in the comparison now, beside the public ones."
            )
            go(self._view.commands, "models")

    def why_not_compare(self) -> str:
        row = self._live.row
        if row is None:
            return NO_RUN
        if not row.has_backbone:
            return "Its backbone is written when it ends, or is stopped and kept."
        chosen = {choice.backbone for choice in self._session.settings.chosen}
        return "Its backbone is in the comparison already." if str(row.path.absolute()) in chosen else ""

    # The list

    def listed(self) -> list[Command]:
        """Everything that can be done here by name."""
        view = self._view
        setup = view.setup

        def made(
            identifier: str,
            title: str,
            run: Callable[[], object],
            why_not: Callable[[], str],
            help: str,
            keys: str = "",
        ) -> Command:
            return Command(
                id=identifier, title=title, run=run, why_not=why_not, help=help, keys=keys, place=PLACE
            )

        again = "Other crops and changes of the same images"
        return [
            made(START, "Start pretraining", view.start, view.why_not_start, "Let it learn", "Ctrl+Return"),
            made(NEW, "New pretraining", view.show_setup, lambda: "", "Choose images, method and recipe"),
            made(RUNS, "Show pretraining runs", view.show_live, view.why_not_live, "Curves and health"),
            made(PAUSE, "Pause pretraining or go on", self.pause, self.why_not_pause, "Nothing is lost"),
            made(STOP, "Stop pretraining and keep it", self.stop, self.why_not_stop, "Writes its backbone"),
            made(BRANCH, "Branch from a checkpoint…", self.branch, self.why_not_branch, "Begins another run"),
            made(
                CONTINUE,
                "Continue for more epochs…",
                self.extend,
                self.why_not_extend,
                "Goes on in its folder",
            ),
            made(
                *(COMPARE, "Compare with public backbones", self.compare, self.why_not_compare),
                "Put the pretrained backbone into the comparison",
            ),
            made(
                *("pretrain.estimate", "Estimate a pretraining", setup.estimate.ask, setup.why_not),
                "Memory, time and disk",
            ),
            made(
                *("pretrain.audit", "Audit the views", setup.audit.ask, setup.audit.why_not),
                "Which change destroys the label",
            ),
            made("pretrain.draw", "Draw the views again", view.draw_again, lambda: "", again, "Ctrl+D"),
        ]
