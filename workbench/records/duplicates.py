"""Copies among a million images without comparing all pairs: exact by their hashes, near by their signatures.

A signature is 320 signs of a picture's frequencies (`pixels/signature.py`), the 40 steadiest first. Measured on
photographs, steel surfaces and skies: copies that were encoded, resized, darkened or brightened differ in fewer than
48 signs, and no two other pictures did. Copies that were shifted or scaled by 3 to 6 % differ in up to 104, and so do
some pictures that are merely alike: these pairs are doubtful, and count only when whoever calls has compared the
pixels (`pixels/overlap.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

SURE = 48  # of 320 signs: pairs that differ in no more are copies
MAX_FINE = 104  # of 320 signs: pairs that differ in more are none
MAX_COARSE = 7  # of the 40 signs of the key
MAX_PAIRS = 1 << 24  # that are kept, a quarter of a gigabyte; images that are all alike would have billions
MAX_DOUBTFUL = 20_000  # pairs whose pixels are asked for, the likeliest first; some minutes' work

_KEY = 40  # signs
_HALF = _KEY // 2  # of a band: every second sign of the key, so that both bands see all frequencies
_LOWER = np.uint64((1 << _HALF) - 1)
_MANY = 10_000  # pictures from which on the key's signs are chosen: with fewer, any key is quick
_STEADY = 160  # signs among which they are
_BALANCED = 0.3  # the share that the rarer sign must have
_CHUNK = 1 << 21  # pairs compared at a time
_FEW = (
    1_000  # pictures up to which all pairs are compared: some ms, where asking the tables takes 100 or more
)
_CROWD = 64  # signatures of one band from which the nearest to the first are left to it
_ROUNDS = 16  # at most, of that

Progress = Callable[[int, int], None]


def near_pairs(
    signatures: np.ndarray,
    *,
    max_coarse: int = MAX_COARSE,
    max_fine: int = MAX_FINE,
    on_progress: Progress = lambda done, total: None,
) -> np.ndarray:
    """Pairs of signatures that differ in at most `max_coarse` signs of the key and `max_fine` of all 320.

    The key is the first 40 signs. In 10,000 pictures and more it leaves out signs that nearly all of them share, as
    pictures do that were all taken alike (chests, faces, packs on a belt): such signs tell nothing apart.

    Of two signatures that near, one half of the key differs in at most `max_coarse` // 2 signs. A table of the halves
    is asked for each of them with every such change made to it, and only what it answers is compared; of a thousand
    pictures or fewer all pairs are. All pairs are found, but that
    - equal signatures are compared through the first of them, and paired with it alone;
    - where more than 64 signatures share a half, those that differ from the first in at most half of `max_coarse` and
      a quarter of `max_fine` are paired with it alone too: a camera that stands still would have millions of pairs;
    - after MAX_PAIRS no more are looked for. Those whose halves differ least come first.

    Args:
        signatures: (N, 40) uint8; rows of zeros are left out.
        on_progress: called with (done, total); may raise to stop.

    Returns:
        (P, 2) int64 positions, the lower first, in order, each pair once.

    Raises:
        ValueError: signatures of another shape or kind, or limits below 0.
    """
    words = _words(signatures)
    if min(max_coarse, max_fine) < 0:
        raise ValueError(f"the limits must be 0 or more, not {max_coarse} and {max_fine}.")
    present = np.flatnonzero(words.any(axis=1))
    rows, found = _collapse_equal(words, present)
    keys = _keys(signatures, rows)
    for second in (False, True):
        kept, pairs = _collapse_crowds(words, keys, _half(keys, second), rows, max_coarse // 2, max_fine // 4)
        found.append(pairs)
        rows, keys = rows[kept], keys[kept]
    if len(rows) <= _FEW:
        found.append(rows[_compared(words[rows], keys, max_coarse, max_fine)])
        on_progress(1, 1)
    else:
        found += _searched(words[rows], keys, rows, max_coarse, max_fine, on_progress)
    together = np.concatenate(found)
    together.sort(axis=1)
    return together[np.lexsort((together[:, 1], together[:, 0]))]


def _compared(words: np.ndarray, keys: np.ndarray, max_coarse: int, max_fine: int) -> np.ndarray:
    """(P, 2): what `_searched` finds among few, as places of `keys`, by comparing each with each."""
    left, right = np.triu_indices(len(keys), 1)
    close = np.bitwise_count(keys[left] ^ keys[right]) <= max_coarse
    left, right = left[close], right[close]
    near = _differing(words[left] ^ words[right]) <= max_fine
    return np.stack([left[near], right[near]], axis=1)


def _searched(
    words: np.ndarray,
    keys: np.ndarray,
    rows: np.ndarray,
    max_coarse: int,
    max_fine: int,
    on_progress: Progress,
) -> list[np.ndarray]:
    """The pairs of `rows` that the two bands find, change by change; what `near_pairs` returns, not yet sorted."""
    changes = _changes(max_coarse // 2)
    bands = [_Band(words, keys, second, max_coarse, max_fine) for second in (False, True)]
    found: list[np.ndarray] = []
    number = 0
    for done, change in enumerate(changes, start=1):
        for band in bands:
            band.ask(change)
            if band.waiting < _CHUNK and done < len(changes):
                continue
            for pairs in band.answers():
                found.append(rows[pairs])
                number += len(pairs)
                if number >= MAX_PAIRS:
                    return found
            on_progress(done, len(changes))
    return found


def distance(signatures: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(P,) int64: in how many of 320 signs the two of each pair (P, 2) of the `signatures` (N, 40) differ."""
    words = _words(signatures)
    parts = [pairs[start : start + _CHUNK] for start in range(0, len(pairs), _CHUNK)]
    found = [_differing(words[part[:, 0]] ^ words[part[:, 1]]) for part in parts]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def copy_sets(
    digest: np.ndarray,
    signatures: np.ndarray,
    *,
    confirm: Callable[[np.ndarray], np.ndarray] | None = None,
    on_progress: Progress = lambda done, total: None,
) -> np.ndarray:
    """(N,) int32: the set of copies that each image is in, 0, 1, ... by first members; -1 where there are none.

    Copies of copies are in one set: only so no copy lies outside its set, where a split could tear the two apart.
    That chains no textures together, since a pair counts only when it is sure or confirmed: of the 3,600 surfaces of
    the sample and 1,674 of NEU no set holds a picture that isn't a copy, and the largest has two members.

    Args:
        digest: (N, 16) uint8, hashes of the files; equal ones are exact copies.
        signatures: (N, 40) uint8.
        confirm: told doubtful pairs, (Q, 2) int64 positions, says which are copies, (Q,) bool. None: none is. At most
            MAX_DOUBTFUL are asked for, the likeliest first, and of two sets only the likeliest pair.
        on_progress: called with (done, total) while pairs are looked for; may raise to stop.

    Raises:
        ValueError: signatures of another shape or kind, or not as many as hashes.
    """
    if len(digest) != len(signatures):
        raise ValueError(f"{len(digest)} hashes don't fit {len(signatures)} signatures.")
    hashes = np.ascontiguousarray(digest, dtype=np.uint8).view(np.uint64).reshape(len(digest), 2)
    exact = _collapse_equal(hashes, np.arange(len(digest)))[1]
    pairs = near_pairs(signatures, on_progress=on_progress)
    apart = distance(signatures, pairs)
    sure = apart <= SURE
    roots = _components(len(digest), np.concatenate([*exact, pairs[sure]]))
    if confirm is not None:
        asked = _doubtful(roots, pairs[~sure], apart[~sure])
        if len(asked):
            agreed = asked[np.asarray(confirm(asked), dtype=bool)]
            roots = _components(
                len(digest), np.concatenate([np.stack([np.arange(len(roots)), roots], 1), agreed])
            )
    members = np.bincount(roots, minlength=len(roots))[roots] if len(roots) else roots
    codes = np.full(len(roots), -1, dtype=np.int32)
    shared = members > 1
    codes[shared] = np.unique(roots[shared], return_inverse=True)[1]  # a root is the set's first member
    return codes


def _doubtful(roots: np.ndarray, pairs: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """The likeliest pair of each two sets that are not one already; (Q, 2), likeliest first."""
    order = np.argsort(apart, kind="stable")
    order = order[roots[pairs[order, 0]] != roots[pairs[order, 1]]]
    between = np.sort(roots[pairs[order]], axis=1)
    first = np.unique(between[:, 0] * len(roots) + between[:, 1], return_index=True)[1]
    likeliest: np.ndarray = pairs[order[np.sort(first)[:MAX_DOUBTFUL]]]
    return likeliest


def _words(signatures: np.ndarray) -> np.ndarray:
    """(N, 5) uint64: 64 signs each."""
    if signatures.ndim != 2 or signatures.shape[1] != 40 or signatures.dtype != np.uint8:
        raise ValueError(f"signatures must be (N, 40) uint8, not {signatures.shape} {signatures.dtype}.")
    words: np.ndarray = np.ascontiguousarray(signatures).view(np.uint64)
    return words


def _keys(signatures: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n,) uint64: the 40 signs of the key of each of `rows`, every second one in the upper half."""
    chosen = np.arange(_KEY)
    if len(rows) >= _MANY:
        some = signatures[rows[np.linspace(0, len(rows) - 1, _MANY).astype(np.int64)]]
        share = np.unpackbits(some[:, : _STEADY // 8], axis=1).mean(axis=0)
        rarer = np.minimum(share, 1 - share)
        best = np.argsort(np.where(rarer >= _BALANCED, 0, _BALANCED - rarer), kind="stable")
        chosen = np.sort(best[:_KEY])
    keys = np.zeros(len(rows), dtype=np.uint64)
    for place, sign in enumerate(chosen.tolist()):
        bit = signatures[rows, sign // 8] >> np.uint8(7 - sign % 8) & 1
        keys |= bit.astype(np.uint64) << np.uint64(place // 2 + place % 2 * _HALF)
    return keys


def _half(keys: np.ndarray, second: bool) -> np.ndarray:
    """(n,) int32 of 20 bits."""
    return (keys >> np.uint64(_HALF) if second else keys & _LOWER).astype(np.int32)


def _changes(most: int) -> list[int]:
    """Every number of 20 bits of which at most `most` are set."""
    layers = [[0]]
    for _ in range(min(most, _HALF)):
        layers.append(
            sorted({old | 1 << bit for old in layers[-1] for bit in range(_HALF) if not old >> bit & 1})
        )
    return [change for layer in layers for change in layer]


def _collapse_equal(words: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Of equal rows the first alone, and the pairs of the others with it."""
    kept = words[rows]
    mixed = np.zeros(len(rows), dtype=np.uint64)
    for column in kept.T:  # sorting one word is ten times as fast as sorting five
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    order = np.argsort(mixed, kind="stable")
    same = np.zeros(len(rows), dtype=bool)
    same[1:] = (kept[order[1:]] == kept[order[:-1]]).all(axis=1)
    leads = np.maximum.accumulate(np.where(same, 0, np.arange(len(rows))))
    pairs = np.stack([rows[order[leads[same]]], rows[order[same]]], axis=1)
    return np.sort(rows[order[~same]]), [pairs]


def _collapse_crowds(
    words: np.ndarray, keys: np.ndarray, half: np.ndarray, rows: np.ndarray, max_coarse: int, max_fine: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where many of `rows` share a half, those that are very near to the first are left to it.

    Returns:
        (n,) bool, what is not left to another, and the pairs of what is.
    """
    order = np.argsort(half, kind="stable")
    kept = np.ones(len(rows), dtype=bool)
    pairs: list[np.ndarray] = [np.zeros((0, 2), dtype=np.int64)]
    for start, end in zip(*_runs(half[order]), strict=True):
        rest = order[start:end]
        for _ in range(_ROUNDS):
            if len(rest) <= _CROWD:
                break
            first, others = rest[0], rest[1:]
            near = np.bitwise_count(keys[others] ^ keys[first]) <= max_coarse
            near &= _differing(words[rows[others]] ^ words[rows[first]]) <= max_fine
            pairs.append(np.stack([np.full(int(near.sum()), rows[first]), rows[others[near]]], axis=1))
            kept[others[near]] = False
            rest = others[~near]
    return kept, np.concatenate(pairs)


def _differing(difference: np.ndarray) -> np.ndarray:
    """(n,) int64: the set bits of each row of (n, 5) words."""
    bits: np.ndarray = np.bitwise_count(difference).sum(axis=1, dtype=np.int64)
    return bits


def _runs(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each run of equal keys starts and ends."""
    starts = (
        np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, np.int64)
    )
    return starts, np.r_[starts[1:], len(ordered)].astype(np.int64)[: len(starts)]


class _Band:
    """The rows by one half of their keys. `ask` collects what is to be compared, `answers` compares it."""

    def __init__(
        self, words: np.ndarray, keys: np.ndarray, second: bool, max_coarse: int, max_fine: int
    ) -> None:
        half = _half(keys, second)
        self.order = np.argsort(half, kind="stable")
        self.words, self.keys, half = words[self.order], keys[self.order], half[self.order]
        self.starts, ends = _runs(half)
        self.sizes = ends - self.starts
        self.known = half[self.starts]
        self.slot = np.full(1 << _HALF, -1, dtype=np.int32)  # half of a key: its run, or -1
        self.slot[self.known] = np.arange(len(self.known), dtype=np.int32)
        # Each two runs are compared once, from the one whose highest changed bit is 0.
        lower = [np.flatnonzero(self.known >> bit & 1 == 0).astype(np.int32) for bit in range(_HALF)]
        self.lower = [(runs, self.known[runs]) for runs in lower]
        self.second, self.max_coarse, self.max_fine = second, max_coarse, max_fine
        self.waiting = 0  # pairs
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []

    def ask(self, change: int) -> None:
        """Queue all runs whose keys differ by exactly `change`."""
        mine: np.ndarray
        if change == 0:
            mine = other = np.flatnonzero(self.sizes > 1)
        else:
            mine, keys = self.lower[change.bit_length() - 1]
            other = self.slot[keys ^ change]
            there = np.flatnonzero(other >= 0)
            mine, other = mine[there], other[there]
        self.waiting += int((self.sizes[mine] * self.sizes[other]).sum())
        self._runs.append((mine, other))

    def answers(self) -> Iterator[np.ndarray]:
        """(P, 2) rows, as they were given, of the queued pairs that are within the limits; empties the queue."""
        mine = np.concatenate([runs[0] for runs in self._runs])
        other = np.concatenate([runs[1] for runs in self._runs])
        self.waiting, self._runs = 0, []
        large = self.sizes[mine] * self.sizes[other] >= 4096
        for left, right in self._small(mine[~large], other[~large]):
            close = self._close(self.keys[left] ^ self.keys[right])
            yield self._proven(left[close], right[close])
        for one, two in zip(mine[large].tolist(), other[large].tolist(), strict=True):
            yield from self._crossed(one, two)

    def _small(self, mine: np.ndarray, other: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All pairs of each two runs, written out; at most _CHUNK and one product at a time."""
        sizes = self.sizes[mine] * self.sizes[other]
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        cuts = np.searchsorted(ends, np.arange(_CHUNK, total, _CHUNK), side="right").tolist()
        for start, stop in zip([0, *cuts], [*cuts, len(mine)], strict=True):
            if start == stop:
                continue
            one, two, size = mine[start:stop], other[start:stop], sizes[start:stop]
            before = np.cumsum(size) - size
            within = np.arange(int(size.sum())) - np.repeat(before, size)
            wide = np.repeat(self.sizes[two], size)
            left = np.repeat(self.starts[one], size) + within // wide
            right = np.repeat(self.starts[two], size) + within % wide
            once = (left < right) | np.repeat(one != two, size)
            yield left[once], right[once]

    def _crossed(self, one: int, two: int) -> Iterator[np.ndarray]:
        """Two long runs against each other, in blocks."""
        begin, end = int(self.starts[two]), int(self.starts[two] + self.sizes[two])
        last = int(self.starts[one] + self.sizes[one])
        height = max(_CHUNK // (end - begin), 1)
        for start in range(int(self.starts[one]), last, height):
            ours, theirs = self.keys[start : min(start + height, last)], self.keys[begin:end]
            left, right = np.nonzero(self._close(ours[:, None] ^ theirs))
            left, right = left + start, right + begin
            if one == two:
                left, right = left[left < right], right[left < right]
            yield self._proven(left, right)

    def _close(self, difference: np.ndarray) -> np.ndarray:
        """Which keys are near, leaving out what the first band has found already."""
        close: np.ndarray = np.bitwise_count(difference) <= self.max_coarse
        if self.second:
            close &= np.bitwise_count(difference & _LOWER) > self.max_coarse // 2
        return close

    def _proven(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        near = _differing(self.words[left] ^ self.words[right]) <= self.max_fine
        return np.stack([self.order[left[near]], self.order[right[near]]], axis=1)


def _components(number: int, pairs: np.ndarray) -> np.ndarray:
    """(number,) int64: the lowest position that each one is connected with through the pairs, (P, 2)."""
    roots = np.arange(number)
    left, right = pairs[:, 0], pairs[:, 1]
    while len(left):
        ours, theirs = roots[left], roots[right]
        open_ = ours != theirs
        left, right, ours, theirs = left[open_], right[open_], ours[open_], theirs[open_]
        np.minimum.at(roots, np.maximum(ours, theirs), np.minimum(ours, theirs))
        while not np.array_equal(roots, higher := roots[roots]):
            roots = higher
    return roots
