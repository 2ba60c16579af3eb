"""That a project is open in one window only: two would write over each other what was chosen and decided."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import BinaryIO

from workbench.records.text import printable

LOCK = "window.lock"  # in the project's folder; empty, and held by the system: whoever dies lets go of it
_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


class ProjectBusy(ValueError):
    """The project is open in another window; the message says so."""


class ProjectLock:
    """Held from `take` to `release`, or until the process ends, however it ends."""

    def __init__(self, folder: Path, stream: BinaryIO | None) -> None:
        self.folder = folder
        self._stream = stream

    @classmethod
    def take(cls, folder: Path) -> ProjectLock:
        """Hold the project in `folder`. Raises ProjectBusy where another window holds it.

        Where the folder can't be written, or its file system knows no locks, nothing is held and nobody is refused.
        """
        try:
            stream = (folder / LOCK).open("ab")
        except OSError:
            return cls(folder, None)
        try:
            _hold(stream)
        except OSError as error:
            stream.close()
            if error.errno in _TAKEN:
                raise ProjectBusy(
                    f"The project in {printable(str(folder))} is open in another window. Go on there, or close that "
                    "window first: two would write over each other's choices."
                ) from None
            return cls(folder, None)
        return cls(folder, stream)

    def release(self) -> None:
        if self._stream is not None:
            self._stream.close()  # the file stays: taken away here, another could hold what a third no longer finds
            self._stream = None


if sys.platform == "win32":
    import msvcrt

    def _hold(stream: BinaryIO) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _hold(stream: BinaryIO) -> None:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
