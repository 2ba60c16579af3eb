"""A backbone that learns, cut where learning begins: what lies before the cut is computed once an image.

The cut works on any architecture. A hook before the first module that learns keeps what comes in, and the rest is not
run. To go on from there, the network is run on one black picture, which costs the frozen part of one image and not of
the whole batch, and the same hook puts the kept activations of the batch in the place of the black picture's. Where
that gives other features than the plain way (an architecture that passes something around the cut), `agrees` says so
and nothing is cut.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from workbench.engine.backbones.base import TorchBackbone, pool

_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.05}  # of the features' size


class _Reached(Exception):
    """The forward pass has come to the cut; the rest isn't needed."""


class Network:
    """From pixels, or from what is kept at the cut, to features.

    `pixels` are (B, S, S, n) uint8, or float32 in 0..1, on the device; features are (B, D) float32.
    """

    def __init__(self, backbone: TorchBackbone, entry: str, device: str) -> None:
        """`entry` names the module before which to cut; "" for no cut."""
        self.module: nn.Module = backbone.module
        self.device = torch.device(device)
        self._backbone = backbone
        self._feature = backbone.spec.feature
        self._low = torch.bfloat16 if backbone.spec.precision == "bf16" else torch.float32
        self._entry = self.module.get_submodule(entry) if entry else None
        size = backbone.spec.preprocess.size
        self._black = torch.zeros(1, size, size, backbone.spec.reading.num_channels or 3, device=self.device)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        with self.arithmetic():
            named = self._backbone.read(self._backbone.normalise(pixels))
            return pool(named, self._feature)

    def features_of(self, normal: torch.Tensor) -> torch.Tensor:
        """Of normalised pixels (B, n, S, S), in fp32, wherever the module now is."""
        return pool(self._backbone.read(normal), self._feature)

    def to_cut(self, pixels: torch.Tensor) -> torch.Tensor:
        """What comes into the entry, (B, ...)."""
        assert self._entry is not None
        kept: list[torch.Tensor] = []

        def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            kept.append(args[0] if args else kwargs["hidden_states"])
            raise _Reached

        handle = self._entry.register_forward_pre_hook(keep, with_kwargs=True)
        try:
            with torch.no_grad(), self.arithmetic(), contextlib.suppress(_Reached):
                self._backbone.read(self._backbone.normalise(pixels))
        finally:
            handle.remove()
        return kept[0]

    def from_cut(self, kept: torch.Tensor) -> torch.Tensor:
        """Features of the images whose activations at the entry are `kept`."""
        assert self._entry is not None

        def put(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if args:
                return (kept.to(args[0].dtype), *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": kept}

        handle = self._entry.register_forward_pre_hook(put, with_kwargs=True)
        try:
            return self.features(self._black)
        finally:
            handle.remove()

    def agrees(self, pixels: torch.Tensor) -> bool:
        """Whether both ways give the same features of `pixels`."""
        with torch.no_grad():
            plain = self.features(pixels)
            try:
                cut = self.from_cut(self.to_cut(pixels))
            except (RuntimeError, IndexError, KeyError, TypeError, ValueError):
                return False
        if cut.shape != plain.shape:
            return False
        apart = float((plain - cut).abs().max())
        return apart <= _TOLERANCE[self._low] * max(float(plain.abs().max()), 1e-6)

    def arithmetic(self) -> contextlib.AbstractContextManager[object]:
        if self._low == torch.bfloat16:
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def learning(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters that learn, by name."""
        return ((name, value) for name, value in self.module.named_parameters() if value.requires_grad)
