"""The `export` job: embedding files into one file that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.engine.control import Control
from workbench.engine.exports import export, import_embeddings
from workbench.records.embeddings import merge
from workbench.records.jobs import ExportJob
from workbench.records.runs import RunFolder


def run(job: ExportJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError when the files don't hold the same images, or for an unknown format."""
    parts = []
    for number, file in enumerate(job.files):
        control.progress(number, len(job.files) + 1, unit="files")
        parts.append(import_embeddings(Path(file)))
    merged = parts[0] if len(parts) == 1 else merge(parts)
    control.progress(len(job.files), len(job.files) + 1, unit="files", detail="Writing")
    written = export(merged, Path(job.out), job.format)
    return {"files": [str(path) for path in written], "images": len(merged.ids)}
