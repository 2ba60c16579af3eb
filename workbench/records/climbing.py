"""How far a climb of the ladder may go, and how it ended: what the command line asks for and tells."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.records.decision import Decision, NextStep
from workbench.records.evidence import Evidence
from workbench.records.text import duration

# Steps as `--up-to` takes them, the cheapest first; those that mend the evidence cost as much as what they repeat.
UP_TO = ("floors", "supervised", "public", "seeds", "budget", "last-block", "pretrain")
_RANK = {name.replace("-", " "): place for place, name in enumerate(UP_TO)} | {
    "probe": UP_TO.index("public"),
    "views": UP_TO.index("last-block"),
    "method": UP_TO.index("pretrain"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far to climb.

    Attributes:
        up_to: the dearest step, one of `UP_TO`; "" for all.
        seconds: of this climb in all; None for no bound. A job that is still running then is stopped and kept.
        pretrain: whether to pretrain where that is justified.
    """

    up_to: str = ""
    seconds: float | None = None
    pretrain: bool = False

    def beyond(self, step: NextStep) -> bool:
        """Whether a step is dearer than the dearest that is asked for."""
        return bool(self.up_to) and _RANK.get(step.step, 0) > _RANK[self.up_to.replace("-", " ")]

    def why_stop(self, step: NextStep, spent: float) -> str:
        """A sentence; "" where the step may be climbed."""
        if self.beyond(step):
            return f"Stopped before this step, as --up-to {self.up_to} asks."
        if not self.pretrain and step.step in ("pretrain", "method"):
            return "Stopped before pretraining, which takes long: --pretrain yes goes on with it."
        if self.seconds is not None and spent + (step.seconds or 0.0) >= self.seconds:
            return f"Stopped before this step: {duration(spent)} of {duration(self.seconds)} are spent."
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climbed:
    """How a climb ended: what is known, what it says, and why no further step was taken."""

    evidence: Evidence
    decision: Decision
    ended: str
