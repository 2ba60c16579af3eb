"""A memo as a plain document: sections of blocks, in which everything that was measured is a `Bound`.

Renderings (`html`, `markdown`, `gui.memo_pdf`) turn it into a file and add no fact.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from workbench.records.memo import Bound

_GRAVE = {"bad": "Grave", "warn": "Mind", "info": "Note"}


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads to the anchor `to` of the memo, or, where `file` says so, to a file of the project."""

    text: str
    to: str
    file: bool = False


Inline = tuple[str | Bound | Link, ...]
Inks = Callable[[str], str]  # from the name of a colour to what an SVG takes for one


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    text: Inline
    dim: bool = False  # an aside

    kind: str = field(default="paragraph", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    title: str
    items: tuple[Inline, ...]
    kind: str = field(default="bullets", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`numeric` says of each column whether it holds numbers; `wide` tables are for engineers and print small;
    `anchors` are what the rows are called, where something leads there."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Inline, ...], ...]
    numeric: tuple[bool, ...]
    wide: bool = False
    anchors: tuple[str, ...] = ()
    kind: str = field(default="table", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A finding: its name, how grave it is ("info", "warn", "bad"), and what to do."""

    name: str
    severity: str
    advice: Bound
    kind: str = field(default="notice", init=False)

    @property
    def heading(self) -> str:
        """The name, and before it in a word how grave it is, for whoever doesn't see its colour."""
        return f"{_GRAVE[self.severity]}: {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing. `alt` says the same in words; `caption` how to read it and what it doesn't show."""

    key: str
    title: str
    caption: str
    alt: Bound
    draw: Callable[[Inks], str]  # -> an <svg> element
    kind: str = field(default="chart", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A PNG from the project, at `path` there."""

    title: str
    caption: str
    path: str
    png: bytes
    kind: str = field(default="picture", init=False)


Block = Paragraph | Bullets | Table | Notice | Chart | Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`prose` are the author's paragraphs, each of lines."""

    id: str
    title: str
    prose: tuple[tuple[Inline, ...], ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A run that the memo rests on; `label` is what it is called there."""

    label: str
    run: str  # folder, relative to the project
    file: str  # what was read in it, relative to the project
    kind: str
    title: str
    date: str
    device: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A thing that a manager reads first; `note` stands small under it."""

    label: str
    text: Inline
    note: Inline = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo:
    """On top stand `verdict`, `why` and `advice`, a sentence or two each, and the facts. `tone` is "good", "adapt",
    "pretrain", "undecided" or "none"."""

    title: str
    author: str
    date: str
    project: str
    tone: str
    verdict: Bound
    why: Bound
    advice: Bound
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    numbers: tuple[Bound, ...]
    sources: tuple[Source, ...]

    def label(self, run: str) -> str:
        """What a run is called in this memo; "" for one that it doesn't know."""
        return next((source.label for source in self.sources if source.run == run), "")

    def digest(self) -> str:
        """Of everything that is bound, and of where it comes from."""
        body = json.dumps([asdict(number) for number in self.numbers], sort_keys=True)
        return hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
