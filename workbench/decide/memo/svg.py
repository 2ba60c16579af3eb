"""A small SVG writer: shapes and texts by plain numbers, every text escaped, the same input to the same bytes.

No style sheet and no script: each shape names its colour through `Inks`, so that one drawing serves a page in two
themes (a variable of the page's style) and paper (a colour).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from workbench.decide.memo.document import Inks
from workbench.records.text import printable

LETTER = 0.55  # of the font size, the mean width of a letter; texts are shortened by it
FONT = "system-ui, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"


class Svg:
    """A drawing of `width` x `height` px under construction; `made` is the element."""

    def __init__(self, width: float, height: float, inks: Inks, *, title: str, words: str) -> None:
        """`title` and `words` are what a screen reader says instead."""
        self.width, self.height, self._inks = width, height, inks
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {num(width)} {num(height)}" '
            f'width="{num(width)}" height="{num(height)}" role="img" font-family="{FONT}" font-size="12">',
            f"<title>{clean(title)}</title><desc>{clean(words)}</desc>",
        ]

    def made(self) -> str:
        return "\n".join([*self._parts, "</svg>"])

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        ink: str = "line",
        *,
        width: float = 1.0,
        dash: str = "",
    ) -> None:
        self._add(
            f'<line x1="{num(x1)}" y1="{num(y1)}" x2="{num(x2)}" y2="{num(y2)}" {self._stroke(ink, width, dash)}/>'
        )

    def polyline(
        self, points: Iterable[tuple[float, float]], ink: str, *, width: float = 2.0, dash: str = ""
    ) -> None:
        path = " ".join(f"{num(x)},{num(y)}" for x, y in points)
        self._add(f'<polyline points="{path}" fill="none" {self._stroke(ink, width, dash)}/>')

    def polygon(self, points: Iterable[tuple[float, float]], ink: str, *, opacity: float = 1.0) -> None:
        path = " ".join(f"{num(x)},{num(y)}" for x, y in points)
        self._add(f'<polygon points="{path}" fill="{self._inks(ink)}" fill-opacity="{num(opacity, 2)}"/>')

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        ink: str,
        *,
        opacity: float = 1.0,
        round_: float = 0.0,
    ) -> None:
        self._add(
            f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}" rx="{num(round_)}" '
            f'fill="{self._inks(ink)}" fill-opacity="{num(opacity, 2)}"/>'
        )

    def circle(self, x: float, y: float, radius: float, ink: str, *, opacity: float = 1.0) -> None:
        self._add(
            f'<circle cx="{num(x)}" cy="{num(y)}" r="{num(radius)}" fill="{self._inks(ink)}" '
            f'fill-opacity="{num(opacity, 2)}"/>'
        )

    def mark(self, x: float, y: float, place: int, ink: str, size: float = 4.0) -> None:
        """One of four shapes, by a place in a list: circle, square, triangle, diamond."""
        if place % 4 == 0:
            self.circle(x, y, size, ink)
        elif place % 4 == 1:
            self.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8, ink)
        elif place % 4 == 2:
            self.polygon(((x, y - size * 1.2), (x + size * 1.1, y + size), (x - size * 1.1, y + size)), ink)
        else:
            half = size * 1.3
            self.polygon(((x, y - half), (x + half, y), (x, y + half), (x - half, y)), ink)

    def dots(self, places: Sequence[tuple[float, float]], ink: str, *, width: float = 3.0) -> None:
        """Many round points as one path."""
        path = "".join(f"M{num(x)} {num(y)}h.1" for x, y in places)  # Qt draws no line without a length
        self._add(
            f'<path d="{path}" fill="none" stroke="{self._inks(ink)}" stroke-width="{num(width)}" '
            f'stroke-linecap="round" stroke-opacity="0.75"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        ink: str = "text",
        *,
        size: float = 12.0,
        anchor: str = "start",
        bold: bool = False,
        room: float = 0.0,
        halo: bool = False,
    ) -> None:
        """`y` is the middle of the letters. `room`: px, beyond which the text ends in an ellipsis; 0: any."""
        shown = clean(shortened(text, room, size) if room else text)
        place = f'x="{num(x)}" y="{num(y + size * 0.35)}" font-size="{num(size)}" text-anchor="{anchor}"'
        weight = ' font-weight="600"' if bold else ""
        if halo:  # under the letters, for renderers that don't know paint-order
            self._add(
                f'<text {place}{weight} fill="none" stroke="{self._inks("ground")}" stroke-width="3" '
                f'stroke-linejoin="round" aria-hidden="true">{shown}</text>'
            )
        self._add(f'<text {place}{weight} fill="{self._inks(ink)}">{shown}</text>')

    def slanted(self, x: float, y: float, text: str, *, size: float = 11.0, room: float) -> None:
        """A text that rises from (x, y), as the name of a narrow column does."""
        self._add(
            f'<text x="{num(x)}" y="{num(y)}" font-size="{num(size)}" fill="{self._inks("text")}" '
            f'transform="rotate(-45 {num(x)} {num(y)})">{clean(shortened(text, room, size))}</text>'
        )

    def _stroke(self, ink: str, width: float, dash: str) -> str:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        return f'stroke="{self._inks(ink)}" stroke-width="{num(width)}"{dashed}'

    def _add(self, element: str) -> None:
        self._parts.append(element)


def num(value: float, digits: int = 1) -> str:
    """Without zeros that say nothing, and never "-0"."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    return "0" if text in ("-0", "") else text


def clean(text: str) -> str:
    return escape(printable(text), quote=True)


def shortened(text: str, room: float, size: float = 12.0) -> str:
    """`text` in about `room` px, its middle left out where it is longer."""
    shown = printable(text)
    most = max(int(room / (LETTER * size)), 3)
    if len(shown) <= most:
        return shown
    head = (most - 1) * 2 // 3
    tail = most - 1 - head
    return f"{shown[:head].rstrip()}…{shown[len(shown) - tail :].lstrip()}"
