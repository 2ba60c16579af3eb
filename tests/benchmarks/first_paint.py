"""From the start of the process to the first painted window, and the memory at that moment.

napari takes 2.6 s and 294 MB, Orange 1.9 s and 285 MB on the same kind of machine (measured once, not here).
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from tests.benchmarks.row import Row

RUNS = 7
GOAL_SECONDS, GOAL_MB = 1.0, 200.0
NAPARI_SECONDS, NAPARI_MB = 2.6, 294.0

# Started with the parent's clock, so that the interpreter's own start counts.
PROGRAM = """
import os, resource, sys, time
began = float(sys.argv[1])
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
from workbench.gui import app as gui
application = gui.application()
session, window = gui.build_window()
window.resize(1280, 800)
window.show()
application.processEvents()
window.grab()
took = time.time() - began
megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("PAINTED", took, megabytes, "torch" in sys.modules)
session.close()
"""


def first_paint() -> tuple[float, float]:
    """Seconds and megabytes of one start."""
    import time

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(time.time())], capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("PAINTED"))
    _, took, megabytes, torch = line.split()
    if torch != "False":
        raise RuntimeError("the window's process imported torch")
    return float(took), float(megabytes)


def measure(runs: int = RUNS) -> list[Row]:
    first_paint()
    figures = [first_paint() for _ in range(runs)]
    took = statistics.median(figure[0] for figure in figures)
    megabytes = statistics.median(figure[1] for figure in figures)
    return [
        Row(
            what="First paint",
            ours=f"{took:.2f} s",
            against="napari, measured elsewhere",
            theirs=f"{NAPARI_SECONDS} s",
            ratio=NAPARI_SECONDS / took,
            goal=NAPARI_SECONDS / GOAL_SECONDS,
            note=f"goal {GOAL_SECONDS:g} s.",
        ),
        Row(
            what="Memory at first paint",
            ours=f"{megabytes:.0f} MB",
            against="napari, measured elsewhere",
            theirs=f"{NAPARI_MB:.0f} MB",
            ratio=NAPARI_MB / megabytes,
            goal=NAPARI_MB / GOAL_MB,
            note=f"peak resident set; goal {GOAL_MB:g} MB.",
        ),
    ]
