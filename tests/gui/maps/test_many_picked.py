"""Many points picked at once: the window doesn't wait for them, and the last pick counts."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest

from tests.gui.maps.conftest import commands, page, session, shown
from workbench.gui.background import Background
from workbench.gui.item_ids import positions
from workbench.gui.maps import selection
from workbench.gui.maps.page import MapsPage
from workbench.gui.maps.selection import Selection
from workbench.gui.session import Session
from workbench.records.index import ImageIndex

__all__ = ["commands", "page", "session", "shown"]  # fixtures


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "AT_ONCE", 2)


def test_what_a_thread_gathers_is_what_was_picked(
    qtbot, page: MapsPage, session: Session, in_threads: None
) -> None:
    atlas = page._atlas
    page._on_picked(np.asarray([9, 4, 30], np.int32), False)
    assert not session.selected
    qtbot.waitUntil(lambda: bool(session.selected))
    assert session.selected == {atlas.ids[item] for item in (4, 9, 30)}
    assert page.selection.places.tolist() == [4, 9, 30] and page.column.chosen.places == [4, 9, 30]
    page._on_picked(np.asarray([30, 2], np.int32), True)
    qtbot.waitUntil(lambda: len(session.selected) == 4)
    assert page.selection.places.tolist() == [2, 4, 9, 30]
    assert np.flatnonzero(page.selection.mask).tolist() == [2, 4, 9, 30]


def test_the_last_pick_counts(qtbot, page: MapsPage, session: Session, in_threads: None) -> None:
    atlas = page._atlas
    page._on_picked(np.arange(20, dtype=np.int32), False)
    page._on_picked(np.asarray([3], np.int32), False)  # one is picked at once
    assert session.selected == {atlas.ids[3]}
    page.background._pool.waitForDone(2000)
    qtbot.wait(20)  # the many come, and are not wanted any more
    assert session.selected == {atlas.ids[3]}


def test_the_chosen_are_found_where_the_page_knows_them(
    qtbot, page: MapsPage, session: Session, small_index: ImageIndex, monkeypatch
) -> None:
    """The grid shows the images of the ids, without looking them up in the whole index once more."""
    asked: list[int] = []

    def count(index: ImageIndex, ids: list[str]) -> dict[str, int]:
        asked.append(len(ids))
        return positions(index, ids)

    monkeypatch.setattr("workbench.gui.compare.images_panel.positions", count)
    qtbot.waitUntil(lambda: page.colours.known is not None)
    wanted = [small_index.ids[place] for place in (20, 3, 11)]
    session.select(wanted)
    grid = page.column.chosen.grid
    assert {grid.item_id(place) for place in range(grid.num_items)} == set(wanted) and not asked


def test_a_hundred_thousand_cost_the_window_hardly_anything(qtbot) -> None:
    """Time of the window's thread, so that what else runs on the machine doesn't count."""

    class Chosen:
        selected: frozenset[str] = frozenset()

        def select(self, ids: frozenset[str]) -> None:
            self.selected = ids

    items = SimpleNamespace(ids=[f"{number:016x}" for number in range(100_000)])
    session, background = Chosen(), Background()
    chosen = Selection(session, background)
    began = time.thread_time()
    chosen.pick(items, np.arange(100_000, dtype=np.int32), False)
    assert time.thread_time() - began < 0.01
    qtbot.waitUntil(lambda: len(session.selected) == 100_000)
    assert len(chosen.places) == 100_000
    background.close()
