"""What plugins bring that the window offers by name: evaluations, inspections, and backbones that need more than a
name, as plain facts. Methods have a file of their own (`records/methods.py`), all other backbones stand in the
catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.records.evaluations import EvaluationFacts
from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.params import Param

FILE = "brought.json"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionFacts:
    """One way to look at patches, without loading it."""

    name: str
    title: str
    summary: str  # one sentence: what is light
    params: tuple[Param, ...] = ()
    plugin: str = ""  # that brings it; empty in what it says of itself

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> InspectionFacts:
        params = tuple(Param(**{**item, "choices": tuple(item["choices"])}) for item in body["params"])
        return cls(**{**body, "params": params})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBackbone:
    """A backbone that is asked for as NAME:REST; only its user knows which REST there are."""

    name: str
    summary: str  # one sentence of the manifest
    plugin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """Of all plugins that may be used."""

    evaluations: tuple[EvaluationFacts, ...] = ()
    inspections: tuple[InspectionFacts, ...] = ()
    backbones: tuple[OpenBackbone, ...] = ()

    def evaluation(self, name: str) -> EvaluationFacts | None:
        return next((facts for facts in self.evaluations if facts.name == name), None)

    def inspection(self, name: str) -> InspectionFacts | None:
        return next((facts for facts in self.inspections if facts.name == name), None)

    def backbone(self, identifier: str) -> OpenBackbone | None:
        """The one that `identifier`, "NAME:REST", asks for; None where it is no plugin's."""
        name, colon, _ = identifier.partition(":")
        return next((facts for facts in self.backbones if colon and facts.name == name), None)

    def save(self, path: Path) -> None:
        write_document(path, "brought", VERSION, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Brought:
        """Raises DocumentError when the file is missing, damaged or written by a newer program."""
        body = read_document(path, "brought", VERSION)
        try:
            return cls(
                evaluations=tuple(EvaluationFacts.from_json(item) for item in body["evaluations"]),
                inspections=tuple(InspectionFacts.from_json(item) for item in body["inspections"]),
                backbones=tuple(OpenBackbone(**item) for item in body["backbones"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DocumentError(f"{path} holds something that can't be read ({error}). Remove it.") from None
