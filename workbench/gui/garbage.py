"""Python's search for objects in cycles, done in the window's thread and nowhere else."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 1000


class GarbageSearch(QObject):
    """Takes the search over until `close`.

    Left to itself, Python searches in whichever thread happens to make an object, also in one that only reads a file.
    A dialog that lies in a cycle would be destroyed there, and Qt crashes where a timer that runs is destroyed by
    another thread than its own.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        gc.freeze()  # modules and their classes stay: no search need walk them
        self._left = 0  # objects that the last search through all has left
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        """The young each time; seldom all, and as Python does only where the old have become a quarter more."""
        _, middle, old = (now > limit for now, limit in zip(gc.get_count(), gc.get_threshold(), strict=True))
        if middle and old and len(gc.get_objects(generation=2)) > 1.25 * self._left:
            gc.collect()
            self._left = len(gc.get_objects(generation=2))
        else:
            gc.collect(1 if middle else 0)

    def close(self) -> None:
        self._timer.stop()
        gc.enable()
