"""The lock: whether two features may be ranked against each other, on plain facts of their files.

A comparison fixes one choice of what "the feature" is. Two features follow one choice where they are the same kind
of output (pooling, layers, input size, reading of the pixels), or where each is its own family's published one.
Everything else is measured, but never ranked: a difference could come from the choice and not from the backbones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.records.layers import LAST, LAST_WORD, counted_from_1, layers_words
from workbench.records.spec import Reading
from workbench.records.text import printable

ONE_SIZE = 16  # px: a side is a multiple of the patch, so that 518 px of one backbone are 512 px of another
_WORDS = {
    "cls": "its CLS token",
    "mean": "the mean of its patches",
    "cls+mean": "its CLS token and the mean of its patches",
    "pooled": "its pooled output",
}
_NO_PREFERENCE = ("mean", "pooled")  # of a map that has nothing else to offer


def lock_facts(
    *,
    feature: str,
    layer: int | tuple[int, ...],
    depth: int,
    own_feature: str,
    features: tuple[str, ...],
    own_size: bool,
) -> dict[str, Any]:
    """What `rankable` asks of a feature that this program makes, as an embedding file's provenance has it.

    Args:
        layer: as the spec has it.
        depth: how many layers the backbone has; 0 where it has none.
        own_feature: what the backbone's family is usually used with.
        features: all that the backbone offers.
        own_size: whether the input has the backbone's usual size.
    """
    return {
        "feature": feature,
        "layers": counted_from_1(layer),
        "depth": depth,
        "usual": feature == own_feature,
        "only_feature": len(features) == 1,
        "own_size": own_size,
        "projector": False,
    }


def feature_title(provenance: Mapping[str, Any]) -> str:
    """The feature as a result names it: "cls", "cls, layers 9+12"."""
    layers = _layers(provenance)
    words = layers_words(list(layers)) if layers and layers != (LAST,) else ""
    return ", ".join(part for part in (str(provenance.get("feature", "")), words) if part)


def rankable(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """Why the two features must not be ranked against each other, in a sentence; "" where they may.

    Both are provenances of embedding files. What a file doesn't say (those of other programs say nothing) is unknown,
    and forbids nothing.
    """
    a, b = _Facts.of(first), _Facts.of(second)
    if not a.feature or not b.feature:
        return ""
    for reason in (_heads, _labels, _pixels, _sizes, _depths, _poolings):
        sentence = reason(a, b)
        if sentence:
            return sentence
    return ""


def rule_told(provenances: Sequence[Mapping[str, Any]]) -> str:
    """What "the feature" was in a comparison of these files, in a few words; "" where none says."""
    known = [_Facts.of(provenance) for provenance in provenances]
    known = [facts for facts in known if facts.feature]
    if not known:
        return ""
    layers = {facts.layers for facts in known if facts.depth != 0}
    told = "" if layers <= {None, (LAST,)} else ", several depths"
    [*alone] = (depth for depth in layers if depth) if len(layers) == 1 else ()
    if alone and alone != [(LAST,)]:
        told = f", {_depth_words(alone[0])}"
    features = {facts.feature for facts in known if not facts.only}
    if len(features) == 1 and not all(facts.usual for facts in known):
        return f"{next(iter(features))}{told}"
    return ("each family's own" if all(facts.usual is not False for facts in known) else "mixed") + told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """None: the file doesn't say."""

    name: str
    backbone: str
    feature: str
    layers: tuple[int, ...] | None  # counted from 1; (LAST,) is the last alone
    depth: int | None
    usual: bool | None
    only: bool
    size: int | None
    own_size: bool | None
    reading: Reading | None
    on_labels: bool
    projector: bool

    @classmethod
    def of(cls, provenance: Mapping[str, Any]) -> _Facts:
        spec = provenance.get("spec")
        spec = spec if isinstance(spec, Mapping) else {}
        pixels = spec.get("preprocess")
        size = pixels.get("size") if isinstance(pixels, Mapping) else None
        try:
            reading = Reading.from_json(dict(spec)) if "window" in spec else None
        except ValueError:
            reading = None
        usual, depth = provenance.get("usual"), provenance.get("depth")
        own_size = provenance.get("own_size")
        backbone = str(provenance.get("backbone") or "")
        return cls(
            name=printable(str(provenance.get("title") or backbone or "a file of another program")),
            backbone=backbone,
            feature=str(provenance.get("feature") or ""),
            layers=_layers(provenance),
            depth=depth if isinstance(depth, int) else None,
            usual=usual if isinstance(usual, bool) else None,
            only=provenance.get("only_feature") is True,
            size=size if isinstance(size, int) else None,
            own_size=own_size if isinstance(own_size, bool) else None,
            reading=reading,
            on_labels=bool(provenance.get("trained_on_labels")),
            projector=bool(provenance.get("projector")),
        )


def _layers(provenance: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Counted from 1. Files from before layers could be chosen say it in their spec alone."""
    spec = provenance.get("spec")
    layers = provenance.get("layers")
    if layers is None and isinstance(spec, Mapping) and spec.get("layer") == LAST:
        layers = LAST_WORD
    if layers == LAST_WORD:
        return (LAST,)
    if isinstance(layers, list | tuple) and layers and all(isinstance(number, int) for number in layers):
        return tuple(layers)
    return None


def _heads(a: _Facts, b: _Facts) -> str:
    if a.projector == b.projector:
        return ""
    head, other = (a, b) if a.projector else (b, a)
    return (
        f"{head.name} is read behind its projector and {other.name} is a backbone's own output: a projector throws "
        "away what its loss could do without. Compare the outputs of both backbones."
    )


def _labels(a: _Facts, b: _Facts) -> str:
    if a.on_labels == b.on_labels:
        return ""
    tuned, frozen = (a, b) if a.on_labels else (b, a)
    return (
        f"A probe on a backbone that was fine-tuned on labels is no frozen probe: {tuned.name} has learnt the "
        f"classes already, and {frozen.name} has never seen them. Compare fine-tuned with fine-tuned, or probe "
        "with probe."
    )


def _pixels(a: _Facts, b: _Facts) -> str:
    if a.reading is None or b.reading is None or a.reading == b.reading:
        return ""
    mine, other = a.reading.to_json(), b.reading.to_json()
    parts = {"window": "intensity window", "channels": "channels", "pages": "pages"}
    key = next(key for key in parts if mine[key] != other[key])
    return (
        f"{a.name} and {b.name} were shown other pixels: the {parts[key]} {printable(mine[key])} and "
        f"{printable(other[key])}. Embed both anew, read alike."
    )


def _sizes(a: _Facts, b: _Facts) -> str:
    if a.size is None or b.size is None or abs(a.size - b.size) < ONE_SIZE or 0 in (a.depth, b.depth):
        return ""
    own = a.own_size, b.own_size
    if a.backbone != b.backbone and (own == (True, True) or None in own):
        return ""
    return (
        f"{a.name} gets {a.size} px and {b.name} {b.size} px, which is not the own size of both: the larger input "
        "sees more. Choose one input size for both."
    )


def _depths(a: _Facts, b: _Facts) -> str:
    if a.layers is None or b.layers is None or a.layers == b.layers or 0 in (a.depth, b.depth):
        return ""
    if a.depth and b.depth:  # the same counted from the front, or from the end
        mine, other = _numbers(a.layers, a.depth), _numbers(b.layers, b.depth)
        if mine == other or [n - a.depth for n in mine] == [n - b.depth for n in other]:
            return ""
    return (
        f"{a.name} is read at {_depth_words(a.layers)} and {b.name} at {_depth_words(b.layers)}: the difference "
        "could come from the depth alone. Choose the same layers for both."
    )


def _numbers(layers: tuple[int, ...], depth: int) -> list[int]:
    return [depth if number == LAST else number for number in layers]


def _depth_words(layers: tuple[int, ...]) -> str:
    return "its last layer" if layers == (LAST,) else layers_words(list(layers))


def _poolings(a: _Facts, b: _Facts) -> str:
    if a.feature == b.feature:
        return ""
    same = bool(a.backbone) and a.backbone == b.backbone
    if not same:
        if None in (a.usual, b.usual) or (a.usual and b.usual):
            return ""
        for only, other in ((a, b), (b, a)):
            if only.only and (other.feature in _NO_PREFERENCE or only.depth == 0):
                return ""  # what has no layers is a floor: to be beaten by any feature
    return (
        f"{a.name} is read by {_pooling_words(a)} and {b.name} by {_pooling_words(b)}: the difference could come "
        "from the pooling alone. Choose one feature for both, or each family's own."
    )


def _pooling_words(facts: _Facts) -> str:
    return _WORDS.get(facts.feature, printable(facts.feature))
