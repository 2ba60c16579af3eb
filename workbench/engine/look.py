"""One file looked at: what it holds, what its bytes are, or why it can't be used. No torch, and nothing is kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.pixels.decode import ImageError, page_numbers, read_header
from workbench.pixels.examine import Examined, examine
from workbench.pixels.source import why_not_opened
from workbench.records.index import Refused, digest_of_file
from workbench.records.roots import Roots, locate
from workbench.records.spec import Reading

OVERLAP = 4  # files that one pair of hands waits for at a time

Stamp = tuple[int, int] | None  # size and time of a file that is known already


@dataclass(frozen=True, slots=True)
class Found:
    """A file that was read: its pages, and what tells whether it is still the same."""

    file_size: int
    mtime_ns: int
    digest: bytes
    pages: list[Examined]


def look_at(
    paths: Sequence[str], stamps: Sequence[Stamp], roots: Roots, reading: Reading, check: str, max_pixels: int
) -> list[Found | Refused | None]:
    """`look` at each of `paths` of an index that is new or changed since its stamp; None for every other.

    Some at a time: a disk that is asked for several files is quicker.
    """
    answers: list[Found | Refused | None] = [None] * len(paths)
    new = [
        place
        for place, (path, stamp) in enumerate(zip(paths, stamps, strict=True))
        if stamp is None or not _unchanged(path, stamp, roots)
    ]

    def one(place: int) -> None:
        path = paths[place]
        answers[place] = look(locate(path, roots), path, reading, check, max_pixels)

    if len(new) <= OVERLAP:
        for place in new:
            one(place)
    else:
        with ThreadPoolExecutor(OVERLAP) as pool:
            list(pool.map(one, new))
    return answers


def _unchanged(path: str, stamp: tuple[int, int], roots: Roots) -> bool:
    """Whether the file still has this size and time. Strings, not paths: a million files are asked each time."""
    file = f"{roots['']}/{path}" if "" in roots else str(locate(path, roots))
    try:
        facts = os.stat(file)  # noqa: PTH116 - a hot loop
    except OSError:
        return False
    return (facts.st_size, facts.st_mtime_ns) == stamp


def look(file: Path, path: str, reading: Reading, check: str, max_pixels: int) -> Found | Refused:
    """What the file holds, or why it can't be used."""
    try:
        facts = file.stat()
        if check == "pixels":
            pages = examine(file, reading=reading, max_pixels=max_pixels)
        else:
            numbers = page_numbers(file) if reading.pages == "each" else [0]
            nothing = (np.nan,) * 4
            pages = [
                Examined(
                    number,
                    read_header(file, reading=reading, page=number, max_pixels=max_pixels),
                    nothing,
                    b"",
                )
                for number in numbers
            ]
        digest = digest_of_file(file)
        after = file.stat()
    except ImageError as error:
        return Refused(path, error.reason)
    except OSError as error:
        return Refused(path, why_not_opened(file, error))
    if (facts.st_size, facts.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return Refused(path, "The file changed while it was read. Index again when it is finished.")
    return Found(facts.st_size, facts.st_mtime_ns, digest, pages)
