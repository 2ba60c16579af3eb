"""What is left of the verdicts of a table when all of its comparisons are looked at together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.decide.significance import holm
from workbench.records.results import Comparison
from workbench.records.text import count

ALPHA = 0.05


def among_all(pairs: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The comparisons with adjusted p-values (Holm 1979); "better" is taken back where luck among so many would do.

    Pairs without a p-value, of one seed, count for nothing and stay as they are.
    """
    known = [place for place, pair in enumerate(pairs) if pair.p is not None]
    adjusted = dict(zip(known, holm([pairs[place].p or 0.0 for place in known]).tolist(), strict=True))
    return tuple(
        _adjusted(pair, adjusted[place], len(known)) if place in adjusted else pair
        for place, pair in enumerate(pairs)
    )


def _adjusted(pair: Comparison, p: float, comparisons: int) -> Comparison:
    pair = replace(pair, p_adjusted=p)
    if pair.verdict != "better" or p < ALPHA:
        return pair
    reason = (
        f"{pair.reason.rstrip('.')}; among {count(comparisons, 'comparison')} such a difference may be luck "
        f"(Holm-adjusted p = {p:.2f})."
    )
    return replace(pair, verdict="undecided", reason=reason)
