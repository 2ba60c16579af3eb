"""What is on the board: models, images, how they are looked at, and what the models answered so far.

The board's parts read it, listen to `changed` and call its methods; they know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from workbench.gui.background import Background
from workbench.gui.inspect.columns import BoardColumn, columns_of, default_models
from workbench.gui.inspect.row_image import RowImage, item_image, outside_image
from workbench.gui.inspect.rows import FoundRows, find_rows
from workbench.gui.item_ids import positions
from workbench.gui.session import Session
from workbench.pixels.cells import error_top
from workbench.records.boards import MOST_ROWS, BoardPlan, outside_id
from workbench.records.index import ImageIndex, Refused
from workbench.records.inspection import InspectJob, InspectSettings, Sight, same_answer
from workbench.records.spec import Reading

REMEMBERED = "inspect.board"
SETTLE_MS = 600  # after the last change, what is looked at is remembered
KEPT_BYTES = 512 << 20  # of answers to other questions than the present one
TOGETHER = ("patch-pca", "segments")  # are made over all pictures, so that others are another question


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What one model answered. `settings` without the picture of the query, which `query_image` names."""

    sight: Sight
    ids: tuple[str, ...]
    settings: InspectSettings
    query_image: str
    reading: Reading
    number: int

    def row(self, identifier: str) -> int:
        """-1 where it wasn't asked about."""
        return self.ids.index(identifier) if identifier in self.ids else -1

    @property
    def nbytes(self) -> int:
        made = (getattr(self.sight, name) for name in self.sight.__dataclass_fields__)
        return sum(each.nbytes for each in made if isinstance(each, np.ndarray))


class Board(QObject):
    """`changed` says what did: "columns", "rows", "settings", "answers" or "waiting"."""

    changed = Signal(str)
    failed = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.plan = BoardPlan()
        self.columns: tuple[BoardColumn, ...] = ()
        self.asked_ids: tuple[str, ...] = ()  # which the models are asked about
        self.rows: tuple[str, ...] = ()  # which are shown, pinned ones first
        self.found = FoundRows()  # where they lie
        self.choosing = False  # which images are shown is being found out
        self.why = ""  # the last ask failed: a sentence
        self._answers: dict[tuple[str, str], Answer] = {}  # (model, what is shown), the latest last
        self._requests: dict[int, Answer] = {}  # number -> what was asked, without a sight
        self._top = 0.0
        self._active = False
        self._turn = 0
        self._background = Background(session)  # closed with it
        self.asker = session.inspection
        self.asker.came.connect(self._take)
        self.asker.failed.connect(self._fail)
        self.asker.waiting_changed.connect(self._on_waiting)
        self._remember = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._remember.timeout.connect(self.remember)
        session.project_changed.connect(self.open)
        session.result_changed.connect(self._on_result)
        session.backbones_changed.connect(self._show_columns)
        session.brought_changed.connect(self._show_columns)
        session.dataset_changed.connect(self.choose)
        self.open()

    # What it is

    @property
    def settings(self) -> InspectSettings:
        return self.plan.settings

    @property
    def index(self) -> ImageIndex | None:
        """The labelled images, or the pool where there are none."""
        return self.session.index if self.session.index is not None else self.session.pool_index

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(column.model for column in self.columns)

    @property
    def waiting(self) -> bool:
        return self.asker.waiting

    @property
    def query_image(self) -> str:
        """Item id of the image that a query for likeness lies in."""
        wanted = self.plan.query_image
        return wanted if wanted in self.asked_ids else (self.asked_ids[0] if self.asked_ids else "")

    @property
    def top(self) -> float:
        """Levels of the lightest error of all reconstructions, so that their colours can be compared."""
        return self._top

    @property
    def said(self) -> dict[str, int]:
        """Of misses: the class code that the model said instead."""
        return self.found.said

    @property
    def gone(self) -> tuple[Refused, ...]:
        """Pictures from files that are rows and can't be shown any more."""
        return self.found.gone

    def image(self, identifier: str) -> RowImage | None:
        """The image of a row; None where the data set has another index by now."""
        index, picture = self.index, self.found.pictures.get(identifier)
        if picture is not None:
            return outside_image(picture, index, self.found.twins.get(identifier, -1))
        position = self.found.places.get(identifier, -1)
        if index is None or not 0 <= position < len(index):
            return None
        own = self.session.index is not None
        return item_image(index, position, self.session.file(position) if own else index.file(position))

    def answer(self, model: str) -> Answer | None:
        """What the model said when it was asked last what is shown now; it may be about another layer or query."""
        return self._answers.get((model, self.settings.show))

    def sights(self) -> list[Sight]:
        """Of the columns, as far as they have answered."""
        return [answer.sight for model in self.models if (answer := self.answer(model)) is not None]

    def drawn_settings(self) -> InspectSettings:
        """The settings with the row of the query among those that are shown."""
        row = self.rows.index(self.query_image) if self.query_image in self.rows else 0
        return replace(self.settings, query_image=row + 1)

    def drawn(self, answer: Answer) -> InspectSettings:
        """The settings by which its pictures are drawn: what was asked then, and what is drawn anew as it is now."""
        asked = self.settings if same_answer(answer.settings, self._asked()) else answer.settings
        return replace(
            self.settings,
            inspection=asked.inspection,
            query=asked.query,
            rollout=asked.rollout,
            image_size=asked.image_size,
            layer=self.settings.layer
            if self.settings.show == "attention" and not asked.rollout
            else asked.layer,
            query_image=max(answer.row(answer.query_image), 0) + 1,
        )

    def is_current(self, model: str) -> bool:
        """Whether the model has answered just what is asked now."""
        answer = self.answer(model)
        if answer is None or answer.reading != self.session.reading:
            return False
        show = self.settings.show
        known = answer.ids == self.asked_ids if show in TOGETHER else set(self.asked_ids) <= set(answer.ids)
        same_picture = show != "likeness" or answer.query_image == self.query_image
        return known and same_picture and same_answer(answer.settings, self._asked())

    # Changing it

    def open(self) -> None:
        """Another project: what it remembered of the board."""
        self.asker.stop()
        self._answers, self._requests, self.why = {}, {}, ""
        try:
            self.plan = BoardPlan.from_json(self.session.recall(REMEMBERED, {}))
        except ValueError:  # nothing yet, or of another version
            self.plan = BoardPlan()
        self._show_columns()
        self.changed.emit("settings")
        self.choose()

    def show_plan(self, plan: BoardPlan) -> None:
        """A board that was kept."""
        self.plan = plan
        self._remember.start()
        self._show_columns()
        self.changed.emit("settings")
        self.choose()

    def set(self, **changes: Any) -> None:
        """Of the settings; asks again where the answers that there are don't do."""
        before = self.settings
        self.plan = replace(self.plan, settings=replace(before, **changes))
        if self.settings == before:
            return
        if self.settings.show != before.show:
            self._measure()
        if before.show == "reconstruction" != self.settings.show and self.plan.rows.kind == "odd":
            # What was odd stays in sight: others know no worst.
            kept = tuple(each for each in self.rows if each not in self.plan.pinned)
            self.plan = replace(self.plan, rows=replace(self.plan.rows, kind="kept", ids=kept))
            self.choose()
        self._on_changed("settings")

    def set_panel(self, panel: str) -> None:
        self.plan = replace(self.plan, panel=panel)
        self._on_changed("settings")

    def ask_place(self, identifier: str, place: tuple[float, float]) -> None:
        """Ask for the attention or likeness of a spot of an image, given in shares of the whole picture's sides."""
        self.plan = replace(self.plan, query_image=identifier)
        query = ",".join(f"{share:.4f}" for share in place)
        self.plan = replace(self.plan, settings=replace(self.settings, query=query))
        self._on_changed("settings")

    def set_models(self, models: Sequence[str] | None) -> None:
        """None goes back to those of the comparison."""
        self.plan = replace(self.plan, models=None if models is None else tuple(dict.fromkeys(models)))
        self._show_columns()
        self._on_changed("settings")

    def set_rows(self, **changes: Any) -> None:
        self.plan = replace(self.plan, rows=replace(self.plan.rows, **changes))
        self._on_changed("settings")
        self.choose()

    def pick(self) -> None:
        """The images that are selected now become the rows, the first of the folder where there are too many."""
        index = self.index
        found = positions(index, list(self.session.selected)) if index is not None else {}
        ids = tuple(nsmallest(MOST_ROWS, found, key=found.__getitem__))
        self.set_rows(kind="picked", ids=ids or self._picked_before())

    def show_files(self) -> None:
        """The pictures from files that were read last become the rows."""
        self.set_rows(kind="files", ids=tuple(map(outside_id, self.session.pictures.files)))

    def _picked_before(self) -> tuple[str, ...]:
        return self.plan.rows.ids if self.plan.rows.kind == "picked" else ()

    def pin(self, identifier: str) -> None:
        """Keep a row whatever is chosen, or let it go again."""
        pinned = self.plan.pinned
        there = identifier in pinned
        kept = tuple(each for each in pinned if each != identifier)
        self.plan = replace(self.plan, pinned=kept if there else (*kept, identifier))
        self._on_changed("settings")
        self.choose()

    def _on_changed(self, what: str) -> None:
        self._remember.start()
        self.changed.emit(what)
        self.ask()

    def remember(self) -> None:
        self._remember.stop()
        if self.session.project is not None:
            self.session.remember(REMEMBERED, self.plan.to_json())

    # Models and images

    def _show_columns(self) -> None:
        session, wanted = self.session, self.plan.models
        if wanted is None:
            chosen = [choice.backbone for choice in session.settings.chosen]
            wanted = default_models(session.result, chosen, session.catalogue)
        columns = columns_of(session, wanted)
        if columns != self.columns:
            self.columns = columns
            self._measure()
            self.changed.emit("columns")
            self.ask()

    def _on_result(self) -> None:
        self._show_columns()
        if self.plan.rows.kind in ("misses", "hardest"):
            self.choose()

    def choose(self) -> None:
        """Find out which images the rows are, in a thread."""
        self._turn += 1
        turn, index, rows, pinned = self._turn, self.index, self.plan.rows, self.plan.pinned
        predictions, reading = self.session.predictions, self.session.reading
        known = {outside_id(picture.file): picture for picture in self.session.pictures.pictures}
        known |= self.found.pictures

        def show(found: FoundRows) -> None:
            if turn == self._turn:
                self._show_rows(found)

        if index is None and not (rows.ids or pinned):
            show(FoundRows())
            return
        self.choosing = True
        self._background.run(
            lambda: find_rows(rows, pinned, index, predictions, known, reading),
            show,
            lambda error: self._fail(str(error)),
        )

    def _show_rows(self, found: FoundRows) -> None:
        self.choosing = False
        self.asked_ids, self.found = found.ids, found
        self._sort_rows()
        self.changed.emit("rows")
        self.ask()

    def _sort_rows(self) -> None:
        """Of "odd" those that are painted worst, as far as that is known; else all."""
        rows, pinned = self.plan.rows, [each for each in self.asked_ids if each in self.plan.pinned]
        rest = [each for each in self.asked_ids if each not in self.plan.pinned]
        if rows.kind == "odd":
            if not self.waiting:
                errors = {each: self.picture_error(each) for each in rest}
                rest.sort(key=lambda each: -errors[each])
            rest = rest[: rows.number]
        self.rows = (*pinned, *rest)

    def picture_error(self, identifier: str) -> float:
        """Mean over the models that painted it, in levels; -1 where none did."""
        errors = [
            float(answer.sight.picture_errors[row])
            for answer in map(self.answer, self.models)
            if answer is not None
            and answer.sight.picture_errors is not None
            and (row := answer.row(identifier)) >= 0
        ]
        errors = [each for each in errors if np.isfinite(each)]
        return float(np.mean(errors)) if errors else -1.0

    # Asking

    def set_active(self, active: bool) -> None:
        """Only a board in sight asks."""
        self._active = active
        if active:
            self.ask()
        else:
            self.asker.leave()

    def ask(self) -> None:
        """Ask those models that have not answered just this."""
        project = self.session.project
        if not self._active or project is None or self.choosing or not self.asked_ids:
            return
        needed = tuple(model for model in self.models if not self.is_current(model))
        if not needed:
            return
        settings = self._asked()
        images = [image for each in self.asked_ids if (image := self.image(each)) is not None]
        if len(images) < len(self.asked_ids):  # another index: it is found out which of them it holds
            return
        query = self.asked_ids.index(self.query_image) + 1
        try:
            job = InspectJob(
                **{name: getattr(settings, name) for name in settings.__dataclass_fields__}
                | {"query_image": query},
                models=needed,
                images=tuple(str(image.file) for image in images),
                pages=tuple(image.page for image in images),
                curation=str(project.keep_curation()),
            )
        except (OSError, ValueError) as error:
            self._fail(str(error))
            return
        number = self.asker.ask(job)
        asked = Answer(
            Sight(model=""), self.asked_ids, settings, self.query_image, self.session.reading, number
        )
        self._requests = {key: value for key, value in self._requests.items() if key >= number - 8}
        self._requests[number] = asked
        self.why = ""

    def _asked(self) -> InspectSettings:
        return replace(self.settings, query_image=1)

    def _take(self, sight: Sight) -> None:
        latest = max(self._requests, default=sight.ask + 1)
        # A worker that ended just when it was asked is asked the same again, under another number.
        asked = self._requests.get(min(sight.ask, latest))
        if asked is None:
            return
        key = (sight.model, asked.settings.show)
        known = self._answers.pop(key, None)
        if known is not None and known.number > asked.number:
            self._answers[key] = known
            return
        self._answers[key] = replace(asked, sight=sight)
        self._forget()
        self._measure()
        self.changed.emit("answers")

    def _forget(self) -> None:
        """Old answers to other questions, where there are too many."""
        others = [key for key in self._answers if key[1] != self.settings.show]
        held = sum(self._answers[key].nbytes for key in others)
        for key in others:
            if held <= KEPT_BYTES:
                break
            held -= self._answers.pop(key).nbytes

    def _measure(self) -> None:
        self._top = error_top(self.sights()) if self.settings.show == "reconstruction" else 0.0

    def _on_waiting(self, _: bool) -> None:
        if self.plan.rows.kind == "odd" and not self.waiting:
            self._sort_rows()
            self.changed.emit("rows")
        self.changed.emit("waiting")

    def _fail(self, sentence: str) -> None:
        self.choosing = False
        self.why = sentence
        self.changed.emit("waiting")
        self.failed.emit(sentence)
