from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from workbench.engine.evals import metrics


@pytest.mark.parametrize("seed", range(8))
def test_scores_are_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    truth = rng.choice(6, size=60, p=[0.5, 0.2, 0.15, 0.1, 0.05, 0.0])  # one class is never true
    predicted = np.where(rng.random(60) < 0.6, truth, rng.integers(0, 6, 60))
    table = metrics.confusion(truth, predicted, 6)
    assert np.array_equal(table, oracle.confusion_matrix(truth, predicted, labels=range(6)))
    assert metrics.accuracy(table) == pytest.approx(oracle.accuracy_score(truth, predicted))
    with np.errstate(all="ignore"):
        f1 = oracle.f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0)
    assert metrics.macro_f1(table) == pytest.approx(f1)
    recall = oracle.recall_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0)
    assert metrics.balanced_accuracy(table) == pytest.approx(recall)


def test_macro_f1_is_primary_above_one_and_a_half_to_one():
    assert metrics.primary_metric(np.repeat([0, 1], [30, 20])) == "accuracy"
    assert metrics.primary_metric(np.repeat([0, 1], [31, 20])) == "macro_f1"
    assert metrics.primary_metric(np.repeat([0, 2], [20, 20])) == "accuracy"  # a class without items
