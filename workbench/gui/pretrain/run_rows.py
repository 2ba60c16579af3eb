"""The pretraining runs of a project as data, read from their folders, the newest first."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.records.files import DocumentError
from workbench.records.pretraining import BACKBONE, CHECKPOINTS, RESULT, PretrainResult
from workbench.records.project import Project
from workbench.records.runs import RunFolder, Status

TAIL = 64 * 1024  # bytes at the end of metrics.jsonl among which the last look is sought


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run. `result` is None until it has ended, or was stopped and kept."""

    id: str
    path: Path
    created: float  # Unix time
    config: dict[str, Any] = field(default_factory=dict)
    status: Status = field(default_factory=Status)
    result: PretrainResult | None = None
    epochs: float = 0.0  # done
    knn: float | None = None  # of the last look
    has_backbone: bool = False
    architecture: str = (
        ""  # timm's name of what learns, and its patches; "" and 0 before the run has built it
    )
    patch: int = 0  # px

    @property
    def method(self) -> str:
        return str(self.config.get("method", ""))

    @property
    def planned(self) -> int:
        return int(self.config.get("epochs", 0))

    @property
    def when(self) -> str:
        """ "Nov 25, 17:08"."""
        return time.strftime("%b %d, %H:%M", time.localtime(self.created))


def read_rows(project: Project) -> list[RunRow]:
    """Reads files, so call it in a thread. A folder that can't be read is left out: the tray tells of it."""
    rows = []
    for run in reversed(project.runs("pretrain")):
        try:
            rows.append(read_row(run))
        except (DocumentError, KeyError, TypeError, ValueError):
            continue
    return rows


def read_row(run: RunFolder) -> RunRow:
    """Raises DocumentError, KeyError, TypeError or ValueError for a folder that holds no such run."""
    document = run.document()
    result = None
    if (run.path / RESULT).exists():
        result = PretrainResult.load(run.path / RESULT)
    built = dict(document.get("provenance", {}))
    if result is not None:
        built = {"architecture": result.backbone, "patch_size": result.patch_size, **built}
    last = _last_lines(run.path / "metrics.jsonl")
    knn = next((line["knn"] for line in last if isinstance(line.get("knn"), float)), None)
    if knn is None and result is not None and result.looks:
        knn = result.looks[-1].knn
    epoch = next((line["epoch"] for line in last if isinstance(line.get("epoch"), int | float)), 0.0)
    return RunRow(
        id=run.id,
        path=run.path,
        created=float(document["created"]),
        config=dict(document["config"]),
        status=run.status(),
        result=result,
        epochs=float(epoch) if epoch or result is None else result.epochs,
        knn=knn,
        architecture=str(built.get("architecture", "")),
        patch=int(built.get("patch_size", 0)),
        has_backbone=(run.path / BACKBONE / "config.json").exists(),
    )


def checkpoints(run: Path) -> list[tuple[int, Path]]:
    """(step, file) of each checkpoint, the newest first."""
    found = []
    for path in (run / CHECKPOINTS).glob("step-*.safetensors"):
        number = path.stem.removeprefix("step-")
        if number.isascii() and number.isdigit():
            found.append((int(number), path))
    return sorted(found, reverse=True)


def checkpoint_time(run: Path) -> float | None:
    """Unix time of the newest checkpoint; None before there is one."""
    for _, path in checkpoints(run):
        try:
            return path.stat().st_mtime
        except OSError:  # it was replaced by a newer one just now
            continue
    return None


def _last_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines at the end of the measurements, the last first."""
    try:
        with path.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(stream.tell() - TAIL, 0))
            lines = stream.read().split(b"\n")[:-1]
    except OSError:
        return []
    found = []
    for line in reversed(lines):
        try:
            body = json.loads(line)
        except ValueError:
            continue
        if isinstance(body, dict):
            found.append(body)
    return found
