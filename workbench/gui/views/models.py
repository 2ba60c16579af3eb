"""Models: which backbones to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.gui.places import Place

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from workbench.gui.commands import Commands
    from workbench.gui.session import Session


def build(session: Session, commands: Commands) -> QWidget:
    from workbench.gui.models.view import ModelsView

    return ModelsView(session, commands)


PLACE = Place(id="models", title="Models", icon="models", order=20, build=build)
