"""What comes out of a decision, as plain data: verdict, reasons, next step. Made by `workbench.decide.decision`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.records.evidence import RungKind
from workbench.records.files import DocumentError, known_fields, read_document, write_document
from workbench.records.results import Finding

VERSION = 1

Place = Literal["above", "below", "open"]  # an interval beside the threshold
Ruling = Literal[
    "public backbone suffices", "adapt selectively", "pretraining justified", "undecided", "not this tool"
]

TITLES: dict[Ruling, str] = {
    "public backbone suffices": "The public backbone is good enough",
    "adapt selectively": "Adapt a public backbone, selectively",
    "pretraining justified": "Pretraining on your own images is justified",
    "undecided": "Not decided yet",
    "not this tool": "Another kind of tool is needed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The row of the regime table that holds."""

    row: str  # its id
    action: str  # one word or two for what to do: "probe", "fine-tune"
    advice: str  # one or two sentences
    reason: str  # one or two sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The one experiment that would tell most for its price."""

    step: str  # id, see decide.ladder.STEPS
    title: str
    why: str
    cost: str  # in words, also where it isn't known
    seconds: float | None = None  # expected; None: nothing was measured that would tell
    backbone: str = ""  # id of the backbone to use, where the step takes one
    seeds: int | None = None  # in all, where the step is more of them
    rungs: tuple[str, ...] = ()  # names of the rungs that are measured again, or whose backbones are

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> NextStep:
        """Keys that are missing keep their defaults; others are left out."""
        return cls(**{**known_fields(cls, body), "rungs": tuple(body.get("rungs", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A rung that was not climbed."""

    step: NextStep
    state: Literal["next", "later", "not needed", "not justified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Which pretraining to try, if any."""

    method: str  # as `--method` takes it; "" for none
    title: str
    preset: str  # of the views, see records.augmentation.PRESETS
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A rung beside the threshold. `interval` is the one that it was judged by; None with one seed."""

    name: str
    kind: RungKind
    metric: str
    mean: float
    interval: tuple[float, float] | None
    place: Place | None  # None where no threshold is set
    cost_seconds: float | None
    cost_so_far: float  # seconds of this rung and all before it, as far as they are known
    run: str = ""

    @property
    def passed(self) -> bool | None:
        """None where that is open."""
        return {"above": True, "below": False}.get(self.place or "")

    def public_json(self) -> dict[str, Any]:
        """A rung of `playbook --json`; the keys are a contract."""
        return {
            "name": self.name,
            "cost_seconds": self.cost_seconds,
            "metric": self.metric,
            "mean": self.mean,
            "interval": list(self.interval) if self.interval else None,
            "passed": self.passed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the evidence says, in sentences that can be read to a manager."""

    verdict: Ruling
    advice: Advice
    because: tuple[str, ...]
    against: tuple[str, ...]
    would_change_it: tuple[str, ...]
    escalation: tuple[str, ...]  # what would justify pretraining, and which method
    standings: tuple[Standing, ...] = ()
    findings: tuple[Finding, ...] = ()
    next_step: NextStep | None = None  # None where there is nothing left to measure
    stopped: str = ""  # why no further rung is needed; "" while one is
    ahead: tuple[Ahead, ...] = ()
    proposal: Proposal | None = None

    @property
    def title(self) -> str:
        return TITLES[self.verdict]

    def public_json(self) -> dict[str, Any]:
        """What `playbook --json` says of the decision; the keys are a contract."""
        return {
            "rungs": [standing.public_json() for standing in self.standings],
            "findings": [
                {"rule": finding.name, "severity": finding.severity, "advice": finding.advice}
                for finding in self.findings
            ],
            "verdict": self.verdict,
            "because": list(self.because),
            "against": list(self.against),
            "would_change_it": list(self.would_change_it),
            "escalation": list(self.escalation),
            "advice": asdict(self.advice),
            "next_step": asdict(self.next_step) if self.next_step else None,
        }

    def save(self, path: Path) -> None:
        write_document(path, "decision", VERSION, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Decision:
        """Raises DocumentError when the file is missing or is not one of ours."""
        body = read_document(path, "decision", VERSION)
        try:
            made = known_fields(cls, body)
            made |= {
                name: tuple(body[name]) for name in ("because", "against", "would_change_it", "escalation")
            }
            step, proposal = body.get("next_step"), body.get("proposal")
            return cls(
                **{
                    **made,
                    "advice": Advice(**body["advice"]),
                    "standings": tuple(_standing(item) for item in body["standings"]),
                    "findings": tuple(Finding(**item) for item in body["findings"]),
                    "next_step": NextStep.from_json(step) if step else None,
                    "ahead": tuple(
                        Ahead(step=NextStep.from_json(item["step"]), state=item["state"])
                        for item in body["ahead"]
                    ),
                    "proposal": Proposal(**{**proposal, "why": tuple(proposal["why"])}) if proposal else None,
                }
            )
        except (KeyError, TypeError) as error:
            raise DocumentError(f"{path} lacks or misspells a field ({error}). Decide again.") from None


def _standing(body: Mapping[str, Any]) -> Standing:
    return Standing(
        **{**known_fields(Standing, body), "interval": tuple(body["interval"]) if body["interval"] else None}
    )
