"""Which preprocessing the first chosen backbone gets its pixels by, as far as the window can know without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.records.files import DocumentError
from workbench.records.spec import Decode, FeatureSpec, Preprocess
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

USUAL = Preprocess(  # of models trained on ImageNet
    resize="shortest",
    resize_to=256,
    size=224,
    interpolation="bicubic",
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A preprocessing, and in words whose it is."""

    preprocess: Preprocess
    decode: Decode
    told: str


def recipe_of(session: Session) -> Recipe:
    """The exact recipe as the backbone's last run wrote it down; before the first, the usual centre crop."""
    project, choices = session.project, session.settings.chosen
    if project is None or not choices:
        return Recipe(USUAL, "scaled", "the usual centre crop; no backbone is chosen yet")
    choice = choices[0]
    asked = choice.image_size or session.settings.image_size
    known = next((facts for facts in session.catalogue if facts.id == choice.backbone), None)
    title = known.title if known else printable(choice.backbone)
    for run in reversed(project.runs("embed")):
        try:
            document = run.document()
            config, spec = document["config"], document["provenance"].get("spec")
            if spec and (config["backbone"], config["image_size"]) == (choice.backbone, asked):
                found = FeatureSpec.from_json(spec)
                return Recipe(found.preprocess, found.decode, f"as {title} gets it")
        except (DocumentError, KeyError, TypeError, ValueError):
            continue
    size = asked or (known.input_size if known and known.input_size else USUAL.size)
    return Recipe(
        USUAL.at(size), "scaled", f"the usual centre crop; {title} has its own, known once it has run"
    )
