"""Compare: which backbone separates the classes, by how much, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.gui.places import Place

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from workbench.gui.commands import Commands
    from workbench.gui.session import Session


def build(session: Session, commands: Commands) -> QWidget:
    from workbench.gui.compare.view import CompareView

    return CompareView(session, commands)


PLACE = Place(id="compare", title="Compare", icon="compare", order=30, build=build)
