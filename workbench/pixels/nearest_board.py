"""What embedding files hold nearest to pictures, as a board: a row for each picture and model, the nearest first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.pixels.boards import Board, Column, Row
from workbench.pixels.cells import Cell
from workbench.pixels.decode import ImageError, read_scaled
from workbench.pixels.overlays import three_channels
from workbench.records.index import digest_of_file, digest_of_page, may_be
from workbench.records.neighbours_job import (
    FOR_LOOKING,
    AskedFile,
    AskedImage,
    ListedItem,
    NeighboursResult,
    item_file,
)
from workbench.records.spec import Reading
from workbench.records.text import count

SIDE = 560  # px of a picture's longer side, at most: a sheet draws no cell larger than half of it, at double density

_USUAL = Reading()


def nearest_board(result: NeighboursResult, folders: Sequence[str], reading: Reading = _USUAL) -> Board:
    """Pictures are read from `folders`, those of the items; an answer without neighbours is told in the notes.

    Raises:
        ValueError: no file has an answer.
    """
    pictures = _Pictures(folders, reading)
    titles = _titles(result.files)
    rows, notes = [], []
    most = max((len(answer.nearest) for image in result.images for answer in image.answers), default=0)
    for image in result.images:
        name = name_of(image)
        if image.item is None:
            notes.append(f"{name}: {image.told()}.")
        for title, answer in zip(titles, image.answers, strict=True):
            if answer.error:
                notes.append(f"{name}, {title}: {answer.error}")
                continue
            cells = tuple((pictures.of_item(item, image.itself(item.id)),) for item in answer.nearest)
            rows.append(
                Row(
                    name=" · ".join(part for part in (name, image.label) if part),
                    picture=pictures.of_asked(image),
                    cells=cells + ((),) * (most - len(cells)),
                    heading=" · ".join(part for part in (title, image.agree(answer.nearest)) if part),
                )
            )
    if not rows:
        raise ValueError("No file has an answer about any of the pictures.")
    sizes = {file.items for file in result.files}
    among = f", among {count(sizes.pop(), 'item')}" if len(sizes) == 1 else ""
    return Board(
        title=f"Nearest images: {count(len(result.images), 'picture')}, {count(len(result.files), 'model')}",
        columns=tuple(Column(title=f"{place + 1}.") for place in range(most)),
        rows=tuple(rows),
        asked=f"The nearest by cosine{among}, each with its class and its distance (1 − cosine).",
        notes=tuple(dict.fromkeys(notes)),
        claim=FOR_LOOKING,
    )


def name_of(image: AskedImage) -> str:
    """What a picture is called: the name of its file."""
    return (image.item.path if image.item is not None else Path(image.image).name).rsplit("/", 1)[-1]


def _titles(files: Sequence[AskedFile]) -> list[str]:
    """Titles that tell the files apart."""
    plain = [" · ".join(part for part in (file.title, file.feature) if part) for file in files]
    return [
        f"{title} ({Path(file.file).name})" if plain.count(title) > 1 else title
        for title, file in zip(plain, files, strict=True)
    ]


class _Pictures:
    """Reads each picture once."""

    def __init__(self, folders: Sequence[str], reading: Reading) -> None:
        self._folders, self._reading = folders, reading
        self._read: dict[tuple[Path, int], Cell] = {}

    def of_asked(self, image: AskedImage) -> Cell:
        if image.item is not None:
            return self._of(image.item)
        return self._cell(Path(image.image), 0)

    def of_item(self, item: ListedItem, itself: str) -> Cell:
        """With its class and how far it is; `itself` as in `AskedImage`."""
        made = self._of(item)
        distance = "" if item.distance is None else f"{item.distance:.3f}"
        words = (itself, item.label or "no label", distance)
        return Cell(made.pixels, " · ".join(part for part in words if part), reason=made.reason)

    def _of(self, item: ListedItem) -> Cell:
        """What lies there by now may be another picture: then it isn't shown."""
        name = item.path.rsplit("/", 1)[-1]
        place = item_file(item.path, self._folders)
        if place is None:
            return Cell(None, reason=f"{name} is not in the folder of the images.")
        file, page = place
        try:
            digest = digest_of_page(digest_of_file(file), page)
        except OSError as error:
            return Cell(None, reason=f"{name} can't be read: {error.strerror or error}.")
        if not may_be(item.id, digest):
            return Cell(None, reason=f"{name} is another image than the one that was embedded.")
        return self._cell(file, page)

    def _cell(self, file: Path, page: int) -> Cell:
        key = (file, page)
        if key not in self._read:
            try:
                image = read_scaled(file, at_least=SIDE // 2, reading=self._reading, page=page).image
            except ImageError as error:
                self._read[key] = Cell(None, reason=error.reason)
            else:
                small = Image.fromarray(three_channels(image))
                small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
                self._read[key] = Cell(np.asarray(small))
        return self._read[key]
