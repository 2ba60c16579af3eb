"""The index of an image folder: what is there, what it is labelled, what was refused and why.

Columns, not objects: a million images cost the window some 150 bytes each. Paths are relative to the
data root, with "/" between the parts, so that a moved folder is re-pointed once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from workbench.records.files import DocumentError, whole_file

VERSION = 1
NO_CODE = -1  # an image without a label or a group


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
    """N images of one data root, sorted by path.

    Raises:
        ValueError: columns of different lengths.
    """

    root: str  # absolute folder at the time of indexing; a project may re-point it
    paths: Strings  # (N,) relative to the root
    file_size: np.ndarray  # (N,) int64, bytes
    mtime_ns: np.ndarray  # (N,) int64
    width: np.ndarray  # (N,) int32, pixels after EXIF rotation
    height: np.ndarray  # (N,) int32
    mode: np.ndarray  # (N,) int16, code into `modes`
    digest: np.ndarray  # (N, 16) uint8, blake2b of the file's bytes
    label: np.ndarray  # (N,) int32, code into `classes`, NO_CODE where there is none
    group: np.ndarray  # (N,) int32, code into `groups`, NO_CODE where there is none
    modes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()
    checked: str = "pixels"  # how deep files were checked: "pixels" or "header"
    _ids: list[str] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        lengths = {
            len(column)
            for column in (
                self.paths,
                self.file_size,
                self.mtime_ns,
                self.width,
                self.height,
                self.mode,
                self.digest,
                self.label,
                self.group,
            )
        }
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

    def file(self, position: int, root: Path | None = None) -> Path:
        return (root or Path(self.root)) / str(self.paths[position])

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

    def exact_duplicates(self) -> list[list[int]]:
        """Positions of images whose bytes are the same, one list for each set of copies."""
        if not len(self):
            return []
        keys = np.ascontiguousarray(self.digest).view("V16").ravel()
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] == keys[order][:-1]
        sets: list[list[int]] = []
        for offset in np.flatnonzero(same):
            if sets and sets[-1][-1] == order[offset]:
                sets[-1].append(int(order[offset + 1]))
            else:
                sets.append([int(order[offset]), int(order[offset + 1])])
        return sorted(sets)

    def content_hash(self) -> str:
        """Changes when any image, label or group changes; not when the root moves."""
        state = hashlib.blake2b(digest_size=16)
        for array in (*self.paths.arrays(), self.digest, self.label, self.group):
            state.update(np.ascontiguousarray(array).tobytes())
        state.update(json.dumps([self.classes, self.groups]).encode())
        return state.hexdigest()

    def save(self, path: Path) -> None:
        blob, ends = self.paths.arrays()
        head = {
            "format": "workbench.index",
            "version": VERSION,
            "root": self.root,
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
                    root=head["root"],
                    paths=Strings(arrays["paths"].tobytes(), arrays["path_ends"]),
                    modes=tuple(head["modes"]),
                    classes=tuple(head["classes"]),
                    groups=tuple(head["groups"]),
                    checked=head["checked"],
                    refused=tuple(Refused(**refused) for refused in head["refused"]),
                    **{name: arrays[name] for name in _COLUMNS},
                )
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            if isinstance(error, DocumentError):
                raise
            raise DocumentError(
                f"{path} can't be read as an index ({error}). Index the folder again."
            ) from None


_COLUMNS = ("file_size", "mtime_ns", "width", "height", "mode", "digest", "label", "group")
