"""Tiny networks, plans and batches that the tests of methods use. None draws from torch's global generator but the
weights, for which it is seeded."""

from __future__ import annotations

from typing import Any

import timm
import torch

from workbench.engine.methods.base import Batch, Draw, Method, Outcome, Plan
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.registry import method_class
from workbench.records.augmentation import Augmentation
from workbench.records.params import build, describe

SIZE = 32  # px
NARROW = 32  # of every layer that is wide in earnest
# Settings that are 0 for "as published", or whose size isn't told by their default.
SMALL = {"hidden": NARROW, "output": NARROW, "prototypes": NARROW}


def plan_of(*, batch_size: int = 8, images: int = 64, epochs: int = 4, image_size: int = SIZE) -> Plan:
    return Plan(
        images=images,
        batch_size=batch_size,
        epochs=epochs,
        steps_per_epoch=max(1, images // batch_size),
        image_size=image_size,
    )


def encoder_of(kind: str, seed: int = 0, fresh: bool = True) -> Encoder:
    """`kind`: "vit" (patches of 8 px, two blocks), "conv" (with batch norm) or "plain" (a ConvNeXt, without)."""
    torch.manual_seed(seed)
    if kind == "vit":
        module = timm.create_model(
            "vit_tiny_patch16_224",
            num_classes=0,
            img_size=SIZE,
            patch_size=8,
            depth=2,
            dynamic_img_size=True,
        )
    else:
        # timm's residual blocks begin with a zero scale, which no gradient passes.
        narrow: dict[str, Any] = {"channels": (16, 16, 32, 64), "stem_width": 8, "zero_init_last": False}
        if kind == "plain":
            narrow = {"depths": (1, 1, 1, 1), "dims": (8, 16, 16, 32)}
        name = "resnet10t" if kind == "conv" else "convnext_atto"
        module = timm.create_model(name, num_classes=0, **narrow)
    return Encoder(module, fresh)


def small_settings(cls: type[Method]) -> dict[str, Any]:
    """Every wide layer narrow, so that a step takes milliseconds."""
    wide = {
        item.name: max(NARROW, int(item.minimum or 0))
        for item in describe(cls.Config)
        if item.type == "int" and item.default > 256
    }
    known = {item.name for item in describe(cls.Config)}
    return {**wide, **{name: value for name, value in SMALL.items() if name in known}}


def method_of(name: str, kind: str, *, seed: int = 0, plan: Plan | None = None, **settings: Any) -> Method:
    """A method with narrow heads, in training mode."""
    cls = method_class(name)
    encoder = encoder_of(kind, seed)
    config = build(cls.Config, {**small_settings(cls), **settings})
    return cls(encoder, config, plan or plan_of()).train()


def batch_of(method: Method, step: int, *, alike: float = 0.0, num: int = 0) -> Batch:
    """Random views of the sizes that the method asks for, other ones for every step.

    Args:
        alike: 0 to 1; how much of a view is the picture's own colour, which all its views share.
        num: pictures; 0 for as many as the plan's batch.
    """
    plan = method.plan
    num = num or plan.batch_size
    generator = torch.Generator().manual_seed(1000 + step)
    colours = torch.randn(num, 3, 1, 1, generator=generator)
    views = []
    for size in sizes_of(method.views_for(method.encoder.tokens), plan.image_size, method.encoder.patch):
        noise = torch.randn(num, 3, size, size, generator=generator)
        views.append(alike * colours + (1 - alike) * noise)
    return Batch(views=views, draw=Draw(7, step, num, slice(0, num)), step=step, plan=plan)


def sizes_of(views: Augmentation, image_size: int, patch: int) -> list[int]:
    """The side of every view, px, in the order in which a method gets them."""
    return [view.pixels(image_size, patch) for view in views.views for _ in range(view.count)]


def optimiser_of(method: Method, rate: float = 1e-3) -> torch.optim.AdamW:
    groups = [
        {
            "params": group.parameters,
            "lr": rate * group.scale,
            "weight_decay": 0.05 if group.decays else 0.0,
        }
        for group in method.groups()
    ]
    return torch.optim.AdamW(groups)


def one_step(method: Method, optimiser: torch.optim.Optimizer, batch: Batch) -> Outcome:
    """As the training loop does it."""
    optimiser.zero_grad(set_to_none=True)
    outcome = method(batch)
    outcome.loss.backward()
    method.after_backward(batch.step)
    optimiser.step()
    method.after_step(batch.step)
    return outcome
