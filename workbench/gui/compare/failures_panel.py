"""The failure gallery: one set of images at a time, with how many each holds in the words above the grid."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QWidget

from workbench.gui.compare.behind_panel import GONE
from workbench.gui.compare.failures import (
    ALL_MISS,
    KINDS,
    ONLY_MISS,
    ONLY_RIGHT,
    SUREST,
    Failure,
    find_failures,
)
from workbench.gui.compare.images_panel import ImagesPanel
from workbench.gui.item_ids import positions
from workbench.gui.session import Session
from workbench.gui.widgets.segments import Segments
from workbench.records.results import Predictions
from workbench.records.safe_csv import safe_csv
from workbench.records.text import count, printable

WORDS = {
    ALL_MISS: "All miss",
    ONLY_MISS: "Alone misses",
    ONLY_RIGHT: "Alone right",
    SUREST: "Surest",
}
TIPS = {
    ALL_MISS: "Images that every model misses: look for wrong labels and for what no feature shows",
    ONLY_MISS: "Images that the chosen model alone misses",
    ONLY_RIGHT: "Images that the chosen model alone gets right",
    SUREST: "What the chosen model misses, the most confident mistakes first",
}
NONE = {
    ALL_MISS: "No test image is missed by every model.",
    ONLY_MISS: "No test image is missed by this model alone.",
    ONLY_RIGHT: "No test image is got right by this model alone.",
    SUREST: "This model misses no test image.",
}
BY_SHARE = "the most often missed first; below each, what was said instead"
ORDER = {SUREST: "the surest first; below each, what was said instead"}
COLUMNS = ("image", "id", "class", "said", "times", "answers", "confidence")


class FailuresPanel(ImagesPanel):
    """What counts as missed is said in `failures`; looking it up happens in a thread."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, "Images that models miss", parent)
        self.kinds = Segments("Failures", [(kind, WORDS[kind], TIPS[kind]) for kind in KINDS])
        self.kinds.chosen.connect(self._on_kind)
        self.outer.insertWidget(0, self.kinds)
        self.found: dict[str, list[Failure]] = {}
        self._asked: tuple[Predictions | None, str] = (None, "")

    @property
    def kind(self) -> str:
        return self.kinds.current

    def shown(self) -> list[Failure]:
        return self.found.get(self.kind, [])

    def restore(self) -> None:
        """What this project remembered."""
        self.kinds.choose(str(self.session.recall("compare.failures", ALL_MISS)))

    def show_model(self, model: str) -> None:
        """Look up the failures of `model`, unless that has been done."""
        predictions = self.session.predictions
        if predictions is None:
            self._asked, self.found = (None, ""), {}
            self._show()
            return
        if self._asked[0] is predictions and self._asked[1] == model:
            self._show()
            return
        self._asked = asked = (predictions, model)
        self.tell("", "Looking through the answers…", "")
        self.grid.hide()

        def show(found: dict[str, list[Failure]]) -> None:
            if asked is self._asked:
                self.found = found
                self._show()

        self.background.run(lambda: find_failures(predictions, model), show, lambda _: None)

    def copy_list(self) -> None:
        """The images of the chosen kind, one a line."""
        result, index = self.session.result, self.session.index
        if result is None:
            return
        places = positions(index, [one.id for one in self.shown()]) if index is not None else {}
        rows = [
            (
                str(index.paths[places[one.id]]) if index is not None and one.id in places else "",
                one.id,
                result.classes[one.truth],
                result.classes[one.said],
                one.hits,
                one.answers,
                "" if one.confidence is None else f"{one.confidence:.4f}",
            )
            for one in self.shown()
        ]
        QGuiApplication.clipboard().setText(safe_csv(COLUMNS, rows))
        self.session.message.emit("info", f"{count(len(rows), 'image')} copied as CSV.")

    def _on_kind(self, kind: str) -> None:
        self.session.remember("compare.failures", kind)
        self._show()

    def _count(self) -> None:
        """The number of images in each word, where there is room for the numbers."""
        counted = {kind: f"{WORDS[kind]} {len(self.found[kind]):,}" for kind in KINDS if kind in self.found}
        for words in (counted, {}):
            for kind in KINDS:
                self.kinds.set_word(kind, words.get(kind, WORDS[kind]), TIPS[kind])
            self.kinds.layout().activate()
            if self.kinds.sizeHint().width() <= self.width():
                break

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._count()

    def _show(self) -> None:
        result = self.session.result
        known = self.session.predictions is not None and bool(self.found)
        for kind in KINDS:
            self.kinds.buttons[kind].setVisible(not known or kind in self.found)
        self._count()
        if known and self.kind not in self.found:
            self.kinds.choose(ALL_MISS)
        if result is None or not known:
            self.tell("", "", GONE if result is not None and self.session.predictions is None else "")
            return
        if not self.shown():
            self.tell("", "", NONE[self.kind])
            return
        names = [printable(name) for name in result.classes]
        images = [(one.id, *_captions(one, names)) for one in self.shown()]
        self.show_images("", images, ORDER.get(self.kind, BY_SHARE))


def _captions(one: Failure, names: list[str]) -> tuple[str, str]:
    """In a few words for the tile, and in full."""
    sure = "" if one.confidence is None else f"{100 * one.confidence:.0f} %"
    full = f"{names[one.truth]}, called {names[one.said]} {one.hits:,} of {one.answers:,} times"
    short = f"{names[one.said]}, {sure or f'{one.hits} of {one.answers}'}"
    return short, full + (f", {sure} sure" if sure else "")
