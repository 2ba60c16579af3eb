"""A strength that says nothing but how large the classes are is never chosen while another says more."""

from __future__ import annotations

import numpy as np

from workbench.engine.evals.one_model import run_model
from workbench.engine.evals.protocol import Meter, Protocol


def scored(grid: tuple[float, ...], seed: int) -> tuple[float, float]:
    """The test accuracy of the probe and the strength chosen, on noise in 300 axes with a little of the class in
    them; the third class has one image more in training and validation together."""
    rng = np.random.default_rng(seed)
    sizes = {0: (20, 20, 20), 1: (20, 20, 21), 2: (40, 40, 40)}
    labels = np.concatenate([np.repeat(np.arange(3), sizes[part]) for part in sizes])
    parts = np.concatenate([np.full(sum(sizes[part]), part, dtype=np.int8) for part in sizes])
    X = rng.normal(size=(len(labels), 300)).astype(np.float32)
    X += 0.22 * rng.normal(size=(3, 300))[labels].astype(np.float32)
    protocol = Protocol(
        labels=labels.astype(np.int64),
        groups=None,
        parts=(parts,),
        seeds=(0,),
        num_classes=3,
        grid=grid,
        ks=(5,),
        metric="accuracy",
        fractions=(),
    )
    outcome = run_model(X, protocol, Meter(None, 1), "x")
    test = parts == 2
    return float((outcome.probe[0][test] == labels[test]).mean()), outcome.strengths[0]


def test_class_sizes_alone_are_not_chosen() -> None:
    for seed in range(4):
        accuracy, strength = scored((1e-9, 1e-3, 1.0), seed)
        assert strength > 1e-9
        assert accuracy > 0.5


def test_where_there_is_nothing_else_it_is_taken() -> None:
    assert scored((1e-9,), 0)[1] == 1e-9
