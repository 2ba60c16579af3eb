"""The program's own evaluations as entries of the registry: they keep its contract, and say what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import normalize

from workbench.engine.checks.evaluation import check_evaluation
from workbench.engine.evals.extra import extra_scores, open_evaluations, predicted
from workbench.engine.evals.inputs import ModelFeatures
from workbench.engine.evals.one_model import run_model
from workbench.engine.evals.plugged import EVALUATIONS, Task
from workbench.engine.evals.probe import strengths
from workbench.engine.evals.protocol import Meter, Protocol
from workbench.records.plugin_checks import Steps

CLASSES = 3


def clouds(sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 12) features, labels and parts of clouds that overlap."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(CLASSES), sizes)
    X = rng.normal(size=(CLASSES, 12))[labels] + rng.normal(size=(len(labels), 12)) * 1.5
    part = rng.permutation(np.arange(len(labels)) % 5)
    return X.astype(np.float32), labels, np.where(part < 3, 0, part - 2).astype(np.int8)


@pytest.mark.parametrize("name", EVALUATIONS.built_in())
def test_each_keeps_the_contract_of_evaluations(name: str, tmp_path: Path) -> None:
    steps = Steps(tmp_path / "steps.json")
    check_evaluation(name, EVALUATIONS.get(name), steps)
    assert [step.outcome for step in steps.steps] == ["ok"] * 4, steps.steps


@pytest.mark.parametrize("sizes", [(50, 50, 50), (90, 40, 20)])
@pytest.mark.parametrize("standardise", ["z-score", "l2"])
def test_each_says_what_the_comparison_says_without_a_label_of_the_test_part(
    sizes: tuple[int, ...], standardise: str
) -> None:
    X, labels, part = clouds(sizes)
    metric = "accuracy" if len(set(sizes)) == 1 else "macro_f1"
    protocol = Protocol(
        labels=labels,
        groups=None,
        parts=(part,),
        seeds=(0,),
        num_classes=CLASSES,
        grid=tuple(sorted(strengths())),
        ks=(1, 5, 10, 20, 50, 100, 200),
        metric=metric,
        standardise=standardise,
    )
    outcome = run_model(X, protocol, Meter(None, 0), "")
    task = Task(
        train=X[part == 0],
        train_labels=labels[part == 0],
        validation=X[part == 1],
        validation_labels=labels[part == 1],
        test=X[part == 2],
        num_classes=CLASSES,
        seed=0,
    )
    np.testing.assert_array_equal(
        predicted(f"probe:standardise={standardise}", task)[0], outcome.probe[0, part == 2]
    )
    np.testing.assert_array_equal(predicted("knn", task)[0], outcome.knn[0, part == 2])


def test_a_number_of_neighbours_can_be_asked_for_as_a_column() -> None:
    X, labels, part = clouds((60, 60, 60))
    model = ModelFeatures(name="m", backbone="m", feature="", fingerprint="", image_size=None, source="", X=X)
    asked = open_evaluations(["knn:k=1", "knn:k=7"])
    found = extra_scores(
        asked, [model], labels, [part], [0], CLASSES, "accuracy", lambda one, task: predicted(one.text, task)
    )
    assert [(one.title, one.plugin) for one in found] == [("k-NN", "")] * 2
    unit, learnt, test = normalize(X), part < 2, part == 2

    def weights(distances: np.ndarray) -> np.ndarray:
        return np.exp(
            (1 - distances**2 / 2) / 0.07
        )  # of vectors of length 1: the cosine, by DINO's temperature

    for one, k in zip(found, (1, 7), strict=True):
        known = KNeighborsClassifier(k, weights=weights).fit(unit[learnt], labels[learnt])
        assert one.score and one.score.values[0] == pytest.approx(
            accuracy_score(labels[test], known.predict(unit[test]))
        )
    for wrong, told in (("knn:k=-1", "k must be between 0 and 10000"), ("probe:k=1", "no setting 'k'")):
        with pytest.raises(ValueError, match=told):
            open_evaluations([wrong])
