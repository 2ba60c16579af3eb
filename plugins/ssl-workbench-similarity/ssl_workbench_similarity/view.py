"""The view: a model's matrix of classes, and the images that lie between the two classes of a cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedLayout, QWidget

from ssl_workbench_similarity.likeness import Between, Likeness, between, likeness_of
from ssl_workbench_similarity.matrix import SimilarityMatrix, figure
from workbench.gui.api import (
    Background,
    Card,
    Commands,
    EmptyState,
    ImagesPanel,
    Page,
    Segments,
    Session,
    printable,
)

HEADING = "Which classes look alike to a backbone?"
CAPTION = "The mean cosine between the images of two classes, as the vectors of a comparison have it."
CLICK = "A click on a cell shows the images between two classes."
ORDER = "nearest to the other class first; cosine to its own class · to the other"
CENTRED, PLAIN = "centred", "plain"
SCALES = (
    (CENTRED, "Centred", "The mean of all images is taken away first: what all images share doesn't count."),
    (PLAIN, "As they are", "Cosines of the vectors themselves, which are often all near 1."),
)


class SimilarityView(Page):
    """Reads the embedding files of the shown comparison, in a thread, when it is looked at."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__(HEADING, CAPTION)
        self.session = session
        self._background = Background(self)
        self._asked: tuple[Any, ...] = ()  # what is being read, or shown
        self._known: dict[tuple[Any, ...], Likeness] = {}
        self.model = QComboBox()
        self.model.setAccessibleName("Model")
        self.model.setMinimumContentsLength(18)
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.scale = Segments("Cosines", SCALES)
        self.add_tool(self.model)
        self.add_tool(self.scale)
        self.matrix = SimilarityMatrix(self.open_pair)
        self.images = ImagesPanel(session, "Images between two classes")
        self.matrix_card = Card("Mean cosine")
        self.matrix_card.body.addWidget(self.matrix, 1)
        images_card = Card("Between two classes")
        images_card.body.addWidget(self.images, 1)
        both = QWidget()
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.matrix_card, 3)
        row.addWidget(images_card, 2)
        self.empty = EmptyState(
            "No comparison yet", "Compare backbones first; their vectors are what is shown here."
        )
        self.problem = EmptyState("This can't be shown")
        self.reading = EmptyState("Reading vectors…")
        self._stack = QStackedLayout()
        self._stack.setContentsMargins(0, 0, 0, 0)
        for widget in (both, self.empty, self.problem, self.reading):
            self._stack.addWidget(widget)
        self.both = both
        self.body.addLayout(self._stack, 1)
        self.model.currentIndexChanged.connect(lambda _: self.look())
        self.scale.chosen.connect(lambda _: self.look())
        session.result_changed.connect(self.take_up)
        self.take_up()

    def take_up(self) -> None:
        """Another comparison is shown, or none."""
        files = self.files()
        self._known.clear()
        self._asked = ()
        earlier = self.model.currentData()
        self.model.blockSignals(True)
        self.model.clear()
        for name in files:
            self.model.addItem(printable(name), name)
        if earlier in files:
            self.model.setCurrentIndex(list(files).index(earlier))
        self.model.blockSignals(False)
        self.show_tools(bool(files))
        self.look()

    def files(self) -> dict[str, Path]:
        """The embedding file of each model of the shown comparison."""
        project, result = self.session.project, self.session.result
        if project is None or result is None:
            return {}
        return result.files(project.run(project.settings.result).path)

    def look(self) -> None:
        """Show the chosen model, read in a thread where that wasn't done yet."""
        name, result = self.model.currentData(), self.session.result
        if name is None or result is None:
            self.set_heading(HEADING, CAPTION)
            self._stack.setCurrentWidget(self.empty)
            return
        path, centred = self.files()[name], self.scale.current == CENTRED
        asked = (name, str(path), centred)
        if asked == self._asked:
            return
        self._asked = asked
        known = self._known.get(asked)
        if known is not None:
            self._show(asked, known)
            return
        self._stack.setCurrentWidget(self.reading)
        self.set_heading(HEADING, CAPTION)
        order = result.classes
        self._background.run(
            lambda: likeness_of(path, order, centred=centred),
            lambda likeness: self._show(asked, likeness),
            lambda error: self._fail(asked, error),
        )

    def open_pair(self, first: int, second: int) -> None:
        """Show the images between two classes, read in a thread."""
        likeness = self.matrix.likeness
        if likeness is None:
            return
        cell = (first, second)
        self.matrix.choose(cell)
        self._background.run(
            lambda: between(likeness, first, second),
            lambda found: self._show_images(cell, likeness, found),
            lambda error: self.images.tell("", "", str(error)),
        )

    def _show(self, asked: tuple[Any, ...], likeness: Likeness) -> None:
        self._known[asked] = likeness
        if asked != self._asked:
            return
        self._stack.setCurrentWidget(self.both)
        self.matrix.show_likeness(likeness)
        self.matrix_card.set_title("Mean cosine", f"{printable(asked[0])}, {likeness.counts.sum():,} images")
        nearest = likeness.nearest()
        if nearest is None:
            self.set_heading("There is only one class, so nothing to tell it from", CAPTION)
            self.images.tell("", "", "Label images of another class and compare again.")
            return
        first, second = (printable(likeness.classes[code]) for code in nearest)
        cosine = figure(likeness.cosines[nearest])
        self.set_heading(f"{first} and {second} look most alike, at a cosine of {cosine}", _told(likeness))
        self.open_pair(*nearest)

    def _fail(self, asked: tuple[Any, ...], error: Exception) -> None:
        if asked == self._asked:
            self._asked = ()
            self.problem.text.setText(str(error))
            self._stack.setCurrentWidget(self.problem)

    def _show_images(self, cell: tuple[int, int], likeness: Likeness, found: list[Between]) -> None:
        if likeness is not self.matrix.likeness or cell != self.matrix.chosen:
            return
        names = [likeness.classes[code] for code in cell]
        if cell[0] == cell[1]:
            shown = [
                (one.id, figure(one.own), f"mean cosine {figure(one.own, 3)} to {names[0]}") for one in found
            ]
            self.images.show_images(f"{names[0]}: least like the others", shown, "least alike first")
            return
        shown = []
        for one in found:
            own, other = names if one.code == cell[0] else names[::-1]
            own_shown, other_shown = figure(one.own, 3), figure(one.other, 3)
            told = f"{own}; mean cosine {own_shown} to its own class, {other_shown} to {other}"
            shown.append((one.id, f"{own} {figure(one.own)} · {figure(one.other)}", told))
        self.images.show_images(f"{names[0]} and {names[1]}", shown, ORDER)


def _told(likeness: Likeness) -> str:
    """Whether classes overlap, in a sentence."""
    names = [printable(likeness.classes[code]) for code in likeness.overlapping()]
    if not names:
        return f"The images of every class are more like each other than like any other class. {CLICK}"
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"No more like each other than like another class are the images of {listed}. {CLICK}"
