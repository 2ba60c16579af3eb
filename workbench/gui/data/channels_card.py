"""Which channels of a picture are used, and what the pages of a TIFF are."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QSpinBox, QWidget

from workbench.gui.theme import FIELD_MARGINS
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.records.spec import Reading

MOST = 999  # channels that can be picked from
_CHANNELS = (
    (
        "first",
        "The first three",
        "One channel is shown as grey; of several, the first three are red, green, blue.",
    ),
    ("pick", "Three of my choice", "Counted from 1. Every image must have them."),
    ("mean", "The mean of all, as grey", "All channels of a picture are averaged into one."),
    (
        "all",
        "All of them",
        "The backbone's first layer is adapted: its public weights are repeated over the channels, and results say "
        "so. Every image must have as many channels.",
    ),
)
_PAGES = (
    ("first", "The first page", "Other pages are not looked at. Only TIFF files have any."),
    ("each", "Every page is an image", "Each page of a TIFF counts as an image of its own."),
    (
        "channels",
        "Pages are channels",
        "The pages of a TIFF, all of one size, are the channels of one image.",
    ),
)


class ChannelsCard(Card):
    changed = Signal()

    def __init__(self, reading: Reading) -> None:
        super().__init__("Channels and pages")
        self._pages_before = reading.pages
        self.channels, self.pages = QComboBox(), QComboBox()
        self.channels.setAccessibleName("Channels that are used")
        self.pages.setAccessibleName("What the pages of a file are")
        for box, entries in ((self.channels, _CHANNELS), (self.pages, _PAGES)):
            for value, words, _ in entries:
                box.addItem(words, value)
        self.channels.setCurrentIndex(max(self.channels.findData(reading.channels.partition(":")[0]), 0))
        self.pages.setCurrentIndex(self.pages.findData(reading.pages))
        self.picks: list[QSpinBox] = []
        self._pick_row = QWidget()
        row = QHBoxLayout(self._pick_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for colour, place in zip(("red", "green", "blue"), reading.picks or (0, 1, 2), strict=True):
            spin = QSpinBox()
            spin.setRange(1, MOST)
            spin.setValue(place + 1)
            spin.setPrefix(f"{colour} ")
            spin.setAccessibleName(f"Channel that becomes {colour}")
            spin.lineEdit().setTextMargins(*FIELD_MARGINS)
            spin.setMinimumWidth(80)
            spin.valueChanged.connect(lambda _: self._show())
            self.picks.append(spin)
            row.addWidget(spin, 1)
        self.about_channels = label("", "dim", wrap=True)
        self.about_pages = label("", "dim", wrap=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        grid.addWidget(label("Channels", "dim"), 0, 0)
        grid.addWidget(self.channels, 0, 1)
        grid.addWidget(self._pick_row, 1, 1)
        grid.addWidget(self.about_channels, 2, 1)
        grid.addWidget(label("Pages", "dim"), 3, 0)
        grid.addWidget(self.pages, 3, 1)
        grid.addWidget(self.about_pages, 4, 1)
        self.body.addLayout(grid)
        self.channels.currentIndexChanged.connect(lambda _: self._show())
        self.pages.currentIndexChanged.connect(lambda _: self._show())
        self._show()

    def chosen(self) -> tuple[str, str]:
        """Channels and pages as `Reading` writes them."""
        channels = str(self.channels.currentData())
        if channels == "pick":
            channels = "pick:" + ",".join(str(spin.value() - 1) for spin in self.picks)
        return channels, str(self.pages.currentData())

    @property
    def reads_again(self) -> bool:
        """Whether the files must be read again for other pages."""
        return self.chosen()[1] != self._pages_before

    def _show(self) -> None:
        self._pick_row.setVisible(self.channels.currentData() == "pick")
        self.about_channels.setText(_CHANNELS[self.channels.currentIndex()][2])
        again = " The files are read again for it." if self.reads_again else ""
        self.about_pages.setText(_PAGES[self.pages.currentIndex()][2] + again)
        self.changed.emit()
