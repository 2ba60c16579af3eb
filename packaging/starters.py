"""Make the two small backbones that the program brings along, with the program itself.

    .venv/bin/python packaging/starters.py WORK

WORK is an empty folder, or one in which this was begun: what is done there is kept, and what was stopped goes on. It
takes about an hour on one core for each of the two. Then `resources/backbones/starter_mae` holds encoder and decoder
in transformers' layout, `starter_dino` the teacher in timm's; weights in half precision, with the model card, curves,
recipe and the digests of the pictures that were learnt from.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from workbench.records.files import whole_folder, write_text
from workbench.records.learnt_images import POOL
from workbench.records.pretraining import BACKBONE
from workbench.records.runs import RunFolder

ROOT = Path(__file__).resolve().parents[1]
COMMON = (
    *("--backbone", "vit_tiny_patch16_224", "--device", "cpu", "--threads", "1", "--stored-size", "128"),
    *("--checkpoint-minutes", "5"),
)
# Narrow decoder and few prototypes, for both files together are to stay below 25 MB and the pictures are few. Pixels
# as they are, so that what MAE paints can be shown without help from the picture; at a rate above that of the
# published rule, which means far longer runs.
#
# DINO from nothing ended in uniform outputs within the hour, or told bright pictures from dark ones alone. So it goes
# on from the other one, with views whose colours change as published, so that the two colours of these pictures can't
# be all that it learns; with a sharper teacher, which the centre flattened else; and one as slow as published for a
# batch of 1,024.
RECIPES: dict[str, tuple[str, ...]] = {
    "starter_mae": (
        *("--method", "mae", "--patch-size", "8", "--preset", "industrial", "--image-size", "96"),
        *("--batch-size", "64", "--epochs", "22", "--learning-rate", "0.0008", "--evaluate-every", "4"),
        *("--settings", "norm_pixels=false"),
        *("--settings", "decoder_depth=4", "--settings", "decoder_width=128"),
    ),
    "starter_dino": (
        *("--method", "dino", "--preset", "published", "--image-size", "64", "--batch-size", "32"),
        *("--epochs", "6", "--learning-rate", "0.0001", "--evaluate-every", "2"),
        *("--settings", "prototypes=128", "--settings", "momentum=0.996"),
        *("--settings", "teacher_temperature=0.02", "--settings", "first_temperature=0.02"),
    ),
}
BEGINS_FROM = {"starter_dino": "starter_mae"}
LAYOUTS = {"starter_mae": "transformers", "starter_dino": ""}  # the folder inside the exported one
CARDS = {
    "starter_mae": "encoder and decoder, as transformers' ViTMAEForPreTraining",
    "starter_dino": "the teacher's backbone, as timm loads it",
}
SEEN = {
    "starter_mae": "It paints shading and stains, and hardly texture.",
    "starter_dino": "So short a run hardly moves where the class token looks: expect the lower right of most "
    "pictures to be light, and defects to stand out a little.",
}
# Of this machine alone, or of no matter for what was learnt.
LOCAL = ("index", "curation", "roots", "pool_index", "pool_roots", "cache", "branch")


def main(work: Path) -> None:
    sample = work / "sample"
    if not (sample / "sample.json").is_file():
        make_sample(work, sample)
    for name in RECIPES:
        if pretrain(name, work, sample) != 0:
            sys.exit(f"{name} did not end well. Run this again: it goes on from the last checkpoint.")
    for name in RECIPES:
        pack(name, RunFolder(work / name), ROOT / "resources" / "backbones" / name)


def make_sample(work: Path, sample: Path) -> None:
    from workbench.engine.control import Control
    from workbench.engine.jobs.sample import run
    from workbench.records.jobs import SampleJob

    job = SampleJob(folder=str(sample))
    folder = RunFolder.create(work / "runs", job, title="Sample pictures")
    run(job, folder, Control(folder))


def pretrain(name: str, work: Path, sample: Path) -> int:
    run = work / name
    going_on = ("--resume",) if (run / "run.json").is_file() else ()
    start = ("--start", str(work / BEGINS_FROM[name])) if name in BEGINS_FROM else ()
    command = [
        *(sys.executable, "-m", "workbench", "pretrain", str(sample / "labelled")),
        *("--unlabelled", str(sample / "unlabelled"), "--project", str(work / f"project_{name}")),
        *("--out", str(run), *COMMON, *RECIPES[name], *start, *going_on),
    ]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False
    ).returncode


def pack(name: str, run: RunFolder, to: Path) -> None:
    """What the program brings along of a finished run.

    Raises:
        ValueError: the half-precision weights hold a number that is none.
    """
    whole = run.path / BACKBONE
    layout = whole / LAYOUTS[name]
    with whole_folder(to) as part:
        for file in ("config.json", "preprocessor_config.json"):
            if (layout / file).is_file():
                shutil.copyfile(layout / file, part / file)
        if name in BEGINS_FROM:  # by its name, and not where it lay on one machine
            config = json.loads((part / "config.json").read_text("utf-8"))
            config["workbench"]["start"] = BEGINS_FROM[name]
            write_text(part / "config.json", json.dumps(config, indent=1) + "\n")
        for file in (POOL, "curves.svg"):
            shutil.copyfile(whole / file, part / file)
        halve(layout / "model.safetensors", part / "model.safetensors")
        write_text(part / "README.md", card(name, (whole / "README.md").read_text("utf-8")))
        asked = {key: value for key, value in run.document()["config"].items() if key not in LOCAL}
        if name in BEGINS_FROM:
            asked["start"] = BEGINS_FROM[name]
        provenance = run.document()["provenance"]
        told = {
            key: provenance[key]
            for key in ("versions", "device_name", "inputs", "seeds", "settings", "rules")
        }
        write_text(part / "recipe.json", json.dumps({"asked": asked, "provenance": told}, indent=1) + "\n")
    size = sum(file.stat().st_size for file in to.iterdir())
    print(f"{to}: {size / 1e6:.1f} MB")


def halve(source: Path, to: Path) -> None:
    with safe_open(source, "pt") as file:
        state = {key: file.get_tensor(key).half() for key in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{key} of {source} has numbers too large for half precision.")
    save_file(state, to, metadata=metadata)


def card(name: str, text: str) -> str:
    """The run's model card, with this folder's way of being used and what it is for."""
    usage = (
        f"    workbench embed IMAGES --backbone {name} --out vectors.h5ad\n\n"
        f"Brought along by the program, so that there is something to look at offline: {CARDS[name]}. It is small, "
        "learnt in an hour or two on one core of a processor, and from generated pictures: no match for a public "
        f"backbone. {SEEN[name]} Weights are kept in half precision. `recipe.json` holds what was asked for.\n\n"
    )
    text = re.sub(r" {4}# timm\n.*?\n\n", lambda _: usage, text, count=1, flags=re.DOTALL)
    if name in BEGINS_FROM:
        began = f"It began as `{BEGINS_FROM[name]}`, which lies beside it."
        text, found = re.subn(r"It began as .*? published\.", began, text, count=1)
        if not found:
            raise ValueError(f"The model card of {name} doesn't say what it began from.")
    return text


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]).resolve())
