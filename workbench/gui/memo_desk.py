"""The memo of a decision, part of the session: written, opened and checked in a thread, one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.records.case import FOLDER
from workbench.records.project import Project
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.decide.memo.check import Checked


class MemoDesk(QObject):
    """`written` is the file written last, `checked` what the last check found; `doing` says what is done now.

    `problem` is the sentence that says why the last thing could not be done.
    """

    changed = Signal()
    ready = Signal(object)  # Path: a memo to be opened has been written

    def __init__(
        self, background: Background, project: Callable[[], Project | None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._background, self._project = background, project
        self.open()

    def open(self) -> None:
        """Another project, or none."""
        self.doing = self.problem = ""
        self.written: Path | None = None
        self.checked: Checked | None = None
        self.changed.emit()

    def standard_file(self, ending: str = ".html") -> Path:
        """Where a memo is written if nobody says otherwise. Raises ValueError where no project is open."""
        return self._open_project().folder / FOLDER / f"memo{ending}"

    def write(self, out: Path, *, show: bool = False) -> None:
        """Decide anew and write the memo as .html, .md or .pdf; with `show`, `ready` comes once it is there."""
        folder = self._open_project().folder

        def work() -> Path:
            # Here, because the memo brings scipy and its templates along.
            if out.suffix.lower() == ".pdf":
                from workbench.decide.memo.write import keep, memo_of
                from workbench.gui.memo_pdf import save_pdf

                project = Project.open(folder)
                memo = memo_of(project)
                save_pdf(out, memo)
                keep(project, memo, [out])
            else:
                from workbench.decide.memo.write import write_memo

                write_memo(folder, out)
            return out

        def done(path: Path) -> None:
            self.written, self.checked = path, None
            if show:
                self.ready.emit(path)

        self._do(f"Writing {printable(out.name)}…", work, done)

    def check(self) -> None:
        """Hold every number of the memo beside the run folders."""
        folder = self._open_project().folder

        def work() -> Checked:
            from workbench.decide.memo.check import check_memo

            return check_memo(folder)

        def done(checked: Checked) -> None:
            self.checked = checked

        self._do("Checking all numbers…", work, done)

    def _do(self, doing: str, work: Callable[[], object], done: Callable[..., None]) -> None:
        if self.doing:
            return
        project = self._project()
        self.doing, self.problem = doing, ""
        self.changed.emit()

        def end(answer: object, problem: str) -> None:
            if project is not self._project():
                return
            self.doing, self.problem = "", problem
            if not problem:
                done(answer)
            self.changed.emit()

        self._background.run(work, lambda answer: end(answer, ""), lambda error: end(None, str(error)))

    def _open_project(self) -> Project:
        project = self._project()
        if project is None:
            raise ValueError("No project is open. Create or open one first.")
        return project
