"""What architectures, starts, pools and runs are called in the Pretrain place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.records.catalogue import PLUGIN, BackboneFacts
from workbench.records.text import count, duration, printable

FROM_NOTHING = "from nothing"
FAMILY_TITLES = {
    "contrast": "Contrast",
    "distillation": "Self-distillation",
    "reconstruction": "Reconstruction",
}
ARCHITECTURES = (  # timm's name, how much it is
    ("vit_tiny_patch16_224", "5.5 M parameters, fastest"),
    ("vit_small_patch16_224", "22 M parameters, the usual one"),
    ("vit_base_patch16_224", "86 M parameters"),
    ("vit_large_patch16_224", "303 M parameters, for many images"),
    ("resnet18", "11 M parameters, convolutional"),
    ("resnet50", "24 M parameters, convolutional"),
    ("convnext_tiny", "28 M parameters, convolutional"),
    ("convnext_small", "49 M parameters, convolutional"),
)
POOLS = {
    "safe": (
        "Training and unlabelled",
        "Unlabelled images and the training part. Validation and test stay unseen, with their copies, so that every "
        "later number is of images that it has never met.",
    ),
    "unlabelled": (
        "Unlabelled only",
        "Only images without a label. No labelled image is learnt from, not even the training part.",
    ),
    "all": (
        "Everything",
        "Validation and test too, without their labels. Later numbers on them are no longer of unseen images.",
    ),
}
_SIZES = {"tiny": "Ti", "small": "S", "base": "B", "large": "L", "huge": "H", "giant": "g"}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many images there are, as far as the window knows without hashing: copies of unseen images go too."""

    unlabelled: int
    train: int
    unseen: int  # validation and test

    def of(self, learn_from: str) -> int:
        """How many are learnt from, at the most."""
        safe = self.unlabelled + self.train
        return {"safe": safe, "unlabelled": self.unlabelled, "all": safe + self.unseen}[learn_from]


def architecture_words(name: str, patch: int = 0) -> str:
    """ "ViT-S/16" for timm's vit_small_patch16_224; "ResNet-50"; else the name. `patch` px, where it was chosen."""
    shown = printable(name)
    vit = re.match(r"vit_([a-z]+)_patch(\d+)", name)
    if vit:
        return f"ViT-{_SIZES.get(vit[1], printable(vit[1]))}/{patch or vit[2]}"
    resnet = re.match(r"resnet(\d+)$", name)
    if resnet:
        return f"ResNet-{resnet[1]}"
    convnext = re.match(r"convnext_([a-z]+)$", name)
    return f"ConvNeXt {convnext[1]}" if convnext else shown


def architecture_of(facts: BackboneFacts) -> str:
    """timm's name of what some weights are, where their id tells it; else ""."""
    if facts.source not in ("timm", "file"):
        return ""
    return facts.id.removeprefix("timm/").partition(":")[0].partition(".")[0]


def is_transformer(name: str) -> bool:
    """Whether a timm architecture has tokens that can be masked."""
    return name.startswith(("vit_", "deit_", "eva"))


def can_learn(facts: BackboneFacts) -> bool:
    """Whether a backbone is a network whose weights are here: floors are none worth starting from, and what
    is learnt from a plugin's could not be written for other programs."""
    network = facts.family != "Floor" and facts.source != PLUGIN
    return facts.available and network and bool(facts.parameters or facts.parameters is None)


def starts(catalogue: Iterable[BackboneFacts], tokens_only: bool) -> list[BackboneFacts]:
    """What a method may start from, in the catalogue's order; transformers alone where it needs tokens."""
    return [facts for facts in catalogue if can_learn(facts) and (facts.patch > 0 or not tokens_only)]


def start_words(start: str, title: str) -> str:
    """ "started from DINOv2 small"."""
    return f"started from {printable(title)}" if start else FROM_NOTHING


def run_heading(
    config: Mapping[str, Any], method: str, start_title: str, architecture: str = "", patch: int = 0
) -> str:
    """ "DINO · ViT-S/16 · started from DINOv2 small". The `architecture` is what the run has built; before it has, it
    is told where the weights don't bring one of their own, of a name that isn't known here."""
    start = str(config.get("start", ""))
    parts = [printable(method)]
    if architecture:
        parts.append(architecture_words(architecture, patch))
    elif not start or is_named(start, str(config.get("backbone", ""))):
        parts.append(
            architecture_words(str(config.get("backbone", "")), int(config.get("patch_size", 0) or 0))
        )
    parts.append("branched" if config.get("branch") else start_words(start, start_title))
    return " · ".join(parts)


def run_words(config: Mapping[str, Any], method: str, start_title: str) -> str:
    """ "DINO from DINOv2 small", "SimCLR ViT-S/16": for a narrow column."""
    if config.get("start"):
        return f"{printable(method)} from {printable(start_title)}"
    named = architecture_words(str(config.get("backbone", "")), int(config.get("patch_size", 0) or 0))
    return f"{printable(method)} {named}"


def is_named(start: str, backbone: str) -> bool:
    """Whether the architecture's name is what the start weights say of themselves."""
    return bool(backbone) and start.removeprefix("timm/").startswith(backbone)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def ago(seconds: float) -> str:
    return f"{duration(max(seconds, 0))} ago"


def images_words(images: int) -> str:
    return count(images, "image")
