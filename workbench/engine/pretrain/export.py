"""A pretrained backbone as a folder that timm loads by itself, with a second one inside it for transformers.

    model.safetensors, config.json    timm's hub layout; config.json carries the mark of `backbones/marks.py`
    transformers/                     the layout of `save_pretrained`, where transformers has the same network
    pool.npz                          which images were learnt from, by content
    README.md, curves.svg             the model card

The heads that the method learnt with stay out: they throw away what their loss could do without. Both folders are
loaded again and tried on a few pictures before anything appears; the whole appears at once or not at all.
"""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file

from workbench.engine.backbones import hub, huggingface, inner_layers, marks, timm_models, vit_layouts
from workbench.engine.backbones.model_folders import timm_facts, write_model, write_processor
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.registry import method_class
from workbench.engine.pretrain.encoders import Built
from workbench.engine.pretrain.model_card import card, curves
from workbench.records.files import whole_folder, write_text
from workbench.records.learnt_images import POOL, LearntImages
from workbench.records.pretraining import PretrainResult

TRANSFORMERS = "transformers"
CURVES = "curves.svg"
_CLOSE = 1e-5


@dataclass(frozen=True, slots=True)
class Trial:
    """A few pictures, normalised, and what the network makes of them."""

    pictures: torch.Tensor  # (B, C, S, S)
    features: torch.Tensor  # (B, prefix + N, D) tokens of a transformer; (B, D) of a convolutional network

    @classmethod
    def of(cls, encoder: Encoder, channels: int, size: int) -> Trial:
        pictures = torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            return cls(pictures, _read(encoder, pictures))

    def distance(self, features: torch.Tensor) -> float:
        """Largest difference, as a share of the largest feature where that is above 1; infinite between shapes."""
        if features.shape != self.features.shape:
            return float("inf")
        size = max(float(self.features.abs().max()), 1.0)
        return float((features - self.features).abs().max()) / size


def save_backbone(
    folder: Path,
    encoder: Encoder,
    built: Built,
    result: PretrainResult,
    learnt: LearntImages,
    *,
    whole: Any = None,
) -> str:
    """Write what was learnt to `folder`. The encoder stays as it is, where it is.

    Args:
        built: what `encoder` began as.
        whole: transformers' model of encoder and decoder (ViTMAEForPreTraining), for a method that has one; it is
            written in place of the encoder alone.

    Returns:
        Why there is no folder for transformers, in a sentence; "" where there is one.

    Raises:
        ValueError: what was written would not give the same features when it is loaded again.
    """
    mine = copy.deepcopy(encoder).to("cpu", torch.float32).eval().requires_grad_(False)
    mark = mark_of(mine, built, result, learnt)
    trial = Trial.of(mine, built.channels, built.image_size)
    with whole_folder(folder) as part:
        _save_timm(part, mine, built, mark, trial)
        kind, why = _save_transformers(part / TRANSFORMERS, mine, built, mark, trial, whole)
        learnt.save(part / POOL)
        write_text(part / CURVES, curves(result))
        (part / "README.md").write_text(card(result, built, mark, kind, why), encoding="utf-8")
    return why


def mark_of(encoder: Encoder, built: Built, result: PretrainResult, learnt: LearntImages) -> dict[str, Any]:
    """What the checkpoint says of itself, for programs."""
    method = method_class(result.method).title
    features = timm_models.offers(encoder.module, "")[0]
    # A masked autoencoder's class token is trained by no loss of its own (He et al. 2022, end of section 4.1).
    usual = "mean" if result.method == "mae" else "cls" if "cls" in features else features[0]
    return {
        "kind": marks.PRETRAINED,
        "method": result.method,
        "method_title": method,
        "title": f"{method}, {built.title.replace(',', '')}",
        "architecture": built.architecture,
        "start": built.start,
        "start_title": built.start_title,
        "start_weights": built.start_digest,
        "licence": built.start_licence,
        "run": result.run,
        "index": result.index,
        "pool": learnt.content_hash(),
        "images": len(learnt),
        "steps": result.steps,
        "epochs": result.epochs,
        "seed": result.seed,
        "feature": usual,
        "features": list(features),
        "parameters": sum(value.numel() for value in encoder.module.parameters()),
        "patch": built.patch_size,
        "depth": inner_layers.depth_of_timm(encoder.module),
        "channels": built.channels,
    }


def _read(encoder: Encoder, pictures: torch.Tensor) -> torch.Tensor:
    return encoder.all_tokens(pictures) if encoder.tokens else encoder(pictures)


def _save_timm(folder: Path, encoder: Encoder, built: Built, mark: dict[str, Any], trial: Trial) -> None:
    state = {key: value.contiguous().clone() for key, value in encoder.module.state_dict().items()}
    body = {
        "architecture": built.architecture,
        "num_classes": 0,
        **({"model_args": built.arguments} if built.arguments else {}),
        "pretrained_cfg": timm_facts(encoder.module, built.recipe, 0, built.channels),
    }
    write_model(folder, body, state, mark)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        again = Encoder(timm.create_model(f"local-dir:{folder}", pretrained=True).eval())
        distance = trial.distance(_read(again, trial.pictures))
    if not distance <= _CLOSE:
        raise ValueError(
            f"The backbone was not written: timm would load it as a network whose features differ by {distance:.1e}. "
            "What was learnt is still in the run's last checkpoint."
        )


def _save_transformers(
    folder: Path, encoder: Encoder, built: Built, mark: dict[str, Any], trial: Trial, whole: Any
) -> tuple[str, str]:
    """Returns the model_type that was written and "", or "" and why nothing was."""
    if not encoder.tokens:
        return "", "only vision transformers are written in its layout, and this is a convolutional network."
    if built.channels != 3:
        return "", f"its image processors take three channels, and this network takes {built.channels}."
    folder.mkdir()
    try:
        if whole is not None:
            setattr(whole.config, marks.KEY, mark)
            with huggingface.quietly():
                whole.save_pretrained(folder)
            kind = str(whole.config.model_type)
        else:
            config = vit_layouts.config_of_timm(encoder.module, built.image_size)
            kind = str(config["model_type"])
            token = getattr(encoder, "mask_token", None)
            state = vit_layouts.state_to_transformers(config, encoder.module, token)
            save_file(state, folder / hub.WEIGHTS[0], metadata={"format": "pt"})
            body = {**config, marks.KEY: mark}
            (folder / hub.CONFIG).write_text(json.dumps(body, indent=1), encoding="utf-8")
        write_processor(folder, built.recipe)
        loaded = huggingface.build(folder, kind, ("cls", "mean", "cls+mean"))
        with torch.no_grad():
            distance = trial.distance(huggingface.runner(loaded, kind)(trial.pictures).last_hidden_state)
        if distance <= _CLOSE:
            return kind, ""
        why = f"its own model gives features that differ by {distance:.1e}."
    except ValueError as error:
        why = str(error)
    shutil.rmtree(folder)
    return "", why
