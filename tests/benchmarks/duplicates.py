"""Near copies among 100,000 signatures: our index against comparing all pairs, with imagehash and with numpy.

imagehash has no search: `hash - hash` is what its users write two loops around. It is timed on 2,000 hashes of as
many bits, numpy's counting of bits on 10,000, and both are carried over by the square of the number, since all pairs
are what they compare. All start from hashes that are there. A twentieth of the pictures are copies in which up to
three tenths of the signs have changed; every one within the limits must be found, and no pair beyond them.
"""

from __future__ import annotations

import importlib.util
import itertools
import statistics
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks import data
from tests.benchmarks.row import Row, seconds
from workbench.records.duplicates import MAX_COARSE, MAX_FINE

HASHES = 100_000
COPIES = 20  # one in so many
WORST = 0.3  # share of a copy's signs that may have changed
SUBSET_THEIRS, SUBSET_NUMPY = 2_000, 10_000
RUNS = 3
GOAL = 100.0

_OURS = """
import json, resource, sys, time
import numpy as np
from workbench.records.duplicates import near_pairs

signatures = np.load(sys.argv[1])
began = time.perf_counter()
pairs = near_pairs(signatures)
seconds = time.perf_counter() - began
np.save(sys.argv[2], pairs)
print(json.dumps({"seconds": seconds, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def measure(hashes: int = HASHES, runs: int = RUNS) -> list[Row]:
    """Raises RuntimeError when a planted copy is missed, or a pair is found that isn't one."""
    signatures, planted = copies(hashes)
    with tempfile.TemporaryDirectory() as name:
        files = Path(name) / "signatures.npy", Path(name) / "pairs.npy"
        np.save(files[0], signatures)
        figures = [data.figures(_OURS, *files) for _ in range(runs)]
        check(signatures, planted, np.load(files[1]))
    ours = statistics.median(figure["seconds"] for figure in figures)
    what = f"Near copies among {hashes:,} signatures"
    note = f"{len(planted):,} planted copies, every one found; {figures[-1]['mb']:.0f} MB at the most."
    rows = []
    if importlib.util.find_spec("imagehash") is None:
        note += " Not compared with imagehash, which is not installed."
    else:
        theirs = seconds(lambda: _imagehash(signatures[-SUBSET_THEIRS:]), 1) * (hashes / SUBSET_THEIRS) ** 2
        rows.append(_row(what, ours, "imagehash, all pairs", theirs, SUBSET_THEIRS, note, GOAL))
        note = ""
    theirs = seconds(lambda: _numpy(signatures[-SUBSET_NUMPY:]), runs) * (hashes / SUBSET_NUMPY) ** 2
    rows.append(_row(what, ours, "numpy bitwise_count, all pairs", theirs, SUBSET_NUMPY, note))
    return rows


def copies(hashes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(hashes, 40) uint8 signatures, and the (P, 2) copies among them that are within the limits."""
    rng = np.random.default_rng(seed)
    signatures = rng.integers(0, 256, (hashes, 40), dtype=np.uint8)
    targets = np.arange(hashes - hashes // COPIES, hashes)
    sources = rng.integers(0, targets[0], len(targets))
    flips = rng.random((len(targets), 320)) < rng.uniform(0, WORST, (len(targets), 1))
    signatures[targets] = signatures[sources] ^ np.packbits(flips, axis=1)
    near = (flips[:, :40].sum(axis=1) <= MAX_COARSE) & (flips.sum(axis=1) <= MAX_FINE)
    return signatures, np.stack([sources, targets], axis=1)[near]


def check(signatures: np.ndarray, planted: np.ndarray, pairs: np.ndarray) -> None:
    found = {(a, b) for a, b in pairs.tolist()}
    missed = [pair for pair in planted.tolist() if tuple(pair) not in found]
    signs = np.unpackbits(signatures, axis=1)
    differ = (signs[pairs[:, 0]] != signs[pairs[:, 1]]).sum(axis=1)
    if missed or differ.max(initial=0) > MAX_FINE:
        raise RuntimeError(
            f"{len(missed)} planted copies are missed; a pair differs in {differ.max()} signs."
        )


def _imagehash(signatures: np.ndarray) -> int:
    from imagehash import ImageHash

    hashes = [ImageHash(row.reshape(16, 20)) for row in np.unpackbits(signatures, axis=1).astype(bool)]
    return sum(one - two <= MAX_FINE for one, two in itertools.combinations(hashes, 2))


def _numpy(signatures: np.ndarray, block: int = 256) -> int:
    words = signatures.view(np.uint64)
    found = 0
    for start in range(0, len(words), block):
        differ = np.bitwise_count(words[start : start + block, None] ^ words[None, start:])
        found += int((differ.sum(axis=2, dtype=np.int32) <= MAX_FINE).sum())
    return found


def _row(
    what: str, ours: float, against: str, theirs: float, subset: int, note: str, goal: float | None = None
) -> Row:
    return Row(
        what=what,
        ours=f"{ours:.1f} s",
        against=against,
        theirs=f"{theirs:,.0f} s",
        ratio=theirs / ours,
        goal=goal,
        note=f"Theirs measured on {subset:,} and carried over by the square of the number. {note}".rstrip(),
    )


if __name__ == "__main__":
    for row in measure():
        print(row.line())
