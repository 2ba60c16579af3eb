"""The protocol: what is chosen on what, what is refused, and what the reader is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from workbench.engine.evals.evaluate import evaluate
from workbench.engine.evals.inputs import ModelFeatures
from workbench.records.results import EvaluationResult, Predictions
from workbench.records.splits import make_split

GRID = (1e-4, 1e-2, 1.0)
CLASSES = ("crack", "dent", "fine", "rust")


def features(name: str, X: np.ndarray, **options) -> ModelFeatures:
    return ModelFeatures(
        name=name,
        backbone=name,
        feature="cls",
        fingerprint="f" * 16,
        image_size=224,
        source="a.h5ad",
        X=X,
        **options,
    )


def run(models, y, seeds=3, groups=None, parts=None, **options):
    ids = [f"{i:04d}" for i in range(len(y))]
    splits = [make_split(ids, y, groups, seed=seed) for seed in range(seeds)]
    return evaluate(
        models,
        y,
        ids,
        groups,
        parts or [split.part for split in splits],
        list(range(seeds)),
        CLASSES[: int(max(y)) + 1],
        split_hashes=[split.hash for split in splits],
        grouped=splits[0].grouped,
        **{"strengths": GRID, **options},
    )


@pytest.fixture
def data(cloud):
    X, y = cloud(240, 16, 4, spread=1.2)
    noise = np.random.default_rng(5).normal(size=(240, 8)).astype(np.float32)
    return X, noise, y


def test_the_whole_protocol_is_that_of_scikit_learn_written_out(data):
    X, _, y = data
    ks = (1, 5, 20)
    result, predictions = run([features("m", X)], y, ks=ks, metric="accuracy")
    for seed in range(3):
        part = make_split([f"{i:04d}" for i in range(240)], y, seed=seed).part
        train, val, test = (np.flatnonzero(part == which) for which in range(3))
        fit = np.concatenate([train, val])

        def chances(rows: np.ndarray, target: np.ndarray, C: float) -> np.ndarray:
            scaler = StandardScaler().fit(X[rows].astype(np.float64))
            model = LogisticRegression(C=C, tol=1e-9, max_iter=5000)
            model.fit(scaler.transform(X[rows].astype(np.float64)), y[rows])
            return model.predict_proba(scaler.transform(X[target].astype(np.float64)))

        def probe(rows: np.ndarray, target: np.ndarray, C: float) -> np.ndarray:
            return chances(rows, target, C).argmax(1)

        scores = [
            (accuracy_score(y[val], probe(train, val, C)), -log_loss(y[val], chances(train, val, C)))
            for C in GRID
        ]
        best = GRID[max(range(3), key=scores.__getitem__)]
        assert result.models[0].strengths[seed] == best
        expected = probe(fit, test, best)
        assert np.array_equal(predictions.predicted[0, seed, test], expected)
        assert np.all(predictions.predicted[0, seed, fit] == -1)
        assert result.models[0].probe["accuracy"].values[seed] == pytest.approx(
            accuracy_score(y[test], expected)
        )
        assert result.models[0].probe["macro_f1"].values[seed] == pytest.approx(
            f1_score(y[test], expected, labels=np.unique(y[test]), average="macro")
        )

        def vote(bank: np.ndarray, target: np.ndarray, k: int) -> np.ndarray:
            search = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(X[bank])
            distance, index = search.kneighbors(X[target])
            tally = np.zeros((len(target), 4))
            for row in range(len(target)):
                for j in range(k):
                    tally[row, y[bank][index[row, j]]] += np.exp((1 - distance[row, j]) / 0.07)
            return tally.argmax(1)

        best_k = ks[int(np.argmax([accuracy_score(y[val], vote(train, val, k)) for k in ks]))]
        assert result.models[0].neighbours[seed] == best_k
        assert result.models[0].knn["accuracy"].values[seed] == pytest.approx(
            accuracy_score(y[test], vote(fit, test, best_k))
        )


def test_a_signal_beats_noise_and_the_documents_survive_the_disk(data, tmp_path):
    X, noise, y = data
    result, predictions = run([features("noise", noise), features("signal", X)], y, seeds=5)
    assert [(pair.a, pair.b, pair.verdict) for pair in result.comparisons] == [("signal", "noise", "better")]
    signal = result.model("signal")
    assert signal.probe[result.metric].mean > 0.8 > 0.5 > result.model("noise").probe[result.metric].mean
    assert signal.dimension == 16 and len(signal.strengths) == 5 and result.split_counts[0] > 100
    tested = sum(int(np.sum(row >= 0)) for row in predictions.predicted[1])
    assert np.sum(signal.confusion) == tested
    low, high = signal.probe["accuracy"].interval
    assert 0 <= low < signal.probe["accuracy"].mean < high <= 1
    result.save(tmp_path / "result.json")
    predictions.save(tmp_path / "predictions.npz")
    assert EvaluationResult.load(tmp_path / "result.json") == result
    assert np.array_equal(Predictions.load(tmp_path / "predictions.npz").predicted, predictions.predicted)
    json.dumps(result.models[0].to_json(), allow_nan=False)


def test_nothing_is_chosen_by_the_test_part(data):
    X, _, y = data
    part = make_split([f"{i:04d}" for i in range(240)], y, seed=0).part
    other = y.copy()
    test = part == 2
    other[test] = (y[test] + 1) % 4
    spoilt = X.copy()
    spoilt[test] = 0
    first, _ = run([features("m", X)], y, seeds=1, parts=[part], metric="accuracy")
    second, _ = run([features("m", spoilt)], other, seeds=1, parts=[part], metric="accuracy")
    assert first.models[0].strengths == second.models[0].strengths
    assert first.models[0].neighbours == second.models[0].neighbours
    assert first.models[0].probe["accuracy"].mean > second.models[0].probe["accuracy"].mean + 0.3


def test_the_same_inputs_give_the_same_result_and_the_protocol_names_them(data):
    X, noise, y = data
    first, _ = run([features("m", X)], y)
    assert run([features("m", X)], y)[0] == first
    assert run([features("n", noise)], y)[0].protocol == first.protocol  # other features, same questions
    for changed in (
        run([features("m", X)], y, seeds=2),
        run([features("m", X)], y, strengths=(1.0, 2.0)),
        run([features("m", X)], y, ks=(1, 5)),
        run([features("m", X)], np.where(np.arange(240) == 7, (y + 1) % 4, y)),
    ):
        assert changed[0].protocol != first.protocol


def test_the_metric_follows_the_balance(data, cloud):
    X, _, y = data
    keep = np.flatnonzero((y != 0) | (np.arange(240) % 3 == 0))
    assert run([features("m", X[keep])], y[keep], seeds=1)[0].metric == "macro_f1"
    X, y = cloud(90, 8, 3)
    assert run([features("m", X)], np.arange(90) % 3, seeds=1)[0].metric == "accuracy"
    with pytest.raises(ValueError, match="metric must be one of"):
        run([features("m", X)], y, metric="auc")


def test_one_seed_leaves_every_pair_undecided(data):
    X, noise, y = data
    result, _ = run([features("signal", X), features("noise", noise)], y, seeds=1)
    pair = result.comparisons[0]
    assert pair.verdict == "undecided" and "one split" in pair.reason
    assert -1 <= pair.interval[0] <= pair.interval[1] <= 1
    assert result.models[0].probe["accuracy"].interval is None
    assert "few seeds" in {finding.name for finding in result.findings}


def test_what_the_reader_must_know_is_found(cloud):
    X, y = cloud(120, 8, 4)
    y[:] = np.arange(120) % 3
    y[:4] = 3  # a class of four
    result, _ = run([features("m", X)], y, seeds=2, strengths=(1e-6, 1e-5))
    by_name = {finding.name: finding for finding in result.findings}
    assert {"few seeds", "small classes", "small test part"} <= set(by_name)
    assert "rust" in by_name["small classes"].advice and "dent" not in by_name["small classes"].advice
    severities = [finding.severity for finding in result.findings]
    assert severities == sorted(severities, key=["bad", "warn", "info"].index)


def test_a_split_through_groups_is_called_bad_and_a_whole_one_is_not(data):
    X, _, y = data
    groups = np.arange(240) // 6
    ids = [f"{i:04d}" for i in range(240)]
    torn = [make_split(ids, y, None, seed=seed).part for seed in range(3)]
    whole, _ = run([features("m", X)], y, groups=groups)
    assert whole.grouped and "groups torn apart" not in {finding.name for finding in whole.findings}
    found = run([features("m", X)], y, groups=groups, parts=torn)[0].findings[0]
    assert (found.name, found.severity) == ("groups torn apart", "bad")


def test_probe_and_knn_far_apart_are_remarked_upon(data):
    X, _, y = data
    loud = np.concatenate([X, 200 * np.random.default_rng(1).normal(size=(240, 4))], 1).astype(np.float32)
    result, _ = run([features("m", loud)], y, seeds=5)
    assert result.models[0].probe["accuracy"].mean > result.models[0].knn["accuracy"].mean + 0.3
    assert "probe and k-NN apart" in {finding.name for finding in result.findings}


def test_a_class_may_miss_from_training_and_few_items_are_enough(cloud):
    X, y = cloud(240, 8, 4)
    part = make_split([f"{i:04d}" for i in range(240)], y, seed=0).part
    part[(y == 2) & (part < 2)] = -1
    result, predictions = run([features("m", X)], y, seeds=1, parts=[part])
    assert not np.any(predictions.predicted == 2)
    assert sum(result.models[0].confusion[2]) == np.sum((y == 2) & (part == 2))
    few = np.concatenate([np.flatnonzero(y == code)[:3] for code in range(4)])
    small, _ = run([features("m", X[few])], y[few])
    assert small.split_counts == (4, 4, 4) and set(small.models[0].neighbours) <= {1, 4}


def test_steps_are_told_in_order_and_cancelling_ends_it(data):
    X, noise, y = data
    told = []
    run([features("m", X), features("n", noise)], y, on_progress=lambda *step: told.append(step))
    done = [step[0] for step in told]
    assert done == sorted(done) and told[-1][0] == told[-1][1] == 2 * 3 * (3 + 3)
    assert told[0][2].startswith("m") and told[-1][2].startswith("n")

    def cancel(*step: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([features("m", X)], y, on_progress=cancel)


def test_what_cannot_be_compared_is_refused_in_a_sentence(data):
    X, noise, y = data
    broken = X.copy()
    broken[3, 2] = np.nan
    empty = np.where(np.arange(240) < 200, 0, 2).astype(np.int8)
    cases = [
        ([features("bad one", broken)], {}, "features of bad one hold NaN or infinite values for 1 of 240"),
        ([features("short", X[:-1])], {}, "short has features of 239 images where 240"),
        ([features("other", X, ids=["x"] * 240)], {}, "other was made from other images"),
        ([features("m", X), features("m", noise)], {}, "same name"),
        ([], {}, "no model"),
        ([features("m", X)], {"seeds": 1, "parts": [empty]}, "validation part of seed 0 is empty"),
        ([features("m", X)], {"seeds": 1, "parts": [empty[:9]]}, "9 entries for 240"),
        ([features("m", X)], {"strengths": (0.0, 1.0)}, "positive"),
    ]
    for models, options, message in cases:
        with pytest.raises(ValueError, match=message):
            run(models, y, **options)
    with pytest.raises(ValueError, match="only one class"):
        run([features("m", X)], np.zeros(240, dtype=int))


def test_what_was_not_made_alike_is_measured_and_not_ranked(data):
    X, noise, y = data
    facts = {"backbone": "vit", "title": "ViT", "layers": "last", "only_feature": False, "projector": False}
    cls = {**facts, "feature": "cls", "usual": True}
    mean = {**facts, "feature": "mean", "usual": False}
    other = {**cls, "backbone": "other"}
    models = [
        features("cls", X, provenance=cls),
        features("mean", noise, provenance=mean),
        features("other", noise[:, :4], provenance=other),
    ]
    result, _ = run(models, y, seeds=5)
    pair = result.comparison("cls", "mean")
    assert pair.verdict == "not ranked" and "pooling" in pair.reason
    assert pair.p is None and pair.p_adjusted is None and pair.mcnemar is None
    assert pair.difference > 0.3, "the number stays"
    ranked = result.comparison("cls", "other")
    assert ranked.verdict == "better" and ranked.mcnemar < 0.01
    assert ranked.p_adjusted == ranked.p, "a pair that is not ranked doesn't count among the comparisons"
    tuned = {**other, "trained_on_labels": {"split": "x"}}
    result, _ = run([models[0], features("tuned", noise, provenance=tuned)], y, seeds=2)
    assert "no frozen probe" in result.comparisons[0].reason
