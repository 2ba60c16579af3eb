"""What can be done with the decision, each under one name for button, palette and key, wherever it is offered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.gui.commands import Command, Commands
from workbench.gui.compare.run_command import go
from workbench.gui.decide.words import Lead, lead_of
from workbench.records.decision import NextStep

if TYPE_CHECKING:
    from workbench.gui.session import Session

PLACE = "decide"
NEXT, MEMO, CHECK = "decide.next", "decide.memo", "decide.check"


def follow(commands: Commands, lead: Lead) -> None:
    """Open the place that a lead names, and there what it names, if that can be done now."""
    go(commands, lead.place)
    if lead.command and any(command.id == lead.command for command in commands.all()):
        commands.run(lead.command)


def take_step(session: Session, commands: Commands, step: NextStep) -> None:
    """Start a step's jobs, or lead to where a person does it."""
    lead = lead_of(step, session.decisions.at_hand(step.backbone))
    if lead is not None:
        follow(commands, lead)
    else:
        session.decisions.start(step)


def why_not_next(session: Session) -> str:
    """A sentence that says why the next step can't be run now and what to do; "" when it can."""
    store = session.decisions
    if session.project is None:
        return "Open a project or make a new one first."
    if store.decision is None:
        return "Nothing is decided yet. Open the place Decide first."
    step = store.decision.next_step
    if step is None:
        return store.decision.stopped or "There is no further step to run."
    if store.running(step) is not None:
        return "It is running already. Its jobs are at the foot of the window."
    return ""


def register_decide(session: Session, commands: Commands) -> list[Callable[[], None]]:
    """Add the commands unless they are there: a place may be shown without the window. Returns what removes them."""
    if any(command.id == NEXT for command in commands.all()):
        return []

    def take_next() -> None:
        decision = session.decisions.decision
        if decision is not None and decision.next_step is not None:
            take_step(session, commands, decision.next_step)

    def open_memo() -> None:
        desk = session.decisions.memo
        desk.write(desk.standard_file(), show=True)

    def why_not_memo() -> str:
        if session.project is None:
            return "Open a project or make a new one first."
        return session.decisions.memo.doing

    listed = (
        Command(
            id=NEXT,
            title="Decide: run the next step",
            run=take_next,
            why_not=lambda: why_not_next(session),
            help="Start the step that would tell most for its price, or open the place where it is done",
        ),
        Command(
            id=MEMO,
            title="Decide: open the memo",
            run=open_memo,
            why_not=why_not_memo,
            help="Write the decision as one page, every number bound to its run, and open it",
        ),
        Command(
            id=CHECK,
            title="Decide: check all numbers of the memo",
            run=session.decisions.memo.check,
            why_not=why_not_memo,
            help="Derive every number from the run folders again and name those that differ",
        ),
    )
    shown = session.decisions.memo.ready.connect(lambda path: show_memo(session, path))
    return [
        *(commands.add(command) for command in listed),
        lambda: session.decisions.memo.ready.disconnect(shown),
    ]


def show_memo(session: Session, path: Path) -> None:
    """Open a memo that was written, in the browser; where there is none, say where it lies."""
    from workbench.gui.file_manager import open_with_system

    sentence = open_with_system(path)
    if sentence:
        session.message.emit("warn", sentence)
