"""What another way to score frozen features is: from training vectors and labels to what it says of test vectors.

The house draws the splits, keeps the labels of the test part to itself and counts what was right, so that every
evaluation is compared on the same terms and none can look at what it is scored by.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from workbench.engine.registries import Registry
from workbench.records.evaluations import EvaluationFacts
from workbench.records.params import describe


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One split. n training, m validation and q test vectors of D features, float32; labels are int64 class codes."""

    train: np.ndarray  # (n, D)
    train_labels: np.ndarray  # (n,)
    validation: np.ndarray  # (m, D), by which everything that is to be chosen is chosen
    validation_labels: np.ndarray  # (m,)
    test: np.ndarray  # (q, D)
    num_classes: int
    seed: int  # of the split; the source of whatever is drawn


class Evaluation(ABC):
    """Base of every evaluation, built in or not. Subclasses set the class variables and implement `predict`."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]  # one sentence: what it does
    source: ClassVar[str]  # paper, and file of published code
    Config: ClassVar[type]  # a frozen dataclass of `param(...)` fields

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def predict(self, task: Task) -> np.ndarray:
        """(q,) class codes of the test vectors, or (R, q) of R draws, whose scores are averaged. Must give the same
        for the same task."""

    @classmethod
    def facts(cls) -> EvaluationFacts:
        return EvaluationFacts(
            name=cls.name,
            title=cls.title,
            summary=cls.summary,
            source=cls.source,
            params=describe(cls.Config),
        )


# In the order in which they are offered; no plugin may take these names (records.evaluations.BUILT_IN).
EVALUATIONS: Registry[type[Evaluation]] = Registry(
    "evaluations",
    {
        "probe": "workbench.engine.evals.own:Probe",
        "knn": "workbench.engine.evals.own:Neighbours",
    },
)
