"""Over all images: which ones two models surround differently, and how pure the classes' neighbourhoods are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFrame,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.compare.images_panel import ImagesPanel
from workbench.gui.maps.atlas import Atlas
from workbench.gui.maps.words import percent
from workbench.gui.neighbours.purity_plot import PurityPlot
from workbench.gui.session import Session
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.combo import ElidedCombo
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.segments import Segments
from workbench.records.nearest import Surroundings, overlap, purity
from workbench.records.text import count

DIFFERENT, PURE = "different", "pure"
WIDTH = 300  # px
LISTED = 500  # images


class Column(Card):
    """`asked` wants the neighbours of all images; a click on an image selects it."""

    asked = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setFixedWidth(WIDTH)
        self._atlas: Atlas | None = None
        self._found: Surroundings | None = None
        self._k = 10
        self._titles: dict[str, str] = {}
        self.segments = Segments(
            "Over all images",
            [
                (DIFFERENT, "Differences", "Images that two models surround with different images"),
                (PURE, "Purity", "How many of an image's nearest are of its class, class by class"),
            ],
        )
        self.why = label("", "dim", wrap=True)
        self.start = button("Compare all images", self.asked.emit)
        self.one, self.other = ElidedCombo("One model"), ElidedCombo("The other model")
        self.images = ImagesPanel(session, "Images with different neighbours")
        self.mean = label("", "dim", wrap=True)
        self.plot = PurityPlot()
        self.legend = label("", "dim", wrap=True)
        self._lay_out()
        self.segments.chosen.connect(lambda _: self._show())
        for box in (self.one, self.other):
            box.currentIndexChanged.connect(lambda _: self._show())

    def _lay_out(self) -> None:
        different = QWidget()
        column = QVBoxLayout(different)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for box in (self.one, self.other):
            box.setMinimumWidth(60)
            column.addWidget(box)
        column.addWidget(self.mean)
        column.addWidget(self.images, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(self.focusPolicy())
        scroll.setWidget(self.plot)
        pure = QWidget()
        column = QVBoxLayout(pure)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.legend)
        column.addWidget(scroll, 1)
        waiting = QWidget()
        column = QVBoxLayout(waiting)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.why)
        column.addWidget(self.start)
        column.addStretch(1)
        self.pages = QStackedWidget()
        for page in (waiting, different, pure):
            self.pages.addWidget(page)
        self.body.addWidget(self.segments)
        self.body.addWidget(self.pages, 1)

    @property
    def has_found(self) -> bool:
        """Whether it shows something, or waits for it."""
        return self._found is not None or (self.why.text() != "" and self.start.isHidden())

    def wait(self, sentence: str, *, offer: bool) -> None:
        """Nothing is known yet, and why; `offer` shows the button that finds it out."""
        self._found = None
        self.why.setText(sentence)
        self.start.setVisible(offer)
        self.pages.setCurrentIndex(0)

    def show_found(self, atlas: Atlas, found: Surroundings, titles: Mapping[str, str]) -> None:
        self._atlas, self._found, self._titles = atlas, found, dict(titles)
        models = list(found.neighbours)
        for place, box in enumerate((self.one, self.other)):
            box.blockSignals(True)
            before = box.currentData()
            box.clear()
            for model in models:
                box.addItem(titles.get(model, model), model)
            known = models.index(before) if before in models else min(place, len(models) - 1)
            box.setCurrentIndex(known)
            box.blockSignals(False)
        self._show()

    def show_number(self, k: int) -> None:
        """Of how many neighbours it is said."""
        self._k = k
        self._show()

    @property
    def differing(self) -> np.ndarray:
        """(Q,) items, those first whose nearest are least the same in both chosen models."""
        found = self._found
        pair = (
            [found.neighbours.get(str(box.currentData())) for box in (self.one, self.other)] if found else []
        )
        if found is None or len(pair) < 2 or pair[0] is None or pair[1] is None:
            return np.zeros(0, np.int32)
        same = overlap(pair[0], pair[1], self._k)
        return np.asarray(found.queries[np.lexsort((found.queries, same))])

    def _show(self) -> None:
        if self._found is None or self._atlas is None:
            return
        if self.segments.current == PURE:
            self._show_purity(self._atlas, self._found)
            self.pages.setCurrentIndex(2)
        else:
            self._show_differences(self._atlas, self._found)
            self.pages.setCurrentIndex(1)

    def _show_differences(self, atlas: Atlas, found: Surroundings) -> None:
        one, other = str(self.one.currentData()), str(self.other.currentData())
        if one == other:
            self.mean.setText("Choose two different models.")
            self.images.hide()
            return
        same = overlap(found.neighbours[one], found.neighbours[other], self._k)
        k = min(self._k, found.neighbours[one].shape[1])
        share = float(same.mean()) / k if k and len(same) else 0.0
        self.mean.setText(f"Of the {k} nearest, {percent(share)} are the same in both{self._sampled(found)}.")
        order = np.lexsort((found.queries, same))[:LISTED]
        told = [(atlas.ids[found.queries[at]], f"{same[at]} of {k} the same") for at in order]
        self.images.show()
        self.images.show_images("", [(name, text, text) for name, text in told], "the least alike first")

    def _show_purity(self, atlas: Atlas, found: Surroundings) -> None:
        classes = atlas.labels.names
        shares = [
            purity(near[:, : self._k], found.queries, atlas.labels.code, len(classes))
            for near in found.neighbours.values()
        ]
        models = [(name, self._titles.get(name, name)) for name in found.neighbours]
        lines = np.stack(shares, axis=1) if len(classes) else np.zeros((0, len(models)))
        self.legend.setText(
            f"Share of an image's {self._k} nearest that are of its class{self._sampled(found)}. The colours are "
            "those of the models beside."
        )
        self.plot.show_shares(classes, models, lines.tolist())

    def _sampled(self, found: Surroundings) -> str:
        if len(found.queries) == found.total:
            return ""
        return f", in a sample of {len(found.queries):,} of {count(found.total, 'image')}"
