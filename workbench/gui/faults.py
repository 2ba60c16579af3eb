"""What nobody caught: the window goes on, says in a sentence what failed, and keeps the details in a file."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from platformdirs import user_log_path
from PySide6.QtCore import QObject, Qt, Signal

from workbench.gui.session import Session
from workbench.records.disk_faults import told
from workbench.records.text import printable

MOST_BYTES = 1 << 20  # of the file of details; then it begins anew


class _Teller(QObject):
    """Carries a sentence from any thread into the window's."""

    came = Signal(str, str)


def tell_faults(session: Session) -> Callable[[], None]:
    """From now on an exception that reaches no handler is told by `session`; returns what ends that.

    Qt calls slots, and an exception that leaves one goes no further: without this, a button whose work fails (a full
    disk, a folder that is gone) would seem to do nothing.
    """
    before = sys.excepthook
    teller = _Teller()
    teller.came.connect(session.message, Qt.ConnectionType.QueuedConnection)

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        if isinstance(error, Exception):
            kept = _keep("".join(traceback.format_exception(kind, error, trace)))
            teller.came.emit("bad", sentence(error, kept))

    def end() -> None:
        if sys.excepthook is hook:
            sys.excepthook = before

    sys.excepthook = hook
    return end


def sentence(error: Exception, details: Path | None = None) -> str:
    """What the user reads. Our own errors are sentences already; of a fault of the program the file is named."""
    text = printable(str(error).strip())
    if isinstance(error, OSError):
        return told(error)
    if isinstance(error, ValueError) and text.endswith((".", "?")):
        return text
    where = f" The details are in {printable(str(details))}: please report them." if details else ""
    return (
        f"A fault of the program stopped what you asked for ({type(error).__name__}: {text or 'no message'}). The "
        f"window goes on, and nothing that was kept is lost.{where}"
    )


def _keep(trace: str) -> Path | None:
    path = user_log_path("ssl-workbench") / "window.log"
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = "a" if not path.exists() or path.stat().st_size < MOST_BYTES else "w"
        with path.open(mode, encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{trace}\n")
        return path
    return None
