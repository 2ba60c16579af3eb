"""Pictures that somebody names from wherever they are: which files are meant, and what each of them is.

The window's boards and the command line take files and folders in the same way.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.pixels.decode import Header, ImageError, read_header
from workbench.pixels.examine import examine
from workbench.pixels.source import EXTENSIONS, why_not_opened
from workbench.records.index import Refused, digest_of_file
from workbench.records.spec import Reading

EMPTY = "The folder holds no images."


@dataclass(frozen=True, slots=True)
class Gathered:
    """The files that are meant, in the order in which they were named and each once.

    Attributes:
        files: those of a folder stand in the order of their names; whether one is an image shows when it is read.
        refused: what was named and is no file, by its whole path.
        cut: folders of which not all images are taken, with how many and out of how many.
    """

    files: tuple[Path, ...] = ()
    refused: tuple[Refused, ...] = ()
    cut: tuple[tuple[Path, int, int], ...] = ()


def gather(
    named: Sequence[Path], *, most: int | None = None, wanted: Callable[[], bool] = lambda: True
) -> Gathered:
    """The files among `named`, and the images of its folders and of all folders in them, `most` of each at most.

    Hidden files and folders are passed over, and links to folders aren't followed. `wanted` is asked between two
    entries of a folder; where it says no, what was found so far is returned.
    """
    files: dict[Path, None] = {}
    refused: list[Refused] = []
    cut: list[tuple[Path, int, int]] = []
    for path in named:
        try:
            facts = path.stat()
        except (OSError, ValueError) as error:  # ValueError: a name with a null character
            refused.append(Refused(str(path), _why_not(path, error)))
            continue
        if not stat.S_ISDIR(facts.st_mode):
            files[path] = None
            continue
        number, before = 0, len(refused)
        for file in _images(path, refused, wanted):
            number += 1
            if most is None or number <= most:
                files[file] = None
        if not number and len(refused) == before:
            refused.append(Refused(str(path), EMPTY))
        elif most is not None and number > most:
            cut.append((path, most, number))
    return Gathered(tuple(files), tuple(refused), tuple(cut))


def _why_not(path: Path, error: OSError | ValueError) -> str:
    return why_not_opened(path, error) if isinstance(error, OSError) else "No file can have that name."


def _images(folder: Path, refused: list[Refused], wanted: Callable[[], bool]) -> Iterator[Path]:
    """Without recursion: a folder may be nested as deep as the system allows."""
    open_folders = [_entries(folder, refused)]
    while open_folders and wanted():
        entry = next(open_folders[-1], None)
        if entry is None:
            open_folders.pop()
        elif entry.is_dir(follow_symlinks=False):
            open_folders.append(_entries(Path(entry.path), refused))
        elif Path(entry.name).suffix.lower() in EXTENSIONS and entry.is_file():
            yield Path(entry.path)


def _entries(folder: Path, refused: list[Refused]) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        refused.append(Refused(str(folder), f"The folder can't be read: {error.strerror}."))
        return iter(())
    return iter([entry for entry in entries if not entry.name.startswith(".")])


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that was read. Of several pages it is the first, unless pages are channels."""

    file: Path
    header: Header
    digest: bytes  # 16, of the file's bytes, as an index has them
    stamp: tuple[int, int]  # size and nanoseconds, by which it is seen that the file is another by now

    @property
    def name(self) -> str:
        return self.file.name


def look_at_picture(file: Path, reading: Reading, *, whole: bool) -> Picture:
    """What a file holds. With `whole` every pixel is decoded, and so what is damaged is refused; else the head alone.

    Raises ImageError for what can't be a picture under `reading`.
    """
    pages = "channels" if reading.pages == "channels" else "first"
    reading = replace(reading, pages=pages)
    try:
        facts = file.stat()
        header = examine(file, reading=reading)[0].header if whole else read_header(file, reading=reading)
        return Picture(file, header, digest_of_file(file), (facts.st_size, facts.st_mtime_ns))
    except OSError as error:
        raise ImageError(file, why_not_opened(file, error)) from None


def changed(picture: Picture) -> bool:
    """Whether the file is another by now, or gone."""
    try:
        facts = picture.file.stat()
    except OSError:
        return True
    return (facts.st_size, facts.st_mtime_ns) != picture.stamp
