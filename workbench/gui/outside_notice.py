"""How far the reading of pictures from files is, and afterwards which of them can't be shown and why."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer

from workbench.gui.data.rows_dialog import RowsDialog
from workbench.gui.outside_files import TOLD, OutsideFiles
from workbench.gui.widgets.cards import NoticeBar

PATIENCE_MS = 400  # what takes no longer isn't told of
HEADERS = ("File", "Why it can't be shown")


class OutsideNotice(NoticeBar):
    """Hidden while there is nothing to say. Several may be there: what one was told, all were."""

    def __init__(self, pictures: OutsideFiles) -> None:
        super().__init__()
        self.pictures = pictures
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._patience.timeout.connect(self._tell_progress)
        self.dismissed.connect(pictures.quiet)
        pictures.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        pictures = self.pictures
        if pictures.busy:
            if not self.isHidden():
                self._tell_progress()
            elif not self._patience.isActive():
                self._patience.start()
            return
        self._patience.stop()
        told = pictures.told()
        if not told:
            self.hide()
        elif len(pictures.refused) > TOLD:
            self.tell("warn", told, "All reasons…", self._list)
        else:
            self.tell("warn", told)

    def _tell_progress(self) -> None:
        done, total = self.pictures.done, self.pictures.total
        words = f"{done} of {total:,} read" if total else "looking which there are"
        self.tell("info", f"Pictures from files: {words}.", "Stop", self.pictures.stop)

    def _list(self) -> None:
        rows = [(Path(each.path).name or each.path, each.reason, each.path) for each in self.pictures.refused]
        dialog = RowsDialog("Files that can't be shown", (*HEADERS, "Where"), rows, parent=self.window())
        dialog.open()
