"""The `index` job: folders in, the index of the files out (index.npz)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.engine.control import Control
from workbench.engine.indexing import build_index
from workbench.records.files import DocumentError
from workbench.records.index import ImageIndex
from workbench.records.jobs import IndexJob
from workbench.records.roots import name_roots
from workbench.records.runs import RunFolder


def run(job: IndexJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError when a folder can't be listed."""
    index = build_index(
        name_roots([Path(folder) for folder in job.folders]),
        pages=job.pages,
        check=job.check,
        previous=_previous(job),
        max_pixels=round(job.max_megapixels * 1e6),
        on_progress=lambda done, total, detail: control.progress(done, total, unit="files", detail=detail),
    )
    index.save(run.path / "index.npz")
    run.add_provenance({"inputs": {"files": index.content_hash()}})
    return {"images": len(index), "refused": len(index.refused), "index": "index.npz"}


def _previous(job: IndexJob) -> ImageIndex | None:
    """An index that can't be read saves no work; the folder is read anew."""
    try:
        return ImageIndex.load(Path(job.previous)) if job.previous else None
    except DocumentError:
        return None
