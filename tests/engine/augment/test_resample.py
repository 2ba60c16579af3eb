"""One resampling against torchvision's crop, resize, flips and turns one after another.

Tolerance: 2e-6 of the range 0..1, for float32 sums in another order. Free angles are compared in the inner part of
the view, where torchvision, which turns what it has cropped, sees what we see.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from workbench.engine.augment import resample
from workbench.engine.augment.placement import Placement
from workbench.engine.transfer import aboard

SIDE = 40
BOXES = np.array([[0, 0, 40, 40], [3, 5, 20, 30], [10, 0, 40, 33], [7, 7, 12, 15], [1, 2, 39, 38]])


def pictures() -> torch.Tensor:
    return torch.randint(
        0, 256, (5, SIDE, SIDE, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def placed(mirrored: int = 0, flipped: int = 0, transposed: int = 0, degrees: float = 0) -> Placement:
    flags = (np.full(5, bool(flag)) for flag in (mirrored, flipped, transposed))
    return Placement(BOXES / SIDE, *flags, np.full(5, np.radians(degrees)))


def resampled(placement: Placement, size: int, degrees: float = 0) -> torch.Tensor:
    margin = resample.margin_of(size, degrees)
    sent = aboard(resample.plan(placement, size, SIDE, margin), torch.device("cpu"))
    reach = resample.reach_of(placement, size, SIDE, margin)
    return resample.view_of(pictures().float(), sent, size, white=255, margin=margin, reach=reach)


def theirs(size: int) -> list[torch.Tensor]:
    channels_first = pictures().permute(0, 3, 1, 2).float() / 255
    return [
        functional.resized_crop(picture, top, left, bottom - top, right - left, [size, size], antialias=True)
        for picture, (left, top, right, bottom) in zip(channels_first, BOXES.tolist(), strict=True)
    ]


@pytest.mark.parametrize("size", [4, 16, 64])
def test_crops(size: int) -> None:
    assert torch.allclose(resampled(placed(), size), torch.stack(theirs(size)), atol=2e-6)


@pytest.mark.parametrize(
    ("placement", "change"),
    [
        (placed(mirrored=1), functional.horizontal_flip),
        (placed(flipped=1), functional.vertical_flip),
        (placed(mirrored=1, transposed=1), lambda image: torch.rot90(image, 1, (1, 2))),
        (placed(mirrored=1, flipped=1), lambda image: torch.rot90(image, 2, (1, 2))),
        (placed(flipped=1, transposed=1), lambda image: torch.rot90(image, 3, (1, 2))),
    ],
)
def test_mirroring_and_turns(placement: Placement, change: object) -> None:
    expected = torch.stack([change(image) for image in theirs(16)])  # type: ignore[operator]
    assert torch.allclose(resampled(placement, 16), expected, atol=2e-6)


@pytest.mark.parametrize("degrees", [-30.0, 12.0, 45.0, 100.0])
def test_free_angles(degrees: float) -> None:
    turned = resampled(placed(degrees=degrees), 32, abs(degrees))
    for ours, cropped in zip(turned, theirs(32), strict=True):
        expected = functional.rotate(cropped, degrees, interpolation=InterpolationMode.BILINEAR)
        assert torch.allclose(ours[:, 9:23, 9:23], expected[:, 9:23, 9:23], atol=2e-6)


def test_a_turned_view_shows_the_picture_around_the_crop_and_its_reflection_beyond() -> None:
    """A picture whose grey is the column. The crop is its left half, so that a turn by 45 degrees looks 4 px beyond
    the left edge; what it shows there is the reflection, within half a pixel of the closed form at the kink."""
    rising = torch.arange(SIDE).float().view(1, 1, SIDE, 1).expand(1, SIDE, SIDE, 1)
    no = np.zeros(1, bool)
    for degrees in (90.0, 45.0):
        placement = Placement(np.array([[0.0, 0.25, 0.5, 0.75]]), no, no, no, np.radians([degrees]))
        margin = resample.margin_of(20, degrees)
        sent = aboard(resample.plan(placement, 20, SIDE, margin), torch.device("cpu"))
        reach = resample.reach_of(placement, 20, SIDE, margin)
        turned = resample.view_of(rising, sent, 20, white=1, margin=margin, reach=reach)[0, 0]
        at = torch.arange(20) - 9.5
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        column = 9.5 + cos * at[None, :] - sin * at[:, None]  # anticlockwise: what was right is up
        expected = column.abs().float()
        assert torch.allclose(turned, expected, atol=0.5)
        assert torch.allclose(turned[column > 1], expected[column > 1], atol=1e-4)
        assert (column.min() < -3) == (degrees == 45)


def test_details_finer_than_the_view_vanish_under_any_turn() -> None:
    """A chessboard of single pixels becomes its mean, also where the picture is turned freely."""
    board = (torch.arange(SIDE).view(-1, 1) + torch.arange(SIDE)).remainder(2).float().view(1, SIDE, SIDE, 1)
    no = np.zeros(1, bool)
    for degrees in (0.0, 20.0):
        placement = Placement(np.array([[0.0, 0.0, 1.0, 1.0]]), no, no, no, np.radians([degrees]))
        margin = resample.margin_of(10, degrees)
        sent = aboard(resample.plan(placement, 10, SIDE, margin), torch.device("cpu"))
        reach = resample.reach_of(placement, 10, SIDE, margin)
        made = resample.view_of(board, sent, 10, white=1, margin=margin, reach=reach)
        assert (made - 0.5).abs().max() < 0.02
