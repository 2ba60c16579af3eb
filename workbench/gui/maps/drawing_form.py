"""How maps are to be drawn: the job's own parameters, what the kind of map doesn't use switched off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from workbench.gui.forms import Form
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import label
from workbench.records.projection import MAPS, MapSettings

USED = {
    "umap": {"neighbours", "min_dist", "metric", "seed"},
    "pca": set[str](),
    "tsne": {"metric", "perplexity", "seed"},
}


class DrawingForm(QWidget):
    """`asked` brings checked values."""

    asked = Signal(object)
    changed = Signal()

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__()
        self.form = _form(values)
        self.form.changed.connect(self._on_change)
        self.button = button("Draw the maps", self._ask, kind="primary")
        self.told = label("", "caption", wrap=True)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = QWidget()
        self._room = QVBoxLayout(inside)
        self._room.setContentsMargins(0, 0, 8, 0)
        self._room.addWidget(self.form)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        outer.addWidget(scroll, 1)
        outer.addWidget(self.told)
        outer.addWidget(self.button)
        self._switch()

    def show_values(self, values: Mapping[str, Any]) -> None:
        """Another project's, without a signal."""
        left, self.form = self.form, _form(values)
        self.form.changed.connect(self._on_change)
        self._room.replaceWidget(left, self.form)
        left.hide()
        left.deleteLater()
        self._switch()

    def values(self) -> dict[str, Any]:
        return self.form.values()

    def tell(self, *, drawing: bool, models: int, items: int) -> None:
        """What the button would do, or that it is being done."""
        self.button.setEnabled(not drawing and models > 0)
        self.button.setText("Drawing…" if drawing else "Draw the maps")
        if drawing:
            self.told.setText("The bar below shows how far it is, and can stop it.")
        elif models:
            images = f" of {items:,} images" if items else ""
            each = "The map is" if models == 1 else f"{models:,} maps{images} are"
            self.told.setText(
                f"{each} written into the embedding files, in place of earlier ones of this kind."
            )
        else:
            self.told.setText("")

    def _ask(self) -> None:
        if self.form.value() is not None:  # the form shows what is wrong, under its field
            self.asked.emit(self.values())

    def _on_change(self) -> None:
        self._switch()
        self.changed.emit()

    def _switch(self) -> None:
        used = USED.get(str(self.values()["map"]), set())
        for name, field in self.form.fields.items():
            field.setEnabled(name in used or name in ("map", "dimensions"))


def _form(values: Mapping[str, Any]) -> Form[MapSettings]:
    """With kinds of maps called as people call them."""
    known = MapSettings.__dataclass_fields__
    made = Form(MapSettings, {name: value for name, value in values.items() if name in known}, narrow=True)
    kinds = made.fields["map"]
    assert isinstance(kinds, QComboBox)
    for number in range(kinds.count()):
        kinds.setItemText(number, MAPS[kinds.itemData(number)])
    return made
