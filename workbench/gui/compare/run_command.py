"""The command that everything leads to: run the comparison. Under one name for every place that offers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.gui.commands import Command, Commands
from workbench.records.methods import asked_by_name
from workbench.records.runs import ENDED
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.gui.session import Session
    from workbench.supervisor import JobState

RUN = "compare.run"
# Under which the project keeps what Compare marks when it opens: a backbone of the comparison, or a fine-tune's run.
POINT = "compare.point"


def why_not_run(session: Session) -> str:
    """A sentence that says why the comparison can't run now and what to do; "" when it can."""
    reason = session.why_not_compare()
    if reason:
        return reason
    if (job := running(session)) is not None:
        return why_it_waits(session, job) or (
            "The comparison is running already. Its jobs are at the foot of the window."
        )
    lost = [text for text in session.settings.evaluations if not _brought(session, text)]
    if lost:
        return (
            f"No plugin that can be used brings the evaluation {printable(lost[0])}. Plugins says what is wrong with "
            "it; under Evaluations it can be taken out of the comparison."
        )
    known = {facts.id: facts for facts in (*session.names, *session.catalogue)}
    for choice in session.settings.chosen:
        facts = known.get(choice.backbone)
        if facts is not None and not facts.available:
            remedy = f" {printable(facts.remedy)}" if facts.remedy else ""
            return (
                f"{printable(facts.title)} is not on this machine.{remedy} Or take it out of the comparison."
            )
    return ""


def running(session: Session) -> JobState | None:
    """The comparison that has not ended."""
    jobs = (job for job in session.jobs if job.kind == "evaluate")
    return next((job for job in jobs if job.status.state not in ENDED), None)


def why_it_waits(session: Session, comparison: JobState) -> str:
    """A sentence where what the comparison waits for has ended badly; else ""."""
    ended = {job.title: job.status.state for job in session.jobs if job.status.state in ("failed", "stopped")}
    how = ended.get(comparison.waits_for, "")
    if not how:
        return ""
    word = "failed" if how == "failed" else "was stopped"
    return (
        f"The comparison waits for “{printable(comparison.waits_for)}”, which {word}. Retry that at the foot "
        "of the window, or discard both."
    )


def _brought(session: Session, text: str) -> bool:
    return session.brought.evaluation(asked_by_name(text)[0]) is not None


def register_run(session: Session, commands: Commands) -> Callable[[], None]:
    """Add the command unless it is there: a place may be shown without the window. Returns what removes it."""
    if any(command.id == RUN for command in commands.all()):
        return lambda: None
    return commands.add(
        Command(
            id=RUN,
            title="Run comparison",
            run=lambda: session.run_comparison(),
            why_not=lambda: why_not_run(session),
            keys="Ctrl+R",
            help="Embed the labelled images with every chosen backbone, then fit the probes.",
        )
    )


def go(commands: Commands, place: str) -> None:
    """Open another place by its command."""
    commands.run(f"go.{place}")
