"""What exactly a feature is: backbone, weights, layer, pooling, pixels. Fingerprinted, so that two rows
of a comparison are set side by side only when they were made alike."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

FEATURES = ("cls", "mean", "cls+mean", "pooled")
PREPROCESSING_VERSION = 1  # raise when the same Preprocess would give other pixels

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
class FeatureSpec:
    """One comparison's choice of what "the feature" of an image is."""

    backbone: str  # catalogue id, Hugging Face id, timm name or local path
    weights: str  # digest of the weights that are really loaded
    feature: str  # one of FEATURES
    layer: int  # 0-based transformer block whose output is read; -1: the last, with the final norm
    preprocess: Preprocess
    decode: Decode = "scaled"  # "scaled": libjpeg's DCT scaling to at least twice the target
    window: str = "full"  # how 16-bit and float levels become 0..1; "full": the type's whole range
    precision: Precision = "fp32"
    version: int = PREPROCESSING_VERSION

    def __post_init__(self) -> None:
        if self.feature not in FEATURES:
            raise ValueError(f"feature must be one of {', '.join(FEATURES)}, not {self.feature!r}.")

    def fingerprint(self) -> str:
        """16 hex digits that change with anything that could change a number of the feature."""
        return _digest(self.to_json())

    def extraction_fingerprint(self) -> str:
        """Like `fingerprint`, leaving out the pooling: one forward pass serves every pooled feature."""
        body = self.to_json()
        del body["feature"]
        return _digest(body)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> FeatureSpec:
        known = {field.name for field in fields(cls)}
        values = {key: value for key, value in body.items() if key in known}
        pixels = dict(values["preprocess"])
        pixels["mean"], pixels["std"] = tuple(pixels["mean"]), tuple(pixels["std"])
        return cls(**{**values, "preprocess": Preprocess(**pixels)})


def _digest(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
