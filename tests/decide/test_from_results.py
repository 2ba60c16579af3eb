"""Rungs from results: the numbers are the results', and few groups widen the interval as they must."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.decide.made_evidence import curve_of, evidence, score
from workbench.decide.from_results import at_hand, kind_of, of_comparison, of_finetune
from workbench.decide.standing import judged_interval, place
from workbench.engine.backbones.catalogue import catalogue
from workbench.records.catalogue import PRETRAINED_HERE, BackboneFacts
from workbench.records.finetunes import FinetuneResult, SeedTuned
from workbench.records.results import EvaluationResult, Predictions
from workbench.records.scores import ModelResult

SEEDS, NUM = 5, 240


def model(name: str, mean: float) -> ModelResult:
    return ModelResult(
        name=name,
        backbone=f"lab/{name}",
        feature="cls",
        fingerprint="f",
        image_size=224,
        dimension=8,
        source="",
        probe={"macro_f1": score(mean, 0.002)},
        knn={"macro_f1": score(mean - 0.1)},
        strengths=(1.0,) * SEEDS,
        neighbours=(5,) * SEEDS,
        confusion=((1, 0), (0, 1)),
        budgets=curve_of(0.5, mean),
    )


RESULT = EvaluationResult(
    protocol="p",
    kind="frozen probe",
    metric="macro_f1",
    margin=0.01,
    seeds=tuple(range(SEEDS)),
    classes=("a", "b"),
    split_hashes=("s",) * SEEDS,
    split_counts=(144, 48, 48),
    grouped=False,
    models=(model("good", 0.9), model("floor", 0.5)),
    comparisons=(),
)


def predictions(parts: np.ndarray, right: np.ndarray) -> Predictions:
    """Two models alike. parts: (SEEDS, NUM) bool; right: (NUM,) bool."""
    truth = (np.arange(NUM) % 2).astype(np.int32)
    said = np.where(parts, np.where(right, truth, 1 - truth), -1)
    return Predictions(items=np.arange(NUM).astype(str), truth=truth, predicted=np.stack([said, said]))


def shuffled() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.stack([rng.permutation(NUM) < NUM // 5 for _ in range(SEEDS)])


def test_a_row_becomes_a_rung_with_its_own_numbers() -> None:
    good, floor = of_comparison(
        RESULT,
        {"lab/floor": "floor"},
        "macro_f1",
        titles={"good": "Good", "floor": "Histogram"},
        seconds={"good": 12.0},
        run="runs/7",
    )
    assert (good.name, good.kind, good.checkpoint, good.run) == (
        "Good, frozen",
        "public",
        "lab/good",
        "runs/7",
    )
    assert (good.n_train, good.n_test, good.seconds, good.seeds) == (192, 48, 12.0, (0, 1, 2, 3, 4))
    assert good.score == RESULT.models[0].probe["macro_f1"] and good.knn == RESULT.models[0].knn["macro_f1"]
    assert good.budgets == RESULT.models[0].budgets and good.items is None
    assert (floor.name, floor.kind, floor.seconds) == ("Histogram", "floor", None)
    with pytest.raises(ValueError, match="holds no accuracy"):
        of_comparison(RESULT, {}, "accuracy")


def test_a_test_part_that_never_changes_counts() -> None:
    parts = np.tile(np.arange(NUM) < 48, (SEEDS, 1))
    right = np.arange(NUM) % 10 > 0
    [good, _] = of_comparison(RESULT, {}, "macro_f1", predictions=predictions(parts, right))
    assert good.same_test and good.items is not None
    share = right[:48].mean()
    expected = 2 * stats.t.ppf(0.975, 47) * np.sqrt(share * (1 - share) / 47)  # a proportion of 48 images
    assert good.items[1] - good.items[0] == pytest.approx(expected, rel=0.1)


def test_few_groups_count_and_many_do_not() -> None:
    """Eight groups, each right or wrong as a whole: there are eight things to learn from, however many images."""
    right = np.repeat([True] * 7 + [False], NUM // 8)
    eight = np.repeat(np.arange(8), NUM // 8)
    for groups, counts in ((eight, True), (np.arange(NUM), False), (None, False)):
        found = of_comparison(
            RESULT, {}, "macro_f1", predictions=predictions(shuffled(), right), groups=groups
        )[0]
        assert (found.items is not None) == counts and not found.same_test
    found = of_comparison(RESULT, {}, "macro_f1", predictions=predictions(shuffled(), right), groups=eight)[0]
    interval = judged_interval(found)
    assert interval is not None and interval[0] < 0.7, (
        "1 group in 8 is wrong: the next eight may hold two or three"
    )
    assert place(evidence(NUM, 0, 0.85, rungs=(found,)), found) == "open"


def test_a_fine_tune_becomes_an_adapted_rung() -> None:
    seeds = tuple(
        SeedTuned(
            seed=seed,
            split="s",
            counts=(144, 48, 48),
            strength=1.0,
            curve=(),
            chosen=3,
            stopped_early=False,
            test={"macro_f1": 0.9},
            seconds=10.0,
            images_per_second=100.0,
        )
        for seed in range(3)
    )
    result = FinetuneResult(
        run="r9",
        backbone="lab/good",
        title="Good",
        feature="cls",
        image_size=224,
        trained="the last block and the head",
        blocks="1",
        lora=0,
        trainable_parameters=1,
        total_parameters=2,
        augment="none",
        metric="macro_f1",
        classes=("a", "b"),
        index="i",
        grouped=False,
        plan="",
        seeds=seeds,
        scores={"macro_f1": score(0.9, seeds=3)},
        confusion=((1, 0), (0, 1)),
        seconds=33.0,
    )
    found = of_finetune(result, "macro_f1")
    assert (found.kind, found.blocks, found.checkpoint, found.seconds) == ("adapted", "1", "lab/good", 33.0)
    assert (found.n_train, found.n_test, found.num_seeds, found.frozen) == (144, 48, 3, False)
    with pytest.raises(ValueError, match="holds no accuracy"):
        of_finetune(result, "accuracy")


def test_the_catalogue_tells_the_kinds() -> None:
    entries = {facts.id: facts for facts in catalogue()}
    kinds = {name: kind_of(facts) for name, facts in entries.items()}
    assert kinds["histogram"] == kinds["random_vit"] == "floor"
    assert kinds["efficientnet_lite0"] == kinds["timm/resnet50.a1_in1k"] == "supervised"
    assert kinds["facebook/dinov2-small"] == kinds["facebook/vit-mae-base"] == "public"
    assert kinds["starter_mae"] == kinds["starter_dino"] == "floor"
    assert {kind for name, kind in kinds.items() if "dino" in name and name != "starter_dino"} == {"public"}


def test_at_hand_are_those_that_are_here_and_dinov2_comes_first() -> None:
    def facts(id_: str, family: str, parameters: int | None, **others: object) -> BackboneFacts:
        made = {"source": "timm", "training_data": "unknown images", "available": True, **others}
        return BackboneFacts(
            id=id_,
            title=id_.upper(),
            family=family,
            parameters=parameters,
            input_size=224,
            features=("cls",),
            default_feature="cls",
            licence="",
            **made,  # type: ignore[arg-type]
        )

    found = at_hand(
        (
            facts("floor", "Floor", 1, source="built in"),
            facts("base", "DINOv2", 86),
            facts("mine", "DINO", 1, source=PRETRAINED_HERE),
            facts("tiny", "DINO", 5),
            facts("gone", "DINOv2", 1, available=False),
            facts("small", "DINOv2", 22),
            facts("net", "ResNet", 23, training_data="ImageNet-1k, 1.3 M labelled images"),
            facts("odd", "?", None),
        )
    )
    assert [item.id for item in found] == ["small", "base", "tiny", "net", "odd"]
    assert [item.kind for item in found][3] == "supervised"
    tagged = facts("x", "ViT", 1, training_data="what timm calls augreg_in21k_ft_in1k")
    assert kind_of(tagged) == "supervised"
    assert kind_of(facts("x", "ViT", 1, training_data="what timm calls dino")) == "public"
