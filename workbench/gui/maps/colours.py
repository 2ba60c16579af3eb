"""What the images are coloured by, on every map alike, and which of the colours are shown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor

from workbench.gui.background import Background
from workbench.gui.maps.atlas import NO_CODE, Atlas, DrawnMap
from workbench.gui.maps.colouring import CLASS, Colouring, available, colouring
from workbench.gui.maps.column import Column
from workbench.gui.maps.pointing import Known, look_up, look_up_files
from workbench.gui.maps.scene import Scene, scene_of
from workbench.gui.session import Session
from workbench.gui.theme import Theme

COLOUR = "maps.colour"  # what the project remembers


class Colours(QObject):
    """Chosen and told in the column; `changed` when every map is to be painted anew."""

    changed = Signal()

    def __init__(
        self,
        session: Session,
        background: Background,
        column: Column,
        drawn: Callable[[str], DrawnMap | None],
        parent: QObject,
    ) -> None:
        """`drawn` returns the map of a model that is shown."""
        super().__init__(parent)
        self._session, self._background, self._column, self._drawn = session, background, column, drawn
        self.known: Known | None = None  # where the images are, and what was said of them
        self.colouring: Colouring | None = None
        self._atlas: Atlas | None = None
        self._codes: dict[str, np.ndarray] = {}  # of each map's rows
        self._asked = 0
        column.colour.currentIndexChanged.connect(lambda _: self.colour_by(str(column.colour.currentData())))
        column.legend.toggled.connect(lambda _: self.changed.emit())
        session.dataset_changed.connect(self.look_up)

    def take_up(self, atlas: Atlas | None) -> None:
        """Another atlas, of which nothing is known until it is looked up."""
        self._atlas, self.known, self.colouring = atlas, None, None

    def look_up(self) -> None:
        """Where the images are and what was said of them, in a thread; then the colours."""
        atlas, session = self._atlas, self._session
        if atlas is None:
            return
        self._asked += 1
        asked, index, predictions = self._asked, session.index, session.predictions
        before = self.known

        def take(known: Known) -> None:
            if asked == self._asked:
                self.known = known
                if self.colouring is None:
                    self._recolour(str(session.recall(COLOUR, CLASS)))

        if before is not None and self.colouring is not None:
            said = before.answers
            work: Callable[[], Known] = lambda: look_up_files(atlas, index, said)  # noqa: E731
        else:
            work = lambda: look_up(atlas, index, predictions)  # noqa: E731
        self._background.run(work, take, lambda error: session.message.emit("bad", str(error)))

    def colour_by(self, key: str) -> None:
        self._session.remember(COLOUR, key)
        self._recolour(key)

    def _recolour(self, key: str) -> None:
        atlas, result, known = self._atlas, self._session.result, self.known
        if atlas is None or result is None or known is None:
            return
        keys = available(atlas, self._session.predictions)
        key = key if key in keys else next(iter(keys), CLASS)
        self._column.show_choices(keys, key)
        found = self.colouring = colouring(key, atlas, result, known.answers)
        names = [*found.names, found.rest]
        self._column.legend.show_rows(names, found.counts, found.note, by_size=found.crowded)
        self.recode()
        self.changed.emit()

    def recode(self) -> None:
        """After another map of the same models."""
        self._codes = {}
        if self._atlas is None or self.colouring is None:
            return
        for name in self._atlas.maps:
            drawn = self._drawn(name)
            if drawn is not None:
                self._codes[name] = self.colouring.rows(name, drawn.items)

    def scenes(self, chosen: np.ndarray | None, theme: Theme, pictures: bool) -> dict[str, Scene]:
        """Of each model that has a map its points in their colours, of which the legend is told too.

        Args:
            chosen: (items,) bool, the selected ones; None where nothing is selected.
            pictures: whether some of the points show their image.
        """
        found = self.colouring
        if self._atlas is None or found is None:
            return {}
        shown = self._column.legend.shown
        colours = found.colours(shown, theme)
        self._column.legend.show_colours(colours)
        levels = np.asarray([QColor(colour).getRgb() for colour in colours], np.float32)[:, :3] / 255
        made = {}
        for name, code in self._codes.items():
            drawn = self._drawn(name)
            if drawn is not None:
                made[name] = scene_of(drawn, code, levels, shown, chosen, theme, pictures)
        return made

    def entries(self, theme: Theme) -> list[tuple[str, str]]:
        """Colour and name of what is shown and there."""
        found = self.colouring
        if found is None:
            return []
        shown = self._column.legend.shown
        colours, names = found.colours(shown, theme), [*found.names, found.rest]
        return [(colours[i], names[i]) for i in range(len(names)) if shown[i] and found.counts[i]]

    def items_of(self, place: int) -> np.ndarray:
        """All images of the legend's category `place`, those that any model has in it."""
        atlas, found = self._atlas, self.colouring
        if atlas is None or found is None:
            return np.zeros(0, np.int64)
        wanted = NO_CODE if place == len(found.names) else place
        inside = np.zeros(len(atlas.ids), bool)
        for code in found.code.values():
            inside |= code == wanted
        return np.flatnonzero(inside)
