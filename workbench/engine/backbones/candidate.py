"""A backbone that was found under a name, before it is settled which feature of it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.records.spec import Preprocess

COLOURS = 3  # that every published backbone was trained on


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What the kinds of name have in common, before size and feature are chosen."""

    title: str
    kind: str
    family: str
    features: tuple[str, ...]
    default: str
    recipe: Preprocess
    convolutional: bool = False
    multiple: int = 1  # the input's side must be a multiple of it
    depth: int = 0  # layers that can be read
    usual: int | None = None  # input size where the model's own would cost far more
    weights: str = ""  # digest, where it isn't that of `files`
    architecture: str = ""
    arguments: dict[str, Any] | None = None
    folder: Path | None = None
    files: tuple[Path, ...] = ()
    official: bool = False
    repository: str = ""
    channels: int = COLOURS
