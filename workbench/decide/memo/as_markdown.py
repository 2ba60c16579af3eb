"""A memo as Markdown (CommonMark with tables as GitHub has them): plain text, every name escaped.

Drawings are said in words, boards named by where they lie. What the author wrote stands between the comments that
`as_html` writes too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from workbench.decide.memo.document import (
    Block,
    Bullets,
    Chart,
    Inline,
    Memo,
    Notice,
    Paragraph,
    Picture,
    Section,
    Table,
)
from workbench.records.memo import Bound
from workbench.records.text import printable

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$&{}!@])")
_LEADING = re.compile(r"^(\s*)([-+=]|\d+[.)])(?=\s|$)")


def as_markdown(memo: Memo) -> str:
    kicker = " · ".join(part for part in ("Decision memo", memo.author, memo.date) if part)
    lines = [f"# {escaped(memo.title)}", "", escaped(kicker), ""]
    lines += [f"> **{escaped(memo.verdict.text)}.** {escaped(memo.why.text)} {escaped(memo.advice.text)}", ""]
    for fact in memo.facts:
        note = f" ({inline(memo, fact.note, refs=False)})" if fact.note else ""
        lines.append(f"- {fact.label}: {inline(memo, fact.text, refs=False)}{note}")
    lines += [""] if memo.facts else []
    for section in memo.sections:
        lines += _section(memo, section)
    return "\n".join(lines).rstrip("\n") + "\n"


def escaped(text: str) -> str:
    """`text` so that it is read as it stands, wherever in a line, and in the cell of a table too."""
    shown = _SPECIAL.sub(r"\\\1", printable(text))
    shown = re.sub(r"(?i)(https?|ftp)://", r"\1\\://", shown)  # else some renderings make a link of it
    shown = re.sub(r"(?i)\bwww\.", r"www\\.", shown)
    return _LEADING.sub(_bare, shown)


def _bare(found: re.Match[str]) -> str:
    mark = found.group(2)
    return found.group(1) + (mark[:-1] + "\\" + mark[-1])


def inline(memo: Memo, text: Inline, *, refs: bool = True) -> str:
    pieces = []
    for place, piece in enumerate(text):
        shown = piece if isinstance(piece, str) else piece.text
        # Only at the very beginning can a piece begin a list.
        made = escaped(shown) if not place else escaped("x" + shown)[1:]
        if isinstance(piece, Bound) and piece.sentence and refs:
            labels = [label for run in piece.runs if (label := memo.label(run))]
            made += f" ({', '.join(labels)})" if labels else ""
        pieces.append(made)
    return "".join(pieces)


def _section(memo: Memo, section: Section) -> Iterable[str]:
    yield from (f"## {escaped(section.title)}", "")
    if section.id != "appendix":
        yield from (f"<!--author:{section.id}-->", "")
        for paragraph in section.prose:
            yield from ("  \n".join(inline(memo, line) for line in paragraph), "")
        yield from ("<!--/author-->", "")
    for block in section.blocks:
        yield from _block(memo, block)
        yield ""


def _block(memo: Memo, block: Block) -> Iterable[str]:
    if isinstance(block, Paragraph):
        yield inline(memo, block.text)
    elif isinstance(block, Bullets):
        if block.title:
            yield from (f"### {escaped(block.title)}", "")
        yield from (f"- {inline(memo, item)}" for item in block.items)
    elif isinstance(block, Table):
        yield from _table(memo, block)
    elif isinstance(block, Notice):
        yield f"- **{escaped(block.heading)}.** {inline(memo, (block.advice,))}"
    elif isinstance(block, Chart):
        yield from (f"### {escaped(block.title)}", "", inline(memo, (block.alt,)), "", escaped(block.caption))
    else:
        yield from _picture(block)


def _table(memo: Memo, block: Table) -> Iterable[str]:
    yield from (f"**{escaped(block.caption)}**", "")
    yield f"| {' | '.join(escaped(name) or ' ' for name in block.head)} |"
    yield f"|{'|'.join(' ---: ' if numeric else ' --- ' for numeric in block.numeric)}|"
    for row in block.rows:
        yield f"| {' | '.join(inline(memo, cell) or ' ' for cell in row)} |"


def _picture(block: Picture) -> Iterable[str]:
    yield from (f"### {escaped(block.title)}", "", f"Board: {escaped(block.path)}. {escaped(block.caption)}")
