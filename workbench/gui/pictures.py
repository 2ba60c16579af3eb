"""Pictures of every place, light and dark: for the demo, the README and whoever reviews a view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from workbench.gui import theme
from workbench.gui.places import find_places
from workbench.records.files import whole_path

SETTLE_MS = 900  # thumbnails come from threads; a picture waits for them
LONGEST_MS = 30_000


def save_pictures(
    window: QWidget,
    folder: Path,
    sizes: Sequence[tuple[int, int]],
    done: Callable[[], None],
    *,
    modes: Sequence[str] = ("light", "dark"),
    busy: Callable[[], bool] = lambda: False,
) -> None:
    """Write `place-mode-WIDTHxHEIGHT.png` for each, then call `done`. Returns at once.

    `window` must offer `show_place(id)`. A picture waits while `busy` says that something is still being drawn, but
    not for ever.
    """
    shots = [(mode, size, place.id) for mode in modes for size in sizes for place in find_places()]

    def step(number: int) -> None:
        if number == len(shots):
            theme.themes().set_preference("system")
            done()
            return
        mode, size, place = shots[number]
        theme.themes().set_preference(mode)  # type: ignore[arg-type]
        window.resize(*size)
        window.show_place(place)  # type: ignore[attr-defined]

        def shoot(waited: int = 0) -> None:
            if busy() and waited < LONGEST_MS:
                QTimer.singleShot(SETTLE_MS, lambda: shoot(waited + SETTLE_MS))
                return
            with whole_path(folder / f"{place}-{mode}-{size[0]}x{size[1]}.png") as temporary:
                window.grab().save(str(temporary))
            step(number + 1)

        QTimer.singleShot(SETTLE_MS, shoot)

    folder.mkdir(parents=True, exist_ok=True)
    step(0)
