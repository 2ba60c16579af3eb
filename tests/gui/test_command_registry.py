"""The registry of commands: what is added can be taken away again, one by one or together."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QObject
from shiboken6 import delete

from workbench.gui.commands import Command, Commands


def named(identifier: str) -> Command:
    return Command(id=identifier, title=identifier, run=lambda: None)


def test_commands_that_were_added_together_go_with_the_view_that_they_belong_to() -> None:
    commands, view = Commands(), QObject()
    commands.add(named("stays"))
    view.destroyed.connect(commands.add_all(map(named, ("a", "b"))))
    assert [command.id for command in commands.all()] == ["a", "b", "stays"]
    delete(view)
    assert [command.id for command in commands.all()] == ["stays"]


def test_one_id_names_one_command() -> None:
    commands = Commands()
    commands.add(named("a"))
    with pytest.raises(ValueError, match="'a' is registered already"):
        commands.add_all([named("b"), named("a")])
