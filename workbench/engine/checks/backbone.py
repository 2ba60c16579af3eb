"""What every backbone must be, asked of one that a plugin brings."""

from __future__ import annotations

import numpy as np

from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.plugged import PluginBackbone
from workbench.engine.backbones.resolve import resolve
from workbench.records.plugin_checks import Skip, Steps

CLOSE = 1e-4  # of the largest number of a vector, between one picture and three at once


def check_backbone(name: str, backbone: type[PluginBackbone], steps: Steps) -> None:
    made: PluginBackbone | None = None
    with steps.step(f"{name}: says what it is"):
        if backbone.takes_rest:
            raise Skip(f"it is asked for as {name}:SOMETHING, and only its user knows what that is")
        made = backbone()
        made.facts()
    if made is None:
        return
    with steps.step(f"{name}: gives the features that it promises, each time the same"):
        if not made.available:
            raise Skip(f"its weights are not on this machine. {made.remedy}".rstrip())
        _embeds(name)


def _embeds(name: str) -> None:
    found = resolve(name)
    pictures = np.random.default_rng(0).integers(
        0, 256, (3, found.spec.preprocess.size, found.spec.preprocess.size, 3), dtype=np.uint8
    )
    loaded = load_backbone(found.spec, "cpu")
    together = loaded.pooled_features(pictures)
    again = load_backbone(found.spec, "cpu").pooled_features(pictures)
    alone = [loaded.pooled_features(picture[None]) for picture in pictures]
    for feature, vectors in together.items():
        if not np.isfinite(vectors).all():
            raise ValueError(f"Its {feature} is not finite.")
        if not np.array_equal(vectors, again[feature]):
            raise ValueError(f"Loaded twice, its {feature} differs: something in it is drawn at random.")
        largest = max(float(np.abs(vectors).max()), 1e-6)
        apart = max(
            float(np.abs(one[feature][0] - vector).max()) for one, vector in zip(alone, vectors, strict=True)
        )
        if apart > CLOSE * largest:
            raise ValueError(
                f"Its {feature} of a picture hangs on the other pictures of the batch: is it in evaluation mode?"
            )
