"""Whatever is known, however little or odd: there is a decision, in whole sentences, and it contradicts nothing."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tests.decide.made_evidence import curve_of, regime, rung, score
from workbench.decide.decision import decide
from workbench.decide.standing import frozen_public, last_blocks, place
from workbench.records.decision import Decision
from workbench.records.evidence import PROBLEMS, AtHand, Domain, Evidence, Machine, Recipe, Rung, Target

AT_HAND = (
    AtHand(id="lite", title="EfficientNet-Lite0", kind="supervised", parameters=3_000_000),
    AtHand(id="facebook/dinov2-small", title="DINOv2 small", kind="public", parameters=22_000_000),
    AtHand(id="dino", title="DINO small", kind="public"),
)
CHANGES = ("colour jitter", "blur", "crops from 8 % of the area")


def some_recipe(rng: np.random.Generator) -> Recipe | None:
    if rng.random() < 0.5:
        return None
    changes = tuple(change for change in CHANGES if rng.random() < 0.5)
    method = str(rng.choice(["simclr", "moco", "mae", "dino"]))
    return Recipe(method=method, batch_size=int(rng.choice([0, 64, 1024])), changes=changes)


def some_rungs(rng: np.random.Generator) -> tuple[Rung, ...]:
    made = []
    for number in range(int(rng.integers(0, 8))):
        kind = str(rng.choice(["floor", "supervised", "public", "adapted", "pretrained"]))
        others: dict[str, Any] = {}
        if kind == "adapted":
            others["blocks"] = str(rng.choice(["1", "all"]))
        if kind == "pretrained":
            others |= {"recipe": some_recipe(rng), "projected": bool(rng.random() < 0.3)}
        if rng.random() < 0.4:
            others["knn"] = score(float(rng.uniform(0.3, 0.9)))
        if rng.random() < 0.3:
            others["budgets"] = curve_of(*rng.uniform(0.3, 0.95, int(rng.integers(1, 5))).tolist())
        if rng.random() < 0.2:
            others |= {"same_test": True, "items": (0.5, 0.95)}
        if rng.random() < 0.5:
            others["seconds"] = float(rng.uniform(1, 5_000))
        made.append(
            rung(
                f"{kind} {number}",
                kind,
                float(rng.choice([0.3, 0.6, 0.8, 0.85, 0.9, 0.97, 1.0])),
                sd=float(rng.choice([0.0, 0.004, 0.02])),
                seeds=int(rng.choice([1, 2, 3, 5, 10])),
                n_train=int(rng.choice([40, 800])),
                n_test=int(rng.choice([10, 200])),
                checkpoint=str(rng.choice(["", "lite", "facebook/dinov2-small", "dino"])),
                **others,
            )
        )
    return tuple(made)


def some_evidence(rng: np.random.Generator) -> Evidence:
    def maybe(value: Any, chance: float = 0.5) -> Any:
        return value if rng.random() < chance else None

    rungs = some_rungs(rng)
    claims = (
        ((rungs[0].name, rungs[1].name), (rungs[1].name, rungs[0].name))[: int(rng.integers(0, 3))]
        if len(rungs) > 1
        else ()
    )
    labelled, unlabelled = (
        int(rng.choice([0, 6, 300, 3_000, 60_000])),
        int(rng.choice([0, 1, 6_000, 200_000])),
    )
    return Evidence(
        problem=PROBLEMS[int(rng.integers(len(PROBLEMS)))] if rng.random() < 0.1 else "images",
        regime=regime(
            labelled, unlabelled, groups=int(rng.choice([0, 12])), leaks=int(rng.choice([0, 0, 4]))
        ),
        target=Target(
            threshold=maybe(0.85, 0.8),
            labels_an_hour=maybe(60.0),
            labelling_hour_cost=maybe(40.0),
            gpu_hour_cost=maybe(2.0),
            currency=str(rng.choice(["", "EUR"])),
        ),
        domain=Domain(
            everyday=maybe(True), purity=maybe(0.5), purity_by_chance=maybe(0.2), distance=maybe(2.5)
        ),
        machine=Machine(
            gpu_bytes=maybe(8_000_000_000),
            batch=maybe(64),
            embed_rate=maybe(500.0),
            pretrain_rate=maybe(100.0),
        ),
        rungs=rungs,
        claims=claims,
        openings=int(rng.integers(0, 4)),
        leaked=maybe(int(rng.integers(0, 5))),
        attention_seen=bool(rng.random() < 0.3),
        plan=some_recipe(rng),
        destroyed=CHANGES[: int(rng.integers(0, 3))],
        colour_is_signal=maybe(bool(rng.random() < 0.5)),
        architecture=("", "vit", "cnn")[int(rng.integers(3))],
        at_hand=AT_HAND[: int(rng.integers(0, 4))],
    )


def sentences(found: Decision) -> list[str]:
    said = [found.advice.advice, found.advice.reason, *found.because, *found.against]
    said += [*found.would_change_it, *found.escalation, *(finding.advice for finding in found.findings)]
    said += [*([found.next_step.why] if found.next_step else []), *([found.stopped] if found.stopped else [])]
    return said + [item.step.why for item in found.ahead] + list(found.proposal.why if found.proposal else ())


@pytest.mark.parametrize("seed", range(8))
def test_there_is_a_decision_in_whole_sentences_that_contradicts_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(12):
        known = some_evidence(rng)
        found = decide(known)
        for text in sentences(found):
            assert text.endswith("."), text
            assert not re.search(r"None|\bnan\b|\binf\b|  |\.\.|\{|\(\)", text), text
        below = [place(known, item) == "below" for item in (*frozen_public(known), *last_blocks(known))]
        if found.verdict == "pretraining justified":
            assert below and all(below) and last_blocks(known) and known.regime.all_unlabelled >= 20_000
        if found.verdict == "public backbone suffices":
            assert any(place(known, item) == "above" for item in frozen_public(known))
        if known.problem != "images":
            assert found.verdict == "not this tool" and found.next_step is None and not found.findings
        else:
            assert (found.next_step is None) == bool(found.stopped), "either a step or why there is none"
            assert sum(item.state == "next" for item in found.ahead) <= 1
        if found.proposal is not None and known.architecture == "cnn":
            assert found.proposal.method in ("", "moco", "simclr")
