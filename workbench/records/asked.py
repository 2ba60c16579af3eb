"""What a comparison asks of each chosen backbone, and what each can give: the settings' lock, applied.

A choice that names no feature and no size of its own follows the lock. One that does is an exception: it is measured
like any other, and ranked with the others only where `feature_lock.rankable` allows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.records.catalogue import BackboneFacts
from workbench.records.feature_lock import lock_facts, rankable
from workbench.records.layers import LAST, LAST_WORD, Layers, parse_layers
from workbench.records.project import Chosen, Settings

FAMILY = "family"  # the rule that takes of each backbone what its family is published with
RULES = (FAMILY, "cls", "mean", "cls+mean")
BUDGETS = "1,5,10,25,50,100"  # label budgets, in per cent, where the expert wants some
STANDARDISE = ("z-score", "l2")
LEAST_SIZE = 32  # px
# Widths of vision transformers by their number of parameters: S, B, L, and the larger ones (Dosovitskiy et al. 2021).
_WIDTHS = ((12e6, 192), (50e6, 384), (150e6, 768), (500e6, 1024), (float("inf"), 1408))


def job_values(choice: Chosen, settings: Settings) -> dict[str, Any]:
    """The parameters of the embed job that the lock and the choice decide.

    Each backbone gives what comes nearest, for not all can give the same; what came of it stands in the result.
    """
    rule = "" if settings.feature_rule == FAMILY else settings.feature_rule
    return {
        "feature": choice.feature or rule,
        "layers": settings.layers,
        "image_size": choice.image_size or settings.image_size,
        "nearest": True,
    }


def given_feature(asked: str, offered: Sequence[str], default: str, *, inner: bool) -> str:
    """What a backbone gives that is asked for `asked`, "" for its family's own; as near as it can.

    `inner`: layers are asked for that are not the last alone, behind which a token model has no pooled output.
    """
    chosen = asked if asked in offered else default
    if chosen == "pooled" and inner and len(offered) > 1:
        return "cls" if "cls" in offered else "mean"
    return chosen


def given_size(asked: int, multiple: int) -> int:
    """The side nearest to `asked` px that patches of `multiple` px tile."""
    least = -(-max(2 * multiple, LEAST_SIZE) // multiple)
    return multiple * max(round(asked / multiple), least)


def locked_feature(settings: Settings, facts: BackboneFacts) -> str:
    """What the backbone gives where it follows the lock."""
    rule = "" if settings.feature_rule == FAMILY else settings.feature_rule
    return given_feature(rule, facts.features, facts.default_feature, inner=_inner(settings))


def size_of(choice: Chosen, settings: Settings, facts: BackboneFacts) -> int | None:
    """px, the side of the input that the choice gets; None where the backbone's own isn't known."""
    asked = choice.image_size or settings.image_size
    return given_size(asked, max(facts.patch, 1)) if asked else facts.input_size


def expected(choice: Chosen, settings: Settings, facts: BackboneFacts) -> dict[str, Any]:
    """What the embedding file's provenance will say to `rankable`, as far as the catalogue knows."""
    size = size_of(choice, settings, facts)
    feature = choice.feature or locked_feature(settings, facts)
    values = lock_facts(
        feature=feature,
        layer=_layer(settings, facts),
        depth=facts.depth or 0,
        own_feature=facts.default_feature,
        features=facts.features,
        own_size=size == facts.input_size,
    )
    if facts.depth is None:  # nor is it known, then, which layers the lock's are
        values.update(layers=None, depth=None)
    return {
        **values,
        "backbone": choice.backbone,
        "title": facts.title,
        "spec": {"preprocess": {"size": size}},
    }


def apart(settings: Settings, catalogue: Sequence[BackboneFacts]) -> list[tuple[Chosen, str]]:
    """The choices that will not be ranked with those that follow the lock, each with the reason.

    Where nothing follows it, every choice is held against those before it. Backbones that the catalogue doesn't
    know are left out: what they give is known when they are embedded.
    """
    known = {facts.id: facts for facts in catalogue}
    told = [
        (choice, expected(choice, settings, known[choice.backbone]))
        for choice in settings.chosen
        if choice.backbone in known
    ]
    following = [
        values
        for choice, values in told
        if not choice.feature
        and not choice.image_size
        and settings.feature_rule in (FAMILY, values["feature"])
        and _has_layers(settings, known[choice.backbone])
    ]
    found = []
    for place, (choice, values) in enumerate(told):
        if any(values is each for each in following):
            continue
        others = following or [earlier for _, earlier in told[:place]]
        reason = next((sentence for other in others if (sentence := rankable(values, other))), "")
        if reason:
            found.append((choice, reason))
    return found


def cost_words(size: int, facts: BackboneFacts) -> str:
    """What `size` px cost: "518 px: 1,369 patches, about 8 times the work of 224 px"; "" at the backbone's own size.

    A block of a transformer of width D does 24 N D² + 4 N² D operations on N tokens; a convolution as many as pixels.
    """
    own = facts.input_size
    if not own or size == own:
        return ""
    if not facts.patch:
        return f"{size} px: {_times((size / own) ** 2)} the work of {own} px"
    width = next(width for most, width in _WIDTHS if (facts.parameters or 86e6) < most)
    patches = (size // facts.patch) ** 2
    times = _block(patches, width) / _block((own // facts.patch) ** 2, width)
    return f"{size} px: {patches:,} patches, {_times(times)} the work of {own} px"


def _block(patches: int, width: int) -> float:
    tokens = patches + 1
    return 24.0 * tokens * width**2 + 4.0 * tokens**2 * width


def _times(ratio: float) -> str:
    if ratio < 0.95:
        return f"about {max(round(100 * ratio), 1)} % of"
    return f"about {ratio:.0f} times" if ratio >= 3 else f"about {ratio:.1f} times"


def _layer(settings: Settings, facts: BackboneFacts) -> Layers:
    """The locked layers, or the nearest that the backbone has."""
    if facts.depth is None or not _has_layers(settings, facts):
        return LAST
    return parse_layers(settings.layers, facts.depth, facts.title)


def _has_layers(settings: Settings, facts: BackboneFacts) -> bool:
    """Whether the backbone has all the locked layers, as far as the catalogue knows."""
    try:
        parse_layers(settings.layers, facts.depth or 0, facts.title)
    except ValueError:
        return facts.depth is None
    return True


def _inner(settings: Settings) -> bool:
    return settings.layers.strip() not in ("", LAST_WORD)


def parse_budgets(budgets: str) -> tuple[float, ...]:
    """ "5,25,100" -> (0.05, 0.25, 1.0). Raises ValueError for what is no list of per cents above 0 to 100."""
    found = []
    for word in budgets.replace("%", " ").replace(",", " ").split():
        try:
            percent = float(word)
        except ValueError:
            percent = 0.0
        if not 0 < percent <= 100:
            raise ValueError(
                f"The label budgets {budgets!r} are none: write per cents above 0 to 100 with commas, as in 5,25,100."
            )
        found.append(percent / 100)
    return tuple(sorted(set(found)))
