"""The author's words: plain text, in which {{key}} stands for a number of the memo."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from workbench.decide.memo.document import Inline, Link
from workbench.records.memo import Bound
from workbench.records.text import printable

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9.-]+)\s*\}\}")


def paragraphs(text: str, numbers: Mapping[str, Bound], section: str) -> tuple[tuple[Inline, ...], ...]:
    """Paragraphs of lines; an empty line ends a paragraph.

    Raises:
        ValueError: a placeholder that names no number of the memo.
    """
    made = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = tuple(_line(line.strip(), numbers, section) for line in block.split("\n") if line.strip())
        if lines:
            made.append(lines)
    return tuple(made)


def _line(text: str, numbers: Mapping[str, Bound], section: str) -> Inline:
    pieces: list[str | Bound | Link] = []
    last = 0
    for found in _PLACEHOLDER.finditer(text):
        key = found.group(1)
        if key not in numbers:
            near = difflib.get_close_matches(key, numbers, n=3, cutoff=0.4)
            hint = f"Near it are {', '.join(near)}. " if near else ""
            raise ValueError(
                f"The words of the section {section!r} name {{{{{key}}}}}, and the memo has no such number. {hint}"
                "The appendix of a memo lists the keys."
            )
        pieces += [printable(text[last : found.start()]), numbers[key]]
        last = found.end()
    pieces.append(printable(text[last:]))
    return tuple(piece for piece in pieces if piece != "")
