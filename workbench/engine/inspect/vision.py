"""A backbone opened to be looked into: what it sees of a picture, and its patches at any layer.

Nothing is changed in the model for looking, so what is seen is what an embedding computes: the same files, the same
preprocessing, the same forward pass in fp32.

Shapes: B pictures of S pixels a side with n channels, h x w patches, D features.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.engine.backbones import catalogue
from workbench.engine.backbones.base import Named, TorchBackbone
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import Resolved, resolve
from workbench.engine.inspect.plugged_vision import library_of
from workbench.engine.loader import BatchLoader
from workbench.pixels.prepare import prepare
from workbench.records.catalogue import PLUGIN
from workbench.records.spec import Reading
from workbench.records.text import count, printable

_USUAL = Reading()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vision:
    """A loaded backbone, and what there is to know for looking into it.

    Tokens of a vision transformer come as [class token][registers][patches row by row of the picture].
    """

    title: str
    size: int  # px, a side of the square that the model sees
    depth: int  # layers whose patches can be read; 0 where only the last can
    attends: bool  # whether every patch can look at every other, as in a vision transformer
    patch: int  # px a side; 0 where `attends` is False
    grid: tuple[int, int]  # rows and columns of patches; (0, 0) where `attends` is False
    heads: int
    has_cls: bool
    registers: int  # tokens besides the class token and the patches
    backbone: TorchBackbone
    run: Callable[
        [torch.Tensor], Any
    ]  # (B, n, S, S) normalised pixels through all layers, without any pooling
    final_norm: torch.nn.Module | None  # that the tokens of the last layer pass on their way out
    reader: Callable[[int], Callable[[torch.Tensor], Named]]  # of a layer, counted from 0

    @property
    def prefix(self) -> int:
        """Tokens before the patches."""
        return int(self.has_cls) + self.registers

    def prepare(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """(H, W, n) uint8 images, or float32 in 0..1 -> what the model sees of them, (B, S, S, n) of the same type.

        That is also the picture that a map of its patches lies on. Float32 where some images are.

        Raises:
            ValueError: there is none, or one has other channels than the model takes.
        """
        if not images:
            raise ValueError("There is no picture to look at. Choose at least one.")
        channels = self.backbone.spec.reading.num_channels
        for image in images:
            if image.ndim != 3 or image.shape[2] != channels:
                raise ValueError(f"expected images of shape (H, W, {channels}), got {image.shape}.")
        return stacked([prepare(image, self.backbone.spec.preprocess) for image in images])

    def load(self, paths: Sequence[Path], pages: Sequence[int] | None = None) -> np.ndarray:
        """Files, and the page of each counted from 0 -> as `prepare`, decoded just as for an embedding.

        Raises:
            ValueError: there is none, or one can't be read; says which and why.
        """
        if not paths:
            raise ValueError("There is no picture to look at. Choose at least one.")
        spec = self.backbone.spec
        threads = min(len(paths), os.cpu_count() or 1)
        loader = BatchLoader(
            paths,
            spec.preprocess,
            batch_size=len(paths),
            threads=threads,
            decode=spec.decode,
            reading=spec.reading,
            pages=pages,
        )
        (batch,) = loader
        for place, reason in batch.refused:
            raise ValueError(
                f"{printable(str(paths[place]))} can't be looked at: {reason} Choose another picture."
            )
        return batch.images

    def pixels(self, pictures: np.ndarray) -> torch.Tensor:
        """(B, S, S, n) pictures -> what `run` takes, on the model's device."""
        device = next(self.backbone.module.parameters()).device
        return self.backbone.normalise(torch.from_numpy(np.ascontiguousarray(pictures)).to(device))

    def tokens(self, pictures: np.ndarray, layer: int | None = None) -> np.ndarray:
        """(B, S, S, n) pictures -> their patches behind `layer` and the model's final norm, (B, h, w, D) float32.

        Layers are counted from 0; None is the last. A convolutional network gives its last feature map.

        Raises:
            ValueError: there is no such layer, or its patches can't be had.
        """
        return _on_grid(self._named(pictures, layer)["patches"])

    def tokens_and_class(
        self, pictures: np.ndarray, layer: int | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """As `tokens`, and the class token beside them, (B, D), of the models that have one. Raises as `tokens`."""
        named = self._named(pictures, layer)
        return _on_grid(named["patches"]), named["cls"].cpu().numpy() if self.has_cls else None

    def _named(self, pictures: np.ndarray, layer: int | None) -> Named:
        if layer is None or layer == self.depth - 1:
            return self.backbone.encode(pictures)
        if not self.attends:
            raise ValueError(f"{self.title} gives the map of its last layer only. Leave the layer out.")
        if not 0 <= layer < self.depth:
            raise ValueError(
                f"{self.title} has {count(self.depth, 'layer')} whose patches can be read, and layer {layer + 1} "
                "was asked for. Choose another."
            )
        return self._encode(pictures, self.reader(layer))

    def raw_tokens(self, pictures: np.ndarray) -> np.ndarray:
        """As `tokens` of the last layer, but before the final norm, which would hide how long each of them is."""

        def read(pixels: torch.Tensor) -> Named:
            with self.catching_raw() as caught:
                self.run(pixels)
            return {"patches": caught[0]}

        if self.final_norm is None:
            return self.tokens(pictures)
        return _on_grid(self._encode(pictures, read)["patches"])

    @contextlib.contextmanager
    def catching_raw(self) -> Iterator[list[torch.Tensor]]:
        """Inside, every pass adds its patches before `final_norm`, which must be one, to the list: (B, N, D)."""
        caught: list[torch.Tensor] = []
        assert self.final_norm is not None
        handle = self.final_norm.register_forward_pre_hook(
            lambda _, given: caught.append(given[0][:, self.prefix :])
        )
        try:
            yield caught
        finally:
            handle.remove()

    def _encode(self, pictures: np.ndarray, read: Callable[[torch.Tensor], Named]) -> Named:
        device = str(next(self.backbone.module.parameters()).device)
        tokens = self.grid[0] * self.grid[1]
        reading = TorchBackbone(
            self.backbone.spec, self.backbone.module, read, device=device, dimensions={}, tokens=tokens
        )
        return reading.encode(pictures)


def stacked(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures of one size, uint8 or float32 in 0..1 -> (B, S, S, n); float32 where some are."""
    if all(picture.dtype == np.uint8 for picture in pictures):
        return np.stack(pictures)
    return np.stack(
        [
            picture.astype(np.float32) / np.float32(255) if picture.dtype == np.uint8 else picture
            for picture in pictures
        ]
    )


def open_vision(
    identifier: str,
    device: str = "cpu",
    *,
    image_size: int | None = None,
    nearest: bool = False,
    reading: Reading = _USUAL,
    memo: Path | None = None,
    cache: Path | None = None,
) -> Vision:
    """Open what `resolve` finds under `identifier`, in fp32, for pictures of `image_size` px (None: its usual size).

    At another size than the trained one, positions are interpolated as the model's library does it. `nearest`, `memo`
    and `cache` as in `resolve`.

    Raises:
        ValueError: as `resolve` and `load_backbone`, and for what has neither patches nor attention.
    """
    found = resolve(
        identifier, image_size=image_size, nearest=nearest, reading=reading, memo=memo, cache=cache
    )
    if found.kind == catalogue.HISTOGRAM:
        raise ValueError(
            f"{found.title} counts colours and edges of the whole picture: it has no patches to look at. Choose a "
            "neural network."
        )
    backbone = load_backbone(found.spec, device, memo=memo, cache=cache)
    assert isinstance(backbone, TorchBackbone)
    if found.kind == PLUGIN:
        kind, architecture, depth = library_of(backbone, found.title)
        found = replace(found, kind=kind, architecture=architecture, depth=depth)
    if found.kind == "huggingface":
        facts = _hugging_face(found, backbone)
    else:
        facts = _timm(backbone) if found.kind else _patches_alone(backbone)
    size = found.spec.preprocess.size
    return Vision(title=found.title, size=size, depth=found.depth, backbone=backbone, **facts)


def _hugging_face(found: Resolved, backbone: TorchBackbone) -> dict[str, Any]:
    from workbench.engine.backbones import huggingface, inner_layers
    from workbench.engine.backbones.families import FAMILIES

    module: Any = backbone.module
    family = FAMILIES[found.architecture]
    run = huggingface.runner(module, found.architecture)
    attends = not family.convolutional

    def reader(layer: int) -> Callable[[torch.Tensor], Named]:
        return inner_layers.hugging_face_reader(module, found.architecture, (layer,), found.depth, run)

    size = found.spec.preprocess.size
    return {
        **_shape(attends, size, huggingface.tokens(module, size)),
        "heads": int(module.config.num_attention_heads) if attends else 0,
        "has_cls": family.cls,
        "registers": int(getattr(module.config, "num_register_tokens", 0) or 0),
        "run": run,
        "final_norm": getattr(module, family.norm) if attends and family.norm else None,
        "reader": reader,
    }


def _timm(backbone: TorchBackbone) -> dict[str, Any]:
    from workbench.engine.backbones import inner_layers, timm_models

    module: Any = backbone.module
    attends = hasattr(module, "num_prefix_tokens")

    def reader(layer: int) -> Callable[[torch.Tensor], Named]:
        return inner_layers.timm_reader(module, (layer,))

    has_cls = attends and getattr(module, "cls_token", None) is not None
    size = backbone.spec.preprocess.size
    heads = (int(part.num_heads) for part in module.modules() if hasattr(part, "num_heads"))
    return {
        **_shape(attends, size, timm_models.tokens(module, size)),
        "heads": next(heads, 0) if attends else 0,
        "has_cls": has_cls,
        "registers": int(module.num_prefix_tokens) - int(has_cls) if attends else 0,
        "run": module.forward_features,
        "final_norm": getattr(module, "norm", None) if attends else None,
        "reader": reader,
    }


def _patches_alone(backbone: TorchBackbone) -> dict[str, Any]:
    """Of a network that nobody knows: no layer of it is asked for, and it is never run but as a whole."""

    def reader(layer: int) -> Callable[[torch.Tensor], Named]:
        raise ValueError(f"its layer {layer + 1} can't be read.")

    shape = _shape(False, backbone.spec.preprocess.size, 0)
    tokens = {"heads": 0, "has_cls": "cls" in backbone.dimensions, "registers": 0}
    return {**shape, **tokens, "run": backbone.read, "final_norm": None, "reader": reader}


def _shape(attends: bool, size: int, patches: int) -> dict[str, Any]:
    side = math.isqrt(patches) if attends else 0
    return {"attends": attends, "patch": size // side if attends else 0, "grid": (side, side)}


def _on_grid(patches: torch.Tensor) -> np.ndarray:
    """(B, N, D) row by row of a square picture -> (B, h, w, D)."""
    side = math.isqrt(patches.shape[1])
    assert side * side == patches.shape[1], "the patches of a square picture make a square"
    return patches.cpu().numpy().reshape(len(patches), side, side, -1)
