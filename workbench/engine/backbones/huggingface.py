"""Models in the layout of transformers' `save_pretrained`, read from a folder of this machine only.

ViTMAE is the trap: its published configuration hides 75 % of the patches at random on every call, and shuffles the
rest. Here nothing is hidden and the shuffling noise is a fixed ramp, so that patches stay in image order.
"""

from __future__ import annotations

import contextlib
import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.utils import logging as transformers_logging

from workbench.engine.backbones.base import Named
from workbench.engine.backbones.families import FAMILIES
from workbench.records.text import printable

_UNUSED = "mask_token"  # a tensor that only pretraining reads


def build(folder: Path, model_type: str, features: tuple[str, ...]) -> torch.nn.Module:
    """Load the model in fp32. No network, no code from the folder.

    Raises:
        ValueError: damaged files, tensors missing from the weights, or a pickle that holds more than weights.
    """
    family = FAMILIES[model_type]
    arguments: dict[str, Any] = {}
    if model_type == "vit_mae":
        arguments["mask_ratio"] = 0.0
    if family.pooler not in ("", "-"):
        arguments["add_pooling_layer"] = "pooled" in features
    shown = printable(str(folder))
    try:
        with quietly():
            module, report = getattr(transformers, family.model).from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                attn_implementation=None if family.convolutional else "sdpa",
                output_loading_info=True,
                **arguments,
            )
    except pickle.UnpicklingError:
        raise ValueError(f"The weights in {shown} hold more than weights and were refused.") from None
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ValueError(f"The model in {shown} can't be loaded: {error}") from None
    lost = sorted(name for name in report["missing_keys"] if _UNUSED not in name)
    if lost or report["mismatched_keys"]:
        names = lost or [str(key[0]) for key in report["mismatched_keys"]]
        raise ValueError(
            f"The weights in {shown} lack {len(names)} tensors that the model needs ({', '.join(names[:3])}); they "
            "would be drawn at random. Fetch or copy the model again."
        )
    return module.eval()


def runner(module: Any, model_type: str) -> Any:
    """The function (pixels, further arguments) -> what the model gives, nothing hidden and nothing shuffled."""
    arguments: dict[str, Any] = {}
    if "interpolate_pos_encoding" in inspect.signature(module.forward).parameters:
        arguments["interpolate_pos_encoding"] = True  # returns the table itself at the trained size

    def run(pixels: torch.Tensor, **more: Any) -> Any:
        if model_type == "vit_mae":
            patches = (pixels.shape[-1] // module.config.patch_size) ** 2
            ramp = torch.arange(patches, device=pixels.device, dtype=torch.float32)
            arguments["noise"] = ramp.expand(len(pixels), -1)
        return module(pixel_values=pixels, **arguments, **more)

    return run


def reader(module: Any, model_type: str, features: tuple[str, ...]) -> Any:
    """The function that names the outputs; see `base.TorchBackbone`."""
    family = FAMILIES[model_type]
    registers = int(getattr(module.config, "num_register_tokens", 0) or 0)
    first = int(family.cls)
    run = runner(module, model_type)

    def read(pixels: torch.Tensor) -> Named:
        out = run(pixels)
        hidden = out.last_hidden_state
        named: Named = {}
        if family.convolutional:
            named["patches"] = hidden.flatten(2).transpose(1, 2)
        else:
            if family.cls:
                named["cls"] = hidden[:, 0]
            if registers:
                named["registers"] = hidden[:, first : first + registers]
            named["patches"] = hidden[:, first + registers :]
        if "pooled" in features:
            named["pooled"] = out.pooler_output.flatten(1)
        return named

    return read


def dimensions(module: Any, features: tuple[str, ...]) -> dict[str, int]:
    config = module.config
    width = int(getattr(config, "hidden_size", 0) or config.hidden_sizes[-1])
    return {name: width * (name.count("+") + 1) for name in features}


def tokens(module: Any, size: int) -> int:
    """Of one image, as a measure of its activations; a convolutional model counts as patches of 32 px."""
    patch = 32 if hasattr(module.config, "hidden_sizes") else module.config.patch_size
    return max(1, (size // patch) ** 2)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without transformers' bars and notes: what matters of them is raised as a sentence."""
    level = transformers_logging.get_verbosity()
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if shown:
            transformers_logging.enable_progress_bar()
