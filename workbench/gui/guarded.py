"""Doing what a click asks where it may be refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.gui.session import Session


def guarded(session: Session, act: Callable[[], object]) -> None:
    """Do it; a refusal is told in the window."""
    try:
        act()
    except (ValueError, OSError) as error:
        session.message.emit("bad", str(error))
