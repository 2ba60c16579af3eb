"""The whole augmentation: what a view shows, and that it depends on the seed, the step and the place alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from workbench.engine.augment import augmenter as module
from workbench.engine.augment.augmenter import Augmenter
from workbench.engine.methods.base import Draw
from workbench.engine.transfer import aboard
from workbench.records.augmentation import Augmentation, View

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
STRONG = View(
    name="two views",
    count=2,
    crop_min=0.1,
    mirror=0.5,
    flip=0.5,
    quarters=0.5,
    jitter=0.8,
    brightness=0.6,
    contrast=0.6,
    saturation=0.6,
    hue=0.1,
    grey=0.2,
    blur=0.5,
    solarise=0.2,
)
LOCAL = replace(STRONG, name="local crops", count=3, share=96 / 224, crop_min=0.05, crop_max=0.3)
TURNED = replace(STRONG, name="turned", count=1, rotate=30.0, quarters=0.0)
BOTH = Augmentation(views=(STRONG, LOCAL, TURNED))
NUM, SIDE = 12, 48


def make(augmentation: Augmentation = BOTH, size: int = 32, **more: object) -> Augmenter:
    usual = {"image_size": size, "patch": 8, "channels": 3, "mean": MEAN, "std": STD}
    return Augmenter(augmentation, **{**usual, "device": torch.device("cpu"), **more})  # type: ignore[arg-type]


def pictures(channels: int = 3, side: int = SIDE, num: int = NUM) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (num, side, side, channels), dtype=torch.uint8, generator=generator)


def shapes(num: int = NUM) -> np.ndarray:
    return np.random.default_rng(0).integers(30, 400, (num, 2))


def draw(step: int = 0, rows: slice = slice(0, NUM), seed: int = 1, whole: int = NUM) -> Draw:
    return Draw(seed, step, whole, rows)


def test_views_have_their_sizes_type_and_normalisation() -> None:
    made = make(dtype=torch.bfloat16).views(pictures(), shapes(), draw())
    assert [view.shape[2:] for view in made] == [(32, 32)] * 2 + [(16, 16)] * 3 + [(32, 32)]
    assert {view.dtype for view in made} == {torch.bfloat16}
    exact = make().views(pictures(), shapes(), draw())
    seen, _ = make().drawn(pictures(), shapes(), draw())
    for view, shown in zip(exact, seen, strict=True):
        assert shown.min() >= 0 and shown.max() <= 1
        expected = (shown - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        assert torch.allclose(view, expected, atol=1e-5)
    assert len({view.mean().item() for view in exact}) == len(exact), "every view is drawn by itself"


def test_halves_of_a_batch_get_the_views_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make().views(pictures(), shapes(), draw())
    halves = [
        make().views(pictures()[rows], shapes()[rows], draw(rows=rows))
        for rows in (slice(0, 5), slice(5, NUM))
    ]
    monkeypatch.setattr(module, "_HELD", {"cpu": 1})
    one_by_one = make().views(pictures(), shapes(), draw())
    for number, view in enumerate(whole):
        assert torch.allclose(view, torch.cat([half[number] for half in halves]), atol=1e-5)
        assert torch.allclose(view, one_by_one[number], atol=1e-5)


def test_the_same_step_is_drawn_again_and_another_step_or_seed_is_not() -> None:
    first, again = (make().views(pictures(), shapes(), draw()) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    for other in (draw(step=1), draw(seed=2)):
        assert not torch.allclose(first[0], make().views(pictures(), shapes(), other)[0], atol=0.1)


def test_grey_pictures_are_those_of_three_equal_channels() -> None:
    """Within 5e-4 of the range: torchvision's weights of grey sum to 0.9999. Solarising is left out, for it jumps."""
    calm = Augmentation(views=tuple(replace(view, solarise=0) for view in BOTH.views))
    grey = pictures(channels=1)
    ours, corners = make(calm).drawn(grey, shapes(), draw())
    theirs, same = make(calm).drawn(grey.expand(-1, -1, -1, 3).contiguous(), shapes(), draw())
    assert np.array_equal(corners, same)
    for one, three in zip(ours, theirs, strict=True):
        assert one.shape[1] == 1 and torch.allclose(one.expand_as(three), three, atol=5e-4)
    assert make(calm).views(grey, shapes(), draw())[0].shape == (NUM, 3, 32, 32)


def test_sixteen_bits_are_not_cut_to_eight() -> None:
    fine = torch.arange(30000, 30000 + SIDE * SIDE).view(1, SIDE, SIDE, 1).to(torch.uint16)
    still = Augmentation(views=(View(name="v", crop_min=1.0, mirror=0.0),))
    one = np.array([[SIDE, SIDE]])
    [shown], _ = make(still, size=SIDE).drawn(fine, one, draw(whole=1, rows=slice(0, 1)))
    assert torch.allclose(shown.ravel() * 65535, fine.float().ravel(), atol=0.02)


def test_corners_say_what_is_seen() -> None:
    """Red rises to the right and green downwards, so that a colour is a place."""
    at = (torch.arange(64) + 0.5) / 64 * 255
    place = torch.stack(
        [at.view(1, -1).expand(64, 64), at.view(-1, 1).expand(64, 64), torch.full((64, 64), 0.0)]
    )
    picture = place.permute(1, 2, 0).round().to(torch.uint8).expand(NUM, 64, 64, 3)
    plain = [
        replace(
            view,
            jitter=0.0,
            grey=0.0,
            blur=0.0,
            solarise=0.0,
            crop_min=0.3,
            crop_max=0.5,
            rotate=view.rotate / 3,
        )
        for view in BOTH.views
    ]
    views, corners = make(Augmentation(views=tuple(plain)), size=64).drawn(picture, shapes(), draw())
    for number, view in enumerate(views):
        size = view.shape[2]
        ends = view[:, :2, [0, 0, -1, -1], [0, -1, -1, 0]].permute(0, 2, 1)
        centre = corners[:, number].mean(1, keepdims=True)
        pixels = torch.from_numpy(centre + (corners[:, number] - centre) * (1 - 1 / size))
        inside = ((corners[:, number] > 0.04) & (corners[:, number] < 0.96)).all((1, 2))
        assert inside.sum() >= 2
        assert torch.allclose(ends[inside], pixels[inside].float(), atol=0.02)


def test_a_circle_stays_a_circle_in_a_long_picture() -> None:
    """A disc in a picture three times as wide as high, stored squashed: crops of ratio 1 show it round."""
    width, height, side = 360, 120, 96
    x = (torch.arange(side) + 0.5) * width / side - 180
    y = (torch.arange(side) + 0.5) * height / side - 60
    disc = ((x[None, :] ** 2 + y[:, None] ** 2) < 25**2).to(torch.uint8).mul(255)
    num = 64
    batch = disc.view(1, side, side, 1).expand(num, side, side, 1)
    view = View(name="v", crop_min=0.2, crop_max=0.33, mirror=0.0)
    given = np.tile([width, height], (num, 1))
    [shown], corners = make(Augmentation(views=(view,)), size=96).drawn(
        batch, given, Draw(0, 0, num, slice(0, num))
    )
    whole = 0
    for picture, box in zip(shown[:, 0], corners[:, 0] * [width, height], strict=True):
        (left, top), (right, bottom) = box[0], box[2]
        if left > 180 - 28 or right < 180 + 28 or top > 60 - 28 or bottom < 60 + 28:
            continue
        whole += 1
        assert 3 / 4 * 0.98 <= (right - left) / (bottom - top) <= 4 / 3 * 1.02
        # Extent of the disc in the picture's own pixels, by way of the crop.
        across = float(picture.amax(0).gt(0.5).sum()) * (right - left) / 96
        down = float(picture.amax(1).gt(0.5).sum()) * (bottom - top) / 96
        assert across == pytest.approx(50, abs=5) and down == pytest.approx(50, abs=5)
    assert whole >= 5


def test_what_has_the_probability_zero_is_never_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("computed")

    for owner, name in (
        (module.blur, "gaussian"),
        (module.colour, "solarised"),
        (module.colour, "_jittered"),
    ):
        monkeypatch.setattr(owner, name, never)
    strengths = View(name="v", brightness=0.5, hue=0.1, rotate=0.0)
    make(Augmentation(views=(strengths,))).views(pictures(), shapes(), draw())


def test_pictures_that_are_nearly_lines_have_views() -> None:
    for shape in ((200_000, 2), (2, 200_000), (1, 1)):
        num = 300
        given = np.tile(shape, (num, 1))
        views, _ = make().drawn(pictures(num=num, side=16), given, Draw(0, 0, num, slice(0, num)))
        assert all(view.isfinite().all() and view.max() <= 1 + 1e-5 for view in views)


def test_the_plain_picture_is_whole() -> None:
    from torchvision.transforms.v2 import functional

    plain = make().plain(pictures())
    whole = pictures().permute(0, 3, 1, 2).float() / 255
    expected = functional.normalize(functional.resize(whole, [32, 32], antialias=True), MEAN, STD)
    assert torch.allclose(plain, expected, atol=2e-5)
    assert make().plain(pictures(channels=1)).shape == (NUM, 3, 32, 32)


def test_pixels_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="3 channels, and the pictures have 2"):
        make().views(pictures(channels=2), shapes(), draw())
    with pytest.raises(ValueError, match="8 or 16 bits"):
        make().views(pictures().float(), shapes(), draw())
    with pytest.raises(ValueError, match="shapes"):
        make().views(pictures(), shapes()[:3], draw())


def test_parameters_cross_to_the_device_in_one_copy_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array([True, False, True]),
        "c": np.array([3, 1], dtype=np.int64),
    }
    copies = []
    to = torch.Tensor.to

    def spy(self: torch.Tensor, *rest: object, **more: object) -> torch.Tensor:
        copies.append(self)
        return to(self, "cpu")

    monkeypatch.setattr(torch.Tensor, "to", spy)
    sent = aboard(arrays, torch.device("mps"))
    monkeypatch.undo()
    assert len(copies) == 1
    for name, array in arrays.items():
        assert sent[name].dtype == torch.from_numpy(array).dtype
        assert np.array_equal(sent[name].numpy(), array)


@pytest.mark.slow
def test_nothing_waits_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's fake tensors have shapes and devices and no values: whatever asks a GPU for a number, or mixes devices,
    raises. They need no GPU."""
    drawn = make()._draw(pictures(), shapes(), draw())
    monkeypatch.setattr(Augmenter, "_draw", lambda *_: drawn)
    with FakeTensorMode(allow_non_fake_inputs=True):
        device = torch.device("cuda")
        pixels = torch.empty(NUM, SIDE, SIDE, 3, dtype=torch.uint8, device=device)
        made = make(device=device, dtype=torch.bfloat16).views(pixels, shapes(), draw())
        assert [view.device.type for view in made] == ["cuda"] * 6
        with pytest.raises(DataDependentOutputException):
            made[0].sum().item()
