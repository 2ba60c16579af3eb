"""Made-up methods, runs, views, estimates and audits, such as the engine leaves them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from workbench.records.augmentation import Augmentation, View, under_preset
from workbench.records.jobs import PretrainJob
from workbench.records.methods import MethodFacts
from workbench.records.params import Param
from workbench.records.pretrain_plans import Audit, AuditRow, Estimate, Preview
from workbench.records.pretraining import (
    HEALTH,
    RESULT,
    Health,
    HealthRow,
    Look,
    PretrainResult,
    Rule,
)
from workbench.records.project import Project
from workbench.records.results import Finding
from workbench.records.runs import RunFolder, Status

COLOURFUL = {"jitter": 0.8, "brightness": 0.4, "contrast": 0.4, "saturation": 0.2, "hue": 0.1, "grey": 0.2}


def parameter(name: str, default: object, help: str, **more: object) -> Param:
    kind = {bool: "bool", int: "int", float: "float"}.get(type(default), "str")
    label = name.replace("_", " ").capitalize()
    return Param(name=name, type=kind, label=label, help=help, default=default, **more)


def method(
    name: str, title: str, family: str, views: tuple[View, ...], *params: Param, tokens_only: bool = False
) -> MethodFacts:
    return MethodFacts(
        name=name,
        title=title,
        family=family,
        summary=f"{title} learns by {family}, from views of one picture.",
        when="Small batches, and a transformer.",
        when_not="Classes that colour tells apart.",
        source=f"The paper of {title}",
        tokens_only=tokens_only,
        params=params,
        published=Augmentation(views=views),
    )


def pair(name: str = "two views") -> tuple[View, ...]:
    return (View(name=name, count=2, crop_min=0.08, blur=0.5, **COLOURFUL),)


def crops() -> tuple[View, ...]:
    return (
        View(name="first global", crop_min=0.4, blur=1.0, **COLOURFUL),
        View(name="second global", crop_min=0.4, blur=0.1, solarise=0.2, **COLOURFUL),
        View(name="local crops", count=8, share=96 / 224, crop_min=0.05, crop_max=0.4, blur=0.5, **COLOURFUL),
    )


def methods() -> tuple[MethodFacts, ...]:
    temperature = parameter(
        "temperature", 0.1, "How sharply near pictures count more than far ones.", minimum=0.01, maximum=2.0
    )
    momentum = parameter(
        "momentum", 0.9995, "How slowly the copy follows.", minimum=0.0, maximum=1.0, advanced=True
    )
    ratio = parameter("mask_ratio", 0.75, "Share of the patches that are hidden.", minimum=0.1, maximum=0.95)
    return (
        method("simclr", "SimCLR", "contrast", pair(), temperature),
        method("moco", "MoCo v3", "contrast", pair(), temperature, momentum),
        method("byol", "BYOL", "distillation", pair(), momentum),
        method("simsiam", "SimSiam", "distillation", pair()),
        method("dino", "DINO", "distillation", crops(), temperature, momentum, tokens_only=True),
        method("ibot", "iBOT", "distillation", crops(), ratio, tokens_only=True),
        method(
            "mae",
            "MAE",
            "reconstruction",
            (View(name="one view", crop_min=0.2),),
            ratio,
            tokens_only=True,
        ),
    )


def lines(steps: int, *, every: int = 1, start: int = 1, seed: int = 0, steps_per_epoch: int = 180) -> str:
    """metrics.jsonl as a run writes it: a line a step, a look every ten epochs, health every 50 steps."""
    rng, told = np.random.default_rng(seed), []
    for step in range(start, start + steps, every):
        epoch = step / steps_per_epoch
        told.append(
            {
                "step": step,
                "epoch": round(epoch, 4),
                "loss": 1.6 + 6.3 * math.exp(-epoch / 14) + 0.06 * float(rng.standard_normal()),
                "learning_rate": 5e-4 * min(step / 1800, 1) * (0.5 + 0.5 * math.cos(epoch / 32)),
                "weight_decay": 0.04,
                "gradient_norm": 2.9 + abs(float(rng.standard_normal())),
                "images_per_second": 2140 + 20 * float(rng.standard_normal()),
                "data_wait": 0.012,
                "augment_share": 0.2,
                "memory": 11.2e9,
                "momentum": 0.996,
            }
        )
        if step % 50 < every:
            told.append({"step": step, "epoch": epoch, "feature_std": 0.94, "rank": 141.0, "entropy": 4.1})
        if step % (2 * steps_per_epoch) < every:
            knn = 0.9 - 0.35 * math.exp(-epoch / 12) + 0.004 * float(rng.standard_normal()) - 0.02 * seed
            told.append({"step": step, "epoch": epoch, "knn": knn, "probe": knn + 0.02})
    return "".join(json.dumps(line) + "\n" for line in told)


def health(step: int = 6000) -> Health:
    means = "One sentence that says what the number is."
    return Health(
        step=step,
        every=50,
        rows=(
            HealthRow(name="Feature spread", value="0.94", state="good", word="healthy", means=means),
            HealthRow(
                name="Effective rank (RankMe, N = 2,048)",
                value="141 of 384",
                state="good",
                word="healthy",
                means=means,
            ),
            HealthRow(
                name="Teacher entropy against ln K",
                value="4.1 / 8.3",
                state="good",
                word="healthy",
                means=means,
            ),
            HealthRow(name="Gradient norm", value="2.9", state="warn", word="clipped 12 %", means=means),
        ),
        findings=(
            Finding(
                name="often clipped",
                severity="warn",
                advice="One step in eight has its gradient clipped: halve the learning rate, or warm up longer.",
            ),
        ),
    )


def run(
    project: Project,
    *,
    method: str = "dino",
    state: str = "running",
    start: str = "facebook/dinov2-small",
    steps: int = 6120,
    epochs: int = 100,
    every: int = 4,
    seed: int = 0,
    checkpoints: int = 2,
    stamp: str = "",
) -> RunFolder:
    """A run as its folder would be."""
    job = PretrainJob(
        index="index.npz", method=method, start=start, epochs=epochs, preset="industrial", seed=seed
    )
    name = f"{stamp}-pretrain-{seed:04x}" if stamp else ""
    made = project.new_run(job, title=f"Pretrain {method}", name=name)
    made.write_status(Status(state=state, done=steps, total=18000, unit="steps", rate=11.0, eta=5040.0))
    made.beat()
    (made.path / "metrics.jsonl").write_text(lines(steps, every=every, seed=seed), "utf-8")
    health().save(made.path / HEALTH)
    folder = made.path / "checkpoints"
    folder.mkdir()
    for number in range(checkpoints):
        (folder / f"step-{steps - 100 * number:09d}.safetensors").write_bytes(b"")
    if state in ("done", "stopped"):
        (made.path / "backbone").mkdir()
        (made.path / "backbone" / "config.json").write_text("{}", "utf-8")
        result(made.path, method, start, steps, epochs).save(made.path / RESULT)
    return made


def result(folder: Path, method: str, start: str, steps: int, epochs: int) -> PretrainResult:
    published = next(facts.published for facts in methods() if facts.name == method)
    return PretrainResult(
        run=folder.name,
        method=method,
        title=f"{method}, ViT-S/16",
        backbone="vit_small_patch16_224",
        start=start,
        image_size=224,
        patch_size=16,
        images=4600,
        left_out=500,
        index="a" * 32,
        pool="b" * 32,
        steps=steps,
        epochs=steps / 180,
        planned_epochs=epochs,
        batch_size=256,
        loss=(7.9, 2.0, 1.7),
        looks=(Look(step=steps, epoch=steps / 180, metric="macro_f1", knn=0.871, probe=0.9),),
        images_per_second=2140.0,
        rules=(Rule(name="learning rate", value="0.0005", rule="0.0005 x 256 / 256"),),
        augmentation=under_preset(published, "industrial"),
        settings={},
        findings=(),
        checkpoint=f"checkpoints/step-{steps:09d}.safetensors",
        seed=0,
        device="cuda:0",
        precision="bf16",
        seconds=3600.0,
    )


def preview(
    augmentation: Augmentation, *, images: int = 6, ask: int = 1, seed: int = 0, hidden: float = 0.0
) -> Preview:
    """Stripes and specks as pictures; the views are what their boxes show of them."""
    rng = np.random.default_rng(seed)
    pictures = np.stack([_picture(np.random.default_rng(number)) for number in range(images)])
    side = pictures.shape[1]
    kinds, views, boxes, masks = [], [], [], []
    for view in augmentation.views:
        size = view.pixels(112, 16)
        for _ in range(view.count):
            shown, corners = [], []
            for number in range(images):
                area = rng.uniform(view.crop_min, view.crop_max)
                edge = max(math.sqrt(area), 0.05)
                x, y = rng.uniform(0, 1 - edge, 2)
                corners.append([[x, y], [x + edge, y], [x + edge, y + edge], [x, y + edge]])
                places = (np.arange(size) + 0.5) / size * edge
                rows = np.clip(((y + places) * side).astype(int), 0, side - 1)
                columns = np.clip(((x + places) * side).astype(int), 0, side - 1)
                shown.append(pictures[number][rows][:, columns])
            kinds.append(view.name)
            views.append(np.stack(shown))
            boxes.append(np.asarray(corners, np.float32))
            grid = size // 16
            masks.append(rng.random((images, grid, grid)) < hidden if hidden else None)
    return Preview(
        names=tuple(f"crack/lot{number % 4}_{number:02d}.png" for number in range(images)),
        shapes=np.tile([1200, 900], (images, 1)),
        pictures=pictures,
        views=tuple(views),
        kinds=tuple(kinds),
        boxes=np.stack(boxes, axis=1),
        masks=tuple(masks),
        ask=ask,
    )


def _picture(rng: np.random.Generator, side: int = 160) -> np.ndarray:
    across = np.linspace(0, rng.uniform(6, 20), side)
    ground = 120 + 30 * np.sin(across)[None, :] + 8 * rng.standard_normal((side, side))
    for _ in range(3):
        y, x = rng.integers(10, side - 30, 2)
        ground[y : y + 4, x : x + rng.integers(8, 24)] -= 90
    return np.repeat(np.clip(ground, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def estimate() -> Estimate:
    return Estimate(
        images=4612,
        left_out=510,
        batch_size=256,
        accumulate=2,
        steps_per_epoch=18,
        epochs=100,
        images_per_second=2140.0,
        seconds_per_epoch=2.2,
        seconds=220.0,
        peak_bytes=11_200_000_000,
        memory_bytes=24_000_000_000,
        store_bytes=900_000_000,
        stored_size=448,
        free_bytes=210_000_000_000,
        device="cuda:0",
        rules=(
            Rule(name="learning rate", value="0.0005", rule="0.0005 x 256 / 256"),
            Rule(name="warm-up", value="180 steps", rule="10 epochs"),
        ),
        findings=(
            Finding(
                name="few images",
                severity="warn",
                advice="4,612 images are few for DINO from nothing: start from a public backbone, or take MAE.",
            ),
        ),
    )


def audit() -> Audit:
    def row(change: str, title: str, cost: float, room: float, *instead: str) -> AuditRow:
        return AuditRow(
            change=change,
            title=title,
            cost=cost,
            interval=(cost - room, cost + room),
            destroys=cost - room > 2,
            instead=instead,
            advice="Views that show less than a fifth of the picture miss the defect." if instead else "",
        )

    return Audit(
        metric="macro_f1",
        backbone="DINOv2 small",
        unchanged=0.889,
        seeds=5,
        images=600,
        rows=(
            row("crop_min", "small crops", 6.1, 1.4, "1.crop_min=0.35", "2.crop_min=0.35"),
            row("blur", "blur", 0.4, 0.8),
            row("hue", "colour jitter", 0.3, 0.6),
            row("mirror", "mirroring", -0.2, 0.5),
        ),
        sentence="Crops below 35 % of the picture cost 6.1 points of macro-F1; colour jitter and blur cost less than "
        "one.",
    )


def damaged(facts: MethodFacts, title: str) -> MethodFacts:
    """The same method under a name that would like to be markup."""
    return replace(facts, title=title, summary=f"{title} learns.", when=title, when_not=title)
