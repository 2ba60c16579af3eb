"""Decide: is a public backbone good enough, what would change that, and which step tells most for its price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.gui.places import Place

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from workbench.gui.commands import Commands
    from workbench.gui.session import Session


def build(session: Session, commands: Commands) -> QWidget:
    from workbench.gui.decide.view import DecideView

    return DecideView(session, commands)


PLACE = Place(id="decide", title="Decide", icon="decide", order=40, build=build)
