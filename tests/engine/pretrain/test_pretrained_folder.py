"""What is exported loads in timm, in transformers and here by their own loaders, with the same features."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import timm
import torch
import transformers
from safetensors.torch import load_file, save_file

from workbench.engine.backbones import marks
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.backbones.vit_layouts import config_of_timm, state_to_transformers
from workbench.engine.methods.encoder import Encoder
from workbench.engine.pretrain.encoders import Built, build_encoder
from workbench.engine.pretrain.export import save_backbone
from workbench.engine.pretrain.model_card import curves
from workbench.pixels.prepare import prepare
from workbench.records.augmentation import Augmentation, View
from workbench.records.learnt_images import POOL, LearntImages
from workbench.records.pretraining import Look, PretrainResult, Rule
from workbench.records.results import Finding
from workbench.records.spec import Reading

SIZE = 32


def result(**more: Any) -> PretrainResult:
    values: dict[str, Any] = {
        "run": "run-1",
        "method": "simclr",
        "title": "SimCLR, ViT tiny, patch 8, from nothing",
        "backbone": "vit_tiny_patch16_224",
        "start": "",
        "image_size": SIZE,
        "patch_size": 8,
        "images": 12,
        "left_out": 4,
        "index": "feedbeef",
        "pool": "",
        "steps": 10,
        "epochs": 2.5,
        "planned_epochs": 3,
        "batch_size": 4,
        "loss": tuple(3.0 - 0.1 * step for step in range(10)),
        "looks": (
            Look(step=5, epoch=1, metric="macro_f1", knn=0.61),
            Look(step=10, epoch=2, metric="macro_f1", knn=0.58, probe=0.7),
        ),
        "images_per_second": 10.0,
        "rules": (Rule(name="learning rate", value="0.15", rule="0.075 x sqrt(4)"),),
        "augmentation": Augmentation(views=(View(name="two views", count=2),)),
        "settings": {"temperature": 0.1},
        "findings": (Finding(name="few images", severity="warn", advice="Twelve <b>are</b> few\u202e."),),
        "checkpoint": "checkpoints/step-10.safetensors",
        "seed": 0,
        "device": "cpu",
        "precision": "fp32",
        "seconds": 12.0,
    }
    return PretrainResult(**{**values, **more})


def learnt() -> LearntImages:
    return LearntImages.of(np.random.default_rng(0).integers(0, 256, (12, 16), dtype=np.uint8))


def build(architecture: str = "vit_tiny_patch16_224", seed: int = 0, **more: Any) -> Built:
    """A network whose weights are no longer those that it began with."""
    sized = {"image_size": SIZE, "patch_size": 8 if architecture.startswith("vit") else 0}
    made = build_encoder(architecture, **{"start": "", "channels": 3, "seed": seed, **sized, **more})
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in made.encoder.parameters():
            value.add_(torch.randn(value.shape, generator=generator) * 0.05)
        for name, value in made.encoder.named_buffers():
            if name.endswith("running_mean"):
                value.add_(torch.randn(value.shape, generator=generator) * 0.05)
    return made


def pictures(channels: int = 3) -> torch.Tensor:
    return torch.randn(3, channels, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


def tokens(encoder: Encoder, pixels: torch.Tensor) -> torch.Tensor:
    encoder.eval()
    with torch.no_grad():
        return encoder.all_tokens(pixels) if encoder.tokens else encoder(pixels)


@pytest.mark.parametrize(
    ("architecture", "channels"),
    [
        ("vit_tiny_patch16_224", 3),
        ("vit_tiny_patch16_224", 5),
        ("resnet18", 3),
        ("resnet18", 1),
        ("convnext_atto", 3),
    ],
)
def test_timm_loads_it_with_equal_features(architecture: str, channels: int, tmp_path: Path) -> None:
    made = build(architecture, channels=channels)
    made.encoder.train()
    before = {key: value.clone() for key, value in made.encoder.state_dict().items()}
    save_backbone(tmp_path / "backbone", made.encoder, made, result(), learnt())
    assert made.encoder.training, "it goes on learning"
    assert all(torch.equal(value, before[key]) for key, value in made.encoder.state_dict().items())
    model = timm.create_model(f"local-dir:{tmp_path / 'backbone'}", pretrained=True)
    found = tokens(Encoder(model), pictures(channels))
    torch.testing.assert_close(found, tokens(made.encoder, pictures(channels)), rtol=1e-5, atol=1e-5)
    data = timm.data.resolve_model_data_config(model)
    assert tuple(data["input_size"]) == (channels, SIZE, SIZE)
    assert (tuple(data["mean"]), tuple(data["std"])) == (made.mean, made.std)
    assert (data["crop_mode"], data["crop_pct"], data["interpolation"]) == ("squash", 1.0, "bilinear")


@pytest.mark.parametrize("kind", ["vit", "dinov2", "dinov2_with_registers", "vit_mae"])
def test_transformers_loads_it_with_equal_features(kind: str, tmp_path: Path) -> None:
    made, whole = build(), None
    if kind.startswith("dinov2"):
        more = {"reg_tokens": 3} if "registers" in kind else {}
        made = with_scales(made, **more)
        made.encoder.add_mask_token()
        made.encoder.mask_token.data.normal_()
    if kind == "vit_mae":
        whole = masked_autoencoder(made, tmp_path / "whole")
    why = save_backbone(
        tmp_path / "backbone", made.encoder, made, result(method="simclr"), learnt(), whole=whole
    )
    assert why == ""
    folder = tmp_path / "backbone" / "transformers"
    more = {"mask_ratio": 0.0} if kind == "vit_mae" else {}
    model = transformers.AutoModel.from_pretrained(folder, **more).eval()
    assert model.config.model_type == kind
    assert model.config.workbench["run"] == "run-1"
    noise = {"noise": torch.arange(16.0).expand(3, -1)} if kind == "vit_mae" else {}
    with torch.no_grad():
        found = model(pixel_values=pictures(), **noise).last_hidden_state
    torch.testing.assert_close(found, tokens(made.encoder, pictures()), rtol=1e-5, atol=1e-5)
    if kind.startswith("dinov2"):
        state = load_file(folder / "model.safetensors")
        assert torch.equal(state["embeddings.mask_token"][0], made.encoder.mask_token)
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    grey = np.full((40, 60, 3), 128, np.uint8)
    pixels = processor(grey, return_tensors="pt")["pixel_values"][0, :, 5, 5]
    torch.testing.assert_close(
        pixels, (torch.tensor(128 / 255) - torch.tensor(made.mean)) / torch.tensor(made.std)
    )


def with_scales(made: Built, **more: Any) -> Built:
    """The same with LayerScale, as the DINOv2 kinds have it."""
    arguments = {**made.arguments, "init_values": 0.1, **more}
    encoder = Encoder(timm.create_model(made.architecture, num_classes=0, **arguments), fresh=False)
    return replace(made, encoder=encoder, arguments=arguments)


def masked_autoencoder(made: Built, folder: Path) -> Any:
    """transformers' whole model around the encoder, as a method with a decoder gives it. It is made through a file,
    whose names are those of every version."""
    config = config_of_timm(made.encoder.module, SIZE)
    known = {key: value for key, value in config.items() if key not in ("model_type", "architectures")}
    known |= {"decoder_hidden_size": 16, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2}
    whole = transformers.ViTMAEForPreTraining(
        transformers.ViTMAEConfig(**known, decoder_intermediate_size=32)
    )
    whole.save_pretrained(folder)
    state = load_file(folder / "model.safetensors")
    for key, value in state_to_transformers(config, made.encoder.module).items():
        state[f"vit.{key}"] = value
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return transformers.ViTMAEForPreTraining.from_pretrained(folder)


@pytest.mark.parametrize("architecture", ["vit_tiny_patch16_224", "resnet18"])
def test_the_workbench_loads_every_form_of_it_and_embeds_pictures_alike(
    architecture: str, photographs: list[np.ndarray], tmp_path: Path, memo: Path
) -> None:
    made = build(architecture)
    run = tmp_path / "runs" / "mine"
    save_backbone(run / "backbone", made.encoder, made, result(steps=1), learnt())
    places = [run, run / "backbone", run / "backbone" / "model.safetensors"]
    places += [run / "backbone" / "transformers"] if made.encoder.tokens else []
    for place in places:
        found = resolve(str(place), memo=memo)
        assert found.spec.preprocess == made.recipe
        assert found.spec.feature == ("cls" if made.encoder.tokens else "pooled")
        short = made.title.replace(",", "")
        assert found.title == f"SimCLR, {short}, pretrained here (1 step)"
        mark = marks.pretrained_here(found)
        assert mark is not None and mark["pool"] == learnt().content_hash()
        assert marks.trained_on_labels(found) is None
        known = marks.learnt_images(found)
        assert known is not None and known.holds(learnt().digests).all()
        images = np.stack([prepare(image, found.spec.preprocess) for image in photographs])
        vectors = load_backbone(found.spec, "cpu", memo=memo).pooled_features(images)[found.spec.feature]
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
        normal = (pixels - colours(made.mean)) / colours(made.std)
        with torch.no_grad():
            expected = made.encoder.eval()(normal)
        np.testing.assert_allclose(vectors, expected.numpy(), rtol=1e-4, atol=1e-4)


def colours(values: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(values).view(1, -1, 1, 1)


def test_five_channels_stay_five_channels(tmp_path: Path, memo: Path) -> None:
    made = build(channels=5)
    why = save_backbone(tmp_path / "five", made.encoder, made, result(), learnt())
    assert "three channels" in why and not (tmp_path / "five" / "transformers").exists()
    found = resolve(str(tmp_path / "five"), reading=Reading(channels="all:5"), memo=memo)
    assert "adapted" not in found.title
    images = np.random.default_rng(0).random((2, SIZE, SIZE, 5), np.float32)
    backbone = load_backbone(found.spec, "cpu", memo=memo)
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2) - made.mean[0]) / made.std[0]
    with torch.no_grad():
        torch.testing.assert_close(
            backbone.encode(images)["cls"], made.encoder.eval()(pixels), rtol=1e-4, atol=1e-4
        )
    for reading in (Reading(), Reading(channels="all:4")):
        with pytest.raises(ValueError, match="trained on pictures of 5 channels"):
            resolve(str(tmp_path / "five"), reading=reading, memo=memo)


def test_a_run_goes_on_from_another_at_another_size(
    tmp_path: Path, memo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.engine.backbones.digest.memo_folder", lambda: memo)
    made = build()
    save_backbone(tmp_path / "first" / "backbone", made.encoder, made, result(), learnt())
    more = build_encoder("", start=str(tmp_path / "first"), image_size=0, patch_size=8, channels=3, seed=0)
    assert (more.image_size, more.encoder.fresh) == (SIZE, False)
    assert more.start_title == "SimCLR, ViT tiny patch 8, pretrained here (10 steps)"
    torch.testing.assert_close(
        tokens(more.encoder, pictures()), tokens(made.encoder, pictures()), rtol=1e-5, atol=1e-5
    )
    larger = build_encoder("", start=str(tmp_path / "first"), image_size=48, patch_size=0, channels=3, seed=0)
    save_backbone(tmp_path / "second" / "backbone", larger.encoder, larger, result(), learnt())
    again = resolve(str(tmp_path / "second"), memo=memo)
    assert again.spec.preprocess.size == 48
    assert "pretrained here (10 steps) (" in (tmp_path / "second" / "backbone" / "README.md").read_text()


def test_a_masked_autoencoder_is_read_by_the_mean_of_its_patches(
    tmp_path: Path, memo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "workbench.engine.pretrain.export.method_class", lambda _: type("M", (), {"title": "MAE"})
    )
    made = build()
    save_backbone(tmp_path / "mae" / "backbone", made.encoder, made, result(method="mae"), learnt())
    for place in ("mae", "mae/backbone/transformers"):
        found = resolve(str(tmp_path / place), memo=memo)
        assert found.spec.feature == found.default == "mean"
        assert found.title == "MAE, ViT tiny patch 8, pretrained here (10 steps)"
        assert resolve(str(tmp_path / place), feature="cls", memo=memo).spec.feature == "cls"


def test_what_transformers_lacks_is_left_out_and_said(tmp_path: Path) -> None:
    made = build()
    arguments = {**made.arguments, "qk_norm": True}
    module = timm.create_model(made.architecture, num_classes=0, **arguments)
    odd = replace(made, encoder=Encoder(module), arguments=arguments)
    why = save_backbone(tmp_path / "odd", odd.encoder, odd, result(), learnt())
    assert "k_norm" in why and not (tmp_path / "odd" / "transformers").exists()
    assert "k_norm" in (tmp_path / "odd" / "README.md").read_text()
    # The same parts, which compute something else: only a trial tells.
    arguments = {**made.arguments, "act_layer": "relu"}
    module = timm.create_model(made.architecture, num_classes=0, **arguments)
    odd = replace(made, encoder=Encoder(module), arguments=arguments)
    assert "differ by" in save_backbone(tmp_path / "relu", odd.encoder, odd, result(), learnt())


def test_a_network_that_timm_would_build_otherwise_is_not_written(tmp_path: Path) -> None:
    made = build()
    arguments = {**made.arguments, "act_layer": "relu"}
    module = timm.create_model(made.architecture, num_classes=0, **arguments)
    with pytest.raises(ValueError, match="features differ"):
        save_backbone(tmp_path / "b", Encoder(module), made, result(), learnt())
    assert not list(tmp_path.iterdir())


def test_the_card_says_what_must_be_known_and_nothing_breaks_out_of_it(tmp_path: Path) -> None:
    made = build()
    save_backbone(tmp_path / "b", made.encoder, made, result(device="c\u202epu`x`"), learnt())
    text = (tmp_path / "b" / "README.md").read_text()
    for said in (
        "It began from nothing.",
        "macro-F1: k-NN 0.580, probe 0.700. The highest k-NN was 0.610, at step 5.",
        "scores on validation, looked at while it learnt; they are no test scores",
        "12 different images",
        f"`{learnt().content_hash()}`",
        "0.15 (0.075 x sqrt(4))",
        "Warn: few images.",
        "local-dir:FOLDER",
        "never `pooler_output`",
        "10 steps of 4 images: 2.5 of 3 planned epochs",
    ):
        assert said in text, said
    assert "\u202e" not in text and "<b>" not in text and "`x`" not in text
    assert "loss" not in json.loads((tmp_path / "b" / "config.json").read_text())["workbench"]
    assert LearntImages.load(tmp_path / "b" / POOL).content_hash() == learnt().content_hash()


def test_the_curves_are_a_picture_of_the_numbers(tmp_path: Path) -> None:
    values = result(loss=(4.0, 3.0, float("nan"), 1.0, 0.0), steps=5)
    root = ElementTree.fromstring(curves(values))
    lines = [item.get("points", "").split() for item in root.iter("{http://www.w3.org/2000/svg}polyline")]
    heights = [[float(point.split(",")[1]) for point in line] for line in lines]
    assert len(heights[0]) == 2 and len(heights[1]) == 2, "a loss that is no number breaks the line"
    first, second, fourth, fifth = (*heights[0], *heights[1])
    assert second - first == pytest.approx(fifth - fourth, abs=0.2), "the same fall is the same height"
    assert fourth - second == pytest.approx(2 * (second - first), abs=0.2)
    assert len(lines) == 2 + 2, "k-NN and probe below"
    assert ElementTree.fromstring(curves(result(loss=(), looks=()))) is not None
