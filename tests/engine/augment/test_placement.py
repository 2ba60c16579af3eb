"""Where views lie: torchvision's distribution of crops, whole pixels, and corners that say what is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms.v2 import RandomResizedCrop

from workbench.engine.augment.placement import crops, place
from workbench.engine.methods.base import Draw
from workbench.records.augmentation import View

NUM = 3000


def draw(num: int = NUM, step: int = 0) -> Draw:
    return Draw(7, step, num, slice(0, num))


@pytest.mark.parametrize("shape", [(640, 480), (60, 400), (400, 60), (28, 28)])
@pytest.mark.parametrize("low", [0.08, 0.6])
def test_areas_and_ratios_are_distributed_as_torchvisions(shape: tuple[int, int], low: float) -> None:
    """Two-sample Kolmogorov-Smirnov tests of area, ratio and position; with these seeds none is below 0.001, and a
    ratio drawn evenly instead of evenly in its logarithm falls below 1e-6."""
    width, height = shape
    torch.manual_seed(3)
    theirs = RandomResizedCrop(8, scale=(low, 1.0))
    picture = torch.empty(1, height, width)
    made = [theirs.make_params([picture]) for _ in range(NUM)]
    expected = np.array([[item["left"], item["top"], item["width"], item["height"]] for item in made])
    box = crops(View(name="v", crop_min=low), np.tile(shape, (NUM, 1)), draw(), 0) * [
        width,
        height,
        width,
        height,
    ]
    found = np.stack([box[:, 0], box[:, 1], box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]], axis=1)
    assert np.allclose(found, found.round(), atol=1e-9), "whole pixels of the picture"
    found = found.round()
    assert (found[:, :2] >= 0).all() and (found[:, :2] + found[:, 2:] <= shape).all()
    for column in range(4):
        assert ks_2samp(found[:, column], expected[:, column]).pvalue > 1e-3
    assert ks_2samp(found[:, 2] / found[:, 3], expected[:, 2] / expected[:, 3]).pvalue > 1e-3
    assert ks_2samp(found[:, 2:].prod(1), expected[:, 2:].prod(1)).pvalue > 1e-3


def test_what_never_fits_is_torchvisions_central_crop() -> None:
    for width, height in ((10, 1000), (1000, 10)):
        theirs = RandomResizedCrop(8, scale=(0.9, 1.0)).make_params([torch.empty(1, height, width)])
        box = crops(View(name="v", crop_min=0.9), np.tile([width, height], (5, 1)), draw(5), 0)
        expected = np.array([theirs["left"], theirs["top"], theirs["width"], theirs["height"]])
        expected[2:] += expected[:2]
        assert np.allclose(box, expected / [width, height, width, height])


def test_probabilities_are_obeyed() -> None:
    view = View(name="v", mirror=0.3, flip=0.0, quarters=0.0, rotate=20)
    placed = place(view, np.tile([50, 50], (NUM, 1)), draw(), 0)
    assert placed.mirrored.mean() == pytest.approx(0.3, abs=0.04)
    assert not placed.flipped.any() and not placed.transposed.any()
    assert np.degrees(placed.angle).min() < -19 and np.degrees(placed.angle).max() > 19
    turned = place(replace(view, mirror=0.0, quarters=0.75), np.tile([50, 50], (NUM, 1)), draw(), 0)
    kinds = turned.mirrored * 4 + turned.flipped * 2 + turned.transposed
    assert set(kinds) == {0, 5, 6, 3}, "as it is, by a quarter, a half and three"
    assert np.bincount(kinds)[[0, 5, 6, 3]] / NUM == pytest.approx(0.25, abs=0.04)
