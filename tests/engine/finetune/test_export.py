"""What is exported loads in timm and in transformers by their own loaders, and gives the same logits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.engine.backbones.conftest import fill
from tests.engine.finetune.tuning import small_vit
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.finetune.export import export
from workbench.engine.finetune.head import Head
from workbench.engine.finetune.network import Network
from workbench.engine.finetune.trainable import choose
from workbench.records.finetunes import Epoch, FinetuneResult, SeedTuned
from workbench.records.scores import METRICS, Score

CLASSES = ("blue", "green", "re\u202ed")
SIZE = 64


def _result(backbone: str) -> FinetuneResult:
    values = dict.fromkeys(METRICS, 0.9)
    epoch = Epoch(epoch=0, train_loss=None, train_accuracy=None, val_loss=0.1, val=values)
    seed = SeedTuned(
        seed=0,
        split="0123456789abcdef",
        counts=(20, 7, 7),
        strength=1.0,
        curve=(epoch,),
        chosen=0,
        stopped_early=False,
        test=values,
        seconds=1.0,
        images_per_second=20.0,
    )
    return FinetuneResult(
        run="run-1",
        backbone=backbone,
        title="A small one",
        feature="cls",
        image_size=SIZE,
        trained="the last block and the head",
        blocks="1",
        lora=0,
        trainable_parameters=10,
        total_parameters=100,
        augment="none",
        metric="accuracy",
        classes=CLASSES,
        index="feedbeef",
        grouped=False,
        plan="",
        seeds=(seed,),
        scores={name: Score(name, (0.9,)) for name in METRICS},
        confusion=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    )


def exported(
    identifier: str, folder: Path, memo: Path, *, rank: int = 0, size: int = SIZE, feature: str | None = None
) -> SimpleNamespace:
    """A changed network with a head, saved; with the pixels and logits that it had before."""
    resolved = resolve(identifier, image_size=size, feature=feature, memo=memo)
    backbone = load_backbone(resolved.spec, "cpu", memo=memo, trainable=True)
    trainable = choose(backbone.module, "1", rank, identifier)
    network = Network(backbone, "", "cpu")
    head = Head(backbone.dimensions[resolved.spec.feature], len(CLASSES))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in [*(value for _, value in network.learning()), *head.parameters()]:
            value.add_(torch.randn(value.shape, generator=generator) * 0.05)
        head.mean.normal_(generator=generator)
        head.deviation.uniform_(0.5, 2, generator=generator)
    pixels = torch.rand(3, size, size, 3, generator=generator)
    with torch.no_grad():
        logits = head(network.features(pixels))
    form = export(folder, resolved, network, head, trainable, _result(identifier))
    return SimpleNamespace(
        form=form, logits=logits, normal=backbone.normalise(pixels), spec=resolved.spec, folder=folder
    )


@pytest.mark.parametrize(
    ("identifier", "rank"),
    [
        ("random_vit", 0),
        ("random_vit", 4),
        ("efficientnet_lite0", 0),
        ("small", 2),
        ("small at its own size", 0),
    ],
)
def test_timm_loads_it_with_equal_logits(identifier: str, rank: int, tmp_path: Path) -> None:
    name, size = identifier, 64
    if identifier.startswith("small"):
        name = str(small_vit(tmp_path / "small"))
        size = 32 if "own" in identifier else 64
    made = exported(name, tmp_path / "checkpoint", tmp_path / "memo", rank=rank, size=size)
    assert made.form == "timm"
    model = timm.create_model(f"local-dir:{made.folder}", pretrained=True).eval()
    with torch.no_grad():
        torch.testing.assert_close(model(made.normal), made.logits, rtol=1e-5, atol=1e-5)
    data = timm.data.resolve_model_data_config(model)
    recipe = made.spec.preprocess
    assert [tuple(data[key]) for key in ("input_size", "mean", "std")] == [
        (3, size, size),
        recipe.mean,
        recipe.std,
    ]
    assert data["interpolation"] == recipe.interpolation
    again = resolve(str(made.folder), image_size=size, memo=tmp_path / "memo")
    assert again.spec.preprocess == recipe
    assert again.spec.feature == made.spec.feature
    config = json.loads((made.folder / "config.json").read_text())
    assert config["workbench"]["split"] == "0123456789abcdef"
    assert config["label_names"] == ["blue", "green", "re\\u202ed"], "names of folders can't turn text around"
    names = load_file(made.folder / "model.safetensors")
    assert not any("lora" in name or "base_layer" in name for name in names)


def test_timm_loads_a_masked_autoencoder_whose_patches_are_averaged(tmp_path: Path) -> None:
    made = exported(
        str(small_vit(tmp_path / "s")), tmp_path / "out", tmp_path / "memo", size=32, feature="mean"
    )
    model = timm.create_model(f"local-dir:{made.folder}", pretrained=True).eval()
    with torch.no_grad():
        torch.testing.assert_close(model(made.normal), made.logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["dinov2", "registers", "vit", "convnext"])
@pytest.mark.parametrize("rank", [0, 2])
def test_transformers_loads_it_with_equal_logits(
    kind: str, rank: int, published: Callable[[str], SimpleNamespace], tmp_path: Path
) -> None:
    size = 56 if kind in ("dinov2", "registers") else 64
    made = exported(str(published(kind).folder), tmp_path / "out", tmp_path / "memo", rank=rank, size=size)
    assert made.form == "transformers"
    model = transformers.AutoModelForImageClassification.from_pretrained(made.folder).eval()
    more = {"interpolate_pos_encoding": True} if kind == "vit" else {}
    with torch.no_grad():
        found = model(pixel_values=made.normal, **more).logits
    torch.testing.assert_close(found, made.logits, rtol=1e-5, atol=1e-5)
    assert model.config.id2label[0] == "blue"
    assert model.config.workbench["kind"] == "fine-tune"
    _embeds_alike(made, tmp_path)


@pytest.mark.parametrize("kind", ["vit_mae", "clip", "siglip"])
def test_where_transformers_has_no_such_class_the_head_stands_beside(
    kind: str, published: Callable[[str], SimpleNamespace], tmp_path: Path
) -> None:
    made = exported(str(published(kind).folder), tmp_path / "out", tmp_path / "memo")
    assert made.form == "transformers backbone + head"
    head = load_file(made.folder / "head.safetensors")
    features = _embeds_alike(made, tmp_path)
    torch.testing.assert_close(features @ head["weight"].T + head["bias"], made.logits, rtol=1e-5, atol=1e-5)
    assert "head.safetensors" in (made.folder / "README.md").read_text()


def _embeds_alike(made: SimpleNamespace, tmp_path: Path) -> torch.Tensor:
    """The workbench's own loader takes the folder, with the same preprocessing and feature."""
    spec = resolve(str(made.folder), image_size=made.spec.preprocess.size, memo=tmp_path / "memo").spec
    assert spec.preprocess == made.spec.preprocess
    assert spec.feature == made.spec.feature
    backbone = load_backbone(spec, "cpu", memo=tmp_path / "memo")
    mean, std = (np.asarray(values) for values in (spec.preprocess.mean, spec.preprocess.std))
    pixels = made.normal.permute(0, 2, 3, 1).numpy() * std + mean
    return torch.from_numpy(backbone.pooled_features(pixels.astype(np.float32))[spec.feature])


def test_a_half_written_checkpoint_never_takes_the_place_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "checkpoint"
    exported("random_vit", folder, tmp_path / "memo")
    before = (folder / "config.json").read_bytes()

    def fails(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.engine.finetune.export._card", fails)
    with pytest.raises(OSError, match="No space"):
        exported("random_vit", folder, tmp_path / "memo")
    assert (folder / "config.json").read_bytes() == before


def test_a_timm_model_whose_classifier_is_no_one_layer_keeps_its_head_beside(tmp_path: Path) -> None:
    name = "deit_tiny_distilled_patch16_224"  # two classifiers, on two tokens
    module = fill(timm.create_model(name, num_classes=0, img_size=64))
    weights = tmp_path / "distilled.safetensors"
    save_file({key: value.contiguous() for key, value in module.state_dict().items()}, weights)
    made = exported(f"{name}:{weights}", tmp_path / "out", tmp_path / "memo")
    assert made.form == "timm backbone + head"
    head = load_file(made.folder / "head.safetensors")
    features = _embeds_alike(made, tmp_path)
    torch.testing.assert_close(features @ head["weight"].T + head["bias"], made.logits, rtol=1e-5, atol=1e-5)
    assert "timm has no such head" in (made.folder / "README.md").read_text()
