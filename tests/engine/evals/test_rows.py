"""What a row says beside its score: classes, calibration, label budgets; each against another way to compute it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, precision_recall_fscore_support
from sklearn.preprocessing import StandardScaler, normalize

from tests.engine.evals.test_evaluate import GRID, features, run
from workbench.decide.label_budget import nested_subsets
from workbench.records.splits import make_split

IDS = [f"{i:04d}" for i in range(240)]


@pytest.fixture
def data(cloud):
    return cloud(240, 16, 4, spread=1.2)


def _wilson(share: float, n: int) -> tuple[float, float]:
    """The roots of (p - share)^2 = z^2 p (1 - p) / n."""
    z2 = 1.959963984540054**2
    return tuple(sorted(np.roots([1 + z2 / n, -2 * share - z2 / n, share**2]).real.tolist()))


def test_every_class_is_scored_as_scikit_learn_scores_it(data):
    X, y = data
    result, predictions = run([features("m", X)], y)
    said = predictions.predicted[0]
    seeds, items = np.nonzero(said >= 0)
    precision, recall, f1, _ = precision_recall_fscore_support(y[items], said[seeds, items], labels=range(4))
    for code, found in enumerate(result.models[0].per_class):
        assert (found.precision, found.recall, found.f1) == pytest.approx(
            (precision[code], recall[code], f1[code])
        )
        tested = np.unique(items[y[items] == code])
        assert found.support == len(tested) < np.sum(y[items] == code), "an image counts once"
        assert found.recall_interval == pytest.approx(_wilson(recall[code], len(tested)))
        called = np.unique(items[said[seeds, items] == code])
        assert found.precision_interval == pytest.approx(_wilson(precision[code], len(called)))
    assert [found.name for found in result.models[0].per_class] == list(result.classes)


def test_a_class_that_is_never_said_or_tested_has_no_score(data):
    X, y = data
    part = make_split(IDS, y, seed=0).part
    part[y == 2] = np.where(part[y == 2] == 2, -1, part[y == 2])
    result, _ = run([features("m", X)], y, seeds=1, parts=[part])
    assert (result.models[0].per_class[2].recall, result.models[0].per_class[2].support) == (0, 0)
    assert result.models[0].per_class[2].recall_interval == (0, 1)


def test_calibration_is_that_of_the_probabilities_written_out(data):
    X, y = data
    result, predictions = run([features("m", X)], y, seeds=2, metric="accuracy")
    found = result.models[0].calibration
    for seed in range(2):
        part = make_split(IDS, y, seed=seed).part
        fit, test = np.flatnonzero(part < 2), np.flatnonzero(part == 2)
        scaler = StandardScaler().fit(X[fit].astype(np.float64))
        model = LogisticRegression(C=result.models[0].strengths[seed], tol=1e-10, max_iter=5000)
        chances = model.fit(scaler.transform(X[fit]), y[fit]).predict_proba(scaler.transform(X[test]))
        sure = chances.max(1)
        assert predictions.confidence[0, seed, test] == pytest.approx(sure, abs=2e-3)
        gap = 0.0
        for step in range(15):
            inside = (sure > step / 15) & (sure <= (step + 1) / 15)
            if inside.any():
                right = chances.argmax(1)[inside] == y[test][inside]
                gap += inside.mean() * abs(right.mean() - sure[inside].mean())
        assert found.values[seed] == pytest.approx(gap, abs=2e-3)
    assert np.isnan(predictions.confidence[predictions.predicted < 0]).all()
    assert sum(each.count for each in found.bins) <= 240
    assert all(each.interval[0] <= each.accuracy <= each.interval[1] for each in found.bins)
    assert [each.confidence for each in found.bins] == sorted(each.confidence for each in found.bins)


@pytest.mark.parametrize("standardise", ["z-score", "l2"])
def test_a_label_budget_is_the_protocol_on_fewer_labels(data, standardise):
    """Train and validation are thinned alike; features are standardised by all images, labelled or not."""
    X, y = data
    fraction = 0.25
    result, _ = run(
        [features("m", X)], y, fractions=(1.0, fraction), metric="accuracy", standardise=standardise
    )
    small, full = result.models[0].budgets
    assert (small.fraction, full.fraction) == (fraction, 1.0)
    assert full.scores == result.models[0].probe, "all labels are the table's own numbers"
    rows = normalize(X) if standardise == "l2" else X
    for seed in range(3):
        part = make_split(IDS, y, seed=seed).part
        train, val, test = (np.flatnonzero(part == which) for which in range(3))
        [few] = nested_subsets(y[train], None, (fraction,), seed=seed)
        [chosen_on] = nested_subsets(y[val], None, (fraction,), seed=seed)
        few, chosen_on = train[few], val[chosen_on]

        def score(fit: np.ndarray, seen: np.ndarray, target: np.ndarray, C: float) -> tuple[float, float]:
            scaler = StandardScaler(with_std=standardise == "z-score").fit(rows[seen].astype(np.float64))
            model = LogisticRegression(C=C, tol=1e-10, max_iter=5000)
            model.fit(scaler.transform(rows[fit].astype(np.float64)), y[fit])
            chances = model.predict_proba(scaler.transform(rows[target].astype(np.float64)))
            return float(np.mean(chances.argmax(1) == y[target])), -log_loss(y[target], chances)

        C = max(GRID, key=lambda C: score(few, train, chosen_on, C))
        both = np.concatenate([few, chosen_on])
        expected, _ = score(both, np.concatenate([train, val]), test, C)
        assert small.scores["accuracy"].values[seed] == pytest.approx(expected)
        if seed == 0:
            assert abs(small.labels - len(both)) <= 1


def test_budgets_add_numbers_and_change_none(data):
    X, y = data
    plain, _ = run([features("m", X)], y)
    more, _ = run([features("m", X)], y, fractions=(0.1, 0.5), target=0.6)
    assert more.models[0].probe == plain.models[0].probe and more.protocol == plain.protocol
    assert plain.models[0].budgets == () and plain.models[0].to_target is None
    labels = [budget.labels for budget in more.models[0].budgets]
    assert labels == sorted(labels) and more.models[0].to_target.target == 0.6
    body = more.public_json()["models"][0]
    assert [budget["fraction"] for budget in body["budgets"]] == [0.1, 0.5]
    assert {"mean", "sd", "labels", "interval"} <= set(body["budgets"][0])
    assert body["macro_f1"] == plain.models[0].probe["macro_f1"].mean
    other, _ = run([features("m", X)], y, standardise="l2")
    assert other.protocol != plain.protocol, "other features of the probe are another protocol"


def test_steps_count_the_budgets_too(data):
    X, y = data
    told = []
    run([features("m", X)], y, fractions=(0.2, 0.5, 1.0), on_progress=lambda *step: told.append(step))
    assert told[-1][0] == told[-1][1] == 3 * ((3 + 1) * 3 + 2)
    assert any("20 % of the labels" in step[2] for step in told)
