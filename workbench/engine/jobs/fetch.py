"""The `fetch` job: a backbone from its hub into this machine's cache."""

from __future__ import annotations

from typing import Any

from workbench.engine.backbones.resolve import resolve
from workbench.engine.control import Control
from workbench.records.jobs import FetchJob
from workbench.records.runs import RunFolder


def run(job: FetchJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """A stop keeps what has arrived. Raises ValueError when the backbone can't be had, with what to do about it."""
    fetched = 0

    def report(done: int, total: int) -> None:
        nonlocal fetched
        fetched = total
        control.progress(done, total, unit="bytes", detail="Downloading")

    found = resolve(job.backbone, allow_download=True, on_fetch=report)
    run.add_provenance({"inputs": {"backbone": job.backbone, "weights": found.spec.weights}})
    return {
        "backbone": job.backbone,
        "title": found.title,
        "weights": found.spec.weights,
        "files": [str(path) for path in found.files],
        "bytes": fetched,
    }
