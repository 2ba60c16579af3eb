"""What exactly is asked of a backbone: its pooling, its layers, its input size. Strictly, or the nearest that it has.

A comparison asks one thing of every backbone, and not each can give it: a convolutional network has no class token,
a histogram no layers, and a patch of 14 px no input of 512. `nearest` takes what comes closest; whether the result
may be ranked with the others is said by `records.feature_lock`.
"""

from __future__ import annotations

from workbench.engine.backbones import recipes
from workbench.records.layers import LAST, Layers, check_layers, parse_layers
from workbench.records.spec import Preprocess

_LEAST = 32  # px


def choose_layers(text: str, depth: int, name: str, *, nearest: bool) -> Layers:
    """`text` as in `records.layers.parse_layers`; with `nearest`, the last where it asks for more than there are.

    Raises:
        ValueError: no layers, or none that the backbone has.
    """
    check_layers(text)
    try:
        return parse_layers(text, depth, name)
    except ValueError:
        if nearest:
            return LAST
        raise


def choose_feature(
    asked: str | None, offered: tuple[str, ...], default: str, layer: Layers, name: str, *, nearest: bool
) -> str:
    """One of `offered`: what was asked, else what the family is usually used with.

    A token model's pooled output comes behind its last layer; other layers have tokens only.

    Raises:
        ValueError: the backbone has no such feature, or not at those layers.
    """
    chosen = asked or default
    if chosen not in offered:
        if not nearest:
            raise ValueError(f"{name} has no feature {chosen!r}. It offers {', '.join(offered)}.")
        chosen = default
    if chosen == "pooled" and not has_pooled(offered, layer):
        if asked and not nearest:
            others = ", ".join(feature for feature in offered if feature != "pooled")
            raise ValueError(
                f"{name} has its pooled output behind the last layer only. Choose {others}, or leave the layers out."
            )
        return "cls" if "cls" in offered else "mean"
    return chosen


def has_pooled(offered: tuple[str, ...], layer: Layers) -> bool:
    """Whether `layer` has what `offered` calls pooled: each stage of a convolutional network has."""
    return layer == LAST or offered == ("pooled",)


def choose_size(
    recipe: Preprocess, asked: int | None, usual: int | None, multiple: int, name: str, *, nearest: bool
) -> Preprocess:
    """`recipe` at the size that was asked, else at `usual`, else at its own.

    Raises:
        ValueError: a size that the backbone's patches don't tile, or that is too small.
    """
    size = asked or usual or recipe.size
    if asked and nearest:
        least = -(-max(2 * multiple, _LEAST) // multiple)
        size = multiple * max(round(asked / multiple), least)
    return recipes.at_size(recipe, size, multiple, name)
