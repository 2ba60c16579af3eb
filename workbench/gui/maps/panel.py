"""One model's map in its frame: what the model is called and what its probe scored, the map, how far to trust it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from workbench.gui.background import Background
from workbench.gui.maps.atlas import DrawnMap
from workbench.gui.maps.canvas import MapCanvas
from workbench.gui.maps.words import how_drawn, how_true
from workbench.gui.plain_text import set_tip
from workbench.gui.theme import model_colour
from workbench.gui.widgets.buttons import icon_button
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.records.projection import JUDGED
from workbench.records.text import printable

AROUND = 92  # px of a panel's head for all but the name and the score
TRUST_TIP = (
    f"Neighbours: the share of the {JUDGED} nearest vectors of an image that are also nearest on the map. Trust: "
    "trustworthiness (Venna and Kaski 2001), 1 where everything near on the map is near as a vector, about 0.5 where "
    "places are random."
)


class MapPanel(QFrame):
    """Shows a map, or a sentence that says why there is none."""

    def __init__(self, model: str, title: str, background: Background) -> None:
        super().__init__()
        self.model, self.name = model, title
        self._score: float | None = None
        self.setProperty("card", True)
        self.title = ElidedLabel(title, "title")
        self.score = label("", "dim")
        self.canvas = MapCanvas(f"Map of {printable(title)}", background)
        self.why = label("", "dim", wrap=True)
        self.why.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.told = ElidedLabel("", "caption")
        self.told.set_tip(TRUST_TIP)
        self.save = icon_button(
            "save", f"Save the map of {printable(title)} as PNG or SVG; Ctrl+C on it copies it"
        )
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(_Dot(model))
        head.addWidget(self.title, 1)
        head.addWidget(self.score)
        head.addWidget(self.save)
        holder = QWidget()
        self.stack = QStackedLayout(holder)
        self.stack.addWidget(self.why)
        self.stack.addWidget(self.canvas)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 6, 6, 6)
        outer.setSpacing(4)
        outer.addLayout(head)
        outer.addWidget(holder, 1)
        outer.addWidget(self.told)

    def show_score(self, score: float | None, tip: str) -> None:
        self._score = score
        self._tell_score()
        set_tip(self.score, tip)

    @property
    def scored(self) -> str:
        """ "probe 0.931"; "" where the model has no probe."""
        return "" if self._score is None else f"probe {self._score:.3f}"

    def _tell_score(self) -> None:
        """The number with its word, where the model's name leaves room for it."""
        wide = self.title.fontMetrics().horizontalAdvance(printable(self.name)) + AROUND
        wide += self.score.fontMetrics().horizontalAdvance(self.scored)
        self.score.setText(self.scored if wide <= self.width() else self.scored.removeprefix("probe "))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell_score()

    def tell(self, drawn: DrawnMap | None, why: str = "") -> None:
        """What is written around the map, or instead of one."""
        self.why.setText(why)
        self.stack.setCurrentWidget(self.canvas if drawn is not None else self.why)
        self.save.setEnabled(drawn is not None)
        if drawn is None:
            self.canvas.show_scene(None)
            self.told.setText("")
            return
        true = how_true(drawn.facts)
        self.told.setText(true or "How it was drawn is not known")
        self.told.set_tip("\n".join(part for part in (how_drawn(drawn.facts), TRUST_TIP) if part))
        self.canvas.setAccessibleDescription(f"{len(drawn.items):,} images. {true}")


class _Dot(QWidget):
    """The model's colour, as everywhere else."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self._model = model
        self.setFixedSize(QSize(10, 10))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(model_colour(self._model)))
        painter.drawEllipse(QRectF(1, 1, 8, 8))
        painter.end()
