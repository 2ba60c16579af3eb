"""What the check of a plugin found, step by step, written as it goes: after a crash it says which step it was in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.text import printable

VERSION = 1
Outcome = Literal["running", "ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`why`: of one that failed or was left out, in a sentence."""

    name: str
    outcome: Outcome
    why: str = ""
    seconds: float = 0.0


class Skip(Exception):
    """Raised inside a step that doesn't apply; the message says why."""


class Steps:
    """Does steps and writes them to `path`. One that fails doesn't stop those that don't build on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.steps: list[Step] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Whatever the block raises is noted and goes no further, whether the plugin leaves or is interrupted."""
        began = time.monotonic()
        self._put(Step(name=name, outcome="running"))
        outcome: Outcome = "ok"
        why = ""
        try:
            yield
        except Skip as reason:
            outcome, why = "skipped", str(reason)
        except BaseException as error:
            outcome, why = "failed", _sentence(error)
        self.steps.pop()
        self._put(Step(name=name, outcome=outcome, why=why, seconds=time.monotonic() - began))

    def _put(self, step: Step) -> None:
        self.steps.append(step)
        write_document(self.path, "plugin-check", VERSION, {"steps": [asdict(one) for one in self.steps]})


def read_steps(path: Path, how: str = "") -> tuple[Step, ...]:
    """What a check wrote. `how` its process ended, where a step was left unfinished: "by signal 11"; "" while it goes
    on."""
    try:
        body = read_document(path, "plugin-check", VERSION)
        steps = [Step(**one) for one in body["steps"]]
    except (DocumentError, KeyError, TypeError):
        steps = [Step(name="starts", outcome="running")]
    if not how:
        return tuple(steps)
    return tuple(
        replace(one, outcome="failed", why=f"The process ended {how}.") if one.outcome == "running" else one
        for one in steps
    )


def stopped_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Those of a check that was stopped by whoever asked for it: what was going on is nobody's failure."""
    return tuple(
        replace(one, outcome="skipped", why="The check was stopped.") if one.outcome == "running" else one
        for one in steps
    )


def _sentence(error: BaseException) -> str:
    text = printable(" ".join(str(error).split()))[:500]
    if isinstance(error, ValueError) and text.endswith((".", "?")):
        return text
    return f"{type(error).__name__}: {text or 'no message'}"
