"""Each warning before a run: one case that it is said of, and one that it must not be said of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from workbench.engine.pretrain.guard import Facts, before
from workbench.records.augmentation import Augmentation, View

COLOURFUL = Augmentation(
    views=(View(name="two views", count=2, jitter=0.8, saturation=0.4, hue=0.1, grey=0.2),)
)
PLAIN = Augmentation(views=(View(name="two views", count=2, jitter=0.8, brightness=0.4),))
CROPS = Augmentation(views=(View(name="whole views"), View(name="local crops", count=8, share=96 / 224)))
GOOD = Facts(
    tokens=True,
    start="dinov2_small",
    images=180_000,
    labelled=4_000,
    batch_size=256,
    processes=1,
    accumulate=1,
    epochs=100,
    planned=70_300,
    steps=70_300,
    warm_up=7_030,
    image_size=224,
    patch=16,
    stride=16,
    learn_from="safe",
    overlap=0,
    grey=False,
    augmentation=COLOURFUL,
    prototypes=None,
    queue=65_536,
    negatives=None,
    together=256,
    has_batch_norm=True,
)


def test_nothing_is_said_of_a_sound_run() -> None:
    assert before(GOOD) == []


# name, severity, changes that bring it, changes that are nearly as bad and must not
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("few negatives", "warn", {"negatives": 508, "together": 255}, {"negatives": 510, "together": 256}),
    ("few negatives", "warn", {"negatives": 31, "together": 32}, {"together": 32}),
    ("noisy batch norm", "warn", {"batch_size": 60, "processes": 4}, {"batch_size": 64, "processes": 4}),
    ("noisy batch norm", "warn", {"accumulate": 32}, {"accumulate": 32, "has_batch_norm": False}),
    ("noisy batch norm", "bad", {"batch_size": 4, "processes": 2, "accumulate": 2}, {"accumulate": 16}),
    ("few images", "warn", {"images": 4_999, "queue": 64}, {"images": 5_000, "queue": 64}),
    ("few images", "bad", {"images": 800, "queue": 64}, {"images": 1_000_000}),
    ("few steps", "warn", {"steps": 999, "warm_up": 10}, {"steps": 1_000, "warm_up": 10}),
    ("warm-up takes most", "warn", {"steps": 10_000}, {"steps": 14_060}),
    ("copies left out", "info", {"overlap": 1}, {"overlap": 0}),
    ("nothing stays unseen", "warn", {"learn_from": "all", "overlap": 3}, {"learn_from": "unlabelled"}),
    ("colour changes of grey pictures", "info", {"grey": True}, {"grey": True, "augmentation": PLAIN}),
    ("few patches", "warn", {"image_size": 48}, {"image_size": 64}),
    ("few patches", "warn", {"image_size": 28, "patch": 14}, {"image_size": 28, "patch": 1}),
    (
        "views smaller than the stride",
        "warn",
        {"image_size": 64, "patch": 1, "stride": 32, "augmentation": CROPS},
        {"image_size": 75, "patch": 1, "stride": 32, "augmentation": CROPS},
    ),
    (
        "views smaller than the stride",
        "warn",
        {"image_size": 31, "patch": 1, "stride": 32},
        {"image_size": 32},
    ),
    ("more prototypes than images", "warn", {"prototypes": 180_001}, {"prototypes": 180_000}),
    ("queue holds every image", "warn", {"queue": 180_000}, {"queue": 179_999}),
    ("from nothing", "warn", {"start": "", "images": 99_999}, {"start": "", "images": 100_000}),
]


@pytest.mark.parametrize(("name", "severity", "fires", "not_quite"), CASES)
def test_a_warning_is_said_where_it_is_due_and_only_there(
    name: str, severity: str, fires: dict[str, Any], not_quite: dict[str, Any]
) -> None:
    [found] = [finding for finding in before(replace(GOOD, **fires)) if finding.name == name]
    assert found.severity == severity
    assert name not in [finding.name for finding in before(replace(GOOD, **not_quite))]


def test_the_numbers_of_the_run_stand_in_the_sentences() -> None:
    poor = replace(
        GOOD,
        batch_size=64,
        accumulate=2,
        negatives=62,
        together=32,
        images=1_200,
        start="",
        overlap=17,
        planned=370,
        steps=370,
        epochs=10,
        warm_up=200,
        prototypes=65_536,
        queue=1_200,
    )
    said = {finding.name: finding.advice for finding in before(poor)}
    assert "17 unlabelled images" in said["copies left out"]
    assert "62 views" in said["few negatives"] and "64 images a step, in 2 parts" in said["few negatives"]
    assert "1,200 images" in said["few images"] and "4,000" in said["few images"]
    assert "370 steps" in said["few steps"] and "28 epochs" in said["few steps"]
    assert "200 of 370" in said["warm-up takes most"]
    assert "Take 256 or so" in said["more prototypes than images"]
    assert "Take 512 or so" in said["queue holds every image"]


def test_a_run_that_ends_before_its_plan_is_told_so() -> None:
    said = {finding.name: finding.advice for finding in before(replace(GOOD, steps=10))}
    assert "ends after 10 steps, of 70,300 that are planned" in said["few steps"]
    assert "rises for 7,030 steps, and the run ends after 10" in said["warm-up takes most"]
    assert "epochs" not in said["few steps"] + said["warm-up takes most"]


def test_the_gravest_comes_first() -> None:
    found = before(replace(GOOD, images=90, grey=True, steps=500, warm_up=10, overlap=2))
    order = [("bad", "warn", "info").index(finding.severity) for finding in found]
    assert order == sorted(order) and set(order) == {0, 1, 2}


def test_copies_are_no_second_finding_where_everything_is_learnt_from() -> None:
    names = [finding.name for finding in before(replace(GOOD, learn_from="all", overlap=3))]
    assert names == ["nothing stays unseen"]
