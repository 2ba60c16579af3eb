"""LoRA (Hu et al. 2022) through peft: small products beside frozen matrices, and back into them for the export."""

from __future__ import annotations

import torch
from torch import nn

_ALPHA = 2  # times the rank: what the product is scaled by is then 2 whatever the rank


def add_adapters(module: nn.Module, blocks: tuple[str, ...], rank: int) -> list[str]:
    """Put an adapter of `rank` beside every matrix and ungrouped convolution of `blocks`, in place.

    Returns:
        names of the parameters of the adapters, which alone are to be trained.

    Raises:
        ValueError: the blocks hold nothing that an adapter fits.
    """
    from peft import LoraConfig, inject_adapter_in_model

    inside = tuple(f"{name}." for name in blocks)
    targets = [
        name
        for name, part in module.named_modules()
        if name.startswith(inside)
        and (type(part) is nn.Linear or (isinstance(part, nn.Conv2d) and part.groups == 1))
    ]
    if not targets:
        raise ValueError(
            "This backbone's blocks hold no matrix that LoRA could adapt. Train its last blocks instead."
        )
    config = LoraConfig(
        r=rank, lora_alpha=_ALPHA * rank, target_modules=targets, lora_dropout=0.0, bias="none"
    )
    inject_adapter_in_model(config, module)
    return [name for name, _ in module.named_parameters() if ".lora_" in name]


def restart_adapters(module: nn.Module) -> None:
    """Draw them anew from torch's random state: the first factor at random, the second zero, so that they start as
    nothing."""
    for layer in _adapted(module).values():
        layer.reset_lora_parameters("default", True)


def merge_adapters(module: nn.Module) -> None:
    """Add every product to the matrix beside which it stands, and take the adapters out, in place."""
    for name, layer in _adapted(module).items():
        layer.merge(safe_merge=True)
        parent, _, child = name.rpartition(".")
        owner = module.get_submodule(parent) if parent else module
        base = layer.get_base_layer()
        if isinstance(owner, nn.ModuleList | nn.Sequential):
            owner[int(child)] = base
        else:
            setattr(owner, child, base)


def _adapted(module: nn.Module) -> dict[str, nn.Module]:
    return {name: part for name, part in module.named_modules() if hasattr(part, "reset_lora_parameters")}


def product(layer: nn.Module) -> torch.Tensor:
    """What one adapter adds to the matrix beside it."""
    added: torch.Tensor = layer.get_delta_weight("default")
    return added
