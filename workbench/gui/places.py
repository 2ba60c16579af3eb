"""Places: the rooms behind the rail. A place joins by adding a file to `gui/views` that defines `PLACE`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from workbench.gui import views

if TYPE_CHECKING:
    from workbench.gui.commands import Commands
    from workbench.gui.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One room of the window.

    `build` is called the first time that the place is shown, so that what it imports (plots, say)
    costs nothing at the start. `bottom` puts it at the foot of the rail.
    """

    id: str
    title: str  # one word, under the icon
    icon: str  # name of a file in resources/icons, without ".svg"
    order: int
    build: Callable[[Session, Commands], QWidget]
    bottom: bool = False


def find_places() -> list[Place]:
    """Every `PLACE` in `gui/views`, in the order of the rail.

    A module there must import what is slow inside `build`.
    """
    found = []
    for module in pkgutil.iter_modules(views.__path__, f"{views.__name__}."):
        place = getattr(importlib.import_module(module.name), "PLACE", None)
        if isinstance(place, Place):
            found.append(place)
    return sorted(found, key=lambda place: (place.bottom, place.order, place.id))
