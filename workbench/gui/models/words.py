"""What is said of a backbone: its size, its features, whether it is here, what a floor is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.gui.compare.words import feature_name
from workbench.records.asked import FAMILY, apart, cost_words, locked_feature, size_of
from workbench.records.catalogue import BackboneFacts
from workbench.records.project import Chosen, Settings
from workbench.records.spec import FEATURES
from workbench.records.text import printable

FLOOR = "floor"
MOST_NAMED = 3
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
    known = facts is not None and bool(facts.features)
    offered: Sequence[str] = facts.features if facts and known else FEATURES
    usual = feature_name(facts.default_feature) if facts and known else "as usual"
    others = [
        (name, feature_name(name)) for name in offered if facts is None or name != facts.default_feature
    ]
    return [("", usual), *others]


def row_choices(facts: BackboneFacts | None, settings: Settings) -> list[tuple[str, str]]:
    """As `feature_choices` for one backbone of a comparison: the empty value is what the lock gives it."""
    if facts is None:
        return [("", "as locked"), *((name, feature_name(name)) for name in FEATURES)]
    locked = locked_feature(settings, facts)
    others = [(name, feature_name(name)) for name in facts.features if name != locked]
    return [("", feature_name(locked)), *others]


def lock_notes(settings: Settings, catalogue: Sequence[BackboneFacts]) -> list[str]:
    """What stands apart from the lock, and what gives another feature than the locked one, a sentence each."""
    known = {facts.id: facts for facts in catalogue}
    alone = apart(settings, catalogue)
    notes = []
    if alone:
        titles = [_with_exception(choice, known[choice.backbone]) for choice, _ in alone[:MOST_NAMED]]
        more = f" and {len(alone) - MOST_NAMED} more" if len(alone) > MOST_NAMED else ""
        notes.append(
            f"Not ranked with the others: {', '.join(titles)}{more}. {alone[0][1].partition(':')[0]}."
        )
    told = {choice.backbone for choice, _ in alone}
    without = [
        known[choice.backbone]
        for choice in settings.chosen
        if choice.backbone in known and choice.backbone not in told and not choice.feature
    ]
    for facts in without:
        given = locked_feature(settings, facts)
        if settings.feature_rule in (FAMILY, given):
            continue
        average = ", the mean of its map" if facts.features == ("pooled",) and not is_floor(facts) else ""
        notes.append(f"{title_of(facts.id, facts)} gives its {feature_name(given)} output{average}.")
    return notes


def _with_exception(choice: Chosen, facts: BackboneFacts) -> str:
    """ "DINOv2 small (mean, 518 px)"."""
    size = f"{choice.image_size} px" if choice.image_size else ""
    own = ", ".join(filter(None, (feature_name(choice.feature) if choice.feature else "", size)))
    return title_of(choice.backbone, facts) + (f" ({own})" if own else "")


def cost_notes(settings: Settings, catalogue: Sequence[BackboneFacts]) -> str:
    """What other sizes than their own cost the chosen backbones, each cost once; "" where there are none."""
    known = {facts.id: facts for facts in catalogue}
    costs: dict[str, str] = {}
    for choice in settings.chosen:
        facts = known.get(choice.backbone)
        size = size_of(choice, settings, facts) if facts is not None else None
        if facts is not None and size:
            words = cost_words(size, facts)
            if words and not (is_floor(facts) and not facts.patch):
                costs.setdefault(words, title_of(facts.id, facts))
    return " ".join(f"{title} at {words}." for words, title in list(costs.items())[:2])


def in_order(chosen: Iterable[Chosen], catalogue: Sequence[BackboneFacts]) -> list[Chosen]:
    """The choices in the catalogue's order, then the others as they were added: editing one doesn't move it."""
    places = {facts.id: place for place, facts in enumerate(catalogue)}
    return sorted(chosen, key=lambda choice: places.get(choice.backbone, len(places)))


def title_of(backbone: str, facts: BackboneFacts | None) -> str:
    """A listed backbone's title, else the last part of its name or path."""
    if facts is not None:
        return printable(facts.title)
    return printable(backbone.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or backbone)
