"""Features of chosen layers instead of the last alone: blocks of a transformer, stages of a convolutional network.

Tokens of every layer pass the model's own final norm, as DINOv2's `get_intermediate_layers(norm=True)` has it (Oquab
et al. 2024, evaluation code), and are joined along their length: so every pooling is taken layer by layer and the
results stand side by side. Stages give the mean of their map. The last layer gives what it gives when read alone.

Shapes as in `base`; L layers.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch

from workbench.engine.backbones.base import Named
from workbench.engine.backbones.families import FAMILIES


def depth_of_timm(module: torch.nn.Module) -> int:
    """How many layers can be read; 0 where timm doesn't give the tokens of this architecture's layers."""
    forward = getattr(module, "forward_intermediates", None)
    if forward is None:
        return 0
    takes = inspect.signature(forward).parameters
    if hasattr(module, "num_prefix_tokens") and not {"return_prefix_tokens", "norm"} <= set(takes):
        return 0
    return len(_stages(module))


def timm_reader(module: Any, layers: tuple[int, ...]) -> Any:
    """The function that names the outputs of `layers`, counted from 0; see `base.TorchBackbone`."""
    if not hasattr(module, "num_prefix_tokens"):
        return _timm_stages(module, layers)
    prefix = int(module.num_prefix_tokens)
    first = int(getattr(module, "cls_token", None) is not None)

    def read(pixels: torch.Tensor) -> Named:
        found = module.forward_intermediates(
            pixels,
            indices=list(layers),
            return_prefix_tokens=True,
            norm=True,
            stop_early=True,
            output_fmt="NLC",
            intermediates_only=True,
        )
        if not prefix:
            return {"patches": torch.cat(found, dim=-1)}
        patches = torch.cat([tokens for tokens, _ in found], dim=-1)
        return _named(torch.cat([before for _, before in found], dim=-1), patches, first)

    return read


def timm_dimensions(module: Any, features: tuple[str, ...], layers: tuple[int, ...]) -> dict[str, int]:
    """Of every vector that is offered at `layers`; `features` without a token model's pooled output."""
    stages = _stages(module)
    width = sum(int(stages[layer]["num_chs"]) for layer in layers)
    if not hasattr(module, "num_prefix_tokens") and layers[-1] == len(stages) - 1:
        last = int(getattr(module, "head_hidden_size", None) or module.num_features)
        width += last - int(stages[-1]["num_chs"])
    return {name: width * (name.count("+") + 1) for name in features}


def hugging_face_reader(module: Any, model_type: str, layers: tuple[int, ...], depth: int, usual: Any) -> Any:
    """As `timm_reader`. `usual(pixels, **more)` runs the model as `huggingface.reader` does."""
    family = FAMILIES[model_type]
    norm = getattr(module, family.norm) if family.norm else torch.nn.Identity()
    registers = int(getattr(module.config, "num_register_tokens", 0) or 0)
    first = int(family.cls)

    def read(pixels: torch.Tensor) -> Named:
        out = usual(pixels, output_hidden_states=True)
        # The first of the hidden states is what the layers begin with. Whether the last one has been through the
        # norm depends on the family; `last_hidden_state` is the usual feature in each.
        if family.convolutional:
            means = [out.hidden_states[layer + 1].mean(dim=(2, 3)) for layer in layers if layer != depth - 1]
            last = [out.pooler_output.flatten(1)] if layers[-1] == depth - 1 else []
            return {"pooled": torch.cat([*means, *last], dim=-1)}
        states = [
            out.last_hidden_state if layer == depth - 1 else norm(out.hidden_states[layer + 1])
            for layer in layers
        ]
        tokens = torch.cat(states, dim=-1)
        return _named(tokens[:, : first + registers], tokens[:, first + registers :], first)

    return read


def hugging_face_dimensions(
    module: Any, features: tuple[str, ...], layers: tuple[int, ...]
) -> dict[str, int]:
    config = module.config
    stages = getattr(config, "hidden_sizes", None)
    width = sum(stages[layer] for layer in layers) if stages else int(config.hidden_size) * len(layers)
    return {name: width * (name.count("+") + 1) for name in features}


def _timm_stages(module: Any, layers: tuple[int, ...]) -> Any:
    with_last = layers[-1] == len(_stages(module)) - 1

    def read(pixels: torch.Tensor) -> Named:
        # Some of timm's networks stop behind the last stage that is asked for, so the last is asked for as well.
        out, maps = module.forward_intermediates(pixels, indices=list(layers))
        means = [each.mean(dim=(2, 3)) for each in (maps[:-1] if with_last else maps)]
        last = [module.forward_head(out, pre_logits=True).flatten(1)] if with_last else []
        return {"pooled": torch.cat([*means, *last], dim=-1)}

    return read


def _stages(module: Any) -> list[dict[str, Any]]:
    return list(getattr(module, "feature_info", None) or ())


def _named(prefix: torch.Tensor, patches: torch.Tensor, first: int) -> Named:
    """(B, first + R, L D) tokens before the patches, and the patches (B, N, L D)."""
    named: Named = {"patches": patches}
    if first:
        named["cls"] = prefix[:, 0]
    if prefix.shape[1] > first:
        named["registers"] = prefix[:, first:]
    return named
