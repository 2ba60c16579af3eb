"""Which parameters learn, and how fast each: the choice that makes a fine-tune what it is.

Batch normalisation keeps the statistics that the backbone came with, in trained blocks too; only its scale and offset
learn there. Small sets and few steps give poor statistics, and a network whose statistics move scores otherwise in
training than in validation. It also makes the result independent of which images share a batch.

Layer-wise decay of the learning rate (Clark et al. 2020; BEiT; He et al. 2022, table 9): a parameter at depth d of
D + 1 learns at decay^(D + 1 - d) of the rate, what stands at the end at the whole of it. General features lie deep
and need to move least. 0.65 is what the masked autoencoder fine-tunes a ViT-B with, 0.8 what ConvNeXt takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from workbench.engine.finetune.adapters import add_adapters
from workbench.engine.finetune.layers import Layers, layers_of
from workbench.records.text import count

DECAY = {"tokens": 0.65, "convolutional": 0.8}
# AdamW's rates at the usual batch of 32 images.
BODY_RATE, ADAPTER_RATE, HEAD_RATE = 1e-4, 5e-4, 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainable:
    """What of a backbone learns beside the head.

    `first` is the position of the first block that learns; None for the head alone, and -1 where the stem does too.
    """

    words: str
    names: tuple[str, ...]
    layers: Layers
    first: int | None
    lora: bool
    trained: int  # parameters, the head not counted
    total: int

    @property
    def entry(self) -> str:
        """The module from whose input on something learns; "" where that is the pixels."""
        if self.first is None or self.first <= 0:
            return ""
        return self.layers.entries[self.first]


def choose(module: nn.Module, blocks: str, rank: int, name: str) -> Trainable:
    """Let the last `blocks` of `module` learn ("0": none, "all": everything), or adapters of `rank` in them.

    `module` is changed in place: what learns asks for gradients, and nothing else does.

    Raises:
        ValueError: a backbone whose blocks are not known, or LoRA without a block.
    """
    total = sum(value.numel() for value in module.parameters())
    layers = layers_of(module)
    module.requires_grad_(False)
    if blocks == "0" and rank:
        raise ValueError(
            "LoRA needs blocks to adapt, and none is to be trained. Choose 1, 2, 4 or all blocks."
        )
    if blocks not in ("0", "all") and not layers.blocks:
        raise ValueError(f"The blocks of {name} are not known. Train the head alone (0) or everything (all).")
    number = len(layers.blocks) if blocks == "all" else min(int(blocks), len(layers.blocks))
    first: int | None = len(layers.blocks) - number
    if blocks == "0":
        names: list[str] = []
        words, first = "the head", None
    elif rank:
        names = add_adapters(module, layers.blocks[first:], rank)
        words = f"LoRA of rank {rank} in {_which(number, blocks == 'all')}, and the head"
    elif blocks == "all":
        names = [key for key, _ in module.named_parameters()]
        words, first = "everything", -1
    else:
        names = [key for key, _ in module.named_parameters() if layers.depth[key] > first]
        words = f"{_which(number, False)} and the head"
    chosen = set(names)
    trained = 0
    for key, value in module.named_parameters():
        if key in chosen:
            value.requires_grad_(True)
            trained += value.numel()
    return Trainable(
        words=words,
        names=tuple(names),
        layers=layers,
        first=first,
        lora=bool(rank),
        trained=trained,
        total=total,
    )


def _which(number: int, every: bool) -> str:
    if every:
        return f"all {count(number, 'block')}"
    return "the last block" if number == 1 else f"the last {number} blocks"


def scale_of(name: str, layers: Layers, decay: float) -> float:
    """Share of the learning rate at which the parameter `name` learns."""
    return decay ** (layers.deepest - layers.depth[name])


def parameter_groups(
    module: nn.Module,
    head: nn.Module,
    trainable: Trainable,
    *,
    decay: float,
    weight_decay: float,
    rate: float,
) -> list[dict[str, Any]]:
    """AdamW's groups, each with its own "peak" rate. Biases, scales and other vectors have no weight decay.

    `rate` is the body's, or the head's where it learns alone; 0 takes the recipe's own. The head's own rate keeps its
    proportion to the body's.
    """
    usual = HEAD_RATE if trainable.first is None else ADAPTER_RATE if trainable.lora else BODY_RATE
    body = rate or usual
    groups: dict[tuple[float, bool], dict[str, Any]] = {}

    def add(value: nn.Parameter, peak: float) -> None:
        plain = value.ndim <= 1
        group = groups.setdefault(
            (peak, plain), {"params": [], "peak": peak, "weight_decay": 0.0 if plain else weight_decay}
        )
        group["params"].append(value)

    for name, value in module.named_parameters():
        if value.requires_grad:
            # Adapters change little at any depth by their rank, and are trained at one rate (Hu et al. 2022).
            add(value, body if trainable.lora else body * scale_of(name, trainable.layers, decay))
    for value in head.parameters():
        add(value, body * HEAD_RATE / usual)
    return list(groups.values())


def training_mode(module: nn.Module, trainable: Trainable) -> Callable[[bool], None]:
    """A switch for the dropout of the blocks that learn. Batch normalisation and frozen blocks stay in evaluation."""
    layers = trainable.layers
    if trainable.first is None:
        learning: list[nn.Module] = []
    elif trainable.first < 0 or (trainable.lora and trainable.first == 0):
        learning = [module]
    else:
        learning = [module.get_submodule(name) for name in layers.blocks[trainable.first :]]

    def switch(training: bool) -> None:
        module.eval()
        for part in learning:
            part.train(training)
        for part in module.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()

    return switch
