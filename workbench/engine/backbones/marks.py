"""The mark of a checkpoint that has seen labels, which its folder carries wherever it is copied to.

A probe on such a backbone is no probe of a frozen public one: the labels that it is scored with may be those that it
was trained on. Whoever embeds with it writes the mark into the embedding file. No torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.engine.backbones import catalogue, hub
from workbench.engine.backbones.resolve import Resolved
from workbench.records.text import printable

KEY = "workbench"  # in config.json
KIND = "fine-tune"


def trained_on_labels(resolved: Resolved) -> dict[str, Any] | None:
    """What the checkpoint's own folder says of the labels that it was trained on; None where it says nothing."""
    folders = [resolved.folder] if resolved.folder is not None else []
    folders += [file.parent for file in resolved.files]
    for folder in dict.fromkeys(folders):
        mark = _mark(folder / hub.CONFIG)
        if mark is not None:
            return mark
    return None


def title_of(mark: dict[str, Any]) -> str:
    """What the checkpoint is called in a comparison: by what it began as, and never without the word."""
    began = str(mark.get("backbone", ""))
    known = catalogue.title_of(began) or printable(Path(began).name or began or "A backbone")
    return f"{known}, fine-tuned on labels"


def _mark(config: Path) -> dict[str, Any] | None:
    if not config.is_file():
        return None
    try:
        mark = hub.read_json(config).get(KEY)
    except ValueError:
        return None
    return mark if isinstance(mark, dict) and mark.get("kind") == KIND else None
