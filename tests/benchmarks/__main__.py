"""`make bench`: run every benchmark and write what came out, machine named, to README.md beside this file.

Each figure is a ratio of two programs on the same files in one run: the seconds of a machine change, a ratio
hardly. `python -m tests.benchmarks NAME...`, or `make bench ONLY=NAME`, runs some of them and writes nothing.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from pathlib import Path

from tests.benchmarks.row import Row

NAMES = ("first_paint", "index", "duplicates", "grid", "knn", "probe", "extraction", "pretrain", "maps")
README = Path(__file__).with_name("README.md")


def main(names: list[str]) -> int:
    rows: list[Row] = []
    for name in names or NAMES:
        print(f"== {name}", flush=True)
        for row in importlib.import_module(f"tests.benchmarks.{name}").measure():
            print(row.line(), flush=True)
            rows.append(row)
    if not names:
        README.write_text(_page(rows), encoding="utf-8")
        print(f"written to {README}")
    return 0


def _page(rows: list[Row]) -> str:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Each ratio is of two programs on the same files in one run, the median of several.",
        "",
        f"Machine: {_machine()}. Date: {time.strftime('%Y-%m-%d')}.",
        "",
        "| what | ours | compared with | theirs | ratio | goal | met |",
        "|---|---|---|---|---|---|---|",
        *(row.markdown() for row in rows),
        "",
        *(f"- {row.what}: {row.note}" for row in rows if row.note),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _machine() -> str:
    import torch

    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    return f"{name}, {os.cpu_count()} cores, {gpu}, Python {platform.python_version()}, torch {torch.__version__}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
