"""What is said of a backbone: its size, its features, whether it is here, what a floor is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.gui.compare.words import feature_name
from workbench.records.catalogue import BackboneFacts
from workbench.records.project import Chosen
from workbench.records.spec import FEATURES
from workbench.records.text import printable

FLOOR = "floor"
FLOOR_SENTENCE = (
    "An honest floor: something to beat. A backbone that doesn't clearly beat a random network and a "
    "colour histogram has learnt nothing that helps with these images."
)


def is_floor(facts: BackboneFacts) -> bool:
    return facts.family.casefold() == FLOOR


def parameters_text(number: int | None) -> str:
    """ "22.1 M", "1.14 B", "none"."""
    if number is None:
        return "—"
    if number == 0:
        return "none"
    if number >= 1_000_000_000:
        return f"{number / 1e9:.2f} B"
    if number >= 10_000_000:
        return f"{number / 1e6:.0f} M"
    return f"{number / 1e6:.1f} M" if number >= 100_000 else f"{number / 1e3:.0f} k"


def feature_choices(facts: BackboneFacts | None) -> list[tuple[str, str]]:
    """What may be chosen as (value, words); the empty value is what the family is usually used with."""
    offered: Sequence[str] = facts.features if facts else FEATURES
    usual = feature_name(facts.default_feature) if facts else "as usual"
    others = [
        (name, feature_name(name)) for name in offered if facts is None or name != facts.default_feature
    ]
    return [("", usual), *others]


def in_order(chosen: Iterable[Chosen], catalogue: Sequence[BackboneFacts]) -> list[Chosen]:
    """The choices in the catalogue's order, then the others as they were added: editing one doesn't move it."""
    places = {facts.id: place for place, facts in enumerate(catalogue)}
    return sorted(chosen, key=lambda choice: places.get(choice.backbone, len(places)))


def title_of(backbone: str, facts: BackboneFacts | None) -> str:
    """A listed backbone's title, else the last part of its name or path."""
    if facts is not None:
        return printable(facts.title)
    return printable(backbone.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or backbone)
