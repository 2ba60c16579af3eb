"""Weights read as weights: safetensors, or torch's weights-only unpickler. Never code, never a partial fit."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from workbench.records.text import printable

# Wrappers that training programs put around a state dict, looked through in this order.
_NESTS = ("state_dict_ema", "model_ema", "teacher", "state_dict", "model", "backbone")
# MoCo v3 keeps the trained network, its momentum copy and a predictor side by side; its authors use the first.
ENCODER = "module.base_encoder."
_PREFIXES = (ENCODER, "module.backbone.", "module.", "_orig_mod.", "backbone.", "encoder.", "model.")
# Parts of a checkpoint that a feature extractor does without: heads of classification, projection, reconstruction.
_HEADS = (
    "head",
    "fc.",
    "classifier",
    "decoder",
    "mask_token",
    "masked_embed",
    "projection_head",
    "projector",
)
_NAMED = 3  # of the tensors that don't fit


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name, taken out of the wrappers of training programs.

    Raises:
        ValueError: not a weight file, damaged, or a pickle that holds more than weights.
    """
    shown = printable(str(path))
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        body: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(
            f"{shown} holds more than weights: reading it would run code that it brings along, so it was refused. "
            "Ask for a .safetensors file, or save its state_dict() alone."
        ) from None
    except (SafetensorError, RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
        raise ValueError(f"{shown} can't be read as weights ({error}). Fetch or copy it again.") from None
    for name in _NESTS:
        if isinstance(body, Mapping) and isinstance(body.get(name), Mapping):
            body = body[name]
    if not isinstance(body, Mapping) or not any(torch.is_tensor(value) for value in body.values()):
        raise ValueError(f"{shown} holds no table of weights. Save the model's state_dict().")
    return {str(key): value for key, value in body.items() if torch.is_tensor(value)}


def check_weights_only(path: Path, suffix: str) -> None:
    """Read weights of a kind that may hold more, and keep nothing of them. `suffix` is that of the file's own name.

    Raises:
        ValueError: reading them would run code, or they can't be read.
    """
    if suffix != ".npz":
        read_state(path)
        return
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                arrays[name]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{printable(str(path))} can't be read as weights ({error}).") from None


def load_strictly(module: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path, what: str) -> None:
    """Every tensor of `module` comes from `state`, in the same shape; only heads may be left over.

    Raises:
        ValueError: the weights belong to another architecture.
    """
    wanted = module.state_dict()
    state = without_prefix(state, wanted)
    missing = [name for name in wanted if name not in state]
    unequal = [name for name in wanted if name in state and wanted[name].shape != state[name].shape]
    strange = [name for name in state if name not in wanted and not _is_head(name)]
    if missing or unequal or strange:
        kinds = ((missing, "missing"), (unequal, "of another shape"), (strange, "that it doesn't know"))
        reasons = [f"{len(names)} {why} ({_some(names)})" for names, why in kinds if names]
        raise ValueError(
            f"{printable(str(path))} doesn't hold the weights of {what}: tensors {'; '.join(reasons)}. "
            "Name the architecture that it was trained with."
        )
    fitting = {name: state[name].to(value.dtype) for name, value in wanted.items()}
    module.load_state_dict(fitting, strict=True, assign=True)


def without_prefix(
    state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> Mapping[str, torch.Tensor]:
    """Names as the module has them, where a training program put one word before all of them."""
    probe = next(iter(wanted))
    prefix = next((prefix for prefix in _PREFIXES if prefix + probe in state), None)
    if probe in state or prefix is None:
        return state
    if prefix == ENCODER:
        state = {key: value for key, value in state.items() if key.startswith(ENCODER)}
    return {key.removeprefix(prefix): value for key, value in state.items()}


def _some(names: list[str]) -> str:
    shown = ", ".join(map(printable, names[:_NAMED]))
    return f"{shown}, ..." if len(names) > _NAMED else shown


def _is_head(name: str) -> bool:
    return name.startswith(_HEADS) or ".head." in name
