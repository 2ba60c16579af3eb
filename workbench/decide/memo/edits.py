"""Whether a memo's file still says what the program would write, and where it was changed by hand.

The author's words stand between comments and may be changed; numbers in them may not, and nothing outside of them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

_AUTHOR = re.compile(r"<!--author:(\w+)-->(.*?)<!--/author-->", re.DOTALL)
_BOUND = re.compile(r'(?:href="#n-|data-key=")([^"]+)"[^>]*>([^<]*)<')
_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LONGEST = 160  # letters of a line that are shown


@dataclass(frozen=True, slots=True)
class Edit:
    """`line` of the file, 1 for the first; what the file says there, and what the program would have written; the
    key of the first number that differs, where the file names keys."""

    line: int
    found: str
    wanted: str
    key: str = ""


def edits(wanted: str, found: str) -> tuple[list[Edit], bool]:
    """The changes that matter, and whether the author's words differ in what doesn't.

    Args:
        wanted: what the program would write. found: what the file holds; both HTML or both Markdown.
    """
    wanted, found = _plain_lines(wanted), _plain_lines(found)
    if wanted == found:
        return [], False
    made = list(_outside(wanted, found))
    words = False
    theirs = {part.group(1): part for part in _AUTHOR.finditer(found)}
    for part in _AUTHOR.finditer(wanted):
        other = theirs.get(part.group(1))
        if other is None or other.group(2) == part.group(2):
            continue  # a comment that is gone was found outside
        before, after = (_NUMBER.findall(_text(each.group(2))) for each in (part, other))
        if before == after:
            words = True
            continue
        line = found.count("\n", 0, other.start()) + 1
        made.append(Edit(line, " ".join(after) or "no number", " ".join(before) or "no number"))
    return made, words


def _plain_lines(text: str) -> str:
    """What an editor changes by itself is no edit: line ends, and spaces at the end of a line."""
    return "\n".join(
        line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ).strip()


def _outside(wanted: str, found: str) -> Iterator[Edit]:
    """Line by line, with the author's words taken out of both."""
    ours = [line for _, line in _without_words(wanted)]
    numbered = _without_words(found)
    theirs = [line for _, line in numbered]
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            continue
        for place in range(max(last - first, end - start)):
            before = ours[first + place] if first + place < last else ""
            after = theirs[start + place] if start + place < end else ""
            number = numbered[min(start + place, len(numbered) - 1)][0]
            yield Edit(number, *_apart(after, before), _key(after, before))


def _without_words(text: str) -> list[tuple[int, str]]:
    """The lines with their numbers, without those between the author's comments."""
    inside = [(part.start(2), part.end(2)) for part in _AUTHOR.finditer(text)]
    made, at = [], 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not any(start <= at and at + len(line) <= end for start, end in inside):
            made.append((number, line))
        at += len(line) + 1
    return made


def _apart(found: str, wanted: str) -> tuple[str, str]:
    """The words of two lines that differ, without mark-up where the text differs at all."""
    words, others = _text(found).split(), _text(wanted).split()
    if words == others:  # a drawing, or a link
        words, others = found.split(), wanted.split()
    start = 0
    while start < min(len(words), len(others)) and words[start] == others[start]:
        start += 1
    end = 0
    while end < min(len(words), len(others)) - start and words[-1 - end] == others[-1 - end]:
        end += 1
    one, two = (" ".join(each[start : len(each) - end])[:_LONGEST] for each in (words, others))
    return one or "nothing", two or "nothing"


def _key(found: str, wanted: str) -> str:
    """Of the first number or sentence that an HTML line says otherwise."""
    said, bound = _BOUND.findall(found), _BOUND.findall(wanted)
    for place, (key, text) in enumerate(bound):
        if place >= len(said) or said[place] != (key, text):
            return str(key)
    return ""


def _text(markup: str) -> str:
    return unescape(_TAG.sub(" ", markup))
