"""Inspect: what the models see in the images, for looking and not for deciding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.gui.places import Place

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from workbench.gui.commands import Commands
    from workbench.gui.session import Session


def build(session: Session, commands: Commands) -> QWidget:
    from workbench.gui.inspect.view import InspectView

    return InspectView(session, commands)


PLACE = Place(id="inspect", title="Inspect", icon="inspect", order=35, build=build)
