"""The `pack` job: write, check or import a model pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.engine.backbones.imports import import_pack
from workbench.engine.backbones.packs import DOCUMENT, Pack, export_pack, read_pack, verify_pack
from workbench.engine.control import Control
from workbench.records.jobs import PackJob
from workbench.records.runs import RunFolder

_DETAIL = {"export": "Copying", "import": "Checking and copying", "verify": "Checking"}


def run(job: PackJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError when a backbone is not here or a pack is not what it says."""
    folder = Path(job.folder)

    def report(done: int, total: int) -> None:
        control.progress(done, total, unit="bytes", detail=_DETAIL[job.action])

    if job.action == "export":
        written = export_pack(job.backbone, folder, on_progress=report)
        return {**_told(read_pack(written)), "pack": str(written), "document": str(written / DOCUMENT)}
    if job.action == "verify":
        return {**_told(verify_pack(folder, report)), "pack": job.folder}
    imported = import_pack(folder, on_progress=report)
    if imported.note:
        control.note(imported.note)
    return {
        **_told(imported.pack),
        "pack": job.folder,
        "backbone": imported.backbone,
        "folder": str(imported.folder),
        "note": imported.note,
    }


def _told(pack: Pack) -> dict[str, Any]:
    return {
        "id": pack.id,
        "title": pack.title,
        "commit": pack.commit,
        "licence": pack.licence,
        "files": [file.name for file in pack.files],
        "bytes": pack.size,
    }
