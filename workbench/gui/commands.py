"""Commands as data: what can be done, by which name and keys, and when it can't, why not.

Buttons, menus, the command palette and the keyboard all run the same command, so that a thing can be
done in one way only and is found under one name everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing that the user can do.

    Attributes:
        id: "area.verb", unique.
        title: what happens, in sentence case ("Export embeddings…").
        run: does it.
        why_not: returns a sentence when it can't be done now, else "".
        keys: a portable key sequence ("Ctrl+E"), or "".
        help: one sentence for the tooltip and the palette.
        place: id of the place that it belongs to; "" for everywhere.
    """

    id: str
    title: str
    run: Callable[[], object]
    why_not: Callable[[], str] = lambda: ""
    keys: str = ""
    help: str = ""
    place: str = ""


class Commands:
    """The registry. Adding returns a function that removes the command again."""

    def __init__(self) -> None:
        self._commands: dict[str, Command] = {}

    def add(self, command: Command) -> Callable[[], None]:
        """Raises ValueError for an id that is taken."""
        if command.id in self._commands:
            raise ValueError(f"a command with the id {command.id!r} is registered already.")
        self._commands[command.id] = command

        def remove() -> None:
            self._commands.pop(command.id, None)

        return remove

    def add_all(self, commands: Iterable[Command]) -> Callable[[], None]:
        """Add several; returns what removes them together. Raises ValueError for an id that is taken."""
        removes = [self.add(command) for command in commands]

        def remove_all() -> None:
            for remove in removes:
                remove()

        return remove_all

    def __getitem__(self, identifier: str) -> Command:
        return self._commands[identifier]

    def all(self) -> list[Command]:
        return sorted(self._commands.values(), key=lambda command: command.title)

    def run(self, identifier: str) -> str:
        """Run a command if it can be run; returns the sentence that says why not, or ""."""
        command = self._commands[identifier]
        reason = command.why_not()
        if not reason:
            command.run()
        return reason
