"""Pretraining: the workbench's loop against the one that `lightly` has its users write.

Both learn from the same files with the same backbone, batch and threads on the processor, each in a fresh process, in
turn; timed are steps in the steady state. Ours is what the `pretrain` job assembles: pixels that were decoded once,
views drawn for a whole batch, the method, its optimiser. Theirs is `lightly_loops.py`, with two workers that decode
and augment. The heads have the same widths. DINO's and iBOT's views are as many and as large in both.

The network's step is the same work for both, so what can be gained is what their transforms cost beside it. That
depends on pixels a token: methods with two views are measured with patches of 8 px in small pictures, where they
cost little, and with patches of 32 px at the published input size, where they cost much.

MAE's gain by masking is measured against the same step with 5 % hidden, the least that may be asked for.

Where there is a CUDA device, all of it is also timed there, with ViT-S/16 at 224 px in batches of 256, and theirs
with a worker for every core.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks import data
from tests.benchmarks.row import Row

METHODS = ("simclr", "moco", "byol", "simsiam", "mae", "dino", "ibot")
TWO_VIEWS = ("simclr", "moco", "byol", "simsiam")
IMAGES, BATCH = 512, 64
BACKBONE = "vit_tiny_patch16_224"
SIZES = ((64, 8), (224, 32))  # px of the input and of a patch: 64 and 49 tokens
PROTOTYPES = 4096
WARM_UP, STEPS, RUNS = 2, 6, 2
GOAL, GOAL_MASKED = 1.5, 2.5
GPU_IMAGES, GPU_BATCH, GPU_STEPS = 1664, 256, 25
GPU_WARM_UP = 8
GOAL_GPU, GOAL_AUGMENT, GOAL_WAIT = 2000.0, 0.15, 0.03  # source images a second; shares of a step at most

_SETUP = """
import json, sys, time
from dataclasses import replace
from pathlib import Path
import torch
asked = json.loads(sys.argv[2])
torch.set_num_threads(asked["threads"])
from tests.indices import counted
from workbench.engine.control import Control
from workbench.engine.pretrain.assemble import assemble
from workbench.engine.pretrain.compiling import compile_blocks, pays
from workbench.engine.pretrain.feed import Feed
from workbench.engine.pretrain.loop import Batches
from workbench.records.params import build
from workbench.records.pretrain_job import PretrainJob
from workbench.records.runs import RunFolder

folder, work = Path(sys.argv[1]), Path(sys.argv[1]).parent / "work"
if not (work / "index.npz").exists():
    work.mkdir(exist_ok=True)
    counted(folder, check="header").save(work / "index.npz")

def ready_for(**values):
    job = build(PretrainJob, {"index": str(work / "index.npz"), "cache": str(work / "pixels"), **values})
    run = RunFolder.create(work / "runs", job)
    return assemble(job, Control(run))
"""

_OURS = (
    _SETUP
    + """
ready = ready_for(**asked["job"])
if pays(ready, ready.end):
    compile_blocks(ready)
feed = Feed(ready.store, ready.pool.shapes, ready.order, ready.rows, ready.device)
batches = Batches(feed, ready.end)
warm_up, steps = asked["warm_up"], asked["steps"]
augmenting = 0.0
for step in range(warm_up + steps):
    if step == warm_up:
        if ready.device.type == "cuda":
            torch.cuda.synchronize()
        feed.waited, augmenting, began = 0.0, 0.0, time.perf_counter()
    stepped = ready.trainer.step(step, *batches.of(step), ready.rows, upcoming=batches.after(step))
    augmenting += stepped.augment_seconds
if ready.device.type == "cuda":
    torch.cuda.synchronize()
took = time.perf_counter() - began
feed.close()
print(json.dumps({
    "rate": steps * ready.plan.batch_size / took, "wait": feed.waited / took, "augment": augmenting / took,
    "sizes": [view.pixels(asked["job"]["image_size"], ready.built.encoder.patch)
              for view in ready.augmentation.views for _ in range(view.count)], "precision": ready.precision,
    "compiled": ready.compiled,
}))
"""
)

_MASKED = (
    _SETUP
    + """
from tests.benchmarks.row import paired
found = {}
for name, settings in asked["decoders"].items():
    both = []
    for ratio in (0.75, 0.05):
        job = {**asked["job"], "settings": [f"mask_ratio={ratio}", *settings]}
        ready = ready_for(**job)
        feed = Feed(ready.store, ready.pool.shapes, ready.order, ready.rows, ready.device)
        batch = feed.batch(0, last=True)
        feed.close()
        step = lambda ready=ready, batch=batch: ready.trainer.step(0, *batch, ready.rows)
        step(), step()
        both.append(step)
    found[name] = paired(*both, repeats=asked["steps"])
print(json.dumps(found))
"""
)

_THEIRS = """
import json, sys
from pathlib import Path
from tests.benchmarks.lightly_loops import main
main(Path(sys.argv[1]), json.loads(sys.argv[2]))
"""


def measure(methods: tuple[str, ...] = METHODS, steps: int = STEPS, runs: int = RUNS) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "images"
        kind = data.surfaces(folder, IMAGES)
        rows = [
            _against_lightly(folder, kind, method, size, patch, steps, runs)
            for method in methods
            for size, patch in (SIZES if method in TWO_VIEWS else SIZES[:1])
        ]
        rows += _masked(folder, steps)
        if _has_cuda():
            rows += on_device(Path(name) / "many", "cuda")
    return rows


def _against_lightly(
    folder: Path, kind: str, method: str, size: int, patch: int, steps: int, runs: int, device: str = "cpu"
) -> Row:
    gpu = device != "cpu"
    backbone = "vit_small_patch16_224" if gpu else BACKBONE
    batch, warm_up = (GPU_BATCH, GPU_WARM_UP) if gpu else (BATCH, WARM_UP)
    job = _job(method, size, patch) | {"backbone": backbone, "batch_size": batch, "device": device}
    if method in ("dino", "ibot"):
        job["settings"] = [f"prototypes={PROTOTYPES}"]
    common = {"threads": _threads(), "warm_up": warm_up, "steps": steps}
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    for _ in range(runs):
        ours.append(data.figures(_OURS, folder, json.dumps({**common, "job": job})))
        local = ours[0]["sizes"][2:]
        asked = {
            **common,
            "method": method,
            "backbone": backbone,
            "device": device,
            "workers": _threads(),
            "batch": batch,
            "size": size,
            "patch": patch,
            "prototypes": PROTOTYPES,
            "local": local[0] if local else 0,
            "num_local": len(local),
        }
        theirs.append(data.figures(_THEIRS, folder, json.dumps(asked)))
    mine, others = (statistics.median(run["rate"] for run in both) for both in (ours, theirs))
    share, wait = (statistics.median(run[key] for run in ours) for key in ("augment", "wait"))
    how = f"{ours[0]['precision']}{', compiled blocks' if ours[0]['compiled'] else ''}"
    name = f"{_device_name(device)}, " if gpu else ""
    goals = ""
    if gpu and method in TWO_VIEWS:
        goals = f" Goals: {GOAL_GPU:,.0f} images/s, {GOAL_AUGMENT:.0%} and {GOAL_WAIT:.0%}."
    return Row(
        what=f"Pretraining with {method}, {name}{backbone.split('_patch')[0]}/{patch}, {size} px",
        ours=f"{mine:,.0f} images/s",
        against=f"lightly's transforms, heads and loss in a DataLoader of {_threads()} workers",
        theirs=f"{others:,.0f} images/s",
        ratio=mine / others,
        goal=GOAL if method in TWO_VIEWS else None,
        note=f"{kind}, batches of {batch}, {how}, {_threads()} threads; ours augments for {share:.0%} of the time "
        f"and waits for data for {wait:.1%}.{goals}",
    )


def _masked(folder: Path, steps: int) -> list[Row]:
    decoders = {"default": [], "published": ["decoder_width=512", "decoder_heads=16"]}
    asked = {"threads": _threads(), "job": _job("mae", *SIZES[0]), "decoders": decoders, "steps": steps}
    found = data.figures(_MASKED, folder, json.dumps(asked))
    return [
        Row(
            what=f"MAE's step with 75 % hidden, {name} decoder",
            ours=f"{masked * 1000:.0f} ms",
            against="the same step with 5 % hidden",
            theirs=f"{unmasked * 1000:.0f} ms",
            ratio=unmasked / masked,
            goal=GOAL_MASKED if name == "default" else None,
            note=f"vit_tiny at {SIZES[0][0]} px with patches of {SIZES[0][1]}, batches of {BATCH}.",
        )
        for name, (masked, unmasked) in found.items()
    ]


def on_device(
    folder: Path, device: str, methods: tuple[str, ...] = METHODS, steps: int = GPU_STEPS
) -> list[Row]:
    kind = data.surfaces(folder, GPU_IMAGES)
    return [_against_lightly(folder, kind, method, 224, 16, steps, 1, device) for method in methods]


def _job(method: str, size: int, patch: int) -> dict[str, Any]:
    return {
        "method": method,
        "backbone": BACKBONE,
        "image_size": size,
        "patch_size": patch,
        "batch_size": BATCH,
        "epochs": 100,
        "device": "cpu",
    }


def _threads() -> int:
    return os.cpu_count() or 1


def _device_name(device: str) -> str:
    from workbench.engine.device import device_name

    return device_name(device)


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


if __name__ == "__main__":
    for row in measure():
        print(row.line())
