"""What only the expert can say of a decision: target, kind of images, what must be deployed, the memo's own words.

    decision/case.json       what the expert said
    decision/evidence.json   what was known when the last decision was made of it
    decision/decision.json   that decision
    decision/memo.json       the last memo's numbers, each with the run that it comes from

Everything but `case.json` can be made again from the run folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench.records.evidence import PROBLEMS, Problem, Target
from workbench.records.files import DocumentError, known_fields, read_document, write_document

VERSION = 1
FOLDER = "decision"  # in the project's
BOARDS = "boards"  # beside it: pictures that the memo may show

# Parts of the memo that the author may put own words before, in their order there.
SECTIONS: dict[str, str] = {
    "question": "Question",
    "data": "Data",
    "results": "Results",
    "boards": "Boards",
    "findings": "Findings",
    "verdict": "Verdict",
    "next": "Next step",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the expert said; None and "" where nothing was said.

    Attributes:
        everyday: whether these are photographs of everyday things.
        colour_is_signal: whether colour tells classes apart: stain, hue, ripeness.
        architecture: what must be deployed.
        attention_seen: whether attention maps were shown to somebody as a sign of quality.
        author, title: of the memo.
        prose: own words by section of `SECTIONS`, plain text with empty lines between paragraphs.
        boards: pictures that the memo shows, relative to the project.

    Raises:
        ValueError: an unknown problem, architecture or section.
    """

    problem: Problem = "images"
    target: Target = field(default_factory=Target)
    everyday: bool | None = None
    colour_is_signal: bool | None = None
    architecture: Literal["", "vit", "cnn"] = ""
    attention_seen: bool = False
    author: str = ""
    title: str = ""
    prose: Mapping[str, str] = field(default_factory=dict)
    boards: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.problem not in PROBLEMS:
            raise ValueError(f"The problem is one of {', '.join(PROBLEMS)}, not {self.problem!r}.")
        if self.architecture not in ("", "vit", "cnn"):
            raise ValueError(f"What is deployed is a vit, a cnn or either, not {self.architecture!r}.")
        unknown = set(self.prose) - set(SECTIONS)
        if unknown:
            raise ValueError(f"The memo has no section {', '.join(map(repr, sorted(unknown)))}.")

    def save(self, project: Path) -> None:
        """`project` is the project's folder."""
        write_document(project / FOLDER / "case.json", "case", VERSION, asdict(self))

    def with_board(self, name: str) -> tuple[str, ...]:
        """The boards and this one, which may be among them."""
        return self.boards if name in self.boards else (*self.boards, name)

    @classmethod
    def load(cls, project: Path) -> Case:
        """What was said in this project; the default where nothing was.

        Raises:
            DocumentError: the file can't be read or is not one of ours.
        """
        path = project / FOLDER / "case.json"
        if not path.exists():
            return cls()
        body = read_document(path, "case", VERSION)
        try:
            return cls.from_json(body)
        except (KeyError, TypeError, ValueError) as error:
            raise DocumentError(f"{path} lacks or misspells a field ({error}). Say it again.") from None

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Case:
        """Keys that are missing keep their defaults; others are left out."""
        made = known_fields(cls, body)
        made["target"] = Target(**known_fields(Target, body.get("target", {})))
        made["prose"] = dict(body.get("prose", {}))
        made["boards"] = tuple(body.get("boards", ()))
        return cls(**made)
