"""Untrusted text made fit to be shown. Paths, labels and file names come from disks that we don't own."""

from __future__ import annotations

import unicodedata

# Characters that reorder or hide neighbouring text (Unicode TR 36, "bidirectional text spoofing").
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def printable(text: str) -> str:
    """`text` with control, direction-changing and undecodable characters written as escapes.

    A file name may hold a newline, an ANSI sequence or bytes that are not UTF-8; none of these may
    reach a terminal, a table cell or a CSV as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if unicodedata.category(c) not in _INVISIBLE else _escape(c) for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that surrogateescape carried through
        return f"\\x{code - 0xDC00:02x}"
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(
        character, f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"
    )


def spreadsheet_safe(text: str) -> str:
    """`printable`, and no cell that a spreadsheet would run as a formula."""
    shown = printable(text)
    return "'" + shown if shown[:1] in ("=", "+", "-", "@") else shown


def count(number: int, noun: str, plural: str | None = None) -> str:
    """ "1 image", "1,674 images"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(share: float, digits: int = 0) -> str:
    """ "12 %", or "3.1 %" with one digit."""
    return f"{100 * share:.{digits}f} %"


def points(share: float) -> str:
    """ "2.1 points", of 100; "1.0 point"."""
    number = f"{100 * share:.1f}"
    return f"{number} {'point' if number == '1.0' else 'points'}"


def duration(seconds: float) -> str:
    """ "44 s", "3 min", "2 h 10 min": what a person wants to know of a wait."""
    if seconds < 90:
        return f"{max(round(seconds), 0)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def data_size(number: int) -> str:
    """ "820 kB", "86 MB", "1.2 GB": bytes as a person says them, in powers of ten as disks do."""
    if number < 1e6:
        return f"{number / 1e3:.0f} kB"
    return f"{number / 1e6:.0f} MB" if number < 1e9 else f"{number / 1e9:.1f} GB"


def quantity(number: float, unit: str) -> str:
    """ "1,674 images", or "86 MB" where the unit is bytes."""
    return data_size(round(number)) if unit == "bytes" else f"{number:,.0f} {unit}"
