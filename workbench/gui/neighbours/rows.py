"""What a model has nearest to an item or to a picture from a file, as a row of the board."""

from __future__ import annotations

from pathlib import Path

from workbench.gui.maps.atlas import NO_CODE, Atlas
from workbench.gui.neighbours.board import Row, Tile
from workbench.records.nearest import Nearest
from workbench.records.neighbours_job import AskedImage

OUTSIDE = -1  # the item of a tile that shows the picture from a file
Found = Nearest | str | None  # a model's answer, why there is none, or None where its file lacks the image


def tile_of(
    atlas: Atlas, item: int, distance: float | None = None, *, own: int = NO_CODE, itself: str = ""
) -> Tile:
    """`own` is the class of what was asked about."""
    code = int(atlas.labels.code[item])
    return Tile(
        item=item,
        name=atlas.paths[item].rsplit("/", 1)[-1],
        label=atlas.labels.names[code] if code != NO_CODE else "",
        distance=distance,
        right=code == own if NO_CODE not in (code, own) and not itself else None,
        itself=itself,
    )


def item_told(atlas: Atlas, item: int) -> tuple[Tile, str]:
    """An item as what is asked about, and a line about it: its group."""
    group = int(atlas.groups.code[item])
    return tile_of(atlas, item), atlas.groups.names[group] if group != NO_CODE else ""


def item_row(atlas: Atlas, item: int, found: Found, model: tuple[str, str], said: str, k: int) -> Row:
    """Of an item. `model` is name and title, `said` the class that its probe gives the item."""
    if not isinstance(found, Nearest):
        return Row(*model, why=found or "This image is not in its file.")
    own = int(atlas.labels.code[item])
    pairs = zip(found.items[:k].tolist(), found.distance.tolist(), strict=False)
    return Row(*model, tuple(tile_of(atlas, near, distance, own=own) for near, distance in pairs), said)


def picture_told(picture: Path, answer: AskedImage | str) -> tuple[Tile, str]:
    """A picture from a file as what is asked about, and whether the data set holds it."""
    known = answer if isinstance(answer, AskedImage) else None
    label = (known.label if known is not None else "") or "No label"
    tile = Tile(OUTSIDE, picture.name, f"{label} · from a file")
    return tile, known.told() if known is not None else ""


def picture_row(atlas: Atlas, answer: AskedImage | str, model: tuple[str, str], k: int) -> Row:
    """Of a picture from a file; `answer` is of the models in the order of the atlas's rows, or why there is none."""
    if isinstance(answer, str):
        return Row(*model, why=answer or "Embedding the picture as the images were…")
    found = answer.answers[list(atlas.rows).index(model[0])]
    names = atlas.labels.names
    own = names.index(answer.label) if answer.label in names else NO_CODE
    tiles = tuple(
        tile_of(atlas, atlas.where[item.id], item.distance, own=own, itself=answer.itself(item.id))
        for item in found.nearest[:k]
    )
    return Row(*model, tiles, why=found.error)
