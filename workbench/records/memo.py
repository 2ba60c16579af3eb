"""What a memo was made of: every number in it with the run that it comes from, and the files it was written to.

decision/memo.json    written with the memo; what `--check` holds the run folders and the files beside
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.records.case import FOLDER
from workbench.records.files import DocumentError, known_fields, read_document, write_document

VERSION = 1
FILE = "memo.json"  # in the folder `decision`


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A number, or a sentence with numbers in it, as the memo shows it; made again by every check.

    Attributes:
        key: by which it is found again, and by which the author's words may name it; letters, digits, ".", "-".
        text: as it is shown.
        value: what the text was written from; JSON.
        run: folder of the run that it comes from, relative to the project; "" where it comes from none.
        file: that holds it, relative to the project.
        where: in that file.
        how: what was done to it, in a few words.
        runs: folders of the runs that a sentence speaks of.
        sentence: whether it is one, and not a number.
    """

    key: str
    text: str
    value: Any = None
    run: str = ""
    file: str = ""
    where: str = ""
    how: str = ""
    runs: tuple[str, ...] = ()
    sentence: bool = False

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Bound:
        return cls(**{**known_fields(cls, body), "runs": tuple(body.get("runs", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that the memo was written to."""

    path: str  # relative to the project
    digest: str  # of its bytes
    content: str  # digest of what the memo said then, whatever it is written as


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoRecord:
    """The last memo: its numbers in their order, and its files."""

    numbers: tuple[Bound, ...]
    files: tuple[Written, ...] = ()

    def save(self, project: Path) -> None:
        """`project` is the project's folder."""
        write_document(project / FOLDER / FILE, "memo", VERSION, asdict(self))

    @classmethod
    def load(cls, project: Path) -> MemoRecord:
        """Raises DocumentError when no memo was written, or its record can't be read."""
        path = project / FOLDER / FILE
        if not path.exists():
            raise DocumentError(
                f"{project} has no memo yet. `workbench memo {project} --out memo.html` writes one."
            )
        body = read_document(path, "memo", VERSION)
        try:
            return cls(
                numbers=tuple(Bound.from_json(item) for item in body["numbers"]),
                files=tuple(Written(**known_fields(Written, item)) for item in body["files"]),
            )
        except (KeyError, TypeError) as error:
            raise DocumentError(
                f"{path} lacks or misspells a field ({error}). Write the memo again."
            ) from None
