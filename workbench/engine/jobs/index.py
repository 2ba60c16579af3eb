"""The `index` job: a folder in, index.npz out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.engine.control import Control
from workbench.engine.indexing import build_index
from workbench.records.files import DocumentError
from workbench.records.index import ImageIndex
from workbench.records.jobs import IndexJob
from workbench.records.runs import RunFolder


def run(job: IndexJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError when the folder can't be listed."""
    index = build_index(
        Path(job.folder).expanduser(),
        job.layout(),
        check=job.check,
        previous=_previous(job),
        max_pixels=round(job.max_megapixels * 1e6),
        on_progress=lambda done, total: control.progress(done, total, unit="files"),
    )
    index.save(run.path / "index.npz")
    run.add_provenance({"inputs": {"index": index.content_hash()}})
    return {
        "images": len(index),
        "classes": len(index.classes),
        "groups": len(index.groups),
        "refused": len(index.refused),
        "index": "index.npz",
    }


def _previous(job: IndexJob) -> ImageIndex | None:
    """The earlier index of the same folder; another folder's file of the same name and time is another file."""
    if not job.previous:
        return None
    try:
        index = ImageIndex.load(Path(job.previous))
    except DocumentError:
        return None  # an index that can't be read saves no work; the folder is read anew
    return index if Path(index.root) == Path(job.folder).expanduser().absolute() else None
