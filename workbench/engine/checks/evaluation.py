"""What every evaluation must be, asked of one that a plugin brings, on three clouds of 24 features."""

from __future__ import annotations

import json

import numpy as np

from workbench.engine.evals.extra import Asked, extra_scores, predicted
from workbench.engine.evals.inputs import ModelFeatures
from workbench.engine.evals.plugged import Evaluation
from workbench.records.evaluations import EvaluationFacts
from workbench.records.params import build, config_of
from workbench.records.plugin_checks import Steps

CLASSES, EACH, WIDTH = 3, 40, 24
CHANCE = 0.5  # of a balanced accuracy whose clouds lie far apart; guessing gives a third


def check_evaluation(name: str, evaluation: type[Evaluation], steps: Steps) -> None:
    with steps.step(f"{name}: its settings become a form and flags"):
        facts = evaluation.facts()
        if EvaluationFacts.from_json(json.loads(json.dumps(facts.to_json()))) != facts:
            raise ValueError(
                "What it says of itself can't be written and read again: take plain numbers and texts."
            )
        build(config_of("Form", facts.params), {item.name: item.default for item in facts.params})
    values: tuple[float, ...] = ()
    with steps.step(f"{name}: scores features on the comparison's splits"):
        values = _scores(name)
    if not values:
        return
    with steps.step(f"{name}: says the same again"):
        if _scores(name) != values:
            raise ValueError("On the same splits it says something else: draw what it draws from task.seed.")
    with steps.step(f"{name}: tells clouds apart that lie far from each other"):
        if float(np.mean(values)) < CHANCE:
            raise ValueError(
                f"It is right in {100 * float(np.mean(values)):.0f} % where guessing is in a third."
            )


def _scores(name: str) -> tuple[float, ...]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(CLASSES), EACH)
    X = (rng.normal(size=(CLASSES, WIDTH)) * 3)[labels] + rng.normal(size=(len(labels), WIDTH))
    parts = [rng.permuted(np.arange(len(labels)) % 5) for _ in range(2)]
    parts = [np.where(part < 3, 0, part - 2).astype(np.int8) for part in parts]
    model = ModelFeatures(
        name="clouds",
        backbone="clouds",
        feature="pooled",
        fingerprint="",
        image_size=None,
        source="",
        X=X.astype(np.float32),
    )
    [found] = extra_scores(
        [Asked(name, name)],
        [model],
        labels,
        parts,
        (0, 1),
        CLASSES,
        "balanced_accuracy",
        lambda one, task: predicted(one.text, task),
    )
    if found.score is None:
        raise ValueError(found.error)
    return found.score.values
