"""The control column of a board: what is shown of the models, and how. Only what counts for it is in sight."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from workbench.gui.inspect.board import Board
from workbench.gui.inspect.chooser import ViewChooser
from workbench.gui.inspect.fields import Field, SliderField, line, number_field, titled
from workbench.gui.plain_text import set_tip
from workbench.gui.widgets.buttons import button, icon_button
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.segments import Segments
from workbench.pixels.cells import PANELS
from workbench.records.inspection import PLUGGED, InspectSettings

FIELDS = {  # what counts for each, in the order of the column
    "attention": ("query", "layer", "head", "keep", "opacity", "rollout", "artefacts"),
    "reconstruction": ("panel", "ratio", "boxes", "seed", "own"),
    "patch-pca": ("layer", "side", "opacity"),
    "likeness": ("query", "layer", "opacity"),
    "segments": ("groups", "layer", "opacity", "seed"),
    PLUGGED: ("layer", "opacity"),
}
HEADS = 6  # buttons a row
ROLLOUTS = {"": "Off", "mean": "Mean of heads", "max": "Largest head", "min": "Smallest head"}
OWN_WARNING = (
    "Brightness and contrast of each painted patch are the true picture's: it looks better than the model is."
)


class Controls(QWidget):
    """`drawing_changed` says whether a drag on a picture draws a box."""

    drawing_changed = Signal(bool)

    def __init__(self, board: Board) -> None:
        super().__init__()
        self.board = board
        self.views = ViewChooser(board)
        self.heads: Segments | None = None
        self.fields: dict[str, QWidget] = {}
        self._build_maps()
        self._build_painting()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.views)
        for name in dict.fromkeys(each for names in FIELDS.values() for each in names):
            column.addWidget(self.fields[name])
        board.changed.connect(self._on_changed)
        self.refresh()

    def _build_maps(self) -> None:
        board = self.board
        self.query = Segments(
            "Query",
            [
                ("cls", "Class token", "The token that stands for the whole picture, where a model has one"),
                ("mean", "Mean", "The mean of all patches"),
                ("patch", "Patch", "One patch: click a spot in any map, or Enter for the middle of a cell"),
            ],
            columns=3,
        )
        self.query.chosen.connect(self._on_query)
        self.fields["query"] = Field("Query", "Whose attention or likeness is shown", self.query)
        self.layer = SliderField(
            "Layer",
            "Layer that is looked at. A model with fewer layers shows its last.",
            (1, 1),
            lambda value, depth: f"{value} of {depth}",
        )
        self.layer.moved.connect(self._on_layer)
        self.fields["layer"] = self.layer
        self.fields["head"] = self.head = Field(
            "Head", "Each attention head looks in its own way; the mean shows what they share."
        )
        self.keep = _percents(
            "Keep mass",
            "In light are the fewest patches that hold this share of the attention; DINO's pictures use 60 %.",
            1,
            lambda value: board.set(keep_mass=value / 100),
        )
        self.opacity = _percents(
            "Opacity",
            "How much the map covers the picture",
            0,
            lambda value: board.set(opacity=value / 100),
        )
        self.fields |= {"keep": self.keep, "opacity": self.opacity}
        self.rollout = QComboBox()
        for key, word in ROLLOUTS.items():
            self.rollout.addItem(word, key)
        self.rollout.setAccessibleName("Rollout")
        tip = "Follow attention through all layers up to the chosen one (Abnar and Zuidema 2020)"
        set_tip(self.rollout, tip)
        self.rollout.activated.connect(lambda _: board.set(rollout=str(self.rollout.currentData())))
        self.fields["rollout"] = titled("Rollout", tip, self.rollout)
        self.artefacts = QCheckBox("Outline scratch patches")
        set_tip(
            self.artefacts,
            "Cyan: patches that the model uses as scratch paper. Their tokens are far longer than all others and say "
            "nothing of their place (Darcet 2024).",
        )
        self.artefacts.clicked.connect(lambda on: board.set(artefacts=on))
        self.fields["artefacts"] = self.artefacts
        self.side = Segments(
            "Patches",
            [
                ("all", "All", "Colours for all patches"),
                ("inner", "Subject", "Leave out what looks like background"),
                ("outer", "Background", "Leave out what looks like the subject"),
            ],
            columns=3,
        )
        self.side.chosen.connect(lambda side: board.set(side=side))
        self.fields["side"] = Field("Patches", "Which patches get colours", self.side)
        self.groups = SliderField(
            "Groups",
            "How many groups the patches of all pictures are put into",
            (2, 12),
            lambda value, _: str(value),
        )
        self.groups.moved.connect(lambda value: board.set(groups=value))
        self.fields["groups"] = self.groups

    def _build_painting(self) -> None:
        board = self.board
        tips = {
            "masked": "The picture with the hidden patches in grey",
            "painted": "All that the model paints, also where it saw the picture",
            "pasted": "Painted patches where they were hidden, the picture elsewhere",
            "error": "How wrong each painted patch is: light is worst, on one scale for all models",
        }
        words = {"pasted": "Pasted"}
        self.panel = Segments(
            "Picture", [(key, words.get(key, PANELS[key]), tip) for key, tip in tips.items()], columns=2
        )
        self.panel.chosen.connect(board.set_panel)
        self.fields["panel"] = Field("Picture", "Which picture of a reconstruction is shown", self.panel)
        self.ratio = _percents(
            "Hidden",
            "Share of the patches that is hidden from the model, the same ones for all models with as many patches",
            1,
            lambda value: board.set(mask_ratio=value / 100),
            99,
        )
        self.fields["ratio"] = self.ratio
        self.seed = number_field(
            "Seed", "Another seed hides other patches, or starts the groups elsewhere", (0, 999_999)
        )
        self.seed.valueChanged.connect(lambda seed: board.set(seed=seed))
        again = icon_button("retry", "Next seed", lambda: self.seed.setValue(self.seed.value() + 1))
        self.fields["seed"] = titled("Seed", "The same seed gives the same picture", line(self.seed, again))
        self.draw = QPushButton("Draw boxes")
        self.draw.setCheckable(True)
        self.draw.setAutoDefault(False)
        set_tip(self.draw, "Drag over any picture: what lies in the box is hidden in all of them")
        self.draw.toggled.connect(self.drawing_changed)
        self.clear = button("Clear", lambda: board.set(boxes=()), tip="Hide random patches again")
        self.boxes = QLineEdit()
        self.boxes.setPlaceholderText("random patches")
        self.boxes.setAccessibleName("Boxes")
        set_tip(
            self.boxes,
            "Boxes as left,top,right,bottom in shares of the picture's sides, with blanks between two boxes. Empty "
            "hides random patches.",
        )
        self.boxes.editingFinished.connect(self._on_boxes)
        self.wrong = label("", "error", wrap=True)
        self.fields["boxes"] = Field(
            "Hide by hand", "Hide a defect, and see what the model expects there", line(self.draw, self.clear)
        )
        self.fields["boxes"].body.addWidget(self.boxes)  # type: ignore[attr-defined]
        self.fields["boxes"].body.addWidget(self.wrong)  # type: ignore[attr-defined]
        self.own = QCheckBox("True brightness")
        set_tip(
            self.own,
            "A model that learnt with normalised targets paints structure, not brightness: this gives each patch the "
            "true picture's. It looks better than the model is.",
        )
        self.own.clicked.connect(lambda on: board.set(own_statistics=on))
        self.warning = label(OWN_WARNING, "caption", wrap=True)
        made = self.fields["own"] = QWidget()
        inside = QVBoxLayout(made)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(4)
        inside.addWidget(self.own)
        inside.addWidget(self.warning)

    # Showing

    def _on_changed(self, what: str) -> None:
        if what in ("settings", "answers", "columns"):
            self.refresh()

    def refresh(self) -> None:
        settings, sights = self.board.settings, self.board.sights()
        shown = FIELDS[settings.show]
        self.views.refresh()
        for name, field in self.fields.items():
            field.setVisible(name in shown)
        depth = max((sight.depth for sight in sights), default=0)
        self.layer.setEnabled(depth > 1)
        if depth:
            self.layer.show_value(min(settings.layer or depth, depth), (1, depth))
        else:
            self.layer.value.setText("")  # how many there are, an answer tells
        self._show_heads(max((sight.heads for sight in sights), default=0), settings)
        self.query.choose(settings.query if settings.place() is None else "patch")
        self.keep.show_value(round(100 * settings.keep_mass))
        self.opacity.show_value(round(100 * settings.opacity))
        self.rollout.setCurrentIndex(self.rollout.findData(settings.rollout))
        self.head.setVisible("head" in shown and self.heads is not None and not settings.rollout)
        self.artefacts.setChecked(settings.artefacts)
        self.side.choose(settings.side)
        self.groups.show_value(settings.groups)
        self.panel.choose(self.board.plan.panel)
        self.ratio.show_value(round(100 * settings.mask_ratio))
        self.ratio.setVisible("ratio" in shown and not settings.boxes)
        self.fields["seed"].setVisible("seed" in shown and not (self._paints and settings.boxes))
        with QSignalBlocker(self.seed):
            self.seed.setValue(settings.seed)
        if not self.boxes.hasFocus():
            self.boxes.setText(" ".join(settings.boxes))
        self.wrong.hide()
        self.clear.setEnabled(bool(settings.boxes))
        if not self._paints and self.draw.isChecked():
            self.draw.setChecked(False)
        self.own.setChecked(settings.own_statistics)
        self.warning.setVisible(settings.own_statistics)

    @property
    def _paints(self) -> bool:
        return self.board.settings.show == "reconstruction"

    def _show_heads(self, number: int, settings: InspectSettings) -> None:
        if number and (self.heads is None or len(self.heads.buttons) != number + 1):
            if self.heads is not None:
                self.head.body.removeWidget(self.heads)
                self.heads.deleteLater()
            options = [("0", "mean", "The mean of all heads")]
            options += [(str(head), str(head), f"Head {head} alone") for head in range(1, number + 1)]
            self.heads = Segments("Head", options, columns=HEADS)
            self.heads.chosen.connect(lambda head: self.board.set(head=int(head)))
            self.head.body.addWidget(self.heads)
        if self.heads is not None:
            self.heads.choose(str(settings.head if settings.head <= number else 0))

    # Doing

    def _on_layer(self, layer: int) -> None:
        self.board.set(layer=0 if layer == self.layer.slider.maximum() else layer)

    def _on_query(self, query: str) -> None:
        if query == "patch":
            query = "0.5,0.5"
        self.board.set(query=query)

    def _on_boxes(self) -> None:
        wanted = tuple(self.boxes.text().replace(";", " ").split())
        try:
            InspectSettings(boxes=wanted).drawn_boxes()
        except ValueError as error:
            self.wrong.setText(str(error))
            self.wrong.show()
            return
        self.board.set(boxes=wanted)

    def add_box(self, box: tuple[float, float, float, float]) -> None:
        """One that was drawn."""
        text = ",".join(f"{share:.3f}" for share in box)
        self.board.set(boxes=(*self.board.settings.boxes, text))


def _percents(title: str, tip: str, least: int, run: object, most: int = 100) -> SliderField:
    made = SliderField(title, tip, (least, most), lambda value, _: f"{value} %")
    made.moved.connect(run)
    return made
