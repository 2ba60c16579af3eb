"""The index of an image folder: what is there, what it is labelled, what was refused and why.

Columns, not objects: a million images cost the window some 250 bytes each. Paths are relative to the
data root (`records/roots.py`), with "/" between the parts, so that a moved folder is re-pointed once.

Two kinds of index have this one form. The index *of the files* is what the disk holds: the index job writes it and
no choice of the expert is in it. The index *that counts* is made from it by `records/arrange.py`: labels, groups,
official parts, without what was left out. Everything that computes reads the second, and finds in it all it needs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from workbench.records.files import DocumentError, whole_file
from workbench.records.roots import Roots, locate
from workbench.records.spec import Reading
from workbench.records.splits import SplitPlan

VERSION = 2
SIGNATURE = 40  # bytes of a perceptual hash
BLOCK = 1 << 20  # bytes of a file that are hashed at a time
_ID = re.compile(r"[0-9a-f]{16}(~[0-9]+)?")
PAGE = "#page="  # between the path and the page of a name, counted from 1
NO_CODE = -1  # an image without a label or a group


def path_and_page(name: str) -> tuple[str, int]:
    """What `ImageIndex.name` was made of: the path, and the page counted from 0."""
    path, mark, number = name.rpartition(PAGE)
    return (path, int(number) - 1) if mark and number.isdecimal() and int(number) > 1 else (name, 0)


def digest_of_page(digest: bytes, page: int) -> bytes:
    """Pages of one file are images of their own: the first keeps the file's hash, the others get one each."""
    return hashlib.blake2b(digest + page.to_bytes(4), digest_size=16).digest() if page else digest


def digest_of_file(file: Path) -> bytes:
    """blake2b of the file's bytes, which its first page is named by. Raises OSError."""
    state = hashlib.blake2b(digest_size=16)
    with file.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK):
            state.update(block)
    return state.digest()


def may_be(identifier: str, digest: bytes) -> bool:
    """Whether an item's id can stand for an image of that hash; ids that aren't made of hashes can for any."""
    return not _ID.fullmatch(identifier) or identifier.startswith(digest[:8].hex())


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that looked like an image and can't be used."""

    path: str
    reason: str


class Strings(Sequence[str]):
    """An immutable list of strings kept as one block of bytes: 8 bytes plus the text for each."""

    __slots__ = ("_blob", "_ends")

    def __init__(self, blob: bytes, ends: np.ndarray) -> None:
        self._blob, self._ends = blob, ends

    @classmethod
    def of(cls, texts: Iterable[str]) -> Strings:
        parts = [text.encode("utf-8", "surrogateescape") for text in texts]
        ends = np.cumsum([len(part) for part in parts], dtype=np.int64) if parts else np.zeros(0, np.int64)
        return cls(b"".join(parts), ends)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = int(index)
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(index)
        start = int(self._ends[position - 1]) if position else 0
        return self._blob[start : int(self._ends[position])].decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self._ends.tolist():
            yield self._blob[start:end].decode("utf-8", "surrogateescape")
            start = end

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return np.frombuffer(self._blob, dtype=np.uint8), self._ends


@dataclass(slots=True, kw_only=True)
class ImageIndex:
    """N images of one data set, sorted by path. An image is a file, or one page of a file.

    The columns that have a default may be left out: they are then filled with "not known".

    Raises:
        ValueError: columns of different lengths.
    """

    roots: Roots  # absolute folders at the time of indexing; a project may re-point them
    paths: Strings  # (N,) relative to the root
    file_size: np.ndarray  # (N,) int64, bytes
    mtime_ns: np.ndarray  # (N,) int64
    width: np.ndarray  # (N,) int32, pixels after EXIF rotation
    height: np.ndarray  # (N,) int32
    mode: np.ndarray  # (N,) int16, code into `modes`
    digest: np.ndarray  # (N, 16) uint8, blake2b of the file's bytes
    label: np.ndarray  # (N,) int32, code into `classes`, NO_CODE where there is none
    group: np.ndarray  # (N,) int32, code into `groups`, NO_CODE where there is none
    page: np.ndarray = None  # type: ignore[assignment]  # (N,) int32, 0-based page of the file
    signature: np.ndarray = None  # type: ignore[assignment]  # (N, 40) uint8, how it looks; zeros: none
    levels: np.ndarray = None  # type: ignore[assignment]  # (N, 4) float32, min, 1 %, 99 %, max; NaN: not measured
    copies: np.ndarray = None  # type: ignore[assignment]  # (N,) int32, set of copies, exact or near; NO_CODE: none
    part: np.ndarray = None  # type: ignore[assignment]  # (N,) int8, part in an official split; NO_CODE: none
    modes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()
    checked: str = "pixels"  # how deep files were checked: "pixels" or "header"
    reading: Reading = field(default_factory=Reading)  # how numbers become pictures
    plan: SplitPlan = field(default_factory=SplitPlan)  # how splits are drawn
    others: dict[str, int] = field(default_factory=dict)  # files of other kinds, by their ending
    _ids: list[str] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        num = len(self.paths)
        for name, (shape, kind, unknown) in _LATER.items():
            if getattr(self, name) is None:
                setattr(self, name, np.full((num, *shape), unknown, dtype=kind))
        lengths = {num, *(len(getattr(self, name)) for name in _COLUMNS)}
        if len(lengths) > 1:
            raise ValueError(f"the columns of an index differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def ids(self) -> list[str]:
        """Item ids: 16 hex digits of the content hash; a second copy of the same bytes gets "~2"."""
        if self._ids is None:
            seen: dict[str, int] = {}
            ids = []
            for row in self.digest[:, :8]:
                name = row.tobytes().hex()
                seen[name] = seen.get(name, 0) + 1
                ids.append(name if seen[name] == 1 else f"{name}~{seen[name]}")
            self._ids = ids
        return self._ids

    def file(self, position: int, roots: Roots | None = None) -> Path:
        return locate(str(self.paths[position]), roots or self.roots)

    def name(self, position: int) -> str:
        """What tells this image from every other: its path, and the page where the file holds several."""
        page = int(self.page[position])
        return f"{self.paths[position]}{PAGE}{page + 1}" if page else str(self.paths[position])

    def names(self) -> list[str]:
        """`name` of every image; `path_and_page` takes one apart."""
        if not self.page.any():
            return list(self.paths)
        return [self.name(position) for position in range(len(self))]

    def take(self, positions: np.ndarray) -> ImageIndex:
        """The images at `positions`, in that order; codes keep their meaning."""
        columns = {name: getattr(self, name)[positions] for name in _COLUMNS}
        paths = Strings.of(self.paths[int(i)] for i in positions)
        return replace(self, paths=paths, _ids=None, **columns)

    def class_counts(self) -> dict[str, int]:
        counts = np.bincount(self.label[self.label >= 0], minlength=len(self.classes))
        return {name: int(n) for name, n in zip(self.classes, counts, strict=True)}

    def mode_counts(self) -> dict[str, int]:
        counts = np.bincount(self.mode, minlength=len(self.modes)) if len(self) else np.zeros(0, int)
        return {name: int(n) for name, n in zip(self.modes, counts, strict=False) if n}

    def group_counts(self) -> dict[str, int]:
        counts = np.bincount(self.group[self.group >= 0], minlength=len(self.groups))
        return {name: int(n) for name, n in zip(self.groups, counts, strict=True)}

    def labelled(self) -> np.ndarray:
        """Positions of the images that have a label."""
        return np.flatnonzero(self.label >= 0)

    def copy_sets(self) -> list[list[int]]:
        """Positions of the images of each set of copies, exact or near; sets of one are none."""
        return _sets(self.copies)

    def exact_duplicates(self) -> list[list[int]]:
        """Positions of images whose bytes are the same, one list for each set of copies."""
        if not len(self):
            return []
        keys = np.ascontiguousarray(self.digest).view("V16").ravel()
        return _sets(np.unique(keys, return_inverse=True)[1].ravel())

    def content_hash(self) -> str:
        """Changes when any image, label, group, part or way of reading changes; not when the root moves."""
        state = hashlib.blake2b(digest_size=16)
        for array in (*self.paths.arrays(), self.digest, self.label, self.group):
            state.update(np.ascontiguousarray(array).tobytes())
        state.update(json.dumps([self.classes, self.groups]).encode())
        if self.reading != Reading() or self.plan != SplitPlan() or self.part.max(initial=NO_CODE) >= 0:
            state.update(self.part.tobytes())
            state.update(json.dumps([self.reading.to_json(), self.plan.to_json()]).encode())
        return state.hexdigest()

    def save(self, path: Path) -> None:
        blob, ends = self.paths.arrays()
        head = {
            "format": "workbench.index",
            "version": VERSION,
            "roots": dict(self.roots),
            "reading": self.reading.to_json(),
            "plan": self.plan.to_json(),
            "others": self.others,
            "modes": self.modes,
            "classes": self.classes,
            "groups": self.groups,
            "checked": self.checked,
            "refused": [asdict(refused) for refused in self.refused],
        }
        with whole_file(path) as stream:
            np.savez(
                stream,
                head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8),
                paths=blob,
                path_ends=ends,
                **{name: getattr(self, name) for name in _COLUMNS},
            )

    @classmethod
    def load(cls, path: Path) -> ImageIndex:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                head = json.loads(arrays["head"].tobytes())
                if head["format"] != "workbench.index" or head["version"] > VERSION:
                    raise DocumentError(f"{path} is not an index that this program reads. Index again.")
                return cls(
                    roots=head["roots"]
                    if "roots" in head
                    else {"": head["root"]},  # version 1 had one folder
                    reading=Reading.from_json(head.get("reading", {})),
                    plan=SplitPlan.from_json(head.get("plan", {})),
                    others=head.get("others", {}),
                    paths=Strings(arrays["paths"].tobytes(), arrays["path_ends"]),
                    modes=tuple(head["modes"]),
                    classes=tuple(head["classes"]),
                    groups=tuple(head["groups"]),
                    checked=head["checked"],
                    refused=tuple(Refused(**refused) for refused in head["refused"]),
                    **{name: arrays[name] for name in _COLUMNS if name in arrays},
                )
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            if isinstance(error, DocumentError):
                raise
            raise DocumentError(
                f"{path} can't be read as an index ({error}). Index the folder again."
            ) from None


def _sets(codes: np.ndarray) -> list[list[int]]:
    """Positions that share a code of 0 or more, ordered by their first members; codes of one position fall out."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(codes) else np.zeros(0, np.int64)
    ends = np.r_[starts[1:], len(codes)] if len(codes) else starts
    shared = (ends - starts > 1) & (ordered[starts] >= 0)
    return sorted(order[start:end].tolist() for start, end in zip(starts[shared], ends[shared], strict=True))


_LATER: dict[
    str, tuple[tuple[int, ...], Any, Any]
] = {  # columns of version 2: shape of a row, type, "not known"
    "page": ((), np.int32, 0),
    "signature": ((SIGNATURE,), np.uint8, 0),
    "levels": ((4,), np.float32, np.nan),
    "copies": ((), np.int32, NO_CODE),
    "part": ((), np.int8, NO_CODE),
}
_COLUMNS = ("file_size", "mtime_ns", "width", "height", "mode", "digest", "label", "group", *_LATER)
