"""Plugins: what is installed beside the program, what each brings, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.gui.places import Place

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from workbench.gui.commands import Commands
    from workbench.gui.session import Session


def build(session: Session, commands: Commands) -> QWidget:
    from workbench.gui.plugins.view import PluginsView

    return PluginsView(session, commands)


PLACE = Place(id="plugins", title="Plugins", icon="plugins", order=80, build=build, bottom=True)
