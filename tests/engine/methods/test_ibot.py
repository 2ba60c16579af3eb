"""iBOT against its published loss written slowly, and against lightly where the two agree."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from lightly.loss import IBOTPatchLoss

from tests.engine.methods.made import batch_of
from tests.engine.methods.test_dino import learn
from tests.engine.methods.tiny import method, plan, vit
from workbench.engine.methods.base import Draw
from workbench.engine.methods.dino import DINO
from workbench.engine.methods.ibot import IBOT
from workbench.engine.methods.masks import block_masks
from workbench.records.params import build, describe

K = 24
SMALL = {"prototypes": K, "hidden": 64}


def ibot(**settings: Any) -> IBOT:
    made: IBOT = method("ibot", vit(), **SMALL, **settings)
    return made


class Published:
    """`iBOTLoss` in loops: one pair of views, one picture and one patch at a time, in float64."""

    def __init__(self) -> None:
        self.centre = torch.zeros(K, dtype=torch.float64)
        self.centre2 = torch.zeros(K, dtype=torch.float64)

    def __call__(
        self,
        student: list[torch.Tensor],
        teacher: list[torch.Tensor],
        student_patches: list[torch.Tensor],
        teacher_patches: list[torch.Tensor],
        masks: list[torch.Tensor],
        temperature: float,
        temperature2: float,
    ) -> torch.Tensor:
        def cross(
            target: torch.Tensor, centre: torch.Tensor, heat: float, output: torch.Tensor
        ) -> torch.Tensor:
            chances = torch.exp((target.double() - centre) / heat)
            logits = output.double() / 0.1
            return -(chances / chances.sum() * (logits - torch.logsumexp(logits, 0))).sum()

        whole, pairs, hidden = torch.zeros((), dtype=torch.float64), 0, torch.zeros((), dtype=torch.float64)
        for q, told in enumerate(teacher):
            for v, said in enumerate(student):
                num = len(said)
                if v == q:
                    for i in range(num):
                        losses = [
                            cross(
                                teacher_patches[q][i, n], self.centre2, temperature2, student_patches[v][i, n]
                            )
                            for n in range(masks[v].shape[1])
                            if masks[v][i, n]
                        ]
                        if losses:
                            hidden = hidden + sum(losses) / len(losses) / num
                else:
                    pairs += 1
                    each = [cross(told[i], self.centre, temperature, said[i]) for i in range(num)]
                    whole = whole + sum(each) / num
        self.centre = 0.9 * self.centre + 0.1 * torch.cat(teacher).double().mean(0)
        self.centre2 = 0.9 * self.centre2 + 0.1 * torch.cat(teacher_patches).double().mean((0, 1))
        return whole / pairs + hidden / len(teacher)


def test_loss_gradient_and_centres_over_steps_are_the_published() -> None:
    own = ibot(warming_epochs=3, momentum=0.9)
    slow = Published()
    for step in range(5):
        given = batch_of(own, step, num=3)
        masks = [own.hidden(own.config, given.draw, 3, 4, view) for view in range(2)]
        assert masks[0] is not None and masks[1] is not None
        with torch.no_grad():
            told = [own.teacher.all_tokens(view) for view in given.views[:2]]
        seen = [own.encoder.all_tokens(given.views[view], masks[view]) for view in range(2)]
        local = [own.head(own.encoder(view)) for view in given.views[2:]]
        heat = [0.04, 0.04, 0.055, 0.055, 0.07][step]
        expected = slow(
            [own.head(tokens[:, 0]) for tokens in seen] + local,
            [own.teacher_head(tokens[:, 0]) for tokens in told],
            [own.head(tokens[:, 1:]) for tokens in seen],
            [own.teacher_head(tokens[:, 1:]) for tokens in told],
            [mask for mask in masks if mask is not None],
            0.04,
            heat,
        )
        learning = [value for _, value in own.learning()]
        gradients = torch.autograd.grad(expected, learning)
        outcome = own(given)
        torch.testing.assert_close(outcome.loss.double(), expected, rtol=1e-5, atol=1e-5)
        for mine, other in zip(torch.autograd.grad(outcome.loss, learning), gradients, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            for value in learning:
                value.add_(torch.randn_like(value), alpha=0.01)
        own.after_step(step)
        torch.testing.assert_close(own.centre.value.double(), slow.centre, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(own.patch_centre.value.double(), slow.centre2, rtol=1e-5, atol=1e-6)


def test_first_patch_loss_is_lightlys() -> None:
    own = ibot(masked_views=1.0)
    given = batch_of(own, 0)
    hidden = torch.cat([own.hidden(own.config, given.draw, 4, 4, view) for view in range(2)])
    images = torch.cat(given.views[:2])
    student = own.head(own.encoder.patches_of(own.encoder.all_tokens(images, hidden))[hidden])
    teacher = own.teacher_head(own.teacher.patches_of(own.teacher.all_tokens(images))[hidden])
    expected = IBOTPatchLoss(K, teacher_temp=0.04)(teacher, student, hidden.view(-1, 4, 4))
    torch.testing.assert_close(own(given).numbers["patch_loss"], expected.detach(), rtol=1e-5, atol=1e-5)


def test_the_teacher_sees_what_is_hidden_and_the_student_does_not() -> None:
    own = ibot(masked_views=1.0, picture_weight=0.0)
    given = batch_of(own, 0)
    hidden = torch.cat([own.hidden(own.config, given.draw, 4, 4, view) for view in range(2)])
    patches = hidden.view(8, 1, 4, 1, 4, 1).expand(8, 3, 4, 8, 4, 8).reshape(8, 3, 32, 32)
    images = torch.cat(given.views[:2])
    before = own.encoder.all_tokens(images, hidden)
    images[patches] += 3
    torch.testing.assert_close(own.encoder.all_tokens(images, hidden), before)
    loss = own(given).loss
    given.views[:2] = images.chunk(2)
    assert not torch.allclose(own(given).loss, loss)


def test_a_batch_in_which_nothing_is_hidden() -> None:
    own = ibot(masked_views=0.0)
    outcome = own(batch_of(own, 0))
    outcome.loss.backward()
    assert outcome.numbers["patch_loss"] == 0 and torch.isfinite(outcome.loss)
    assert outcome.uniform_loss == pytest.approx(math.log(K))
    assert all(value.grad is not None for _, value in own.learning())


def test_uniform_outputs_lose_what_is_told() -> None:
    own = ibot()
    for head in (own.head, own.teacher_head):
        torch.nn.init.zeros_(head.layers[-1].weight)
        torch.nn.init.ones_(head.layers[-1].bias)  # every vector is the same
        head.last.parametrizations.weight.original1.data.fill_(1.0)  # and every prototype
    outcome = own(batch_of(own, 0, num=8))
    assert outcome.loss.item() == pytest.approx(outcome.uniform_loss, rel=1e-5)


def test_going_on_from_what_was_kept_is_the_same_run() -> None:
    own = ibot()
    for step in range(2):
        learn(own, step)
    kept = copy.deepcopy(own.state_dict())
    losses = [learn(own, step) for step in range(2, 4)]
    again = method("ibot", vit(seed=3), **SMALL)
    again.load_state_dict(kept)
    assert torch.equal(torch.stack([learn(again, step) for step in range(2, 4)]), torch.stack(losses))


@pytest.mark.parametrize("grid", [14, 8, 4, 3, 2])
def test_how_much_is_hidden(grid: int) -> None:
    masks = block_masks(np.random.default_rng(0), 600, grid, 0.5, 0.3, 0.2)
    shares = masks.reshape(600, -1).mean(1)
    some = shares[shares > 0]
    assert masks.shape == (600, grid, grid)
    assert shares.max() <= 0.5
    if grid < 4:  # a patch of so few is more than most shares that are drawn
        assert len(some) > 30
        return
    assert 0.42 < len(some) / 600 < 0.58
    patch = 1 / grid**2
    # Evenly from 0.1 to 0.5, but for the patches that no block fits on.
    assert some.min() < 0.1 + patch and 0.3 - patch < some.mean() < 0.32
    assert 0.1 < (some < 0.2).mean() < 0.4


def test_what_is_hidden_hangs_together() -> None:
    masks = block_masks(np.random.default_rng(1), 400, 14, 1.0, 0.3, 0.0)
    same = (masks[:, :, 1:] == masks[:, :, :-1]).mean()
    rng = np.random.default_rng(2)
    scattered = rng.random((400, 14, 14)) < 0.3
    assert same > 0.8 > 0.65 > (scattered[:, :, 1:] == scattered[:, :, :-1]).mean()
    one = block_masks(
        np.random.default_rng(3), 200, 14, 1.0, 0.09, 0.0
    )  # 17 patches: one block of 16 and a rest
    assert all(rows.any(1).sum() * rows.any(0).sum() >= rows.sum() for rows in one)
    places = masks.mean(0)
    assert places.min() > 0 and abs(places - places.T).max() < 0.12  # everywhere, rows as columns


def test_a_process_draws_its_part_of_the_whole_batch() -> None:
    config = IBOT.Config()
    whole = IBOT.hidden(config, Draw(5, 7, 6, slice(0, 6)), 6, 8, 1)
    parts = [IBOT.hidden(config, Draw(5, 7, 6, rows), 3, 8, 1) for rows in (slice(0, 3), slice(3, 6))]
    assert whole is not None and torch.equal(torch.cat([part for part in parts if part is not None]), whole)
    other = IBOT.hidden(config, Draw(5, 7, 6, slice(0, 6)), 6, 8, 0)
    assert other is not None and not torch.equal(other, whole)
    assert IBOT.hidden(config, Draw(5, 7, 6, slice(0, 6)), 6, 8, 2) is None


def test_nothing_draws_from_the_shared_generator() -> None:
    own = ibot()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    own(batch_of(own, 0))
    assert torch.equal(torch.get_rng_state(), before)


def test_recipe_needs_a_transformer() -> None:
    with pytest.raises(ValueError, match="transformer"):
        IBOT.recipe(IBOT.Config(), plan(), tokens=False)
    told = {rule.name: rule.value for rule in IBOT.recipe(IBOT.Config(), plan(), tokens=True).told}
    assert told["prototypes"] == "4,096"
    assert IBOT.views().num_views == 12


def test_what_is_set_as_in_dino_is_set_alike_but_for_its_words() -> None:
    ours, theirs = ({item.name: item for item in describe(method.Config)} for method in (IBOT, DINO))
    assert list(ours)[: len(theirs)] == list(theirs)  # DINO's come first, in its order
    own = {"patch_temperature", "mask_ratio", "mask_spread", "masked_views", "picture_weight", "patch_weight"}
    assert set(ours) - set(theirs) == own
    for name, item in theirs.items():
        assert replace(ours[name], help=item.help) == item
    assert "8,192" in ours["prototypes"].help and "65,536" in theirs["prototypes"].help
    assert build(IBOT.Config, {"prototypes": 32, "mask_ratio": 0.4}).prototypes == 32
