"""Pretrain: let a backbone learn from the images themselves, and watch whether it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.gui.places import Place

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from workbench.gui.commands import Commands
    from workbench.gui.session import Session


def build(session: Session, commands: Commands) -> QWidget:
    from workbench.gui.pretrain.view import PretrainView

    return PretrainView(session, commands)


PLACE = Place(id="pretrain", title="Pretrain", icon="pretrain", order=25, build=build)
