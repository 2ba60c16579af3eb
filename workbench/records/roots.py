"""Where the images lie: one folder, or several under names of their own.

With one folder a path in an index is relative to it. With several, each has a name, and paths begin with it as
with a first folder: "site B/scratch/07.png". So a rule such as "the first folder names the group" serves both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

Roots = Mapping[str, str]  # name -> absolute folder; the name is "" where there is one folder only


def name_roots(folders: Sequence[Path]) -> dict[str, str]:
    """Names for the folders of a data set: their own, made different where two are called alike.

    Raises ValueError for no folder at all, and for one that is given twice or lies within another: its images would
    be listed twice.
    """
    whole = [folder.expanduser().absolute() for folder in folders]
    if not whole:
        raise ValueError("Choose at least one folder of images.")
    real = [folder.resolve() for folder in whole]
    for i, folder in enumerate(real):
        for j, other in enumerate(real):
            if i != j and folder.is_relative_to(other):
                what = "is chosen twice" if folder == other else f"lies within {whole[j]}"
                raise ValueError(f"{whole[i]} {what}: its images would count twice. Choose it once.")
    if len(whole) == 1:
        return {"": str(whole[0])}
    names: dict[str, str] = {}
    for folder in whole:
        name = base = folder.name or "folder"
        number = 2
        while name in names:
            name, number = f"{base} ({number})", number + 1
        names[name] = str(folder)
    return names


def locate(path: str, roots: Roots) -> Path:
    """The file that `path` of an index stands for. Raises KeyError for a path of a folder that isn't there."""
    if "" in roots:
        return Path(roots[""]) / path
    name, _, rest = path.partition("/")
    return Path(roots[name]) / rest


def moved(roots: Roots, name: str, folder: Path) -> dict[str, str]:
    """The same data set with one of its folders found elsewhere. Raises KeyError for an unknown name."""
    if name not in roots:
        raise KeyError(name)
    return {**roots, name: str(folder.absolute())}


def told(roots: Roots) -> str:
    """All folders in one line."""
    return ", ".join(roots.values())


def same(roots: Roots, others: Iterable[str]) -> bool:
    """Whether these are the same folders, whatever they are called."""
    return sorted(roots.values()) == sorted(others)
