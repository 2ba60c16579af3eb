"""Backbones that were trained on three colours, made to take n channels.

The convolution that takes the pixels gets the weights of its three colours over and over, in their order, scaled by
3 / n, so that a picture whose channels are all alike gives what it gave before; for one channel, their sum. That is
timm's own rule (`timm.models.adapt_input_conv`), used here for every kind of backbone. Mean and deviation of the
colours repeat in the same order. Nothing is learnt of the new channels, and the title of the backbone says so.
"""

from __future__ import annotations

import torch

COLOURS = 3


def adapt(module: torch.nn.Module, channels: int, name: str) -> None:
    """Make `module`, which takes three, take `channels` channels, in place.

    Raises:
        ValueError: it has no convolution that takes three colours.
    """
    if channels == COLOURS:
        return
    from timm.models import adapt_input_conv  # here, because it takes seconds and most are never adapted

    stems = [
        layer
        for layer in module.modules()
        if isinstance(layer, torch.nn.Conv2d) and layer.in_channels == COLOURS and layer.groups == 1
    ]
    if not stems:
        raise ValueError(
            f"{name} can't be adapted to {channels} channels: it has no convolution that takes three colours. Pick "
            "three channels, or choose another backbone."
        )
    for stem in stems:
        stem.weight = torch.nn.Parameter(adapt_input_conv(channels, stem.weight.detach()))
        stem.in_channels = channels
    for layer in module.modules():  # transformers' embeddings hold the number against every picture
        if getattr(layer, "num_channels", None) == COLOURS:
            layer.num_channels = channels
