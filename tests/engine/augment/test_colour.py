"""Colour, grey, solarise and blur against torchvision's functions with the same parameters.

Tolerance: 3e-6 of the range 0..1, for float32 sums in another order; 2e-5 for hue, whose arithmetic is another way to
write HSV.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional

from workbench.engine.augment import blur, colour
from workbench.engine.augment.colour import BRIGHTNESS, CONTRAST, HUE, SATURATION, Colours, draw_colours
from workbench.engine.methods.base import Draw
from workbench.engine.transfer import aboard
from workbench.records.augmentation import View

CPU = torch.device("cpu")
THEIRS: dict[int, Callable[[torch.Tensor, float], torch.Tensor]] = {
    BRIGHTNESS: functional.adjust_brightness,
    CONTRAST: functional.adjust_contrast,
    SATURATION: functional.adjust_saturation,
    HUE: functional.adjust_hue,
}


def views(num: int, channels: int = 3, size: int = 12) -> torch.Tensor:
    made = torch.rand(num, channels, size, size, generator=torch.Generator().manual_seed(1))
    made[:, :, 0, :4] = torch.tensor([0.0, 1.0, 0.5, 0.25])  # grey, black and white pixels too
    return made


def changed(pictures: torch.Tensor, colours: Colours) -> torch.Tensor:
    return colour.coloured(pictures.clone(), aboard(colour.plan(colours, pictures.shape[1]), CPU))


def only(change: int, factors: list[float]) -> Colours:
    table = np.zeros((len(factors), 4))
    table[:, change] = factors
    num = len(factors)
    return Colours(np.ones(num, bool), table, np.full((num, 1), change), np.zeros(num, bool))


@pytest.mark.parametrize(
    ("change", "factors"),
    [
        (BRIGHTNESS, [0.0, 0.3, 1.0, 1.8]),
        (CONTRAST, [0.0, 0.3, 1.0, 1.8]),
        (SATURATION, [0.0, 0.3, 1.0, 1.8]),
        (HUE, [-0.5, -0.2, 0.0, 0.1, 0.37]),
    ],
)
def test_one_change(change: int, factors: list[float]) -> None:
    pictures = views(len(factors))
    expected = torch.stack([THEIRS[change](p, f) for p, f in zip(pictures, factors, strict=True)])
    tolerance = 2e-5 if change == HUE else 3e-6
    assert torch.allclose(changed(pictures, only(change, factors)), expected, atol=tolerance)


def test_all_changes_one_after_another_in_each_pictures_own_order() -> None:
    num = 40
    view = View(name="v", jitter=0.8, brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, grey=0.3)
    colours = draw_colours(view, 3, Draw(0, 0, num, slice(0, num)), 0)
    assert len({tuple(row) for row in colours.order.tolist()}) > 15
    pictures = views(num)
    found = changed(pictures, colours)
    for row, picture in enumerate(pictures):
        if colours.jittered[row]:
            for change in colours.order[row].tolist():
                picture = THEIRS[change](picture, float(colours.factors[row, change]))
        if colours.grey[row]:
            picture = functional.rgb_to_grayscale(picture, num_output_channels=3)
        # The hue of a nearly grey pixel may jump where a channel is clamped, hence the share.
        close = (found[row] - picture).abs().amax(0) < 1e-4
        assert close.float().mean() > 0.99


def test_draws_are_torchvisions_ranges() -> None:
    num = 4000
    view = View(name="v", jitter=0.8, brightness=0.8, contrast=0.4, saturation=1.0, hue=0.2, grey=0.2)
    colours = draw_colours(view, 3, Draw(0, 0, num, slice(0, num)), 0)
    low, high = [0.2, 0.6, 0.0, -0.2], [1.8, 1.4, 2.0, 0.2]
    assert np.allclose(colours.factors.min(0), low, atol=0.01) and np.allclose(
        colours.factors.max(0), high, atol=0.01
    )
    assert np.allclose(colours.factors.mean(0), np.add(low, high) / 2, atol=0.03)
    assert colours.jittered.mean() == pytest.approx(0.8, abs=0.03)
    assert colours.grey.mean() == pytest.approx(0.2, abs=0.03)
    firsts = np.bincount(colours.order[:, 0], minlength=4) / num
    assert firsts == pytest.approx(0.25, abs=0.03)


def test_of_other_than_three_channels_only_light_changes() -> None:
    view = View(name="v", jitter=1, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.1, grey=1)
    colours = draw_colours(view, 5, Draw(0, 0, 4, slice(0, 4)), 0)
    assert set(colours.order.ravel()) == {BRIGHTNESS, CONTRAST} and not colours.grey.any()
    pictures = views(4, channels=5)
    contrast = changed(pictures, only(CONTRAST, [0.3, 1.2, 1.5, 0.9]))
    mean = pictures.mean((1, 2, 3), keepdim=True)
    factor = torch.tensor([0.3, 1.2, 1.5, 0.9]).view(-1, 1, 1, 1)
    assert torch.allclose(contrast, (pictures * factor + mean * (1 - factor)).clamp(0, 1), atol=3e-6)


def test_solarising() -> None:
    pictures = views(3)
    assert torch.equal(colour.solarised(pictures), functional.solarize(pictures, 0.5))


@pytest.mark.parametrize("size", [12, 40])
def test_blur(size: int) -> None:
    pictures = views(5, size=size)
    sigma = torch.tensor([0.05, 0.4, 1.0, 1.7, 2.0])
    radius = min(8, size - 1)
    found = blur.gaussian(pictures, sigma, 8)
    for ours, picture, width in zip(found, pictures, sigma.tolist(), strict=True):
        expected = functional.gaussian_blur(picture, [2 * radius + 1] * 2, [width, width])
        assert torch.allclose(ours, expected, atol=3e-6)


def test_the_kernel_holds_four_widths_at_every_size() -> None:
    view = View(name="v", blur=0.5, blur_min=0.1, blur_max=2.0)
    drawn = blur.draw_blur(view, 64, Draw(0, 0, 2000, slice(0, 2000)), 0)
    assert drawn.sigma.min() == pytest.approx(0.1 * 64 / 224, rel=0.1)
    assert drawn.sigma.max() == pytest.approx(2.0 * 64 / 224, rel=0.01)
    assert drawn.blurred.mean() == pytest.approx(0.5, abs=0.04)
    assert blur.radius_of(view, 224) == 8 and blur.radius_of(view, 64) >= 3 * drawn.sigma.max()
