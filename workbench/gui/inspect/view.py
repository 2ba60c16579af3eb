"""The place Inspect: ways to look at what models make of the images, one page each, built when first shown."""

from __future__ import annotations

import importlib
from functools import partial
from typing import NamedTuple

from PySide6.QtWidgets import QStackedWidget, QWidget

from workbench.gui.commands import Command, Commands
from workbench.gui.session import Session
from workbench.gui.widgets.cards import Page
from workbench.gui.widgets.segments import Segments

REMEMBERED = "inspect.page"


class Room(NamedTuple):
    """A page: `made` of `module` is called with session and commands.

    A page may have `head_told`, a signal with heading and caption where these change, and `head_tools`, widgets that
    stand beside them while it is shown.
    """

    id: str
    title: str
    tip: str
    heading: str
    caption: str
    module: str
    made: str


ROOMS = (
    Room(
        "board",
        "Board",
        "The same images as several models see them",
        "What the models look at",
        "Images by models. Wheel and drag move all maps.",
        "workbench.gui.inspect.page",
        "BoardPage",
    ),
    Room(
        "maps",
        "Maps",
        "Every image as a point, similar ones side by side, one map for each model",
        "What the models take for alike",
        "The same images on every map; what is selected on one is selected on all.",
        "workbench.gui.maps.page",
        "MapsPage",
    ),
    Room(
        "neighbours",
        "Neighbours",
        "What each model has nearest to an image",
        "What lies nearest to an image",
        "A row for each model; a click asks for the neighbours of another image.",
        "workbench.gui.neighbours.page",
        "NeighboursPage",
    ),
)


class InspectView(Page):
    """One page at a time; the words to choose one are there from the second page on."""

    def __init__(self, session: Session, commands: Commands, rooms: tuple[Room, ...] = ROOMS) -> None:
        super().__init__(rooms[0].heading, rooms[0].caption, beside=True)
        self.session, self.commands = session, commands
        self.rooms = {room.id: room for room in rooms}
        self.pages: dict[str, QWidget] = {}
        self._told = {room.id: (room.heading, room.caption) for room in rooms}
        self.segments = Segments("Inspect", [(room.id, room.title, room.tip) for room in rooms])
        self.segments.chosen.connect(self.show_page)
        self.add_tool(self.segments, right=True)
        self.segments.setVisible(len(rooms) > 1)
        self.stack = QStackedWidget()
        self.body.addWidget(self.stack, 1)
        made = [
            Command(
                id=f"inspect.show_{room.id}",
                title=f"Inspect: {room.title}",
                run=partial(self.show_page, room.id),
                help=room.tip,
                place="inspect",
            )
            for room in rooms
        ]
        self.destroyed.connect(commands.add_all(made))
        session.project_changed.connect(self._restore)
        self._restore()

    @property
    def page(self) -> QWidget:
        return self.pages[self.segments.current]

    def show_page(self, identifier: str) -> None:
        if identifier not in self.pages:
            self._build(identifier)
        self.segments.choose(identifier)
        self.stack.setCurrentWidget(self.pages[identifier])
        for name, page in self.pages.items():
            for tool in getattr(page, "head_tools", ()):
                tool.setVisible(name == identifier)
        self.set_heading(*self._told[identifier])
        self.session.remember(REMEMBERED, identifier)

    def _build(self, identifier: str) -> None:
        room = self.rooms[identifier]
        made: QWidget = getattr(importlib.import_module(room.module), room.made)(self.session, self.commands)
        told = getattr(made, "head_told", None)
        if told is not None:
            told.connect(partial(self._tell, identifier))
        for tool in getattr(made, "head_tools", ()):
            self.add_tool(tool)
        self.pages[identifier] = made
        self.stack.addWidget(made)

    def _tell(self, identifier: str, heading: str, caption: str) -> None:
        self._told[identifier] = heading, caption
        if self.pages.get(identifier) is self.stack.currentWidget():
            self.set_heading(heading, caption)

    def _restore(self) -> None:
        wanted = str(self.session.recall(REMEMBERED, ""))
        self.show_page(wanted if wanted in self.rooms else next(iter(self.rooms)))
