"""The place Data: which images this is about, and whether they are fit to answer the question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from workbench.gui.places import Place

if TYPE_CHECKING:
    from workbench.gui.commands import Commands
    from workbench.gui.session import Session


def build(session: Session, commands: Commands) -> QWidget:
    from workbench.gui.data.page import DataPage

    return DataPage(session, commands)


PLACE = Place(id="data", title="Data", icon="data", order=10, build=build)
