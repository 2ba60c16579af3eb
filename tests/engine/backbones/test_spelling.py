"""A misspelt backbone: the right one is offered, and nothing where nothing is like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.engine.backbones.catalogue import catalogue, listed_names
from workbench.engine.backbones.resolve import resolve
from workbench.engine.backbones.spelling import did_you_mean


def test_every_listed_backbone_is_a_name_that_can_be_meant() -> None:
    assert set(listed_names()) == {facts.id for facts in catalogue()}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("efficientnet_lit0", "efficientnet_lite0"),
        ("EfficientNet-Lite0", "efficientnet_lite0"),
        ("randm_vit", "random_vit"),
        ("histogramm", "histogram"),
        ("dinov2-small", "facebook/dinov2-small"),
        ("facebook/dinov2-smal", "facebook/dinov2-small"),
        ("vit_small_patch16_244", "vit_small_patch16_224"),
        ("resnet5", "resnet50"),
    ],
)
def test_the_backbone_that_was_meant_is_named(written: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Did you mean ") as caught:
        resolve(written, cache=tmp_path, memo=tmp_path)
    assert meant in str(caught.value).partition("Did you mean ")[2].partition("?")[0].split(", ")


def test_nothing_is_offered_for_what_is_like_nothing_or_is_no_misspelling(tmp_path: Path) -> None:
    assert did_you_mean("qqqq", listed_names()) == ""
    for name in ("qqqq", "facebook/dinov2-small", "my-lab/private-model"):
        with pytest.raises(ValueError, match=r"\.") as caught:
            resolve(name, cache=tmp_path, memo=tmp_path)
        assert "Did you mean" not in str(caught.value)


def test_a_part_of_names_brings_some_that_hold_it() -> None:
    assert did_you_mean("DINOv3", ["a/dinov3-s", "b/dinov2-s"]) == " Did you mean a/dinov3-s?"
