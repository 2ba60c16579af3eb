"""Test images that a backbone had learnt from: counted by a loop, told whatever the answer."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.evals.test_evaluate import features, run
from workbench.engine.evals.seen import SEEN, UNSEEN, of_pretraining
from workbench.records.splits import make_split

MARK = {"pretrained": {"kind": "pretrain", "method": "mae"}}


def test_every_test_image_that_was_learnt_from_is_counted_with_its_copies() -> None:
    rng = np.random.default_rng(0)
    ids = [f"{i:03d}" for i in range(120)]
    copies = [f"set {rng.integers(30)}" if rng.random() < 0.3 else "" for _ in ids]
    learnt = rng.random(120) < 0.4
    parts = [make_split(ids, rng.integers(0, 3, 120), seed=seed).part for seed in range(3)]
    model = features("mine", np.zeros((120, 2)), provenance=MARK, pretrained=learnt)
    (finding,) = of_pretraining([features("theirs", np.zeros((120, 2))), model], parts, copies)
    tested = [i for i in range(120) if any(part[i] == 2 for part in parts)]
    direct = [i for i in tested if learnt[i]]
    as_copies = [
        i
        for i in tested
        if not learnt[i] and copies[i] and any(learnt[j] for j in range(120) if copies[j] == copies[i])
    ]
    assert as_copies
    assert (finding.name, finding.severity) == (SEEN, "warn")
    total = len(direct) + len(as_copies)
    assert f"{total} of {len(tested)} test images over 3 splits" in finding.advice
    assert f"{len(as_copies)} of them as copies" in finding.advice
    assert finding.advice.startswith("mine had learnt, without labels,")


@pytest.mark.parametrize(
    ("learnt", "said", "severity"),
    [(np.zeros(4, dtype=bool), UNSEEN, "info"), (None, SEEN, "warn")],
)
def test_that_none_was_seen_is_told_and_that_it_is_not_known(
    learnt: np.ndarray | None, said: str, severity: str
) -> None:
    model = features("ba\u202ed", np.zeros((4, 2)), provenance=MARK, pretrained=learnt)
    (finding,) = of_pretraining([model], [np.asarray([0, 0, 1, 2])])
    assert (finding.name, finding.severity) == (said, severity)
    assert "\u202e" not in finding.advice


def test_a_comparison_with_such_a_model_is_ranked_and_says_so(cloud) -> None:
    X, y = cloud(120, 8, 3)
    learnt = np.zeros(120, dtype=bool)
    learnt[::2] = True
    mine = features("mine", X, provenance=MARK, pretrained=learnt)
    result, _ = run([mine, features("theirs", X[:, :4])], y, ks=(1, 5))
    assert [finding.name for finding in result.findings].count(SEEN) == 1
    assert result.comparisons[0].verdict != "not ranked"
