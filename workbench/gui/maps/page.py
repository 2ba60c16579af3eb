"""The maps of all models of the shown comparison side by side, on the same images.

Tells the panels what they show, in which colours, and what is selected; they know nothing of each other.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from workbench.gui.background import Background
from workbench.gui.commands import Commands
from workbench.gui.compare.words import titles_of
from workbench.gui.guarded import guarded
from workbench.gui.maps.atlas import Atlas, DrawnMap
from workbench.gui.maps.canvas import BOX, LASSO, MOVE
from workbench.gui.maps.colours import Colours
from workbench.gui.maps.column import DRAW, LOOK, SETTINGS, Column
from workbench.gui.maps.commands import register
from workbench.gui.maps.empty import COMPARE, MapsAwaited
from workbench.gui.maps.output import Words, give_out
from workbench.gui.maps.panel import MapPanel
from workbench.gui.maps.panel_grid import PanelGrid
from workbench.gui.maps.pointing import Pointing
from workbench.gui.maps.selection import Selection
from workbench.gui.maps.words import CAUTION, how_drawn, pairs_told
from workbench.gui.plain_text import set_tip
from workbench.gui.session import Session
from workbench.gui.theme import current_theme, know_models, themes
from workbench.gui.thumbnails import thumbnails_of
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import Chip, ElidedLabel, label
from workbench.gui.widgets.segments import Segments
from workbench.records.projection import MAPS
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import count

KIND, TOOL, PICTURES = "maps.kind", "maps.tool", "maps.pictures"  # what the project remembers
LOW = 480  # px of a page without room for more than maps


class MapsPage(QWidget):
    """Reads `session.maps` when it is shown."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__()
        self.session, self.commands = session, commands
        self.background = Background(self, threads=2)
        self.panels: dict[str, MapPanel] = {}
        self.kind = "umap"
        self._atlas: Atlas | None = None
        self.selection = Selection(session, self.background)
        self.column = Column(session)
        self.colours = Colours(session, self.background, self.column, self.drawn, self)
        self.pointing = Pointing(session, self)
        self._build_parts()
        self._lay_out()
        self._restore()
        self._connect()
        register(self)
        self.refresh()

    # Parts

    def _build_parts(self) -> None:
        self.tools = Segments(
            "Drag",
            [
                (
                    LASSO,
                    "Lasso",
                    "Drag around points to select them; Ctrl adds. Other mouse buttons move the map.",
                ),
                (BOX, "Box", "Drag a rectangle to select what lies in it; Ctrl adds"),
                (MOVE, "Move", "Drag to move the map, or to turn one of three axes. The wheel zooms."),
            ],
        )
        self.kinds = Segments(
            "Kind of map", [(kind, title, f"Show the {title} maps") for kind, title in MAPS.items()]
        )
        self.status = ElidedLabel("", "dim")
        self.status.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.empty = MapsAwaited(self.session)
        self.grid = PanelGrid()
        self.pairs = label("", "dim", wrap=True)
        self.whole = button(
            "Whole maps", self.show_whole, kind="quiet", tip="Undo every zoom and move (Home)"
        )
        self.pictures = button("Pictures", kind="segment", tip="Show the image itself on some of the points")
        self.pictures.setCheckable(True)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.grid)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(12)
        tools.addWidget(self.tools)
        tools.addWidget(self.pictures)
        tools.addWidget(self.whole)
        tools.addWidget(self.kinds)
        tools.addWidget(self.status, 1)
        caution = QHBoxLayout()
        caution.setSpacing(8)
        caution.addWidget(Chip("For looking", "undecided"))
        caution.addWidget(label(CAUTION, wrap=True), 1)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addLayout(tools)
        left.addWidget(self.pages, 1)
        left.addWidget(self.pairs)
        left.addLayout(caution)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(12)
        outer.addLayout(left, 1)
        outer.addWidget(self.column)

    def _connect(self) -> None:
        session = self.session
        session.project_changed.connect(self._restore)
        session.project_changed.connect(self.column.restore)
        session.maps.changed.connect(self.refresh)
        session.jobs_changed.connect(self._tell_jobs)
        session.selection_changed.connect(self._on_selection)
        session.backbones_changed.connect(self._tell_panels)
        themes().changed.connect(self._paint)
        self.empty.wanted.connect(self._next)
        self.tools.chosen.connect(self._on_tool)
        self.kinds.chosen.connect(self.show_kind)
        self.pictures.toggled.connect(partial(session.remember, PICTURES))
        self.pictures.toggled.connect(lambda _: self._paint())
        self.colours.changed.connect(self._paint)
        self.column.legend.wanted.connect(self._select_category)
        self.column.form.asked.connect(self.draw)

    # What is shown

    def _restore(self) -> None:
        """What this project remembers."""
        recall = self.session.recall
        self.kind = str(recall(KIND, "umap"))
        self.tools.choose(str(recall(TOOL, LASSO)))
        self.pictures.setChecked(bool(recall(PICTURES, False)))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.session.maps.look()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, it is the maps'."""
        super().resizeEvent(event)
        self.pairs.setVisible(bool(self.pairs.text()) and self.height() >= LOW)

    def refresh(self) -> None:
        """After another atlas, or another comparison."""
        session = self.session
        if self.isVisible() and session.maps.atlas is None and not session.maps.problem:
            session.maps.look()
        atlas = session.maps.atlas
        if atlas is not self._atlas:
            self._atlas = atlas
            self.colours.take_up(atlas)
            self.pointing.leave()
            self._make_panels()
            self._on_selection()
            if atlas is not None:
                if self.kind not in atlas.kinds():
                    self.kind = next(iter(atlas.kinds()), self.kind)
                self.column.show_part(LOOK if atlas.kinds() else DRAW)
                self.colours.look_up()
        self._tell_panels()
        self._tell_jobs()

    def show_kind(self, kind: str) -> None:
        self.kind = kind
        self.session.remember(KIND, kind)
        self.colours.recode()
        self._tell_panels()

    def drawn(self, model: str) -> DrawnMap | None:
        """The map of a model that is shown."""
        return self._atlas.maps.get(model, {}).get(self.kind) if self._atlas is not None else None

    def _make_panels(self) -> None:
        self.panels = {}
        result = self.session.result
        if self._atlas is None or result is None:
            self.grid.show_panels([])
            return
        know_models(model.name for model in result.models)
        titles = titles_of(result, self.session.catalogue)
        for name in self._atlas.maps:
            panel = self.panels[name] = MapPanel(name, titles.get(name, name), self.background)
            panel.canvas.tool = self.tools.current
            panel.canvas.show_thumbnails(thumbnails_of(self.session), self._file)
            panel.canvas.pointed.connect(partial(self._on_pointed, name))
            panel.canvas.picked.connect(self._on_picked)
            panel.canvas.cleared.connect(lambda: self.session.select([]))
            panel.canvas.looked.connect(self._on_looked)
            give_out(self.session, panel, partial(self._words, name))
        self.grid.show_panels(list(self.panels.values()))

    def _tell_panels(self) -> None:
        """Titles, scores, figures, and sentences where there is no map."""
        result, atlas = self.session.result, self._atlas
        kinds = atlas.kinds() if atlas is not None else []
        for kind, made in self.kinds.buttons.items():
            made.setVisible(kind in kinds)
        self.kinds.choose(self.kind)
        self.kinds.setVisible(len(kinds) > 1)
        self.tools.setVisible(bool(kinds))
        self.pictures.setVisible(bool(kinds))
        self.whole.setVisible(bool(kinds))
        self.status.setVisible(bool(kinds))
        self.pages.setCurrentIndex(int(bool(kinds)))
        self.empty.refresh(atlas)
        if result is None or atlas is None:
            self.pairs.setText("")
            self.pairs.hide()
            return
        titles = titles_of(result, self.session.catalogue)
        for name, panel in self.panels.items():
            model = result.model(name)
            score = model.probe.get(result.metric)
            panel.name = titles.get(name, name)
            panel.title.setText(panel.name)
            metric = METRIC_NAMES.get(result.metric, result.metric)
            tip = f"{metric} of the probe, mean of {count(len(result.seeds), 'split')}"
            panel.show_score(score.mean if score is not None else None, tip)
            why = atlas.problems.get(
                name, f"No {MAPS[self.kind]} map of this model yet. Draw the maps again."
            )
            panel.tell(self.drawn(name), why)
        line, told = pairs_told(atlas.pairs.get(self.kind, ()), titles)
        self.pairs.setText(line)
        set_tip(self.pairs, told)
        self.pairs.setVisible(bool(line) and self.height() >= LOW)
        self._paint()

    def _tell_jobs(self) -> None:
        atlas, maps = self._atlas, self.session.maps
        self.column.form.tell(
            drawing=maps.drawing,
            models=len(atlas.maps) if atlas is not None else 0,
            items=len(atlas.ids) if atlas is not None else 0,
        )
        self.empty.refresh(atlas)

    def _paint(self) -> None:
        """Give every canvas its points in their colours."""
        atlas, chosen = self._atlas, self.selection.mask
        if atlas is None or self.colours.colouring is None:
            return
        scenes = self.colours.scenes(chosen, current_theme(), self.pictures.isChecked())
        for name, scene in scenes.items():
            self.panels[name].canvas.show_scene(scene)
        self._tell_status(atlas, chosen)

    def _on_selection(self) -> None:
        """Whoever selected: mark it on every map, and show the images."""
        self.selection.read(self._atlas)
        self.column.chosen.show_places(self._atlas, self.selection.places, self.colours.known)
        self._paint()

    def _tell_status(self, atlas: Atlas, chosen: np.ndarray | None) -> None:
        if chosen is None:
            turned = any(drawn.dimensions == 3 for name in self.panels if (drawn := self.drawn(name)))
            hint = "Move turns a map" if turned else "the wheel zooms"
            self.status.setText(f"{count(len(atlas.ids), 'image')} · {hint}")
        else:
            self.status.setText(f"{int(chosen.sum()):,} of {len(atlas.ids):,} images selected · Esc clears")

    # Hands

    def draw(self, values: dict[str, Any]) -> None:
        """Start the job, and remember how it was asked."""
        reason = self.why_not_draw()
        if reason:
            self.session.message.emit("warn", reason)
            return
        self.session.remember(SETTINGS, values)
        self.kind = str(values.get("map", self.kind))
        self.session.remember(KIND, self.kind)
        guarded(self.session, lambda: self.session.maps.draw(values))

    def why_not_draw(self) -> str:
        """A sentence that says why no maps can be drawn now; "" when they can."""
        if self.session.result is None:
            return "There is no comparison yet. Run one first."
        return "The maps are being drawn already." if self.session.maps.drawing else ""

    def _next(self, step: str) -> None:
        if step == COMPARE:
            self.commands.run("go.compare")
        else:
            self.draw(self.column.form.values())

    def show_whole(self) -> None:
        for panel in self.panels.values():
            panel.canvas.show_whole()

    def _on_tool(self, tool: str) -> None:
        self.session.remember(TOOL, tool)
        for panel in self.panels.values():
            panel.canvas.tool = tool

    def _on_pointed(self, model: str, item: int) -> None:
        """Ring the image on every map, and show it beside the pointer."""
        atlas = self._atlas
        for panel in self.panels.values():
            panel.canvas.mark(item)
        canvas = self.panels[model].canvas
        point = canvas.point_of(item)
        if atlas is None or point is None:
            self.pointing.leave()
        else:
            self.pointing.tell(atlas, self.colours.known, model, item, canvas.mapTo(self, point.toPoint()))

    def _file(self, item: int) -> tuple[bytes, Path] | None:
        known = self.colours.known
        found = known.file(self.session, item) if known is not None else None
        return found[:2] if found is not None else None

    def _on_picked(self, items: np.ndarray, add: bool) -> None:
        if self._atlas is not None:
            self.selection.pick(self._atlas, items, add)

    def _on_looked(self, item: int) -> None:
        self.pointing.leave()
        self.column.show_part(LOOK)
        self.column.chosen.look(item)

    def _select_category(self, place: int) -> None:
        if self.colours.colouring is not None:
            self._on_picked(self.colours.items_of(place), False)

    def _words(self, model: str) -> Words | None:
        """What a picture of a model's map says."""
        drawn = self.drawn(model)
        if self.colours.colouring is None or drawn is None:
            return None
        entries = self.colours.entries(current_theme())
        panel = self.panels[model]
        parts = [how_drawn(drawn.facts), panel.told.text(), panel.scored, "far distances mean nothing"]
        return Words(entries, " · ".join(part for part in parts if part))
