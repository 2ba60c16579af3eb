"""UMAP of 20,000 x 384: ours against umap-learn with the same number of neighbours, least distance and seed.

Each in a fresh process, as a job is: from the rows as they are to positions, with what must be searched and compiled
on the way, imports not counted. Where the time goes is in the notes; umap-learn is also measured a second time in its
process, when all is compiled. Trustworthiness says whether the map that came sooner is as good.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import data
from tests.benchmarks.row import Row
from workbench.engine.maps.figures import trustworthiness

ITEMS, WIDTH = 20_000, 384
CLUSTERS, SPREAD = 200, 1.0
NEIGHBOURS, MIN_DIST = 15, 0.1
RUNS = 1  # a run of theirs takes minutes
GOAL = 1.5
WORSE = 0.005  # that a map may be less trustworthy and still be called equal

_OURS = """
import json, sys, time
began = time.perf_counter()
from workbench import worker
worker.prepare_environment(allow_download=False)
import numpy as np
from workbench.engine.maps.graph import fuzzy_graph
from workbench.engine.maps.linear import pca
from workbench.engine.maps.neighbours import exact_neighbours
from workbench.engine.maps.umap import umap
X = np.load(sys.argv[1])
parts = {"import": time.perf_counter() - began}
def part(name, call):
    start = time.perf_counter()
    found = call()
    parts[name] = time.perf_counter() - start
    return found
start = time.perf_counter()
near = part("neighbours", lambda: exact_neighbours(X, int(sys.argv[3]) - 1, metric="euclidean"))
Y = part("layout", lambda: umap(X, near, min_dist=float(sys.argv[4]), seed=0))
seconds = time.perf_counter() - start
part("graph", lambda: fuzzy_graph(near))
part("start", lambda: pca(X))
parts["layout"] -= parts["graph"] + parts["start"]
np.save(sys.argv[2], Y)
print(json.dumps({"seconds": seconds, "parts": parts}))
"""

_THEIRS = """
import json, sys, time
began = time.perf_counter()
import numpy as np
import umap, umap.umap_, umap.layouts
X = np.load(sys.argv[1])
parts = {"import": time.perf_counter() - began}
def timed(module, name, called):
    inner = getattr(module, name)
    def outer(*args, **more):
        start = time.perf_counter()
        found = inner(*args, **more)
        parts[called] = time.perf_counter() - start
        return found
    setattr(module, name, outer)
timed(umap.umap_, "nearest_neighbors", "neighbours")
timed(umap.umap_, "fuzzy_simplicial_set", "graph")
timed(umap.umap_, "spectral_layout", "start")
timed(umap.umap_, "optimize_layout_euclidean", "layout")
seed = {"random_state": 0} if sys.argv[5] == "seeded" else {}
def fit():
    start = time.perf_counter()
    Y = umap.UMAP(n_neighbors=int(sys.argv[3]), min_dist=float(sys.argv[4]), **seed).fit_transform(X)
    return Y, time.perf_counter() - start
Y, seconds = fit()
np.save(sys.argv[2], Y)
cold = dict(parts)
warm = fit()[1]
print(json.dumps({"seconds": seconds, "parts": cold, "warm": warm}))
"""


def measure(items: int = ITEMS, runs: int = RUNS) -> list[Row]:
    """Raises RuntimeError when umap-learn is not installed, or our map is less trustworthy than theirs."""
    X = data.clustered(items, WIDTH, CLUSTERS, SPREAD)[0]
    ours: list[dict[str, Any]] = []
    theirs: dict[str, list[dict[str, Any]]] = {"seeded": [], "parallel": []}
    trust: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        np.save(root / "X.npy", X)
        for _ in range(runs):
            asked = (root / "X.npy", root / "Y.npy", str(NEIGHBOURS), str(MIN_DIST))
            ours.append(data.figures(_OURS, *asked))
            trust["ours"] = _trust(X, root / "Y.npy")
            for how, found in theirs.items():
                found.append(data.figures(_THEIRS, *asked, how))
                trust[how] = _trust(X, root / "Y.npy")
    mine, seeded = _median(ours, "seconds"), _median(theirs["seeded"], "seconds")
    if trust["ours"] < trust["seeded"] - WORSE:
        raise RuntimeError(
            f"Our map's trustworthiness is {trust['ours']:.4f} after {mine:.1f} s, theirs {trust['seeded']:.4f} "
            f"after {seeded:.1f} s: {seeded / mine:.2f}x as fast does not count."
        )
    rows = []
    for how, said in (
        ("seeded", "with a seed"),
        ("parallel", "without, so in parallel and another map each time"),
    ):
        cold, warm = _median(theirs[how], "seconds"), _median(theirs[how], "warm")
        parts = f"Ours: {_parts(ours[0])}; theirs: {_parts(theirs[how][0])}." if how == "seeded" else ""
        told = f"Trustworthiness {trust['ours']:.4f}, theirs {trust[how]:.4f}. {parts}".rstrip()
        for seconds, when in ((cold, ""), (warm, ", compiled before")):
            rows.append(
                Row(
                    what=f"UMAP of {items:,} x {WIDTH}, {NEIGHBOURS} neighbours",
                    ours=f"{mine:.1f} s",
                    against=f"umap-learn {said}{when}",
                    theirs=f"{seconds:.1f} s",
                    ratio=seconds / mine,
                    goal=GOAL if how == "seeded" else None,
                    note="" if when else told,
                )
            )
    return rows


def _trust(X: np.ndarray, path: Path) -> float:
    value = trustworthiness(X, np.load(path)).value
    assert value is not None
    return value


def _median(found: list[dict[str, Any]], key: str) -> float:
    return statistics.median(figures[key] for figures in found)


def _parts(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in figures["parts"].items())


if __name__ == "__main__":
    for row in measure():
        print(row.line())
