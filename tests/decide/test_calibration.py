"""ECE and reliability curves, against a slow reading of the definition and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from workbench.decide.calibration import Calibration, calibration


def ece(probabilities: np.ndarray, truth: np.ndarray, bins: int = 15) -> Calibration:
    return calibration(probabilities.max(1), probabilities.argmax(1) == truth, bins)


def made(size: int, seed: int, sharpen: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and classes drawn from them; `sharpen` > 1 makes the model more sure than it should be."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (size, 4))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (true.cumsum(1) > rng.random((size, 1))).argmax(1)
    said = np.exp(sharpen * logits)
    return said / said.sum(1, keepdims=True), truth


def test_equal_width_is_the_papers_sum() -> None:
    probabilities, truth = made(300, 0)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    total, curve = 0.0, []
    for m in range(15):
        inside = [i for i in range(300) if m / 15 < confidence[i] <= (m + 1) / 15]
        if inside:
            accuracy = sum(right[i] for i in inside) / len(inside)
            mean = math.fsum(confidence[i] for i in inside) / len(inside)
            total += len(inside) / 300 * abs(accuracy - mean)
            curve.append((mean, accuracy, len(inside)))
    found = ece(probabilities, truth).width
    assert found.ece == pytest.approx(total)
    assert [(b.confidence, b.accuracy, b.count) for b in found.bins] == [
        pytest.approx(each) for each in curve
    ]
    for one in found.bins:
        wilson = stats.binomtest(round(one.accuracy * one.count), one.count).proportion_ci(0.95, "wilson")
        assert one.interval == pytest.approx((wilson.low, wilson.high), abs=1e-9)


def test_equal_mass_bins_hold_equally_many_and_keep_ties_together() -> None:
    probabilities, truth = made(300, 1)
    found = ece(probabilities, truth, 10).mass
    assert [one.count for one in found.bins] == [30] * 10
    confidence = np.sort(probabilities.max(1)).reshape(10, 30).mean(1)
    assert [one.confidence for one in found.bins] == pytest.approx(confidence.tolist())
    tied = np.tile([0.9, 0.1], (40, 1))
    assert [one.count for one in ece(tied, np.zeros(40)).mass.bins] == [40]


def test_by_hand() -> None:
    tied = np.tile([0.8, 0.2], (10, 1))
    found = ece(tied, np.r_[np.zeros(5), np.ones(5)])
    assert found.width.ece == found.mass.ece == pytest.approx(0.3)
    sure = ece(np.eye(3), np.arange(3))  # all right, all sure
    assert sure.width.ece == 0.0 and sure.width.bins[0].confidence == 1.0 and sure.by_chance == 0.0


def test_a_calibrated_model_stays_below_the_level_of_chance_and_a_boastful_one_does_not() -> None:
    below = np.mean(
        [found.mass.ece <= found.by_chance for found in (ece(*made(200, seed)) for seed in range(300))]
    )
    assert 0.91 <= below <= 0.985
    boastful = ece(*made(1000, 5, sharpen=2.0))
    assert boastful.mass.ece > 2 * boastful.by_chance
    assert ece(*made(20_000, 6)).by_chance < 0.2 * ece(*made(100, 6)).by_chance


@pytest.mark.parametrize(
    ("confidence", "right"),
    [
        (np.zeros(0), np.zeros(0, dtype=bool)),
        (np.full(2, 0.5), np.ones(3, dtype=bool)),
        (np.full((2, 2), 0.5), np.ones((2, 2), dtype=bool)),
        (np.asarray([1.5]), np.ones(1, dtype=bool)),
        (np.asarray([np.nan]), np.ones(1, dtype=bool)),
    ],
)
def test_what_is_no_probability_is_refused(confidence: np.ndarray, right: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1|a confidence for every item"):
        calibration(confidence, right)
    with pytest.raises(ValueError, match="at least one bin"):
        ece(np.eye(2), np.arange(2), 0)
