"""Pictures that a verb is told to look at, and the folder for what comes out: the same words for all of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from workbench.pixels.gathered import EMPTY, gather
from workbench.records.text import count, printable

MOST = 12  # pictures of a folder, unless told otherwise


def add_most(verb: argparse.ArgumentParser) -> None:
    """The flag --most."""
    verb.add_argument(
        "--most", type=int, default=MOST, help=f"Pictures taken of a folder at most (default: {MOST})."
    )


def pictures_of(paths: Sequence[Path], most: int) -> list[Path]:
    """The files that are meant, each once, and of folders the first `most` images in the order of their names.

    Raises ValueError for what isn't there, and for a folder without images; whether a file is an image shows later.
    """
    if most < 1:
        raise ValueError(f"--most must be 1 or more, not {most}.")
    found = gather(paths, most=most)
    for each in found.refused:
        if Path(each.path) in paths:
            what = "holds no images." if each.reason == EMPTY else f"can't be used. {each.reason}"
            there = each.reason == EMPTY or Path(each.path).exists()
            raise ValueError(f"{each.path} {what if there else 'does not exist. Check the path.'}")
        print(f"{printable(each.path)} is left out: {each.reason}", file=sys.stderr)
    for folder, taken, number in found.cut:
        images = count(number, "image")
        print(
            f"{printable(str(folder))}: the first {taken} of {images} (--most takes more).", file=sys.stderr
        )
    return list(found.files)


def out_folder(name: str) -> Path:
    """Where the pictures go. Raises ValueError, before any work is done, where that can be no folder."""
    path = Path(name).expanduser().absolute()
    above = next((each for each in (path, *path.parents) if each.exists()), path)
    if above.exists() and not above.is_dir():
        raise ValueError(f"{above} is a file, so that no folder for the pictures can be there. Change --out.")
    return path
