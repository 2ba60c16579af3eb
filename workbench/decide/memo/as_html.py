"""A memo as one HTML file: no script, nothing from outside, every text escaped.

The templates lie in `resources/memo/`. What the author wrote stands between comments that the check knows; anything
outside of them is made by the program and must stay as it is.
"""

from __future__ import annotations

import base64
from functools import cache
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from workbench.decide.memo.document import Chart, Inline, Link, Memo, Picture
from workbench.records.memo import Bound
from workbench.records.plotting import PALETTE
from workbench.records.resources import resource

LINES = Markup("<br>")


def as_html(memo: Memo, base: str | None = None) -> str:
    """`base` is the project's folder as seen from the file's, "." for the same; None where links can't lead there."""
    return rendered("memo.html", memo, base)


def rendered(template: str, memo: Memo, base: str | None = None) -> str:
    """One of the templates, with what they have in common."""
    style = Markup(resource("memo/memo.css").read_text("utf-8"))  # ours, and no text of others is in it
    return (
        _environment()
        .get_template(template)
        .render(
            memo=memo,
            style=style,
            inline=lambda text, refs=True: inline(memo, text, base, refs=refs),
            lines=lambda paragraph: LINES.join(inline(memo, line, base) for line in paragraph),
            plain=_plain,
            drawing=_drawing,
            data=_data,
        )
    )


def inline(memo: Memo, text: Inline, base: str | None = None, *, refs: bool = True) -> Markup:
    """Numbers lead to their row in the appendix, sentences of rules to the runs that they speak of."""
    return Markup("").join(_piece(memo, piece, base, refs) for piece in text)


def _plain(text: Inline) -> Markup:
    return Markup("").join(piece if isinstance(piece, str) else piece.text for piece in text)


def _piece(memo: Memo, piece: str | Bound | Link, base: str | None, refs: bool) -> Markup:
    if isinstance(piece, str):
        return escape(piece)
    if isinstance(piece, Link):
        if not piece.file:
            return Markup('<a href="#{}">{}</a>').format(piece.to, piece.text)
        if base is None:
            return escape(piece.text)
        where = quote(f"{base}/{piece.to}".removeprefix("./").encode("utf-8", "surrogateescape"))
        return Markup('<a href="{}">{}</a>').format(where, piece.text)
    if not piece.sentence:
        return Markup('<a class="n" href="#n-{}">{}</a>').format(piece.key, piece.text)
    labels = [label for run in piece.runs if (label := memo.label(run))] if refs else []
    made = Markup("").join(
        Markup('&nbsp;<a class="ref" href="#{0}">{0}</a>').format(label) for label in labels
    )
    return Markup('<span class="s" data-key="{}">{}</span>{}').format(piece.key, piece.text, made)


def page_ink(name: str) -> str:
    """Colours of the page's style, which has two themes."""
    return f"var(--{name})"


def _drawing(chart: Chart) -> Markup:
    return Markup(chart.draw(page_ink))  # the writer of SVG escapes every text


def _data(picture: Picture) -> Markup:
    return Markup("data:image/png;base64,") + Markup(base64.b64encode(picture.png).decode("ascii"))


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(str(resource("memo"))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["palette"] = PALETTE
    return made
