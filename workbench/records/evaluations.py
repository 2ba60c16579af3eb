"""Evaluations that plugins bring, as plain facts; how one is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from workbench.records.params import Param


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFacts:
    """One evaluation, without loading it."""

    name: str  # what `--evaluation` takes
    title: str
    summary: str
    source: str
    params: tuple[Param, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> EvaluationFacts:
        params = tuple(Param(**{**item, "choices": tuple(item["choices"])}) for item in body["params"])
        return cls(**{**body, "params": params})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraScores:
    """What a plugin's evaluation says of one model: the comparison's metric on the test part, one value a seed."""

    evaluation: str  # as it was asked for
    title: str
    model: str
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.scores) / len(self.scores)


def asked(text: str) -> tuple[str, tuple[str, ...]]:
    """ "prototypes:shots=5,seed=1" -> "prototypes" and ("shots=5", "seed=1")."""
    name, _, settings = text.strip().partition(":")
    return name.strip(), tuple(part.strip() for part in settings.split(",") if part.strip())
