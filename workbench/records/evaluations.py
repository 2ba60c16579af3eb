"""Evaluations beside the comparison's own, as plain facts, and what came of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from workbench.records.params import Param
from workbench.records.scores import Score

BUILT_IN = frozenset({"probe", "knn"})  # names that no plugin may take


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFacts:
    """One evaluation, without loading it."""

    name: str  # what `--evaluation` takes
    title: str
    summary: str  # one sentence: what it does
    source: str  # paper, and file of published code
    params: tuple[Param, ...]
    plugin: str = ""  # that brings it; empty in what it says of itself

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> EvaluationFacts:
        params = tuple(Param(**{**item, "choices": tuple(item["choices"])}) for item in body["params"])
        return cls(**{**body, "params": params})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraScore:
    """What a plugin's evaluation says of one model, by the comparison's metric on the test parts of its splits, or
    why it says nothing."""

    evaluation: str  # as it was asked for: "prototypes:shots=1"
    title: str
    model: str  # ModelResult.name
    score: Score | None
    plugin: str = ""  # its name and version; empty in results of earlier versions
    error: str = ""  # a sentence, where there is no score

    def to_json(self) -> dict[str, Any]:
        return {
            "evaluation": self.evaluation,
            "title": self.title,
            "model": self.model,
            "plugin": self.plugin,
            "error": self.error,
            "score": self.score.to_json() if self.score else None,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ExtraScore:
        score = body["score"]
        return cls(**{**body, "score": Score.from_json(score) if score else None})
