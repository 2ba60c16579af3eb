"""What a worker and its supervisor say to each other: one JSON object a line, each a hint.

Nothing depends on a message arriving: what counts is in the run folder. A line that is not one of
ours is dropped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["ack", "progress", "note", "state", "done", "failed"]
Command = Literal["pause", "resume", "stop"]
_KINDS = ("ack", "progress", "note", "state", "done", "failed")
_COMMANDS = ("pause", "resume", "stop")


@dataclass(frozen=True, slots=True)
class Message:
    """From the worker. `body` by kind:

    ack: {command}; progress: {done, total, unit, rate, eta, detail, memory}; note: {severity, text};
    state: {state}; done: {result}; failed: {error}.
    """

    kind: Kind
    body: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        return json.dumps({"kind": self.kind, **self.body}, ensure_ascii=True) + "\n"

    @classmethod
    def parse(cls, line: str) -> Message | None:
        """None for anything that is not a message, such as a library's print."""
        try:
            body = json.loads(line)
        except ValueError:
            return None
        if not isinstance(body, dict) or body.get("kind") not in _KINDS:
            return None
        kind = body.pop("kind")
        return cls(kind, body)


def command_line(command: Command) -> str:
    return json.dumps({"command": command}) + "\n"


def parse_command(line: str) -> Command | None:
    try:
        command = json.loads(line)["command"]
    except (ValueError, KeyError, TypeError):
        return None
    return command if command in _COMMANDS else None
