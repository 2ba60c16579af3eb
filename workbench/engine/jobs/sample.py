"""The `sample` job: the sample project's images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.engine.control import Control
from workbench.engine.sample.build import build_sample
from workbench.records.jobs import SampleJob
from workbench.records.runs import RunFolder


def run(job: SampleJob, run: RunFolder, control: Control) -> dict[str, Any]:
    build_sample(
        Path(job.folder),
        seed=job.seed,
        labelled=job.labelled,
        unlabelled=job.unlabelled,
        on_progress=lambda done, total: control.progress(done, total),
    )
    return {"folder": job.folder, "images": job.labelled + job.unlabelled}
