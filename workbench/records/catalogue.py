"""The catalogue of backbones as plain facts: what `describe` writes and the window and command line show.

The engine owns the entries (it knows how to load each); this file owns what may be said of one without
loading it, so that the window never needs the engine to draw a list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.spec import FEATURES

VERSION = 1
# Names that no plugin may take; those of timm are asked for when a plugin is loaded.
BUILT_IN = frozenset({"efficientnet_lite0", "random_vit", "histogram", "starter_mae", "starter_dino"})
PRETRAINED_HERE = "pretrained here"  # the source of a backbone that a run of the project made
PLUGIN = "plugin"  # the source of one that a plugin brings


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneFacts:
    """One backbone that can be put into a comparison.

    Raises:
        ValueError: a default feature that the backbone doesn't offer, or a feature that nobody knows.
    """

    id: str  # catalogue id, Hugging Face id, timm name or local path; what `--backbone` takes
    title: str  # as a person would say it: "DINOv2 small"
    source: str  # where the weights come from: "package", "timm", "huggingface", "file", "built in", or one of these
    family: str  # "DINOv2", "supervised CNN", "floor"
    parameters: int | None  # how many; None where it isn't known before loading
    input_size: int | None  # pixels, the side of its usual square input; None where any size will do
    features: tuple[
        str, ...
    ]  # what it offers, of records.spec.FEATURES; empty where only building it would tell
    default_feature: str  # what its family is usually used with; "" where the features aren't known
    training_data: str  # "ImageNet-1k, 1.3 M labelled images"; "none" for the floors
    licence: str  # a short note, not legal advice
    available: bool  # whether its weights are on this machine
    patch: int = 0  # pixels, the side of one patch; 0: it has none, or it isn't known before loading
    depth: int | None = None  # layers that can be read; None: not known before loading
    remedy: str = ""  # one sentence: what to do when it isn't available
    download: int | None = None  # bytes, about; None where it isn't known
    listed: bool = True  # False for the many names of timm that are shown only to who searches

    def __post_init__(self) -> None:
        unknown = sorted(set(self.features) - set(FEATURES))
        if unknown:
            raise ValueError(f"backbone {self.id!r} offers {', '.join(unknown)}, which is not a feature.")
        if self.default_feature not in (self.features or ("",)):
            raise ValueError(
                f"backbone {self.id!r} doesn't offer its default feature {self.default_feature!r}."
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> BackboneFacts:
        """Fields that this version doesn't know are left out; TypeError when one is missing."""
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in body.items() if key in known}
        return cls(**{**values, "features": tuple(values.get("features", ()))})

    def holds(self, words: Iterable[str]) -> bool:
        """Whether every word, in small letters, is somewhere in what is said of the backbone."""
        here = "on this machine" if self.available else "not here"
        parts = (self.title, self.id, self.family, self.training_data, self.licence, self.source, here)
        text = " ".join(parts).casefold()
        return all(word in text for word in words)


def gives_patches(facts: BackboneFacts) -> bool:
    """Whether there is something to look at. A plugin says it by the features that it promises; of files that nobody
    has opened yet it isn't known, and they may be tried."""
    if facts.source == PLUGIN:
        return any("mean" in feature for feature in facts.features)
    return facts.source != "built in" or facts.patch > 0


def search(entries: Iterable[BackboneFacts], text: str) -> list[BackboneFacts]:
    """The entries that hold every word of `text`, in their order."""
    words = text.casefold().split()
    return [facts for facts in entries if facts.holds(words)]


def save_catalogue(path: Path, entries: Iterable[BackboneFacts]) -> None:
    body = {"backbones": [entry.to_json() for entry in entries]}
    write_document(path, "catalogue", VERSION, body)


def load_catalogue(path: Path) -> tuple[BackboneFacts, ...]:
    """Raises DocumentError when the file is missing, damaged or written by a newer program."""
    body = read_document(path, "catalogue", VERSION)
    try:
        return tuple(BackboneFacts.from_json(entry) for entry in body["backbones"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(
            f"{path} holds an entry that can't be read ({error}). Ask for the catalogue again."
        ) from None
