"""What exactly is asked of a backbone: its pooling, its layers, its input size. Strictly, or the nearest that it has.

A comparison asks one thing of every backbone, and not each can give it: a convolutional network has no class token,
a histogram no layers, and a patch of 14 px no input of 512. `nearest` takes what comes closest; whether the result
may be ranked with the others is said by `records.feature_lock`.
"""

from __future__ import annotations

from workbench.engine.backbones import recipes
from workbench.records.asked import given_feature, given_size
from workbench.records.layers import LAST, Layers, check_layers, parse_layers
from workbench.records.spec import Preprocess


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
    if asked and not nearest:
        if asked not in offered:
            raise ValueError(f"{name} has no feature {asked!r}. It offers {', '.join(offered)}.")
        if asked == "pooled" and not has_pooled(offered, layer):
            others = ", ".join(feature for feature in offered if feature != "pooled")
            raise ValueError(
                f"{name} has its pooled output behind the last layer only. Choose {others}, or leave the layers out."
            )
    return given_feature(asked or "", offered, default, inner=layer != LAST)


def has_pooled(offered: tuple[str, ...], layer: Layers) -> bool:
    """Whether `layer` has what `offered` calls pooled: each stage of a convolutional network has."""
    return layer == LAST or offered == ("pooled",)


def shortfalls(
    feature: str, layers: str, size: int, *, title: str, given: str, depth: int, given_size: int
) -> list[str]:
    """Where a backbone gives the nearest of what was asked: a sentence each. `feature`, `layers`, `size` as asked."""
    told = []
    if feature and given != feature:
        told.append(f"{title} has no {feature} to give, so its {given} is the feature.")
    try:
        parse_layers(layers, depth, title)
    except ValueError as error:
        told.append(f"{str(error).partition('. ')[0]}, so its last layer is read." if depth else "")
    if size and size != given_size:
        told.append(f"{title} gets {given_size} px, the nearest to {size} px that its patches tile.")
    return [sentence for sentence in told if sentence]


def choose_size(
    recipe: Preprocess, asked: int | None, usual: int | None, multiple: int, name: str, *, nearest: bool
) -> Preprocess:
    """`recipe` at the size that was asked, else at `usual`, else at its own.

    Raises:
        ValueError: a size that the backbone's patches don't tile, or that is too small.
    """
    size = given_size(asked, multiple) if asked and nearest else asked or usual or recipe.size
    return recipes.at_size(recipe, size, multiple, name)
