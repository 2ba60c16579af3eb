"""What exactly a feature is: backbone, weights, layer, pooling, pixels. Fingerprinted, so that two rows
of a comparison are set side by side only when they were made alike."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

FEATURES = ("cls", "mean", "cls+mean", "pooled")
PREPROCESSING_VERSION = 1  # raise when the same Preprocess would give other pixels
# Types of more than 8 bits, as an intensity window names them; 9- to 16-bit unsigned numbers are "u16", and so on.
TYPES = ("u16", "i16", "u32", "i32", "f32", "f64")

Resize = Literal["shortest", "squash"]
Interpolation = Literal["bilinear", "bicubic", "lanczos"]
Decode = Literal["scaled", "exact"]
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocess:
    """From a decoded image to the model's input.

    `shortest` resizes the shorter side to `resize_to` and crops the centre `size` x `size`; `squash`
    resizes to `size` x `size` whatever the shape. Then `(x / 255 - mean) / std`, RGB.
    """

    resize: Resize
    resize_to: int  # pixels, the shorter side before the crop; equal to `size` for "squash"
    size: int  # pixels, both sides of the model's input
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def at(self, size: int) -> Preprocess:
        """The same recipe for another input size, keeping the share of the image that the crop takes."""
        return replace(self, size=size, resize_to=round(self.resize_to * size / self.size))


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How stored numbers become a picture, declared once for a data set.

    Equal readings are written alike: numbers are shortened and types sorted when one is made.

    Args:
        window: "full", or "TYPE=LOW:HIGH" for some of TYPES, joined by commas: LOW..HIGH, in the file's own numbers,
            becomes black..white. Types that are not named keep "full" (see `pixels/levels.py`); numbers of up to
            8 bits always keep their whole range.
        channels: "first" (the first three), "pick:2,0,1" (these three, counted from 0), "mean" (of all, as grey), or
            "all" (every channel, for a backbone that is adapted to them). "all:5" is "all" of a data set whose
            pictures have five. Opacity is no channel, and CMYK counts as the three colours that it prints.
        pages: of a TIFF: "first", "each" (every page is an image of its own) or "channels" (pages of one shape are
            the channels of one image).

    Raises:
        ValueError: not one of these.
    """

    window: str = "full"
    channels: str = "first"
    pages: str = "first"

    def __post_init__(self) -> None:
        if self.window != "full":
            ends = _parse_window(self.window)
            text = ",".join(
                f"{kind}={_number(low)}:{_number(high)}" for kind, (low, high) in sorted(ends.items())
            )
            object.__setattr__(self, "window", text)
        if self.channels not in ("first", "mean", "all"):
            object.__setattr__(self, "channels", _parse_channels(self.channels))
        if self.pages not in ("first", "each", "channels"):
            raise ValueError(f"pages must be first, each or channels, not {self.pages!r}.")

    def ends(self, kind: str) -> tuple[float, float] | None:
        """What becomes black and white of numbers of `kind`, one of TYPES; None under the window "full"."""
        return None if self.window == "full" else _parse_window(self.window).get(kind)

    @property
    def picks(self) -> tuple[int, ...] | None:
        """The channels that are picked, counted from 0; None where `channels` picks none."""
        head, _, places = self.channels.partition(":")
        return tuple(int(place) for place in places.split(",")) if head == "pick" else None

    @property
    def num_channels(self) -> int | None:
        """Of every picture that is read so; None for "all" of a data set whose channels nobody has counted yet."""
        head, _, number = self.channels.partition(":")
        if head != "all":
            return 3
        return int(number) if number else None

    def to_json(self) -> dict[str, str]:
        return {"window": self.window, "channels": self.channels, "pages": self.pages}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Reading:
        """Raises ValueError for what no reading is."""
        return cls(**{field.name: str(body[field.name]) for field in fields(cls) if field.name in body})


def fixed_window(types: Iterable[str], low: float, high: float) -> str:
    """The window that maps `low`..`high` of each of `types` to black..white. Raises ValueError."""
    return Reading(window=",".join(f"{kind}={_number(low)}:{_number(high)}" for kind in types)).window


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureSpec:
    """One comparison's choice of what "the feature" of an image is."""

    backbone: str  # catalogue id, Hugging Face id, timm name or local path
    weights: str  # digest of the weights that are really loaded
    feature: str  # one of FEATURES
    # 0-based transformer blocks (or stages of a convolutional network) whose outputs are read, each with the final
    # norm, joined in this order; one is a number; -1: the last, which is what the backbone is usually read from.
    layer: int | tuple[int, ...]
    preprocess: Preprocess
    decode: Decode = "scaled"  # "scaled": libjpeg's DCT scaling to at least twice the target
    reading: Reading = field(default_factory=Reading)
    precision: Precision = "fp32"
    version: int = PREPROCESSING_VERSION

    def __post_init__(self) -> None:
        if self.feature not in FEATURES:
            raise ValueError(f"feature must be one of {', '.join(FEATURES)}, not {self.feature!r}.")
        layers = self.layers
        if isinstance(self.layer, tuple) and (len(layers) < 2 or layers[0] < 0):
            raise ValueError(f"several layers are two or more, counted from 0, not {list(layers)}.")
        if layers[0] < -1 or list(layers) != sorted(set(layers)):
            raise ValueError(f"layers must be -1, or counted from 0 in order, not {list(layers)}.")

    @property
    def layers(self) -> tuple[int, ...]:
        """Every layer that is read, counted from 0; (-1,) is the last alone."""
        return self.layer if isinstance(self.layer, tuple) else (self.layer,)

    def fingerprint(self) -> str:
        """16 hex digits that change with anything that could change a number of the feature."""
        return _digest(self.to_json())

    def extraction_fingerprint(self) -> str:
        """Like `fingerprint`, leaving out the pooling: one forward pass serves every pooled feature."""
        body = self.to_json()
        del body["feature"]
        return _digest(body)

    def to_json(self) -> dict[str, Any]:
        """The reading's parts stand beside the rest, and only the window where the others are the usual ones: so
        have specs been written since before there were others, and their fingerprints stay."""
        body = asdict(self)
        del body["reading"]
        usual = Reading().to_json()
        chosen = self.reading.to_json()
        return {
            **body,
            **{key: text for key, text in chosen.items() if key == "window" or text != usual[key]},
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> FeatureSpec:
        known = {field.name for field in fields(cls)}
        values = {key: value for key, value in body.items() if key in known}
        pixels = dict(values["preprocess"])
        pixels["mean"], pixels["std"] = tuple(pixels["mean"]), tuple(pixels["std"])
        if isinstance(values.get("layer"), list):
            values["layer"] = tuple(values["layer"])
        return cls(**{**values, "preprocess": Preprocess(**pixels), "reading": Reading.from_json(body)})


def _parse_window(text: str) -> dict[str, tuple[float, float]]:
    ends: dict[str, tuple[float, float]] = {}
    for part in text.split(","):
        kind, _, span = part.strip().partition("=")
        low, _, high = span.partition(":")
        try:
            pair = float(low), float(high)
        except ValueError:
            pair = math.nan, math.nan
        if kind not in TYPES or kind in ends or not math.isfinite(pair[1] - pair[0]):
            raise ValueError(
                f"The intensity window {text!r} is none: write full, or TYPE=LOW:HIGH such as u16=0:4095, once for "
                f"each of {', '.join(TYPES)} that needs one."
            )
        if pair[0] >= pair[1]:
            raise ValueError(f"The intensity window {text!r} must end above where it begins.")
        ends[kind] = pair
    return ends


def _number(value: float) -> str:
    return repr(float(value) + 0.0).removesuffix(".0")  # + 0.0 makes -0.0 what it equals


def _parse_channels(text: str) -> str:
    head, _, rest = text.partition(":")
    numbers = [int(part) for part in rest.split(",") if part.strip().isascii() and part.strip().isdigit()]
    if head == "pick" and len(numbers) == 3 == rest.count(",") + 1:
        return "pick:" + ",".join(map(str, numbers))
    if head == "all" and len(numbers) == 1 and numbers[0] >= 1 and "," not in rest:
        return f"all:{numbers[0]}"
    raise ValueError(
        f"channels must be first, mean, all, or three that are picked, such as pick:2,0,1; not {text!r}."
    )


def _digest(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
