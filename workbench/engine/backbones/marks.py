"""The mark of a checkpoint that was made here, which its folder carries wherever it is copied to. No torch.

Of one that has seen labels: a probe on it is no probe of a frozen public backbone, for the labels that it is scored
with may be those that it was trained on. Of one that has learnt from images without their labels: the images that it
is tested on may be among those. Whoever embeds with it writes the mark into the embedding file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.engine.backbones import catalogue, hub
from workbench.records.files import DocumentError
from workbench.records.learnt_images import POOL, LearntImages
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.engine.backbones.resolve import Resolved

KEY = "workbench"  # in config.json
TUNED = "fine-tune"
PRETRAINED = "pretrain"
_LONGEST = 120  # letters of a title that came with a folder


def trained_on_labels(resolved: Resolved) -> dict[str, Any] | None:
    """What the checkpoint's own folder says of the labels that it was trained on; None where it says nothing."""
    return next(filter(None, (mark_in(folder, TUNED) for folder in _folders(resolved))), None)


def pretrained_here(resolved: Resolved) -> dict[str, Any] | None:
    """What the checkpoint's own folder says of its pretraining; None where it says nothing."""
    return next(filter(None, (mark_in(folder, PRETRAINED) for folder in _folders(resolved))), None)


def learnt_images(resolved: Resolved) -> LearntImages | None:
    """The images that a backbone pretrained here has learnt from; None where that isn't told or the list is gone.

    The list lies beside timm's weights, one folder above those of transformers; one of another pretraining is none.
    """
    mark = pretrained_here(resolved)
    for folder in _folders(resolved) if mark else ():
        for place in (folder, folder.parent):
            try:
                found = LearntImages.load(place / POOL)
            except DocumentError:
                continue
            if mark is not None and found.content_hash() == mark.get("pool"):
                return found
    return None


def title_of(mark: dict[str, Any]) -> str:
    """What the checkpoint is called in a comparison: by what it began as, and never without what was done to it."""
    if mark["kind"] == PRETRAINED:
        steps = mark.get("steps")
        done = f" ({count(steps, 'step')})" if isinstance(steps, int) else ""
        return f"{printable(str(mark.get('title', 'A backbone'))[:_LONGEST])}, pretrained here{done}"
    began = str(mark.get("backbone", ""))
    known = catalogue.title_of(began) or printable(Path(began).name or began or "A backbone")
    return f"{known}, fine-tuned on labels"


def mark_in(folder: Path, kind: str) -> dict[str, Any] | None:
    """The mark of `kind` in a folder's config.json; None where there is none."""
    if not (folder / hub.CONFIG).is_file():
        return None
    try:
        mark = hub.read_json(folder / hub.CONFIG).get(KEY)
    except ValueError:
        return None
    return mark if isinstance(mark, dict) and mark.get("kind") == kind else None


def _folders(resolved: Resolved) -> tuple[Path, ...]:
    folders = [resolved.folder] if resolved.folder is not None else []
    return tuple(dict.fromkeys([*folders, *(file.parent for file in resolved.files)]))
