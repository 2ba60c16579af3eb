"""Neighbours of pictures in embedding files: what can be asked, and what is answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.index import path_and_page
from workbench.records.lanes import ASIDE
from workbench.records.params import param
from workbench.records.roots import locate, name_roots
from workbench.records.text import printable

VERSION = 1
RESULT = "neighbours.json"  # what the job leaves in its run folder
FOR_LOOKING = (
    "For looking: neighbours show what a model takes for alike, not whether it separates your classes. The probe "
    "decides."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighboursJob:
    """Find what embedding files hold nearest to pictures, which are embedded just as the files' items were.

    With `watch` it stays, models in memory, and answers again whenever `ask.json` in the run folder changes, until
    nobody has asked for a while. That file is {"ask": number, "config": the job's values}.
    """

    kind: ClassVar[str] = "neighbours"
    lane: ClassVar[str] = ASIDE
    images: tuple[str, ...] = param(
        (), help="Whole paths of image files; what is none is the id or the path of an item of the files."
    )
    files: tuple[str, ...] = param((), help="Embedding files (.h5ad).")
    k: int = param(
        10, help="How many of the nearest are listed.", label="Nearest", minimum=1, maximum=100, unit="items"
    )
    folders: tuple[str, ...] = param(
        (), help="Folders of the items' images, as they were indexed: where they are known, copies are found."
    )
    watch: bool = param(False, help="Stay and answer again when the file changes.", advanced=True)
    device: str = param("auto", help='"auto", "cpu", "cuda", "cuda:1" or "mps".', advanced=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedItem:
    """An item as its file has it; `distance` is 1 - cosine, 0 to 2."""

    id: str
    path: str
    label: str = ""  # "" none
    distance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAnswer:
    """What one file has nearest to a picture, nearest first; or a sentence that says why nothing is known."""

    nearest: tuple[ListedItem, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedImage:
    """A picture and the answers about it, one for each file.

    Attributes:
        image: as it was asked for.
        item: the item that it is, where it was asked for as one; an item is not among its own neighbours.
        same: items of the very same bytes.
        copies: other items that look the same, among those that are nearest by any file.
    """

    image: str
    item: ListedItem | None = None
    same: tuple[ListedItem, ...] = ()
    copies: tuple[ListedItem, ...] = ()
    answers: tuple[FileAnswer, ...] = ()

    @property
    def label(self) -> str:
        """Its class, where it is an item; "" where nothing is known."""
        known = [self.item] if self.item is not None else list(self.same)
        return next((item.label for item in known if item.label), "")

    def itself(self, identifier: str) -> str:
        """ "the same file" or "a copy" of an item that is the picture; "" of any other."""
        if any(item.id == identifier for item in self.same):
            return "the same file"
        return "a copy" if any(item.id == identifier for item in self.copies) else ""

    def agree(self, nearest: Sequence[ListedItem]) -> str:
        """The classes of the nearest in words, the picture itself left out; "" where none is known."""
        labels = [item.label for item in nearest if not self.itself(item.id)]
        if not self.label:
            return votes(labels)
        known = [label == self.label for label in labels if label]
        return f"{sum(known)} of {len(known)} of the same class" if known else ""

    def told(self) -> str:
        """Whether the data set holds it."""
        if self.item is not None:
            return "In the data set"
        found, what = (self.same, "The same file as") if self.same else (self.copies, "A copy of")
        if not found:
            return "Not in the data set"
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return f"{what} {printable(found[0].path)}{more}, which is in the data set"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFile:
    """An embedding file: how its model is called, and what the vectors are."""

    file: str
    title: str
    feature: str = ""
    items: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighboursResult:
    """Of a job that stays `ask` is the number of the request; where that can't be answered, `error` says why."""

    k: int
    files: tuple[AskedFile, ...] = ()
    images: tuple[AskedImage, ...] = ()
    ask: int = 0
    error: str = ""

    def public_json(self) -> dict[str, Any]:
        """The document that `inspect neighbours --json` prints; its keys are a contract."""
        told = asdict(self)
        return {name: told[name] for name in ("k", "files", "images")} | {"distance": "1 - cosine"}

    def save(self, path: Path) -> None:
        write_document(path, "neighbours", VERSION, asdict(self))

    @classmethod
    def load(cls, path: Path) -> NeighboursResult:
        """Raises DocumentError when the file is missing or is not one of ours."""
        body = read_document(path, "neighbours", VERSION)
        try:
            return cls(
                k=int(body["k"]),
                files=tuple(AskedFile(**file) for file in body["files"]),
                images=tuple(_asked(image) for image in body["images"]),
                ask=int(body.get("ask", 0)),
                error=str(body.get("error", "")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DocumentError(f"{path} lacks or misspells a field ({error}). Ask again.") from None


def _asked(body: dict[str, Any]) -> AskedImage:
    lists = {name: tuple(ListedItem(**item) for item in body[name]) for name in ("same", "copies")}
    answers = tuple(
        FileAnswer(nearest=tuple(ListedItem(**item) for item in answer["nearest"]), error=answer["error"])
        for answer in body["answers"]
    )
    item = ListedItem(**body["item"]) if body["item"] is not None else None
    return AskedImage(image=body["image"], item=item, answers=answers, **lists)


def item_file(path: str, folders: Sequence[str]) -> tuple[Path, int] | None:
    """Where the image of an item lies, and which page of the file it is; None where no such file is there."""
    name, page = path_and_page(path)
    try:
        file = locate(name, name_roots([Path(folder) for folder in folders]))
    except (KeyError, ValueError):
        return None
    return (file, page) if file.is_file() else None


def votes(labels: Sequence[str], most: int = 3) -> str:
    """ "7 crack, 2 rust, 1 without a label": the classes of items, the commonest first; "" where none has one."""
    known = Counter(label for label in labels if label)
    if not known:
        return ""
    listed = sorted(known.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [f"{number} {printable(label)}" for label, number in listed[:most]]
    others = sum(number for _, number in listed[most:])
    without = len(labels) - sum(known.values())
    parts += [f"{others} of other classes"] if others else []
    return ", ".join([*parts, *([f"{without} without a label"] if without else [])])
