"""Which files are pictures, for what is chosen or dropped."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QDropEvent

from workbench.pixels.decode import EXTENSIONS

FILES = f"Pictures ({' '.join(f'*{ending}' for ending in sorted(EXTENSIONS))});;All files (*)"


def picture_of(event: QDropEvent) -> Path | None:
    """The one picture that is being dragged, if it is one."""
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.suffix.lower() in EXTENSIONS and path.is_file() else None
