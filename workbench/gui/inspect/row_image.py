"""The image of a row, be it of the data set or from a file: where it lies, how large it is and what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.gui.thumbnails import tile_key
from workbench.gui.widgets.image_grid import describe
from workbench.pixels.gathered import Picture
from workbench.records.index import NO_CODE, ImageIndex
from workbench.records.text import printable


@dataclass(frozen=True, slots=True)
class RowImage:
    """`key` names its thumbnail, `about` is its class or where it comes from, `told` all that is known of it."""

    file: Path
    page: int
    width: int  # pixels
    height: int
    key: bytes
    name: str
    about: str
    told: str


def item_image(index: ImageIndex, position: int, file: Path) -> RowImage:
    """An image of the data set."""
    name, page = str(index.paths[position]).rsplit("/", 1)[-1], int(index.page[position])
    label = int(index.label[position])
    return RowImage(
        file=file,
        page=page,
        width=int(index.width[position]),
        height=int(index.height[position]),
        key=tile_key(index, position),
        name=f"{name} · p. {page + 1}" if page else name,
        about=index.classes[label] if label != NO_CODE else "",
        told=describe(index, position),
    )


def outside_image(picture: Picture, index: ImageIndex | None, twin: int) -> RowImage:
    """A picture from a file; `twin` is the place of the image of the data set that has the same bytes, or -1."""
    header = picture.header
    about, same = "from a file", ""
    if index is not None and 0 <= twin < len(index):
        label = int(index.label[twin])
        about = "in the data set" + (f" as {index.classes[label]}" if label != NO_CODE else "")
        same = f"the same file as {printable(str(index.paths[twin]))}"
    facts = [printable(str(picture.file)), f"{header.width:,} × {header.height:,} px {header.mode}", same]
    return RowImage(
        file=picture.file,
        page=0,
        width=header.width,
        height=header.height,
        key=picture.digest,
        name=picture.name,
        about=about,
        told=" · ".join(part for part in facts if part),
    )
