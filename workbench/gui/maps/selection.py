"""The session's selection as places in an atlas, without looking up again what was just picked on a map."""

from __future__ import annotations

import numpy as np

from workbench.gui.background import Background
from workbench.gui.maps.atlas import Atlas
from workbench.gui.session import Session
from workbench.gui.widgets.image_grid import SELECT_AT_MOST

AT_ONCE = 5_000  # items whose ids are gathered in 2 ms; of more a thread does it


class Selection:
    """`mask` says of each item whether it is selected; None where none is."""

    def __init__(self, session: Session, background: Background) -> None:
        self._session, self._background = session, background
        self._turn = 0
        self._ids: frozenset[str] = frozenset()
        self._atlas: Atlas | None = None
        self.places = np.zeros(0, np.int64)
        self.mask: np.ndarray | None = None

    def read(self, atlas: Atlas | None) -> None:
        """After another selection, or another atlas."""
        selected = self._session.selected
        if atlas is None:
            self.places = np.zeros(0, np.int64)
        elif selected is not self._ids or atlas is not self._atlas:
            self.places = atlas.places(selected)
        self._ids, self._atlas, self.mask = selected, atlas, None
        if atlas is not None and len(self.places):
            self.mask = np.zeros(len(atlas.ids), bool)
            self.mask[self.places] = True

    def pick(self, atlas: Atlas, items: np.ndarray, add: bool) -> None:
        """Select items everywhere, instead of those before or beside them; many are selected a moment later."""
        if len(items) > SELECT_AT_MOST:
            self._session.message.emit(
                "warn",
                f"{SELECT_AT_MOST:,} of these {len(items):,} images are selected: more can't be at once.",
            )
        items = items[:SELECT_AT_MOST].astype(np.int64)
        ids, places = (self._session.selected, self.places) if add else (frozenset[str](), self.places[:0])
        self._turn += 1
        turn = self._turn

        def find() -> tuple[frozenset[str], np.ndarray]:
            return ids.union(atlas.ids[place] for place in items.tolist()), np.union1d(places, items)

        def take(found: tuple[frozenset[str], np.ndarray]) -> None:
            if turn == self._turn:
                # Known here, so that 100,000 ids need not be looked up again.
                self._ids, self.places = found
                self._atlas = atlas
                self._session.select(self._ids)

        if len(items) + len(places) <= AT_ONCE:
            take(find())
        else:
            self._background.run(find, take, lambda error: self._session.message.emit("bad", str(error)))
