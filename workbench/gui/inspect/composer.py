"""Cells become pictures in a thread: those in sight first, and only those that somebody looks at."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QBrush, QImage, QPainter

from workbench.gui.background import Background
from workbench.gui.thumbnails import to_image
from workbench.pixels.cells import Cell

KEPT = 256 << 20  # bytes of pictures: 1,300 of 224 px
TURN = 0.04  # s of work in the thread, after which what is done is shown
REST_MS = 20  # for which the next turn lets the window paint: both at once slow each other down
AT_ONCE = 16  # wishes that a turn takes at the most
ROUND = 5.0  # px, the corners of a cell
SHARP = 2.0  # screen pixels a pixel, from which pixels stay square


@dataclass(frozen=True, slots=True)
class Made:
    """A cell as it is painted, or the reason why there is none. `fitted` is the image at its size on the screen."""

    image: QImage | None
    fitted: QImage | None = None
    caption: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """`key` says which cell, `stamp` in which state, `side` how large in pixels of the screen, `ratio` of
    which are one of the window; `draw` is called in the thread."""

    key: Hashable
    stamp: Hashable
    side: int
    ratio: float
    draw: Callable[[], Cell]


class Composer(QObject):
    """`made` brings the keys of new pictures."""

    made = Signal(object)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._kept: OrderedDict[Hashable, tuple[Hashable, Made]] = OrderedDict()
        self._held = 0
        self._wishes: list[Wish] = []
        self._working = False
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._go_on)

    @property
    def idle(self) -> bool:
        return not self._working and not self._wishes

    def get(self, key: Hashable, stamp: Hashable) -> tuple[Made | None, bool]:
        """The latest picture of a cell, and whether it is the one of that state."""
        known = self._kept.get(key)
        if known is None:
            return None, False
        self._kept.move_to_end(key)
        return known[1], known[0] == stamp

    def want(self, wishes: Sequence[Wish]) -> None:
        """From now on these and no others, the first first."""
        self._wishes = list(wishes)
        self._go_on()

    def _go_on(self) -> None:
        if self._working or not self._wishes:
            return
        self._rest.stop()
        self._working = True
        wishes = self._wishes[:AT_ONCE]
        self._background.run(lambda: _draw(wishes), self._take, lambda _: self._take([]))

    def _take(self, made: Sequence[tuple[Wish, Made]]) -> None:
        self._working = False
        done = {(wish.key, wish.stamp) for wish, _ in made}
        self._wishes = [wish for wish in self._wishes if (wish.key, wish.stamp) not in done] if made else []
        for wish, picture in made:
            old = self._kept.pop(wish.key, None)
            self._held += _size(picture) - (_size(old[1]) if old else 0)
            self._kept[wish.key] = (wish.stamp, picture)
        while self._held > KEPT and len(self._kept) > 1:
            self._held -= _size(self._kept.popitem(last=False)[1][1])
        if made:
            self.made.emit({wish.key for wish, _ in made})
        self._rest.start()


def _draw(wishes: Sequence[Wish]) -> list[tuple[Wish, Made]]:
    until, made = time.perf_counter() + TURN, []
    for wish in wishes:
        cell = wish.draw()
        image = to_image(cell.pixels) if cell.pixels is not None else None
        fitted = _fit(image, wish.side, wish.ratio) if image is not None else None
        made.append((wish, Made(image, fitted, cell.caption, cell.reason)))
        if time.perf_counter() > until:
            break
    return made


def _fit(image: QImage, side: int, ratio: float) -> QImage:
    """At `side` px with round corners, so that the window has nothing left to do but copy it."""
    keep, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    fast = Qt.TransformationMode.FastTransformation
    made = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(
        QBrush(image.scaled(side, side, keep, fast if side >= SHARP * image.width() else smooth))
    )
    painter.drawRoundedRect(QRectF(0, 0, side, side), ROUND * ratio, ROUND * ratio)
    painter.end()
    return made


def _size(made: Made) -> int:
    return sum(each.sizeInBytes() for each in (made.image, made.fitted) if each is not None) or 256
