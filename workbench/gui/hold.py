"""The hold that the window has on its project's folder: nobody else has it open, and choices can be kept in it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from workbench.records.disk_faults import told
from workbench.records.project import Project
from workbench.records.project_lock import ProjectLock
from workbench.records.text import printable


class Hold:
    """Says once that a project can't be saved, however often that is tried, and once that it can again.

    `tell` takes a severity and a sentence.
    """

    def __init__(self, tell: Callable[[str, str], object]) -> None:
        self._tell = tell
        self._lock: ProjectLock | None = None
        self._lost = False  # the last writing failed

    def open(self, project: Project) -> None:
        """Hold another project. Raises ProjectBusy, and holds what it held, where another window has it open."""
        if self._lock is None or self._lock.folder != project.folder:
            lock = ProjectLock.take(project.folder)
            self.close()
            self._lock = lock
        self._lost = False
        project.on_saved = lambda error: self._hear(project, error)

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _hear(self, project: Project, error: OSError | None) -> None:
        lost, self._lost = self._lost, error is not None
        if error is not None and not lost:
            self._tell("bad", f"The project can't be saved. {_why(project, error)}")
        elif error is None and lost:
            self._tell("good", "The project is saved again, with everything that was changed meanwhile.")


def _why(project: Project, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        folder = printable(str(project.folder))
        return (
            f"Its folder {folder} is not there any more: move it back, or open it where it is now (Ctrl+O). "
            "Until then nothing that you change here is kept."
        )
    return f"{told(error)} Until then what you change here lasts only as long as the window is open."


def alike(found: Any, usual: Any) -> Any:
    """`found` where it is such a value as `usual`, as JSON knows values; else `usual`."""
    if usual is None:
        return found
    kinds: tuple[tuple[type, ...], ...] = ((str,), (dict,), (list, tuple), (bool, int, float))
    same = next((kind for kind in kinds if isinstance(usual, kind)), (type(usual),))
    return found if isinstance(found, same) else usual
