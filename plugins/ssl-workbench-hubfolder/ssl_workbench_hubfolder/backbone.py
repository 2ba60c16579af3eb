"""The backbone `hub:FOLDER`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from ssl_workbench_hubfolder import folder, match
from workbench.engine.api import PluginBackbone, Preprocess, read_state, timm_facts, timm_network, timm_reader


class HubFolder(PluginBackbone):
    """Weights of a local repository, as a network of timm's. Its `hubconf.py` is neither run nor read."""

    name = "hub"
    takes_rest = True

    def __init__(self, rest: str = "") -> None:
        if not rest:
            raise ValueError("Which folder is meant? Write hub:FOLDER, with the folder of the repository.")
        super().__init__(rest)
        place = Path(rest).expanduser()
        if not place.is_dir():
            raise ValueError(
                f"There is no folder {place}. hub: takes a local repository; nothing is fetched."
            )
        settings = folder.settings_of(place)
        self.weights = folder.weights_in(place, settings)
        if settings.architecture and not timm.is_model(settings.architecture):
            raise ValueError(
                f"backbone.toml in {place} names the architecture {settings.architecture!r}, which timm doesn't "
                "have. `workbench backbones --search WORD` finds timm's names."
            )
        self.architecture = settings.architecture or match.architecture_of(self.weights)
        facts = timm_facts(self.architecture, None)
        size = settings.image_size or self._size()
        self.title = settings.title or f"{place.resolve().name} ({self.architecture})"
        self.family = facts["family"]
        self.features = tuple(facts["features"])
        self.default_feature = facts["default"]
        self.multiple = int(facts["patch"])
        self.convolutional = bool(facts["convolutional"])
        self.training_data = settings.training_data
        self.licence = settings.licence or folder.licence_in(place)
        self.recipe = self.architecture
        self.preprocess = Preprocess(
            resize="shortest",
            resize_to=settings.resize_to or round(size * 256 / 224),
            size=size,
            interpolation=settings.interpolation,  # type: ignore[arg-type]
            mean=settings.mean,
            std=settings.std,
        )

    def files(self) -> tuple[Path, ...]:
        return (self.weights,)

    def build(self, size: int) -> nn.Module:
        module: nn.Module = timm_network(self.architecture, {}, size, self.weights, official=False)
        return module

    def read(self, module: nn.Module, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        named: dict[str, Any] = timm_reader(module)(pixels)
        return named

    def _size(self) -> int:
        return match.side_of({name: tuple(value.shape) for name, value in read_state(self.weights).items()})
