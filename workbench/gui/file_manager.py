"""Show a file where it lies, or open it with what the system opens its kind with.

No shell: a name is one argument, whatever it holds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices

from workbench.records.text import printable


def command_for(path: Path, platform: str = sys.platform) -> tuple[str, list[str]] | None:
    """The program and its arguments that open the folder with `path` marked in it; None where no one program does."""
    if platform == "win32":
        return "explorer", ["/select,", str(path)]  # two arguments: explorer misreads a quoted one
    if platform == "darwin":
        return "open", ["-R", str(path)]
    return None


def show_in_file_manager(path: Path) -> str:
    """Open the folder of `path`, the file marked where the system can; a sentence where that fails, else ""."""
    folder = path.parent
    if not folder.is_dir():
        return f"The folder {printable(str(folder))} is not there any more. Point the data set to where it lies now."
    command = command_for(path)
    if command is not None and path.exists():
        started = QProcess.startDetached(*command)
        if started if isinstance(started, bool) else started[0]:
            return ""
    if QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
        return ""
    return f"No file manager could be started. The file lies in {printable(str(folder))}."


def open_with_system(path: Path) -> str:
    """Open a file, as a double click in the file manager would; a sentence where that fails, else ""."""
    if QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
        return ""
    return f"No program could be started for {printable(path.name)}. The file lies in {printable(str(path.parent))}."
