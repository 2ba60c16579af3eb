"""How the views of an image are drawn in pretraining, as plain data: what a method asks for, what a preset and the
user change, what the engine then does (`engine/augment/`).

Lengths are told at an input of 224 px, as the papers tell them, and scaled to the size that is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from workbench.records.params import describe, param, validate

VERSION = 1
PAPER_SIZE = 224  # px: the input that published blur widths and crop sizes belong to


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One kind of view, and how it is drawn. Operations happen in the order of the fields, as in torchvision's
    pipelines of these methods: crop, turn and flip; then colour; then grey, blur, solarise. A method may draw several
    of a kind."""

    name: str  # "first view", "second view", "local crops"
    count: int = 1
    share: float = (
        1.0  # side of the view, as a share of the image size: 1 for a global view, 96/224 for DINO's local
    )
    crop_min: float = param(
        0.2,
        label="Smallest crop",
        help="Smallest share of the picture's area that a crop shows.",
        minimum=0.01,
        maximum=1,
    )
    crop_max: float = param(
        1.0,
        label="Largest crop",
        help="Largest share of the picture's area that a crop shows.",
        minimum=0.01,
        maximum=1,
    )
    mirror: float = param(
        0.5, label="Left for right", help="How often left and right are exchanged.", minimum=0, maximum=1
    )
    flip: float = param(
        0.0, label="Upside down", help="How often up and down are exchanged.", minimum=0, maximum=1
    )
    quarters: float = param(
        0.0,
        label="Quarter turns",
        help="How often the picture is turned by a quarter, a half or three.",
        minimum=0,
        maximum=1,
    )
    rotate: float = param(
        0.0,
        label="Free turn",
        help="Largest angle that it is turned by, either way.",
        minimum=0,
        maximum=180,
        unit="degrees",
    )
    jitter: float = param(
        0.0, label="Colour changes", help="How often colour and light are changed.", minimum=0, maximum=1
    )
    brightness: float = param(0.0, help="Largest change of brightness.", minimum=0, maximum=1)
    contrast: float = param(0.0, help="Largest change of contrast.", minimum=0, maximum=1)
    saturation: float = param(0.0, help="Largest change of saturation.", minimum=0, maximum=1)
    hue: float = param(
        0.0, help="Largest change of hue, as a share of the colour circle.", minimum=0, maximum=0.5
    )
    grey: float = param(0.0, label="To grey", help="How often colour is taken away.", minimum=0, maximum=1)
    blur: float = param(0.0, help="How often it is blurred.", minimum=0, maximum=1)
    blur_min: float = param(
        0.1,
        label="Blur from",
        help="Smallest width of the blur, at an input of 224 px.",
        minimum=0,
        maximum=20,
        unit="px",
    )
    blur_max: float = param(
        2.0,
        label="Blur up to",
        help="Largest width of the blur, at an input of 224 px.",
        minimum=0,
        maximum=20,
        unit="px",
    )
    solarise: float = param(
        0.0, help="How often tones brighter than the middle are inverted.", minimum=0, maximum=1
    )

    def __post_init__(self) -> None:
        validate(self)
        for low, high in (("crop_min", "crop_max"), ("blur_min", "blur_max")):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} of the {self.name} must not be above {high}.")
        if self.count < 1 or not 0 < self.share <= 1:
            raise ValueError(f"The {self.name} must be drawn once or more, at a share above 0 and up to 1.")

    def pixels(self, image_size: int, patch: int) -> int:
        """Side of the view: the share of `image_size`, a whole number of patches and two of them at least, but never
        more than the image has."""
        if self.share == 1:
            return image_size
        return min(max(2, round(image_size * self.share / patch)) * patch, image_size)

    @property
    def is_local(self) -> bool:
        return self.share < 1


CHANGEABLE = tuple(item.name for item in describe(View))


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Every kind of view that a method is shown, in the order in which it gets them."""

    views: tuple[View, ...]
    preset: str = "published"

    @property
    def num_views(self) -> int:
        return sum(view.count for view in self.views)

    def to_json(self) -> dict[str, Any]:
        return {"version": VERSION, "preset": self.preset, "views": [asdict(view) for view in self.views]}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Augmentation:
        known = {item.name for item in fields(View)}
        views = tuple(
            View(**{key: value for key, value in view.items() if key in known}) for view in body["views"]
        )
        return cls(views=views, preset=str(body["preset"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What a kind of picture allows. A preset weakens what the method does and adds what changes no label; it never
    adds a change of colour that the method doesn't make."""

    id: str
    title: str
    reason: str  # one or two sentences
    most: dict[str, float]  # upper bounds
    least: dict[str, float]  # lower bounds
    own: dict[str, float]  # set whatever the method does


PRESETS = (
    Preset(
        id="published",
        title="As published",
        reason="The method's own recipe, made for photographs of objects. Colour and scale are taken to carry no "
        "label.",
        most={},
        least={},
        own={},
    ),
    Preset(
        id="natural",
        title="Natural photographs",
        reason="Photographs have an up and a down; colour changes with the light, so it may be varied, but crops "
        "below a tenth of the picture often miss the object.",
        most={"hue": 0.1, "saturation": 0.4},
        least={"crop_min": 0.1},
        own={"flip": 0.0, "quarters": 0.0},
    ),
    Preset(
        id="industrial",
        title="Industrial surface",
        reason="A defect is small, dark or bright, and blurred away easily: crops stay large, blur and light are "
        "gentle, colour stays, and solarising would turn a dark defect into a bright one.",
        most={
            "brightness": 0.2,
            "contrast": 0.2,
            "saturation": 0.1,
            "hue": 0.0,
            "grey": 0.0,
            "blur": 0.2,
            "blur_max": 1.0,
            "solarise": 0.0,
        },
        least={"crop_min": 0.35},
        own={"mirror": 0.5, "flip": 0.5},
    ),
    Preset(
        id="histology",
        title="Histology, stain",
        reason="Tissue has no up or down. The stain is the signal: its hue may vary as it does between laboratories, "
        "and must not be taken away.",
        most={
            "brightness": 0.2,
            "contrast": 0.2,
            "saturation": 0.2,
            "hue": 0.04,
            "grey": 0.0,
            "solarise": 0.0,
        },
        least={"crop_min": 0.25},
        own={"mirror": 0.5, "flip": 0.5, "quarters": 0.75},
    ),
    Preset(
        id="xray",
        title="X-ray, grey",
        reason="Left and right, up and down mean something in a body, and there is no colour. Small turns and "
        "changes of exposure happen; inverted tones don't.",
        most={
            "brightness": 0.3,
            "contrast": 0.3,
            "saturation": 0.0,
            "hue": 0.0,
            "grey": 0.0,
            "blur": 0.3,
            "solarise": 0.0,
        },
        least={"crop_min": 0.3},
        own={"mirror": 0.0, "flip": 0.0, "quarters": 0.0, "rotate": 10.0},
    ),
    Preset(
        id="microscopy",
        title="Microscopy",
        reason="Cells lie at any angle, and exposure and focus vary from field to field. Channels are stains or "
        "detectors, not colours, so they are not mixed.",
        most={
            "brightness": 0.3,
            "contrast": 0.3,
            "saturation": 0.0,
            "hue": 0.0,
            "grey": 0.0,
            "blur": 0.3,
            "solarise": 0.0,
        },
        least={"crop_min": 0.25},
        own={"mirror": 0.5, "flip": 0.5, "quarters": 0.75},
    ),
    Preset(
        id="satellite",
        title="Satellite, overhead",
        reason="Seen from above there is no up or down. The height of the camera is nearly constant, so crops stay "
        "large; colour tells fields from water and varies only a little with haze and season.",
        most={
            "brightness": 0.3,
            "contrast": 0.3,
            "saturation": 0.2,
            "hue": 0.05,
            "grey": 0.1,
            "solarise": 0.0,
        },
        least={"crop_min": 0.3},
        own={"mirror": 0.5, "flip": 0.5, "quarters": 0.75},
    ),
)
PRESET_IDS = tuple(preset.id for preset in PRESETS)


def preset_of(name: str) -> Preset:
    """Raises ValueError for a name that no preset has."""
    for preset in PRESETS:
        if preset.id == name:
            return preset
    raise ValueError(f"There is no augmentation preset {name!r}. Choose one of {', '.join(PRESET_IDS)}.")


def under_preset(published: Augmentation, name: str) -> Augmentation:
    """The method's views as a kind of picture allows them. Local crops keep their own range of areas, but for a range
    that begins where the preset's bound, shared out as the method shares it, says."""
    preset = preset_of(name)
    return replace(
        published, preset=preset.id, views=tuple(_within(view, preset) for view in published.views)
    )


def changed(augmentation: Augmentation, changes: Sequence[str]) -> Augmentation:
    """The views with the user's own changes: "hue=0" for every view, "2.blur=0.1" for the second kind.

    Raises:
        ValueError: a change that names no view or nothing of a view, or a value out of range.
    """
    views = list(augmentation.views)
    for text in changes:
        place, name, value = _parsed(text, len(views))
        for number in range(len(views)) if place is None else (place,):
            views[number] = _with(views[number], {name: value})
    return replace(augmentation, views=tuple(views))


def changes_between(base: Augmentation, wanted: Augmentation) -> tuple[str, ...]:
    """The changes that make `wanted` of `base`, as `changed` takes them."""
    found = []
    for number, (before, after) in enumerate(zip(base.views, wanted.views, strict=True), start=1):
        for name in CHANGEABLE:
            if getattr(before, name) != getattr(after, name):
                found.append(f"{number}.{name}={getattr(after, name):g}")
    return tuple(found)


def _within(view: View, preset: Preset) -> View:
    values: dict[str, float] = {}
    for name, bound in preset.most.items():
        values[name] = min(getattr(view, name), bound)
    for name, bound in preset.least.items():
        values[name] = max(getattr(view, name), _bound(view, name, bound))
    values |= preset.own
    made = {**{name: getattr(view, name) for name in CHANGEABLE}, **values}
    for low, high in (("crop_min", "crop_max"), ("blur_min", "blur_max")):
        if made[low] > made[high]:
            values[high if low == "crop_min" else low] = made[low if low == "crop_min" else high]
    return _with(view, values)


def _with(view: View, values: dict[str, float]) -> View:
    made: dict[str, Any] = dict(values)
    return replace(view, **made)


def _bound(view: View, name: str, bound: float) -> float:
    """Of a local crop: the same share of the bound that its side has of the global view's, in area."""
    return bound * view.share**2 if view.is_local and name == "crop_min" else bound


def _parsed(text: str, kinds: int) -> tuple[int | None, str, float]:
    left, equals, right = text.partition("=")
    number, dot, name = left.strip().rpartition(".")
    try:
        value = float(right)
    except ValueError:
        value = math.nan
    place = int(number) - 1 if dot and number.isascii() and number.isdigit() else None
    if not equals or name not in CHANGEABLE or not math.isfinite(value) or (dot and place is None):
        raise ValueError(
            f"The change {text!r} is none: write NAME=NUMBER for all views or 2.NAME=NUMBER for the second kind, "
            f"where NAME is one of {', '.join(CHANGEABLE)}."
        )
    if place is not None and not 0 <= place < kinds:
        raise ValueError(f"The change {text!r} names view {number}, and the method has {kinds}.")
    return place, name, value
