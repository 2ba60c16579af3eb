"""Exact cosine neighbours in a bank of 100,000 x 768: ours against scikit-learn's brute-force search.

Each in a fresh process, in turn, both from the rows as they are: normalising them counts. The rows lie in clusters,
as features of images do. Every neighbour that differs is judged by its cosine in float64.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks import data
from tests.benchmarks.row import Row

BANK, QUERIES, WIDTH, K = 100_000, 2_000, 768, 20
CLUSTERS, SPREAD = 500, 1.0
RUNS = 3
GOAL = 3.0
SAME = 0.9999  # the share of neighbours that must be the same
TIE = 1e-6  # of a cosine: what rounding to float32 leaves open

_OURS = """
import json, sys, time
from workbench import worker
worker.prepare_environment(allow_download=False)
import numpy as np
import torch
from workbench.engine.evals.knn import nearest

bank, queries = (torch.from_numpy(np.load(path)) for path in sys.argv[1:3])
nearest(queries[:8], bank[:1000], int(sys.argv[4]))
began = time.perf_counter()
index = nearest(queries, bank, int(sys.argv[4]))[1]
seconds = time.perf_counter() - began
np.save(sys.argv[3], index.numpy())
print(json.dumps({"seconds": seconds}))
"""

_THEIRS = """
import json, sys, time
import numpy as np
from sklearn.neighbors import NearestNeighbors

bank, queries = (np.load(path) for path in sys.argv[1:3])
search = NearestNeighbors(n_neighbors=int(sys.argv[4]), metric="cosine", algorithm="brute")
search.fit(bank[:1000]).kneighbors(queries[:8])
began = time.perf_counter()
index = search.fit(bank).kneighbors(queries, return_distance=False)
seconds = time.perf_counter() - began
np.save(sys.argv[3], index)
print(json.dumps({"seconds": seconds}))
"""


def measure(bank: int = BANK, queries: int = QUERIES, runs: int = RUNS) -> list[Row]:
    """Raises RuntimeError when the two searches find other neighbours."""
    features, _ = data.clustered(bank + queries, WIDTH, CLUSTERS, SPREAD)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        files = [root / "bank.npy", root / "queries.npy"]
        np.save(files[0], features[:bank])
        np.save(files[1], features[bank:])
        mine, others = [], []
        for _ in range(runs):
            mine.append(data.figures(_OURS, *files, root / "ours.npy", str(K))["seconds"])
            others.append(data.figures(_THEIRS, *files, root / "theirs.npy", str(K))["seconds"])
        found, expected = np.load(root / "ours.npy"), np.load(root / "theirs.npy")
    equal, same = agreement(found, expected, features[bank:], features[:bank])
    if same < SAME:
        raise RuntimeError(f"Only {same:.4%} of the neighbours are those that scikit-learn finds.")
    ours, theirs = statistics.median(mine), statistics.median(others)
    return [
        Row(
            what=f"k-NN, {queries:,} queries in {bank:,} x {WIDTH}, k = {K}",
            ours=f"{ours:.2f} s",
            against='scikit-learn NearestNeighbors(metric="cosine", algorithm="brute")',
            theirs=f"{theirs:.2f} s",
            ratio=theirs / ours,
            goal=GOAL,
            note=f"{equal:.4%} of the neighbours are the same rows, {same:.4%} up to ties of {TIE:g}.",
        )
    ]


def agreement(
    found: np.ndarray, expected: np.ndarray, queries: np.ndarray, bank: np.ndarray
) -> tuple[float, float]:
    """Shares of the (Q, k) neighbours `found` that are among those `expected`, and that are or are as near as them.

    As near: a cosine, in float64, not below the farthest expected neighbour's by more than TIE.
    """
    known = (found[:, :, None] == expected[:, None, :]).any(2)
    as_near = known.copy()
    for row in np.flatnonzero(~known.all(1)):
        reached = _cosines(queries[row], bank[found[row]])
        as_near[row] |= reached >= _cosines(queries[row], bank[expected[row]]).min() - TIE
    return float(known.mean()), float(as_near.mean())


def _cosines(query: np.ndarray, rows: np.ndarray) -> np.ndarray:
    query, rows = query.astype(float), rows.astype(float)
    return rows @ query / (np.linalg.norm(rows, axis=1) * np.linalg.norm(query))


if __name__ == "__main__":
    for row in measure():
        print(row.line())
