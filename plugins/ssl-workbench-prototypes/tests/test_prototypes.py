"""Against sklearn's NearestCentroid on the same draws, and what is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import NearestCentroid
from ssl_workbench_prototypes.prototypes import Prototypes, draws_of

from tests.installed import install
from workbench.engine.api import Task
from workbench.engine.checks.evaluation import check_evaluation
from workbench.engine.evals.extra import extra_scores, open_evaluations, predicted
from workbench.engine.evals.inputs import ModelFeatures
from workbench.records.params import build
from workbench.records.plugin_checks import Steps

SOURCE = Path(__file__).resolve().parents[1]


def task_of(seed: int = 3, classes: int = 4, scale: float = 1.0) -> Task:
    """Clouds that overlap, of unequal size; class 3 has four training images."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, 8)) * scale

    def part(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.permutation(np.repeat(np.arange(classes), counts))
        return (centres[labels] + rng.normal(size=(len(labels), 8))).astype(np.float32), labels

    (train, train_labels), (validation, validation_labels), (test, _) = (
        part([40, 30, 20, 4]),
        part([9, 8, 7, 6]),
        part([20, 20, 20, 20]),
    )
    return Task(
        train=train,
        train_labels=train_labels,
        validation=validation,
        validation_labels=validation_labels,
        test=test,
        num_classes=classes,
        seed=seed,
    )


def said(task: Task, **settings: object) -> np.ndarray:
    return Prototypes(build(Prototypes.Config, settings)).predict(task)


@pytest.mark.parametrize("shots", [0, 1, 5, 10])
def test_it_says_what_sklearn_says_of_the_same_images(shots: int) -> None:
    task = task_of()
    drawn = draws_of(task.train_labels, shots, 6, task.seed)
    found = said(task, shots=shots, draws=6)
    assert found.shape == (1 if shots == 0 else 6, len(task.test))
    for rows, codes in zip(drawn, found, strict=True):
        known = NearestCentroid().fit(task.train[rows].astype(np.float64), task.train_labels[rows])
        np.testing.assert_array_equal(codes, known.predict(task.test.astype(np.float64)))


def test_the_cosine_is_that_of_the_mean_of_unit_vectors() -> None:
    task = task_of()
    expected = []
    for vector in task.test.astype(np.float64):
        likeness = []
        for code in range(task.num_classes):
            own = [
                row / np.linalg.norm(row) for row in task.train[task.train_labels == code].astype(np.float64)
            ]
            mean = sum(own) / len(own)
            likeness.append(vector @ mean / np.linalg.norm(vector) / np.linalg.norm(mean))
        expected.append(int(np.argmax(likeness)))
    np.testing.assert_array_equal(said(task, shots=0, distance="cosine"), [expected])


def test_as_many_of_each_class_are_drawn_and_never_one_twice() -> None:
    labels = task_of().train_labels
    drawn = draws_of(labels, 5, 8, 1)
    for rows in drawn:
        assert len(set(rows)) == len(rows)
        assert np.bincount(labels[rows]).tolist() == [5, 5, 5, 4]  # all that class 3 has
    assert len({tuple(rows) for rows in drawn}) == 8
    again = draws_of(labels, 5, 8, 1)
    assert all(np.array_equal(*pair) for pair in zip(drawn, again, strict=True))
    assert not np.array_equal(drawn[0], draws_of(labels, 5, 8, 2)[0])


def test_the_distance_is_chosen_by_validation_alone() -> None:
    chosen = set()
    for seed in range(8):
        task = task_of(seed, scale=0.6)
        scores = {}
        for distance in ("euclidean", "cosine"):
            each = said(
                Task(**{name: getattr(task, name) for name in Task.__slots__} | {"test": task.validation}),
                distance=distance,
                draws=5,
            )
            scores[distance] = np.mean([balanced_accuracy_score(task.validation_labels, one) for one in each])
        best = "cosine" if scores["cosine"] > scores["euclidean"] else "euclidean"
        chosen.add(best)
        np.testing.assert_array_equal(
            said(task, distance="validation", draws=5), said(task, distance=best, draws=5)
        )
    assert chosen == {"euclidean", "cosine"}


def test_a_class_without_a_training_image_is_never_named() -> None:
    task = task_of()
    kept = task.train_labels != 2
    less = Task(
        **{name: getattr(task, name) for name in Task.__slots__}
        | {"train": task.train[kept], "train_labels": task.train_labels[kept]}
    )
    assert 2 in said(task, shots=0) and 2 not in said(less, shots=0)


def test_it_is_scored_beside_others_and_is_what_the_workbench_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path / "site", SOURCE)
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    X = (rng.normal(size=(3, 16))[labels] + rng.normal(size=(120, 16)) * 1.5).astype(np.float32)
    parts = [rng.permutation(np.arange(120) % 5).clip(0, 2).astype(np.int8) for _ in range(3)]
    model = ModelFeatures(name="m", backbone="m", feature="", fingerprint="", image_size=None, source="", X=X)
    asked = open_evaluations(["prototypes:shots=1", "prototypes:shots=10"])
    here = lambda one, task: predicted(one.text, task)  # noqa: E731
    few, more = extra_scores(asked, [model], labels, parts, (0, 1, 2), 3, "balanced_accuracy", here)
    assert few.score and more.score and few.score.interval is not None and few.score.mean < more.score.mean
    steps = Steps(tmp_path / "steps.json")
    check_evaluation("prototypes", Prototypes, steps)
    assert [step.outcome for step in steps.steps] == ["ok"] * 4, steps.steps
