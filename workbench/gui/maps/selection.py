"""The session's selection as places in an atlas, without looking up again what was just picked on a map."""

from __future__ import annotations

import numpy as np

from workbench.gui.maps.atlas import Atlas
from workbench.gui.session import Session
from workbench.gui.widgets.image_grid import SELECT_AT_MOST


class Selection:
    """`mask` says of each item whether it is selected; None where none is."""

    def __init__(self, session: Session) -> None:
        self._session = session
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
        """Select items everywhere, instead of those before or beside them."""
        if len(items) > SELECT_AT_MOST:
            self._session.message.emit(
                "warn",
                f"{SELECT_AT_MOST:,} of these {len(items):,} images are selected: more can't be at once.",
            )
        items = items[:SELECT_AT_MOST]
        ids = frozenset(atlas.ids[place] for place in items.tolist())
        if add:
            self._session.select(ids | self._session.selected)
            return
        # Looking up 100,000 ids again would be felt.
        self._ids, self._atlas, self.places = ids, atlas, items.astype(np.int64)
        self._session.select(ids)
