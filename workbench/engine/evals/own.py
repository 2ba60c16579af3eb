"""The program's own evaluations as entries of the registry: a column beside the comparison, with other settings.

They put the comparison's protocol (`one_model.py`) to one split, through what a plugin's evaluation gets: no label
of a test image. The comparison's own probe and k-NN don't come this way, because they have to give more than the
classes of one split: all seeds and strengths are fitted side by side, with probabilities, label budgets, and
predictions that are paired image by image for the verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from workbench.engine.device import pick_device
from workbench.engine.evals.knn import KS
from workbench.engine.evals.metrics import primary_metric
from workbench.engine.evals.one_model import Probes, keeper, laid_out, neighbours
from workbench.engine.evals.plugged import Evaluation, Task
from workbench.engine.evals.probe import strengths
from workbench.engine.evals.protocol import Meter, Protocol
from workbench.records.params import param
from workbench.records.scores import METRICS

STANDARDISE = param(
    "z-score", help="Of the features: z-score, or l2 for vectors of length 1.", choices=("z-score", "l2")
)
METRIC = param(
    "auto",
    help="What is chosen by on validation; auto is macro-F1 where classes differ much in size, else accuracy.",
    choices=("auto", *METRICS),
)


class Probe(Evaluation):
    """See `one_model.Probes`."""

    name, title = "probe", "Linear probe"
    summary = (
        "A linear layer on the frozen features, its strength chosen on validation, then fitted to both parts."
    )
    source = "Multinomial logistic regression, as scikit-learn's LogisticRegression minimises it"

    @dataclass(frozen=True)
    class Config:
        standardise: str = STANDARDISE
        metric: str = METRIC

    def predict(self, task: Task) -> np.ndarray:
        protocol = _protocol(task, self.config.metric, self.config.standardise)
        X = laid_out(_features(task), protocol)
        said = np.full((1, len(X)), -1, dtype=np.int32)
        whole = [(part == 0, part == 1) for part in protocol.parts]
        keep = keeper(X, protocol.parts, said, np.empty(said.shape, dtype=np.float32))
        Probes(X, protocol, Meter(None, 0)).fit(whole, whole, "", keep)
        return _tested(said[0], task)


class Neighbours(Evaluation):
    """See `one_model.neighbours`."""

    name, title = "knn", "k-NN"
    summary = "The class that most of the nearest images have, by cosine; the nearer, the more a vote counts."
    source = "Wu et al. 2018 (arXiv 1805.01978), and k-NN of DINO (eval_knn.py)"

    @dataclass(frozen=True)
    class Config:
        k: int = param(
            0, help="Neighbours that vote.", minimum=0, maximum=10_000, at_minimum="chosen on validation"
        )
        metric: str = METRIC

    def predict(self, task: Task) -> np.ndarray:
        ks = (self.config.k,) if self.config.k else tuple(KS)
        protocol = _protocol(task, self.config.metric, ks=ks)
        _, where, classes = neighbours(
            laid_out(_features(task), protocol), protocol.parts[0], protocol, Meter(None, 0)
        )
        said = np.full(len(protocol.labels), -1, dtype=np.int64)
        said[where] = classes
        return _tested(said, task)


def _features(task: Task) -> np.ndarray:
    """(n + m + q, D)."""
    return np.concatenate([task.train, task.validation, task.test])


def _tested(said: np.ndarray, task: Task) -> np.ndarray:
    return said[len(said) - len(task.test) :]


def _protocol(
    task: Task, metric: str, standardise: str = "z-score", ks: tuple[int, ...] = tuple(KS)
) -> Protocol:
    """For one split. Labels of the test part are not known: nothing reads the zeros that stand for them."""
    known = np.concatenate([task.train_labels, task.validation_labels])
    sizes = (len(task.train), len(task.validation), len(task.test))
    return Protocol(
        labels=np.concatenate([known, np.zeros(len(task.test), dtype=np.int64)]),
        groups=None,
        parts=(np.repeat(np.arange(3, dtype=np.int8), sizes),),
        seeds=(task.seed,),
        num_classes=task.num_classes,
        grid=tuple(sorted(strengths())),
        ks=ks,
        metric=primary_metric(known) if metric == "auto" else metric,
        standardise=standardise,
        device=torch.device(pick_device("auto")),
    )
