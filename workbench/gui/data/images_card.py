"""The images themselves: grid, filters, order, size of the tiles, what is selected, what can be done with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QSlider, QStackedWidget

from workbench.gui.background import Background
from workbench.gui.data.class_list import EVERYTHING
from workbench.gui.data.filter_bar import FilterBar
from workbench.gui.data.image_facts import gather
from workbench.gui.data.image_filter import Filter, ImageFacts, apply, carry
from workbench.gui.data.no_images import NoImages
from workbench.gui.file_manager import show_in_file_manager
from workbench.gui.item_ids import carry_ids, positions
from workbench.gui.model_recipe import recipe_of
from workbench.gui.plain_text import set_tip
from workbench.gui.thumbnails import how_to_read, thumbnails_of
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.image_grid import TILE, ImageGrid, describe
from workbench.gui.widgets.quick_look import Item, QuickLook
from workbench.records.index import ImageIndex
from workbench.records.spec import Reading
from workbench.records.text import count

if TYPE_CHECKING:
    from workbench.gui.session import Session

SMALLEST, LARGEST = 64, 256  # px of a tile
AT_ONCE = 20_000  # images that any filter is applied to without a thread


class ImagesCard(Card):
    """Linked to the session's selection in both directions."""

    refused_asked = Signal()  # the files that can't be used are to be shown
    left_out_asked = Signal()  # so are the images that were left out
    folders_asked = Signal()  # other folders are wanted
    shown = Signal()  # another filter or order is in force, and its images are there

    def __init__(self, session: Session) -> None:
        super().__init__("Images")
        self._session = session
        self._index: ImageIndex | None = None
        self._base: np.ndarray | None = None
        self._note = ""
        self._facts = ImageFacts()
        self._asked = self._gathered = 0
        self._looking: QuickLook | None = None
        self._background = Background(self)
        self._filtering = Background(self)  # a large picture must not keep a filter waiting
        self.grid = ImageGrid(thumbnails_of(session), self._file)
        self.bar = FilterBar()
        self.clear = button("Clear selection", lambda: session.select(()), kind="link")
        self.clear.hide()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(SMALLEST, LARGEST)
        self.slider.setSingleStep(16)
        self.slider.setFixedWidth(96)
        set_tip(self.slider, "Size of the pictures")
        self.slider.setAccessibleName("Size of the pictures")
        self._resize = QTimer(self, singleShot=True, interval=60)
        self._resize.timeout.connect(self._set_tile)
        self.slider.setValue(int(session.recall("tile", TILE)))
        self._set_tile()
        self.add_head(self.clear)
        self.add_head(self.slider)
        self.body.addWidget(self.bar)
        self.none = NoImages()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.grid)
        self._pages.addWidget(self.none)
        self.body.addWidget(self._pages, 1)
        self.none.clear_asked.connect(self._clear_filter)
        self.none.folders_asked.connect(self.folders_asked)
        self.none.refused_asked.connect(self.refused_asked)
        self.none.left_out_asked.connect(self.left_out_asked)
        self.slider.valueChanged.connect(lambda _: self._resize.start())
        self.grid.selected.connect(session.select)
        self.grid.look.connect(self.look)
        self.grid.menu_asked.connect(self._show_menu)
        self.grid.removal_asked.connect(self.leave_out)
        self.bar.changed.connect(lambda _: self._apply())
        self.bar.base_dropped.connect(self._drop_base)
        session.selection_changed.connect(self._show_selection)
        session.result_changed.connect(self._gather)
        session.baseline_changed.connect(self._gather)

    # What is shown

    def set_index(self, index: ImageIndex | None) -> None:
        """Show another index; the filter and the place in the grid stay where they still make sense."""
        old, self._index = self._index, index
        self._carry_selection(old, index)
        self._base, self._note = None, ""
        self.bar.set_base("")
        self.bar.set_index(index, carry(self.bar.filter, old, index))
        self._facts = ImageFacts()
        self._show_links()
        self._gather()
        self._apply(stay=True)

    def _carry_selection(self, old: ImageIndex | None, new: ImageIndex | None) -> None:
        """Nothing is selected until the same images are found again: an old id may mean another copy now."""
        chosen = self._session.selected
        if old is None or new is None or not chosen:
            return
        self._session.select(())

        def show(ids: list[str]) -> None:
            if self._index is new and not self._session.selected:
                self._session.select(ids)

        self._background.run(lambda: carry_ids(chosen, old, new), show, self._complain)

    def refresh_files(self) -> None:
        """The files may lie elsewhere now, or count otherwise."""
        self._show_links()
        self._gather()
        self.grid.viewport().update()

    def show_coded(self, column: str, code: int, name: str) -> None:
        """Show the images whose "label" or "group" has a code; other kinds of filters stay."""
        self._forget_base()
        parts: dict[str, tuple[int, ...]] = {"label": (), "group": ()}
        if code != EVERYTHING:
            parts[column] = (code,)
        self._put(**parts)

    @property
    def has_base(self) -> bool:
        """Whether the images that are shown were chosen elsewhere."""
        return self._base is not None

    def show_positions(self, positions: np.ndarray, title: str, aside: str = "") -> None:
        """Show the images at `positions` of the index under a title; other filters begin anew."""
        self._base, self._note = positions, aside
        self.bar.set_index(self._index, Filter())
        self.bar.set_base(title)
        self._apply()

    def show_only(self, key: str) -> None:
        """Show what a filter of `image_filter.ONLY` lets through, copies side by side; other filters begin anew."""
        self._forget_base()
        sort = "copies" if key in ("copies", "leaks") else "path"
        self.bar.set_index(self._index, Filter())
        self._put(only=(key,), sort=sort)

    def _put(self, **parts: object) -> None:
        before = self.bar.filter
        self.bar.put(**parts)
        if self.bar.filter == before:
            self._apply()

    def _forget_base(self) -> None:
        self._base, self._note = None, ""
        self.bar.set_base("")

    def _drop_base(self) -> None:
        self._forget_base()
        self._apply()

    def _apply(self, *, stay: bool = False) -> None:
        """Find the images that pass and show them; in a thread where it takes long."""
        index, chosen, facts, base = self._index, self.bar.filter, self._facts, self._base
        self._asked += 1
        asked = self._asked
        if index is None:
            self.grid.set_items(None)
            self._show_selection()
            return
        if base is None and not chosen.narrows and chosen.sort == "path" and not chosen.descending:
            self._show(None, stay=stay)
            return
        if chosen.is_quick or len(index) <= AT_ONCE:
            self._show(apply(chosen, index, facts, base), stay=stay)
            return
        if self.grid.index is not index:  # positions in the one before mean other images
            self.grid.set_items(index, np.zeros(0, dtype=np.int64))

        def show(found: np.ndarray) -> None:
            if asked == self._asked:
                self._show(found, stay=stay)

        self._filtering.run(lambda: apply(chosen, index, facts, base), show, self._complain)

    def _show(self, found: np.ndarray | None, *, stay: bool = False) -> None:
        self.grid.set_items(self._index, found, stay=stay)
        if self._index is not None and not self.grid.num_items:
            self.none.show_why(self._index, self._session.dataset.arranged)
            self._pages.setCurrentWidget(self.none)
        else:
            self._pages.setCurrentWidget(self.grid)
        self._show_selection()
        self.shown.emit()

    def _clear_filter(self) -> None:
        self.bar.clear()
        self.grid.setFocus()

    def _gather(self) -> None:
        """Count in a thread what the filters ask beside the index."""
        session, index = self._session, self._index
        self._gathered += 1
        asked = self._gathered
        if index is None:
            return
        split, result, predictions = session.split, session.result, session.predictions
        baseline = session.baseline

        def show(facts: ImageFacts) -> None:
            if asked == self._gathered:
                self._facts = facts
                self.bar.set_facts(facts)
                chosen = self.bar.filter
                if chosen.part or chosen.only or chosen.predicted:
                    self._apply(stay=True)

        self._filtering.run(lambda: gather(index, split, result, predictions, baseline), show, self._complain)

    def _complain(self, error: Exception) -> None:
        self._session.message.emit("bad", str(error))

    def _show_links(self) -> None:
        links = []
        if self._index is not None and self._index.refused:
            told = "Files that can't be used, each with its reason"
            links.append((f"{len(self._index.refused):,} refused", told, self.refused_asked.emit))
        arranged = self._session.dataset.arranged
        if arranged is not None and arranged.left_out:
            told = "Images that take no part; bring them back from there"
            links.append((f"{len(arranged.left_out):,} left out", told, self.left_out_asked.emit))
        self.bar.set_links(links)

    def _file(self, position: int) -> Path:
        """Of the index that is shown here, which the session may have left behind a moment ago."""
        assert self._index is not None
        return self._index.file(position, self._session.settings.roots)

    # Quick look

    def look(self, place: int) -> None:
        """Quick look at the image at `place` of the grid."""
        if self._looking is not None:
            return
        self._looking = QuickLook(
            self._item,
            self.grid.num_items,
            place,
            self.grid.go_to,
            self._background,
            self,
            model_view=self._model_view,
        )
        self._looking.finished.connect(self._looked)
        self._looking.open()

    def _looked(self) -> None:
        self._looking = None
        self.grid.setFocus()

    def _item(self, place: int) -> Item:
        index = self._index
        assert index is not None
        position = self.grid.position(place)
        tile = self.grid.tile_of(place)
        reading = self._session.reading
        told = " · ".join((describe(index, position), *_window_told(index, position, reading)))
        return Item(
            self._file(position),
            told,
            tile.image if tile is not None else None,
            page=int(index.page[position]),
            reading=reading,
        )

    def _model_view(self, item: Item) -> tuple[np.ndarray, str]:
        """The model's input; called in a thread."""
        from workbench.pixels.prepare import load

        recipe = recipe_of(self._session)
        how = how_to_read(item.page, item.reading)
        return load(item.path, recipe.preprocess, recipe.decode, **how), recipe.told

    # What can be done with the selection

    def selected_positions(self) -> np.ndarray:
        """Positions of the selected images in the index, ascending."""
        index = self._index
        if index is None:
            return np.zeros(0, dtype=np.int64)
        return np.sort(np.fromiter(positions(index, list(self._session.selected)).values(), dtype=np.int64))

    def open_folder(self) -> None:
        """Show the current image in the file manager."""
        place = self.grid.current_place()
        if place >= 0:
            problem = show_in_file_manager(self._file(self.grid.position(place)))
            if problem:
                self._session.message.emit("warn", problem)

    def copy_paths(self) -> None:
        """The paths of the selected files, one a line."""
        paths = [str(self._file(int(position))) for position in self.selected_positions()]
        QGuiApplication.clipboard().setText("\n".join(paths))

    def select_alike(self) -> None:
        """Select every copy, exact or near, of the selected images."""
        index = self._index
        if index is None:
            return
        chosen = self.selected_positions()
        sets = np.unique(index.copies[chosen])
        alike = np.flatnonzero(np.isin(index.copies, sets[sets >= 0]))
        both = np.union1d(chosen, alike)
        self._session.select(self.grid.ids_of(both))

    def leave_out(self) -> None:
        """Leave the selected images out of the data set; undo brings them back."""
        index, chosen = self._index, self.selected_positions()
        if index is not None and len(chosen):
            names = [index.name(int(position)) for position in chosen]
            self._session.select(())
            self._session.dataset.leave_out(names)

    def _show_menu(self, where: QPoint) -> None:
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(where)

    def menu(self) -> QMenu:
        """What can be done with the selected images."""
        index, chosen = self._index, self.selected_positions()
        menu = QMenu(self)
        number = len(chosen)
        menu.addAction("Quick look\tSpace", lambda: self.look(self.grid.current_place()))
        menu.addAction("Open in file manager", self.open_folder)
        menu.addAction("Copy path" if number == 1 else f"Copy {number:,} paths", self.copy_paths)
        alike = menu.addAction(f"Select all copies of {'it' if number == 1 else 'these'}", self.select_alike)
        alike.setEnabled(index is not None and bool((index.copies[chosen] >= 0).any()))
        menu.addSeparator()
        menu.addAction(f"Leave out {count(number, 'image')}\tDel", self.leave_out)
        return menu

    def _set_tile(self) -> None:
        self.grid.set_tile(self.slider.value())
        self._session.remember("tile", self.slider.value())

    def _show_selection(self) -> None:
        chosen = self._session.selected
        self.grid.set_selected(chosen)
        number, whole = self.grid.num_items, len(self._index) if self._index is not None else 0
        images = count(number, "image")
        parts = [self._note, f"{number:,} of {count(whole, 'image')}" if number < whole else images]
        if chosen:
            parts.append(f"{len(chosen):,} selected")
        self.set_title("Images", " · ".join(part for part in parts if part))
        self.clear.setVisible(bool(chosen))


def _window_told(index: ImageIndex, position: int, reading: Reading) -> list[str]:
    """The intensity window of a deep picture, in the file's own numbers."""
    from workbench.pixels.histogram import type_of_mode

    kind = type_of_mode(index.modes[int(index.mode[position])]) if index.modes else ""
    if not kind:
        return []
    ends = reading.ends(kind)
    return [f"window {ends[0]:,g} to {ends[1]:,g}" if ends else "window: full range"]
