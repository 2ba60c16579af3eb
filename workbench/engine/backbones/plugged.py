"""What a backbone from a plugin is: where its weights lie, how pixels are prepared, how it is built and read."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from workbench.engine.backbones.candidate import COLOURS, Candidate
from workbench.engine.backbones.digest import weights_digest
from workbench.engine.registries import Registry
from workbench.plugins import provider
from workbench.records.catalogue import PLUGIN, BackboneFacts
from workbench.records.plugins import is_name
from workbench.records.spec import FeatureSpec, Preprocess
from workbench.records.text import printable

if TYPE_CHECKING:
    import torch
    from torch import nn

    from workbench.engine.backbones.base import TorchBackbone

KIND = PLUGIN  # of `Resolved.kind`


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
            source=PLUGIN,
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


BACKBONES: Registry[type[PluginBackbone]] = Registry("backbones", {})


def check_facts(backbone: type[PluginBackbone]) -> BackboneFacts | None:
    """Of one that needs no more than its name. Raises ValueError for a class whose backbones couldn't be listed or
    found."""
    from timm import is_model

    if is_model(backbone.name):
        raise ValueError(f"{backbone.name} is the name of a model of timm. Take another.")
    return None if backbone.takes_rest else backbone().facts()


def plugged_backbone(identifier: str) -> PluginBackbone | None:
    """The backbone that a plugin brings under this name; None where none does.

    Raises:
        ValueError: its plugin can't be used, or the backbone is not on this machine.
    """
    name, colon, rest = identifier.partition(":")
    if not is_name(name) or provider("backbones", name) is None:
        return None
    found = BACKBONES.get(name)
    if colon and not found.takes_rest:
        raise ValueError(f"The backbone {name} takes nothing behind its name, not {printable(rest)!r}.")
    made = found(rest)
    if not made.available:
        raise ValueError(
            f"The weights of {printable(made.title)} are not on this machine. {made.remedy}".rstrip()
        )
    return made


def candidate_of(backbone: PluginBackbone) -> Candidate:
    """What `resolve` needs to know of it."""
    files = backbone.files()
    # Files speak for themselves, wherever they lie; without them the name is the weights.
    which = weights_digest(files) if files else backbone.rest
    body = f"{backbone.name}|{which}|{backbone.recipe}"
    own = hashlib.blake2b(body.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return Candidate(
        title=backbone.title,
        kind=KIND,
        family=backbone.family,
        features=backbone.features,
        default=backbone.default_feature,
        recipe=backbone.preprocess,
        convolutional=backbone.convolutional,
        multiple=backbone.multiple,
        weights=own,
        files=files,
    )


def refuse_plugged(kind: str, title: str, what: str) -> None:
    """Raises ValueError where `kind` is that of a plugin's backbone, for `what` needs more than that."""
    if kind == KIND:
        raise ValueError(
            f"{printable(title)} comes from a plugin, which gives its features: {what}. Take a backbone "
            "of timm, of Hugging Face or from a file instead; in Compare it stands beside them."
        )


def assembled(spec: FeatureSpec, device: str) -> TorchBackbone:
    """The backbone of `spec` on a device, after one picture has shown that it gives what it promises.

    Raises:
        ValueError: it doesn't.
    """
    import torch

    from workbench.engine.backbones.base import TorchBackbone, channels_of, pool

    made = plugged_backbone(spec.backbone)
    assert made is not None
    if channels_of(spec) != COLOURS:
        raise ValueError(
            f"The backbone {printable(made.title)} comes from a plugin and takes three channels. Pick three, or take "
            "their mean."
        )
    size = spec.preprocess.size
    module = made.build(size).eval().requires_grad_(False)
    with torch.inference_mode():
        named = made.read(module, torch.zeros(1, 3, size, size))
    try:
        dimensions = {feature: int(pool(named, feature).shape[1]) for feature in made.features}
    except (ValueError, KeyError, IndexError) as error:
        raise ValueError(
            f"The backbone {printable(made.title)} promises {', '.join(made.features)}, and gives "
            f"{', '.join(f'{name} {tuple(value.shape)}' for name, value in named.items())}. {error}"
        ) from None
    if made.convolutional:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TorchBackbone(
        spec,
        module.to(device),
        lambda pixels: made.read(module, pixels),
        device=device,
        dimensions=dimensions,
        tokens=named["patches"].shape[1] if "patches" in named else 1,
        channels_last=made.convolutional,
    )
