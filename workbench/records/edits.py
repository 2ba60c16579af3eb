"""What can be undone: the states of a data set before and after each edit, kept with the project.

A state is a plain JSON-able value; this module doesn't look into it. States are small (rules and names, no images).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.records.files import DocumentError, read_document, write_document

VERSION = 1
DEPTH = 50  # edits that can be taken back

State = dict[str, Any]


@dataclass(slots=True)
class Edits:
    """Two stacks of (what the edit was, the state on its other side), the latest last."""

    path: Path
    past: list[tuple[str, State]] = field(default_factory=list)
    future: list[tuple[str, State]] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Edits:
        """Nothing to undo where the file is missing or damaged: that costs the undo, not the project."""
        try:
            body = read_document(path, "edits", VERSION)
            past, future = (
                [(str(told), dict(state)) for told, state in body[name]] for name in ("past", "future")
            )
        except (DocumentError, KeyError, TypeError, ValueError):
            return cls(path)
        return cls(path, past, future)

    def did(self, told: str, before: State) -> None:
        """An edit was made; what was undone before it can't be redone any more."""
        self.past = [*self.past, (told, before)][-DEPTH:]
        self.future = []
        self._save()

    def undo(self, now: State) -> tuple[str, State] | None:
        """What is taken back and the state to go to; None when there is nothing."""
        return self._step(self.past, self.future, now)

    def redo(self, now: State) -> tuple[str, State] | None:
        return self._step(self.future, self.past, now)

    def _step(
        self, source: list[tuple[str, State]], target: list[tuple[str, State]], now: State
    ) -> tuple[str, State] | None:
        if not source:
            return None
        told, state = source.pop()
        target.append((told, now))
        self._save()
        return told, state

    def _save(self) -> None:
        """On a full disk the steps back last only as long as the window: that must not cost the edit itself."""
        body = {"past": [list(entry) for entry in self.past], "future": [list(e) for e in self.future]}
        with suppress(OSError):
            write_document(self.path, "edits", VERSION, body)
