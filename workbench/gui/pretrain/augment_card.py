"""The kind of picture, and every change of every kind of view: a slider, a number, what it means."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QWidget,
)

from workbench.gui.plain_text import set_tip
from workbench.gui.pretrain.plan import Plan
from workbench.gui.theme import FIELD_MARGINS, restyle
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.number_field import NumberField
from workbench.gui.widgets.segments import Segments
from workbench.records.augmentation import PRESETS, View, preset_of
from workbench.records.params import Param, describe
from workbench.records.text import count, printable

TICKS = 200  # positions of a slider
PAIRS = {"crop_min": "crop_max", "crop_max": "crop_min", "blur_min": "blur_max", "blur_max": "blur_min"}
TWO_COLUMNS = 620  # px of width from which there are two columns
LEAST_HEIGHT = 120  # px of the list
KNOBS = describe(View)


class Knob:
    """One number of a view: name, slider, field."""

    def __init__(self, item: Param, moved: Callable[[str, float], None]) -> None:
        self.item = item
        self.name = label(item.label, tip=item.help)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, TICKS)
        self.slider.setMinimumWidth(48)
        self.field = NumberField()
        self.field.setDecimals(2)
        low, high = item.minimum or 0.0, item.maximum or 1.0
        self.field.setRange(low, high)
        self.field.setSingleStep(0.05 if high <= 1 else 1 if high > 20 else 0.1)
        unit = {"degrees": "°"}.get(item.unit, f" {item.unit}" if item.unit else "")
        self.field.setSuffix(unit)
        self.field.setKeyboardTracking(False)
        self.field.setFixedWidth(84)
        self.field.lineEdit().setTextMargins(*FIELD_MARGINS)
        self.low, self.high = low, high
        for widget in (self.slider, self.field):
            widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            widget.setAccessibleName(item.label)
            set_tip(widget, item.help)
        self.name.setBuddy(self.field)
        self.slider.valueChanged.connect(self._from_slider)
        self.field.valueChanged.connect(lambda value: moved(item.name, value))

    def show(self, value: float, usual: float) -> None:
        with QSignalBlocker(self.slider), QSignalBlocker(self.field):
            self.field.setValue(value)
            self.slider.setValue(round((value - self.low) / (self.high - self.low) * TICKS))
        role = "strong" if abs(value - usual) > 1e-9 else ""
        if self.name.property("role") != role:
            restyle(self.name, role=role)
        set_tip(self.name, self.item.help + (f"\nThe preset has {usual:g}." if role else ""))

    def _from_slider(self, at: int) -> None:
        self.field.setValue(self.low + at / TICKS * (self.high - self.low))


class _Knobs(QScrollArea):
    """Asks for the height of all that it holds, and for no more."""

    def sizeHint(self) -> QSize:
        return self.widget().sizeHint()


class AugmentCard(Card):
    """Edits go to the plan; the views are drawn anew from there."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("How the views are drawn")
        self._plan = plan
        self._kind = 0
        self.reset = button("Reset", plan.reset_views, kind="quiet", icon_name="undo")
        set_tip(self.reset, "Take back every change that was made to the preset's views by hand")
        self.add_head(self.reset)
        self.preset = QComboBox()
        for known in PRESETS:
            self.preset.addItem(known.title, known.id)
        self.preset.setAccessibleName("Kind of picture")
        self.preset.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.preset.activated.connect(lambda _: plan.choose_preset(str(self.preset.currentData())))
        name = label("Kind of picture")
        name.setBuddy(self.preset)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(name)
        top.addWidget(self.preset, 1)
        self.body.addLayout(top)
        self.reason = label("", "caption", wrap=True)
        self.body.addWidget(self.reason)
        self._kinds = QHBoxLayout()
        self.kinds: Segments | None = None
        self._named: tuple[str, ...] = ()
        self.body.addLayout(self._kinds)
        self.knobs = {item.name: Knob(item, self._moved) for item in KNOBS}
        self._inside = QWidget()
        self._grid = QGridLayout(self._inside)
        self._grid.setContentsMargins(0, 0, 8, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self.scroll = _Knobs()
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroll.setMinimumHeight(LEAST_HEIGHT)
        self.scroll.setWidget(self._inside)
        self.body.addWidget(self.scroll, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._columns = 0
        self._lay_out()
        plan.changed.connect(lambda what: what in ("method", "start", "views") and self.refresh())
        self.refresh()

    def refresh(self) -> None:
        plan = self._plan
        self.preset.setCurrentIndex(max(self.preset.findData(plan.preset), 0))
        self.reason.setText(preset_of(plan.preset).reason)
        views, base = plan.views, plan.base
        changes = len(plan.changes)
        self.set_title("How the views are drawn", count(changes, "change") if changes else "")
        self.reset.setEnabled(bool(changes))
        self._inside.setEnabled(views is not None)
        if views is None or base is None:
            return
        self._show_kinds(views.views)
        view, usual = views.views[self._kind], base.views[self._kind]
        for name, knob in self.knobs.items():
            knob.show(float(getattr(view, name)), float(getattr(usual, name)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        columns = 2 if self.width() >= TWO_COLUMNS else 1
        if columns == self._columns:
            return
        self._columns = columns
        rows = -(-len(self.knobs) // columns)
        for number, knob in enumerate(self.knobs.values()):
            row, column = number % rows, number // rows
            for offset, widget in enumerate((knob.name, knob.slider, knob.field)):
                self._grid.addWidget(widget, row, 3 * column + offset)
        for column in range(2):
            self._grid.setColumnStretch(3 * column + 1, 1 if column < columns else 0)
        self._grid.setRowStretch(len(self.knobs), 1)
        self.scroll.setMaximumHeight(self._inside.sizeHint().height())

    def _show_kinds(self, views: tuple[View, ...]) -> None:
        named = tuple(view.name for view in views)
        if named != self._named:
            self._named, self._kind = named, 0
            if self.kinds is not None:
                self._kinds.removeWidget(self.kinds)
                self.kinds.hide()
                self.kinds.deleteLater()
            options = [
                (str(number), printable(view.name), f"{count(view.count, 'view')} of this kind")
                for number, view in enumerate(views)
            ]
            self.kinds = Segments("Kind of view", options)
            self.kinds.chosen.connect(self._choose_kind)
            self._kinds.insertWidget(0, self.kinds)
            if self._kinds.count() == 1:
                self._kinds.addStretch(1)
        assert self.kinds is not None
        self.kinds.setVisible(len(views) > 1)

    def _choose_kind(self, key: str) -> None:
        self._kind = int(key)
        self.refresh()

    def _moved(self, name: str, value: float) -> None:
        """The other end of a range gives way."""
        views = self._plan.views
        if views is None:
            return
        view, place = views.views[self._kind], self._kind + 1
        changes = [f"{place}.{name}={value:g}"]
        other = PAIRS.get(name)
        if other is not None:
            theirs = float(getattr(view, other))
            if (value > theirs) if name.endswith("_min") else (value < theirs):
                changes.insert(0, f"{place}.{other}={value:g}")
        self._plan.change_views(changes)
