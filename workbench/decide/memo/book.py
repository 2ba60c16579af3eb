"""The book of a memo: everything that it shows and that was measured gets a key there, and its place of origin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from workbench.records.memo import Bound
from workbench.records.text import printable

_LONGEST = 40  # letters of a name in a key


class Book:
    """Bound numbers in the order in which they are first shown. A key is used for one thing only."""

    def __init__(self) -> None:
        self._entries: dict[str, Bound] = {}
        self._stems: dict[str, str] = {}

    def number(
        self,
        key: str,
        text: str,
        value: Any = None,
        *,
        run: str = "",
        file: str = "",
        where: str = "",
        how: str = "",
    ) -> Bound:
        return self._enter(
            Bound(key=key, text=printable(text), value=value, run=run, file=file, where=where, how=how)
        )

    def sentence(self, key: str, text: str, runs: Iterable[str] = (), *, how: str = "") -> Bound:
        """A sentence that rules made of the evidence; `runs` are those that it speaks of."""
        return self._enter(
            Bound(key=key, text=printable(text), runs=tuple(dict.fromkeys(runs)), how=how, sentence=True)
        )

    def stem(self, name: str) -> str:
        """The beginning of the keys of a thing called `name`; another one for another name."""
        if name not in self._stems:
            short = name.lower().removesuffix(", frozen")
            plain = re.sub(r"[^a-z0-9]+", "-", short)[:_LONGEST].strip("-") or "model"
            made, number = plain, 1
            while made in self._stems.values():
                number += 1
                made = f"{plain}-{number}"
            self._stems[name] = made
        return self._stems[name]

    def entries(self) -> tuple[Bound, ...]:
        return tuple(self._entries.values())

    def _enter(self, made: Bound) -> Bound:
        known = self._entries.setdefault(made.key, made)
        assert known == made, f"two things are called {made.key}"
        return known
