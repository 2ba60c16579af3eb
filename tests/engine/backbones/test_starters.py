"""The two backbones that the program brings along: there without a network, small, and fit to be looked at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file

from workbench.engine.backbones import marks
from workbench.engine.backbones.base import TorchBackbone
from workbench.engine.backbones.catalogue import catalogue, starter_folder
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.sample.build import build_sample
from workbench.records.resources import resource

STARTERS = [facts for facts in catalogue() if facts.id.startswith("starter_")]
MOST_BYTES = 25_000_000


def test_there_is_one_that_paints_and_one_that_attends() -> None:
    assert {facts.id for facts in STARTERS} == {"starter_mae", "starter_dino"}
    assert all(facts.available and facts.source == "built in" for facts in STARTERS)
    files = [file for file in resource("backbones").rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES


@pytest.mark.parametrize("facts", STARTERS, ids=lambda facts: facts.id)
def test_it_is_what_the_catalogue_says(facts, memo) -> None:
    found = resolve(facts.id, memo=memo)
    assert (found.title, found.default, found.depth) == (facts.title, facts.default_feature, facts.depth)
    assert found.spec.preprocess.size == facts.input_size
    whole = load_backbone(found.spec, "cpu", memo=memo, trainable=True)
    assert isinstance(whole, TorchBackbone)
    assert sum(value.numel() for value in whole.module.parameters()) == facts.parameters
    backbone = load_backbone(found.spec, "cpu", memo=memo)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, facts.input_size, facts.input_size, 3), dtype=np.uint8)
    given = backbone.encode(pixels)
    assert given["cls"].shape == (2, 192) and given["patches"].shape == (2, (facts.input_size // 8) ** 2, 192)
    assert all(torch.isfinite(value).all() for value in given.values())


@pytest.mark.parametrize("facts", STARTERS, ids=lambda facts: facts.id)
def test_its_folder_tells_how_it_was_made(facts) -> None:
    folder = starter_folder(facts.id)
    assert folder is not None
    card = (folder / "README.md").read_text("utf-8")
    assert "on CPU" in card or "processor" in card
    assert f"--backbone {facts.id}" in card and "curves.svg" in card
    assert (folder / "curves.svg").read_text("utf-8").startswith("<svg")
    recipe = json.loads((folder / "recipe.json").read_text("utf-8"))
    assert recipe["asked"]["method"] == facts.id.removeprefix("starter_")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert not [value for value in _texts([recipe, config]) if value.startswith("/")]
    assert all(value.dtype == torch.float16 for value in load_file(folder / "model.safetensors").values())
    assert marks.learnt_images(resolve(facts.id)) is not None


def test_the_painter_paints_a_picture_of_its_world_better_than_its_mean(tmp_path: Path) -> None:
    """Encoder and decoder load whole in transformers; three quarters are hidden."""
    folder = starter_folder("starter_mae")
    model, report = transformers.ViTMAEForPreTraining.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"]
    truth = build_sample(tmp_path / "sample", seed=5, labelled=60, unlabelled=0)
    spec = resolve("starter_mae").spec.preprocess
    pictures = []
    for name in sorted(truth.files)[:16]:
        with Image.open(truth.folder / name) as image:
            small = image.convert("RGB").resize((spec.size, spec.size), Image.Resampling.BILINEAR)
        pictures.append((np.asarray(small) / 255 - np.asarray(spec.mean)) / np.asarray(spec.std))
    batch = torch.from_numpy(np.stack(pictures)).float().permute(0, 3, 1, 2)
    noise = torch.rand(len(batch), 144, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        painted = model(batch, noise=noise)
    assert model.config.norm_pix_loss is False
    patches = model.patchify(batch)
    hidden = painted.mask.bool()
    wrong = (painted.logits - patches).square().mean(-1)
    of_mean = (patches - patches.mean(dim=(1, 2), keepdim=True)).square().mean(-1)
    # Picture by picture, and their median: some are there to be faulty, as black or white as a wall.
    ratios = [
        float(wrong[row][hidden[row]].mean() / of_mean[row][hidden[row]].mean()) for row in range(len(batch))
    ]
    assert float(np.median(ratios)) < 0.6


def test_the_one_that_attends_is_a_network_of_timm_and_knows_what_it_saw() -> None:
    folder = starter_folder("starter_dino")
    module = timm.create_model(f"local-dir:{folder}", pretrained=True, img_size=128)
    assert module(torch.zeros(1, 3, 128, 128)).shape == (1, 192)


def _texts(body: object) -> list[str]:
    if isinstance(body, str):
        return [body]
    inside = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    return [text for each in inside for text in _texts(each)]
