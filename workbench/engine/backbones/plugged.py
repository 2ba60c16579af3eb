"""What a backbone from a plugin is: where its weights lie, how pixels are prepared, how it is built and read."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from workbench.records.catalogue import BackboneFacts
from workbench.records.spec import Preprocess
from workbench.records.text import printable

if TYPE_CHECKING:
    import torch
    from torch import nn


class PluginBackbone(ABC):
    """One backbone of a plugin, asked for as NAME, or as NAME:REST where `takes_rest` (REST is a path, say).

    Subclasses set the class variables and implement `files`, `build` and `read`. What hangs on REST may be set on the
    instance instead, in `__init__`.
    """

    name: ClassVar[str]
    title: str
    family: str
    features: tuple[
        str, ...
    ]  # what `read` gives, of records.spec.FEATURES: "cls", "mean", "cls+mean", "pooled"
    default_feature: str
    preprocess: Preprocess
    training_data: str
    licence: str
    remedy: str = ""  # one sentence: what to do when its weights are not here
    parameters: int | None = None
    multiple: int = 1  # px; the input's side must be a multiple of it
    convolutional: bool = False
    recipe: str = ""  # another text when the same files would give other features
    takes_rest: ClassVar[bool] = False

    def __init__(self, rest: str = "") -> None:
        """Raises ValueError, a sentence, where REST names nothing that there is."""
        self.rest = rest

    @abstractmethod
    def files(self) -> tuple[Path, ...]:
        """Its weights, by which vectors are told apart; none where it needs none."""

    @property
    def available(self) -> bool:
        """Whether it can be used now."""
        return all(path.is_file() for path in self.files())

    @abstractmethod
    def build(self, size: int) -> nn.Module:
        """The network for pictures of `size` px, in evaluation mode, on the CPU. Weights are loaded as weights only:
        nothing of a file may run."""

    @abstractmethod
    def read(self, module: nn.Module, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """(B, 3, S, S) normalised pixels -> `cls` (B, D), `patches` (B, N, D), `pooled` (B, D): those that exist."""

    def facts(self) -> BackboneFacts:
        here = self.available
        return BackboneFacts(
            id=f"{self.name}:{self.rest}" if self.rest else self.name,
            title=self.title,
            source="plugin",
            family=self.family,
            parameters=self.parameters,
            input_size=self.preprocess.size,
            features=self.features,
            default_feature=self.default_feature,
            training_data=self.training_data,
            licence=self.licence,
            available=here,
            remedy="" if here else self.remedy,
        )


def check_facts(backbone: type[PluginBackbone]) -> None:
    """Raises ValueError for a class whose backbones couldn't be listed or found."""
    from timm import is_model

    if is_model(backbone.name):
        raise ValueError(f"{backbone.name} is the name of a model of timm. Take another.")
    if not backbone.takes_rest:
        backbone().facts()


def opened(found: type[PluginBackbone], rest: str) -> PluginBackbone:
    """The backbone that NAME:REST names. Raises ValueError where it is not on this machine."""
    if rest and not found.takes_rest:
        raise ValueError(
            f"The backbone {found.name} takes nothing behind its name, and {printable(rest)!r} is there."
        )
    made = found(rest)
    if not made.available:
        raise ValueError(
            f"The weights of {printable(made.title)} are not on this machine. {made.remedy}".rstrip()
        )
    return made


def digest_without_files(backbone: PluginBackbone, version: str) -> str:
    """Where the recipe is the weights: 16 hex digits of it and the plugin's version."""
    body = f"{backbone.name}|{backbone.rest}|{backbone.recipe}|{version}"
    return hashlib.blake2b(body.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
