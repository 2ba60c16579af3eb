"""Which features may be ranked against each other: one table of pairs, each in both orders."""

from __future__ import annotations

import re
from typing import Any

import pytest

from workbench.records.feature_lock import feature_title, lock_facts, rankable, rule_told


def made(
    backbone: str = "dino", feature: str = "cls", *, layer: Any = -1, depth: int = 12, **more: Any
) -> dict:
    """The provenance of one file, as the embed job writes it."""
    own, offered = {
        "dino": ("cls", ("cls", "mean", "cls+mean")),
        "large": ("cls", ("cls", "mean", "cls+mean")),
        "mae": ("mean", ("cls", "mean", "cls+mean")),
        "clip": ("pooled", ("cls", "mean", "cls+mean", "pooled")),
        "cnn": ("pooled", ("pooled",)),
        "histogram": ("pooled", ("pooled",)),
    }[backbone]
    facts = lock_facts(
        feature=feature,
        layer=layer,
        depth=depth,
        own_feature=own,
        features=offered,
        own_size=more.pop("own_size", True),
    )
    spec = {
        "preprocess": {"size": more.pop("size", 224)},
        "layer": layer,
        "window": more.pop("window", "full"),
        **({"channels": more.pop("channels")} if "channels" in more else {}),
    }
    return {"backbone": backbone, "title": backbone.upper(), **facts, "spec": spec, **more}


CNN = made("cnn", "pooled", depth=4)
HISTOGRAM = made("histogram", "pooled", depth=0)

FINE = {
    "one feature": (made(), made("mae", "cls")),
    "each family's own": (made(), made("mae", "mean")),
    "own and pooled": (made(), made("clip", "pooled")),
    "a CNN and an own feature": (CNN, made()),
    "a CNN and a mean": (CNN, made("dino", "mean")),
    "two with one feature each": (CNN, HISTOGRAM),
    "the same layers": (made(layer=(8, 11)), made("mae", "cls", layer=(8, 11))),
    "the last four of unequal depths": (
        made(layer=(8, 9, 10, 11)),
        made("large", layer=(20, 21, 22, 23), depth=24),
    ),
    "the same number in unequal depths": (made(layer=(5, 8)), made("large", layer=(5, 8), depth=24)),
    "the twelfth, which is the last of one": (made(), made("large", layer=11, depth=24)),
    "what has no layers": (HISTOGRAM, made(layer=5)),
    "one size": (made(size=518, own_size=False), made("mae", "mean", size=512, own_size=False)),
    "each its own size": (made(size=224), made("clip", "pooled", size=336)),
    "two that were tuned": (made(trained_on_labels=True), made("mae", "mean", trained_on_labels=True)),
    "two projectors": (made(projector=True), made("mae", "cls", projector=True)),
    "another program's": (made("dino", "mean"), {}),
    "fine-tuned, and another program's": (made(trained_on_labels=True, projector=True), {"backbone": "x"}),
    "a name and nothing else": (made("dino", "mean"), {"backbone": "x", "title": "theirs"}),
    "before there was a lock": (
        {"backbone": "a", "feature": "mean", "spec": {"layer": -1, "window": "full"}},
        made(),
    ),
}
REFUSED = {
    "pooling": (made("dino", "mean"), made("mae", "cls"), "by the mean of its patches"),
    "one own, one not": (made(), made("clip", "mean"), "the pooling alone"),
    "one backbone twice": (made(), made("dino", "mean"), "the pooling alone"),
    "one backbone twice, in old files": (
        {"backbone": "a", "feature": "mean"},
        {"backbone": "a", "feature": "cls"},
        "the pooling alone",
    ),
    "a CNN has no CLS": (CNN, made("mae", "cls"), "CNN is read by its pooled output"),
    "a CNN and both": (CNN, made("dino", "cls+mean"), "the pooling alone"),
    "layers": (made(layer=5), made("mae", "cls"), "read at layer 6 .* at its last layer"),
    "layers of one backbone": (made(layer=(8, 11)), made(layer=(8, 10)), r"layers 9\+12 and .* layers 9\+11"),
    "half of the depth": (made(layer=5), made("large", layer=11, depth=24), "the depth alone"),
    "before there was a lock": (
        {"backbone": "a", "feature": "cls", "spec": {"layer": -1, "window": "full"}},
        made(layer=5),
        "the depth alone",
    ),
    "window": (made(window="u16=0:4095"), made("mae", "mean"), "intensity window u16=0:4095 and full"),
    "channels": (made(channels="mean"), made("mae", "mean"), "channels mean and first"),
    "sizes of one backbone": (made(), made(size=518, own_size=False), "gets 224 px and DINO 518 px"),
    "a size that is not its own": (made("mae", "mean"), made(size=518, own_size=False), "sees more"),
    "labels": (made(trained_on_labels=True), made("mae", "mean"), "no frozen probe: DINO has learnt"),
    "projector": (made(projector=True), made("mae", "mean"), "DINO is read behind its projector"),
}


@pytest.mark.parametrize("case", FINE)
def test_what_may_be_ranked(case: str) -> None:
    first, second = FINE[case]
    assert rankable(first, second) == rankable(second, first) == ""
    assert rankable(first, first) == rankable(second, second) == ""


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_not_and_why(case: str) -> None:
    first, second, why = REFUSED[case]
    for sentence in (rankable(first, second), rankable(second, first)):
        assert sentence.endswith(".") and sentence.count(". ") == 1  # why, and what to do
    assert re.search(why, rankable(first, second))


def test_odd_facts_of_other_programs_forbid_nothing() -> None:
    for value in (None, 3, "x", [], ["a"], {"size": "big"}):
        keys = ("layers", "depth", "usual", "own_size", "spec", "only_feature")
        assert rankable(dict.fromkeys(keys, value), made("mae", "cls")) == "", value
        assert rankable({"spec": {"window": value, "preprocess": value}}, made()) == ""


def test_names_of_files_are_shown_safely() -> None:
    sentence = rankable(made("dino", "mean"), made("mae", "cls", title="a\x1b[31mb"))
    assert "\\x1b" in sentence and "\x1b" not in sentence


def test_a_feature_is_titled_with_its_layers() -> None:
    assert feature_title(made()) == "cls"
    assert feature_title(made(layer=(8, 11))) == "cls, layers 9+12"
    assert feature_title({}) == ""


def test_a_floor_is_there_to_be_beaten_by_any_feature() -> None:
    for feature in ("cls", "mean", "cls+mean"):
        assert rankable(HISTOGRAM, made("mae", feature)) == "" == rankable(made("mae", feature), HISTOGRAM)
    assert rankable(made("histogram", "pooled", depth=0, size=224), made(size=64)) == "", "whatever it sees"


def test_what_the_feature_was_is_told_in_words() -> None:
    own = [made(), made("mae", "mean"), CNN, HISTOGRAM]
    assert rule_told(own) == "each family's own"
    assert rule_told([made(feature="mean"), made("mae", "mean"), CNN]) == "mean"
    assert rule_told([made(), made(feature="mean")]) == "mixed"
    inner = [made(layer=(8, 11)), made("mae", "cls", layer=(8, 11))]
    assert rule_told(inner) == "cls, layers 9+12"
    assert rule_told([made(layer=8), made()]) == "each family's own, several depths"
    assert rule_told([{}, {}]) == ""
