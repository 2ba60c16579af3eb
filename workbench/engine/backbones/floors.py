"""What a comparison has to beat: a ViT that has learnt nothing, and colour and texture counted by hand.

Changing either changes the feature: raise the number in `resolve._floor` with it.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from workbench.engine.backbones.base import Named
from workbench.records.spec import FeatureSpec

_SEED = 20
_TRAINED_AT = 224  # px, whose grid of positions is drawn; other sizes interpolate it


def random_vit(size: int) -> torch.nn.Module:
    """timm's ViT-Tiny/16 with weights from numpy's legacy generator, whose stream is frozen for good.

    Matrices are normal with variance 1 / fan-in, so that signals keep their size through the depth; positions and the
    class token have deviation 0.02 (Dosovitskiy et al. 2021). torch's and numpy's own random states stay as they are.
    """
    import timm

    with torch.device("meta"):
        module = timm.create_model(
            "vit_tiny_patch16_224", num_classes=0, dynamic_img_size=size != _TRAINED_AT
        )
    generator = np.random.RandomState(_SEED)
    state: dict[str, torch.Tensor] = {}
    for name, tensor in module.state_dict().items():
        shape = tuple(tensor.shape)
        if name in ("cls_token", "pos_embed"):
            values = generator.normal(0, 0.02, shape)
        elif len(shape) > 1:
            values = generator.normal(0, math.sqrt(1 / np.prod(shape[1:])), shape)
        else:
            values = np.full(shape, float("norm" in name and name.endswith("weight")))
        state[name] = torch.from_numpy(values.astype(np.float32))
    module.load_state_dict(state, strict=True, assign=True)
    return module.eval().requires_grad_(False)


class HistogramBackbone:
    """Colour and texture of an image as one vector of 392 numbers, in numpy.

    - 64 joint hue-saturation-value cells (8 x 2 x 4) and 3 x 16 levels of red, green and blue (Swain & Ballard 1991);
    - uniform local binary patterns, 59 of them, at radius 1 and 3 (Ojala, Pietikaeinen & Maenpaeae 2002);
    - gradient orientation, 9 unsigned bins weighted by strength, whole image and 4 x 4 cells (Dalal & Triggs 2005);
    - mean and deviation of each channel and of grey, at full and quarter resolution.
    Histograms are square roots of shares, so that Euclidean distance is Hellinger's.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self.spec = spec
        self.dimensions = {"pooled": LENGTH}

    def encode(self, images: np.ndarray) -> Named:
        return {"pooled": torch.from_numpy(self.pooled_features(images)["pooled"])}

    def pooled_features(self, images: np.ndarray) -> dict[str, np.ndarray]:
        size = self.spec.preprocess.size
        if images.ndim != 4 or images.shape[1:] != (size, size, 3) or not len(images):
            raise ValueError(f"expected images of shape (B, {size}, {size}, 3), got {images.shape}.")
        return {"pooled": np.stack([describe(image) for image in images])}

    def release_memory(self) -> None:
        """Nothing is held."""


def describe(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8, or float32 in 0..1 -> (LENGTH,) float32."""
    rgb = image.astype(np.float32) / (255 if image.dtype == np.uint8 else 1)
    grey = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    parts = [_joint_hsv(rgb), *(_shares(_level(rgb[..., c], 16), 16) for c in range(3))]
    parts += [_shares(_patterns(grey, radius), _PATTERNS) for radius in (1, 3)]
    parts += [_orientations(grey)]
    quarter = grey[::4, ::4]
    moments = [
        rgb.mean((0, 1)),
        rgb.std((0, 1)),
        [grey.std(), quarter.std()],
        [np.abs(np.diff(grey, axis=1)).mean()],
    ]
    return np.concatenate([*parts, *(np.asarray(m, np.float32) for m in moments)]).astype(np.float32)


def _level(plane: np.ndarray, bins: int) -> np.ndarray:
    return np.clip((plane * bins).astype(np.int64), 0, bins - 1)


def _shares(codes: np.ndarray, bins: int, weights: np.ndarray | None = None) -> np.ndarray:
    flat = None if weights is None else weights.ravel()
    counts = np.bincount(codes.ravel(), weights=flat, minlength=bins)
    return np.sqrt(counts / max(counts.sum(), 1e-12)).astype(np.float32)


def _joint_hsv(rgb: np.ndarray) -> np.ndarray:
    value = rgb.max(-1)
    spread = value - rgb.min(-1)
    saturation = np.divide(spread, value, out=np.zeros_like(value), where=value > 0)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    safe = np.where(spread > 0, spread, 1)
    hue = np.select(
        [value == red, value == green],
        [((green - blue) / safe) % 6, (blue - red) / safe + 2],
        (red - green) / safe + 4,
    )
    codes = (_level(hue / 6, 8) * 2 + _level(saturation, 2)) * 4 + _level(value, 4)
    return _shares(codes, 64)


def _uniform_table() -> np.ndarray:
    """256 binary codes -> 58 codes with at most two changes around the circle, and one for all others."""
    table = np.full(256, 58)
    uniform = [code for code in range(256) if bin(code ^ ((code >> 1) | ((code & 1) << 7))).count("1") <= 2]
    table[uniform] = np.arange(len(uniform))
    return table


_UNIFORM = _uniform_table()
_PATTERNS = 59
_CIRCLE = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def _patterns(grey: np.ndarray, radius: int) -> np.ndarray:
    height, width = grey.shape
    centre = grey[radius : height - radius, radius : width - radius]
    code = np.zeros(centre.shape, np.uint8)
    for bit, (down, right) in enumerate(_CIRCLE):
        top, left = radius * (1 + down), radius * (1 + right)
        code |= (grey[top : top + centre.shape[0], left : left + centre.shape[1]] >= centre).astype(
            np.uint8
        ) << bit
    return _UNIFORM[code]


def _orientations(grey: np.ndarray) -> np.ndarray:
    """9 bins for the whole image, then for each of 4 x 4 cells."""
    down, right = np.gradient(grey)
    strength = np.hypot(down, right)
    codes = _level(np.arctan2(down, right) / np.pi % 1, 9)
    parts = [_shares(codes, 9, strength)]
    for rows in np.array_split(np.arange(grey.shape[0]), 4):
        for columns in np.array_split(np.arange(grey.shape[1]), 4):
            cell = np.ix_(rows, columns)
            parts.append(_shares(codes[cell], 9, strength[cell]))
    return np.concatenate(parts)


LENGTH = 64 + 3 * 16 + 2 * _PATTERNS + 17 * 9 + 9
