"""What an installation or a removal would do, and what it did, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Action = Literal["install", "remove"]
Kind = Literal["wheel", "folder", "file", "name", "package"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Of one package. `before` is "" for a new one, `after` for one that goes."""

    package: str
    before: str
    after: str
    program: bool = False  # whether the program needs the package

    @property
    def same(self) -> bool:
        return self.before == self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would change.

    Attributes:
        what: as it was asked for.
        plugin, version, provides: what the plugin's manifest says; empty where it isn't known yet.
        refused: a sentence that says why it can't be done; "" where it may be.
        missing: requirements, or a name, that only the network could answer.
        network: whether it was asked.
        notes: sentences about what comes with it.
    """

    action: Action
    what: str
    kind: Kind
    plugin: str = ""
    version: str = ""
    provides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    refused: str = ""
    missing: tuple[str, ...] = ()
    network: bool = False
    notes: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it can be carried out as it stands."""
        return not self.refused and not self.missing

    @property
    def replaces(self) -> bool:
        """Whether a package that may be in use goes or becomes another."""
        return any(change.before for change in self.changes)

    @property
    def lack(self) -> str:
        """A sentence about what is missing."""
        if self.kind == "name":
            return f"{', '.join(self.missing)} is a name: only the package index on the network knows what it is."
        listed = " and ".join(part for part in (", ".join(self.missing[:-1]), self.missing[-1]) if part)
        return f"It needs {listed}, which {'is' if len(self.missing) == 1 else 'are'} not on this machine."

    def to_json(self) -> dict[str, Any]:
        return {
            "action": self.action,
            "what": self.what,
            "kind": self.kind,
            "name": self.plugin,
            "version": self.version,
            "provides": {kind: list(names) for kind, names in self.provides.items() if names},
            "changes": [asdict(change) for change in self.changes],
            "refused": self.refused,
            "missing": list(self.missing),
            "network": self.network,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it went. `left`: what is different now although it failed, in a sentence; "" for nothing."""

    done: bool
    sentence: str
    left: str = ""
    log: str = ""  # what pip said
