"""What every method must be, asked of one that a plugin brings, by the jobs that the program itself runs."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import load_file

from workbench.engine.control import Control
from workbench.engine.indexing import build_index
from workbench.engine.jobs import embed, pretrain
from workbench.engine.methods.base import Batch, Draw, Method, Outcome, Plan
from workbench.engine.methods.encoder import Encoder
from workbench.engine.pretrain import state
from workbench.engine.pretrain.optimise import make_optimiser, set_rates
from workbench.records.embeddings import read_h5ad
from workbench.records.jobs import EmbedJob
from workbench.records.methods import MethodFacts, parse_settings, written_settings
from workbench.records.params import build, config_of, describe
from workbench.records.plugin_checks import Skip, Steps
from workbench.records.pretrain_job import PretrainJob
from workbench.records.pretraining import BACKBONE, CHECKPOINTS
from workbench.records.runs import RunFolder

NARROW = 32  # of every layer that is wide in earnest
WIDE = 256
SIZE, PATCH, BATCH = 32, 8, 8
NETWORKS = {"a transformer": "test_vit", "a convolutional network": "test_resnet"}


def check_method(name: str, method: type[Method], steps: Steps, folder: Path) -> None:
    settings: dict[str, Any] = {}
    with steps.step(f"{name}: its settings become a form and flags"):
        _form(method)
    with steps.step(f"{name}: its views and its recipe fit every length and batch"):
        _recipes(method)
    with steps.step(f"{name}: builds with narrow layers"):
        settings = _narrow(method)
        build(method.Config, settings)
    for kind, architecture in NETWORKS.items():
        with steps.step(f"{name}: a step on {kind} is finite and has a gradient"):
            if architecture == NETWORKS["a convolutional network"] and method.tokens_only:
                raise Skip("it needs a transformer")
            _step(method, architecture, settings)
    job, run = None, None
    with steps.step(f"{name}: trains"):
        job = _job(name, settings, folder)
        run = _pretrain(job, folder, "straight")
    if job is None or run is None:
        return
    with steps.step(f"{name}: goes on after a stop, bit for bit"):
        _goes_on(job, run, folder)
    with steps.step(f"{name}: embeds"):
        _embeds(job, run, folder)
    with steps.step(f"{name}: exports a folder that timm loads"):
        timm.create_model(f"local-dir:{run.path / BACKBONE}", pretrained=True)


def _form(method: type[Method]) -> None:
    facts = method.facts()
    again = MethodFacts.from_json(json.loads(json.dumps(facts.to_json())))
    if again != facts:
        raise ValueError(
            "What it says of itself can't be written and read again: take plain numbers and texts."
        )
    params = describe(method.Config)
    values = {item.name: item.default for item in params}
    if parse_settings(params, written_settings(values)) != values:
        raise ValueError("Its settings can't be written as NAME=VALUE and read again.")
    build(config_of("Form", params), values)
    for item in params:
        if not item.help.strip().endswith((".", "?")):
            raise ValueError(f"The help of its setting {item.name} must be a sentence.")
    for what in ("title", "family", "summary", "when", "when_not", "source"):
        if not str(getattr(facts, what)).strip():
            raise ValueError(f"Its {what} is empty.")


def _recipes(method: type[Method]) -> None:
    kinds = [method.views_for(tokens) for tokens in (True, False)]
    if len(kinds[0].views) != len(kinds[1].views) or not kinds[0].num_views:
        raise ValueError(
            "Its views for transformers and for convolutional networks must be as many, one at least."
        )
    config = build(method.Config, {})
    for tokens in (True, False)[: 1 if method.tokens_only else 2]:
        for batch in (8, 256, 4096):
            for epochs in (1, 10, 100, 1000):
                plan = _plan(batch=batch, images=20_000, epochs=epochs, size=224)
                recipe = method.recipe(config, plan, tokens)
                numbers = (recipe.learning_rate, recipe.weight_decay, recipe.final_rate)
                right = recipe.optimiser in ("adamw", "sgd", "lars") and all(map(math.isfinite, numbers))
                if not right or recipe.learning_rate <= 0 or not 0 <= recipe.warm_up <= plan.steps:
                    raise ValueError(f"Its recipe for {epochs} epochs and batches of {batch} is {recipe!r}.")


def _narrow(method: type[Method]) -> dict[str, Any]:
    """Every wide layer narrow, so that a step takes milliseconds."""
    return {
        item.name: max(NARROW, int(item.minimum or 0))
        for item in describe(method.Config)
        if item.type == "int" and isinstance(item.default, int) and item.default > WIDE
    }


def _step(method: type[Method], architecture: str, settings: dict[str, Any]) -> None:
    plan = _plan(batch=BATCH, images=4 * BATCH, epochs=4, size=SIZE)
    config = build(method.Config, settings)
    arguments: dict[str, Any] = {"num_classes": 0}
    if architecture == NETWORKS["a transformer"]:
        arguments |= {"img_size": SIZE, "patch_size": PATCH, "dynamic_img_size": True}
    torch.manual_seed(0)
    encoder = Encoder(timm.create_model(architecture, **arguments))
    made = method(encoder, config, plan).train()
    recipe = method.recipe(config, plan, encoder.tokens)
    groups = made.groups()
    optimised = [id(value) for group in groups for value in group.parameters]
    if sorted(optimised) != sorted({id(value) for _, value in made.learning()}):
        raise ValueError("Its groups must hold everything that learns, each once.")
    optimiser = make_optimiser(recipe, groups, torch.device("cpu"))
    batch = _batch(made, plan)
    before = _generators()
    outcome: Outcome = made(batch)
    if _generators() != before:
        raise ValueError(
            "It draws random numbers of its own, so no run could go on as it was: draw them from batch.draw."
        )
    if outcome.loss.ndim or not bool(torch.isfinite(outcome.loss)):
        raise ValueError(f"Its loss is {outcome.loss!r}, and must be one finite number.")
    if outcome.vectors.shape != (BATCH, encoder.width) or outcome.vectors.requires_grad:
        raise ValueError(
            "The vectors of its outcome must be the backbone's own of the first view, detached: "
            f"({BATCH}, {encoder.width}). They are {tuple(outcome.vectors.shape)}."
        )
    outcome.loss.backward()
    gradients = [value.grad for value in encoder.parameters() if value.grad is not None]
    if not gradients or not any(bool(value.abs().max() > 0) for value in gradients):
        raise ValueError("No gradient reaches the backbone, so it would learn nothing.")
    if not all(bool(torch.isfinite(value).all()) for value in gradients):
        raise ValueError("A gradient of the backbone is not finite.")
    made.after_backward(0)
    set_rates(optimiser, recipe, 0, plan.steps)
    optimiser.step()
    made.after_step(0)
    if not all(bool(torch.isfinite(value).all()) for _, value in made.learning()):
        raise ValueError("After one step of its own recipe something that it learns is not finite.")


def _batch(made: Method, plan: Plan) -> Batch:
    generator = torch.Generator().manual_seed(1)
    sizes = [
        view.pixels(plan.image_size, made.encoder.patch)
        for view in made.views_for(made.encoder.tokens).views
        for _ in range(view.count)
    ]
    views = [torch.randn(BATCH, 3, size, size, generator=generator) for size in sizes]
    return Batch(views=views, draw=Draw(7, 0, BATCH, slice(0, BATCH)), step=0, plan=plan)


def _generators() -> tuple[bytes, str, object]:
    return torch.get_rng_state().numpy().tobytes(), str(np.random.get_state()), random.getstate()


def _plan(*, batch: int, images: int, epochs: int, size: int) -> Plan:
    steps = max(1, images // batch)
    return Plan(images=images, batch_size=batch, epochs=epochs, steps_per_epoch=steps, image_size=size)


def _job(name: str, settings: dict[str, Any], folder: Path) -> PretrainJob:
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(12):
        pixels = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels).save(pictures / f"{number:02d}.png")
    build_index({"": str(pictures)}).save(folder / "index.npz")
    return PretrainJob(
        index=str(folder / "index.npz"),
        method=name,
        backbone=NETWORKS["a transformer"],
        image_size=SIZE,
        patch_size=PATCH,
        batch_size=4,
        epochs=4,
        max_steps=4,
        settings=written_settings(settings),
        cache=str(folder / "pixels"),
        device="cpu",
        threads=1,
    )


def _pretrain(job: PretrainJob, folder: Path, name: str) -> RunFolder:
    run = RunFolder.create(folder / "runs", job, name=name)
    pretrain.run(job, run, Control(run))
    return run


def _goes_on(job: PretrainJob, straight: RunFolder, folder: Path) -> None:
    run = _pretrain(replace(job, max_steps=2), folder, "stopped")
    run.ask_again(job)
    pretrain.run(job, run, Control(run))
    one, other = (load_file(state.checkpoint_path(each.path / CHECKPOINTS, 4)) for each in (straight, run))
    apart = sorted(key for key in one.keys() | other.keys() if not _same(one.get(key), other.get(key)))
    if apart:
        raise ValueError(
            f"After a stop it is another run: {', '.join(apart[:3])} differ. What it remembers between steps must be "
            "buffers, and what it draws must come from batch.draw."
        )


def _same(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    return one is not None and other is not None and torch.equal(one, other)


def _embeds(job: PretrainJob, run: RunFolder, folder: Path) -> None:
    asked = EmbedJob(
        index=job.index, backbone=str(run.path), cache=str(folder / "features"), device="cpu", threads=1
    )
    made = RunFolder.create(folder / "runs", asked, name="embedded")
    embed.run(asked, made, Control(made))
    vectors = read_h5ad(made.path / "embeddings.h5ad").X
    if not len(vectors) or not np.isfinite(vectors).all():
        raise ValueError("The vectors of its backbone are not finite.")
