"""Few-shot prototypes: k images of each class are averaged, and the nearest average names the class.

Snell, Swersky, Zemel 2017, "Prototypical Networks for Few-shot Learning" (arXiv 1703.05175), without learning the
space: it is the frozen backbone's, as in Wang et al. 2019, "SimpleShot" (arXiv 1911.04623).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.engine.api import Evaluation, Task, param

STREAM = 0x5407  # of the draws, apart from whatever else is drawn of a split's seed
BLOCK = 4096  # vectors whose distances are held at a time


class Prototypes(Evaluation):
    name = "prototypes"
    title = "Nearest class mean"
    summary = "A few images of each class are averaged, and the nearest average names the class."
    source = "Snell et al. 2017 (arXiv 1703.05175)"

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        shots: int = param(
            5,
            help="Labelled images of each class; all that there are where a class has fewer.",
            minimum=0,
            at_minimum="every training image",
            maximum=100_000,
            unit="images",
        )
        draws: int = param(
            20, help="How often they are drawn for each split; the mean counts.", minimum=1, maximum=1000
        )
        distance: str = param(
            "euclidean",
            help='"euclidean" as published, "cosine" of vectors of length 1, or "validation": the one that is right '
            "more often on the validation images.",
            choices=("euclidean", "cosine", "validation"),
        )

    def predict(self, task: Task) -> np.ndarray:
        """(R, q) class codes, of R draws; of one where every training image is taken."""
        drawn = draws_of(task.train_labels, self.config.shots, self.config.draws, task.seed)
        distance = self.config.distance
        if distance == "validation":
            distance = _better(task, drawn)
        return np.stack([nearest(task, rows, task.test, distance) for rows in drawn])


def draws_of(labels: np.ndarray, shots: int, draws: int, seed: int) -> list[np.ndarray]:
    """Rows of (n,) labels, `shots` of each class without repeats, for each draw; all rows, once, with 0 shots."""
    if not shots:
        return [np.arange(len(labels))]
    rng = np.random.default_rng([seed, STREAM])
    rows = [np.flatnonzero(labels == code) for code in np.unique(labels)]
    return [np.concatenate([np.sort(rng.permutation(each)[:shots]) for each in rows]) for _ in range(draws)]


def nearest(task: Task, rows: np.ndarray, vectors: np.ndarray, distance: str) -> np.ndarray:
    """(q,) int64: for (q, D) vectors the class whose prototype of the training images `rows` is nearest.

    Of equally near ones the first; a class without an image has no prototype.
    """
    support, codes = task.train[rows], task.train_labels[rows]
    if distance == "cosine":
        support, vectors = _unit(support), _unit(vectors)
    known = np.unique(codes)
    means = np.stack([support[codes == code].mean(0, dtype=np.float64) for code in known])
    if distance == "cosine":
        means = _unit(means)
    half = 0.5 * np.square(means).sum(1)
    said = [
        (vectors[start : start + BLOCK].astype(np.float64) @ means.T - half).argmax(1)
        for start in range(0, len(vectors), BLOCK)
    ]
    return known[np.concatenate(said)].astype(np.int64) if said else np.zeros(0, np.int64)


def _better(task: Task, drawn: list[np.ndarray]) -> str:
    """The distance with the higher balanced accuracy on the validation part, over all draws; of equals the first."""
    labels = task.validation_labels
    if not len(labels):
        return "euclidean"

    def right(distance: str) -> float:
        hits = np.mean([nearest(task, rows, task.validation, distance) == labels for rows in drawn], axis=0)
        return float(np.mean([hits[labels == code].mean() for code in np.unique(labels)]))

    return "cosine" if right("cosine") > right("euclidean") else "euclidean"


def _unit(vectors: np.ndarray) -> np.ndarray:
    """(n, D) of length 1; a vector of zeros stays."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    made: np.ndarray = vectors / np.maximum(lengths, np.finfo(np.float64).tiny)
    return made
