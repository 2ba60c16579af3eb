"""The jobs that a project's settings ask for: one place that knows which setting goes into which parameter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.records.asked import job_values
from workbench.records.files import write_text
from workbench.records.index import ImageIndex
from workbench.records.jobs import EmbedJob, EvaluateJob, FinetuneJob
from workbench.records.params import build
from workbench.records.pretrain_job import PretrainJob
from workbench.records.project import Chosen, Project


def why_not_compare(project: Project | None, index: ImageIndex | None) -> str:
    """A sentence that says why a comparison can't run now; "" when it can."""
    if project is None or index is None:
        return "Choose an image folder first."
    if not len(index.labelled()) or len(index.classes) < 2:
        return (
            "A comparison needs labelled images of at least two classes: "
            "say under Labels and groups what tells them."
        )
    return "" if project.settings.chosen else "Choose at least one backbone."


def embed_jobs(project: Project) -> list[EmbedJob]:
    """One a chosen backbone, in their order."""
    return [embed_job(project, choice) for choice in project.settings.chosen]


def embed_job(project: Project, choice: Chosen) -> EmbedJob:
    """What the lock asks of one backbone, chosen or not."""
    return EmbedJob(
        backbone=choice.backbone,
        cache=str(project.features_cache),
        **_images(project),
        **job_values(choice, project.settings),
    )


def evaluate_job(project: Project, files: Sequence[Path | str], **others: Any) -> EvaluateJob:
    """The comparison of some embedding files; `others` are values that differ from the settings."""
    settings = project.settings
    values = {
        "seeds": settings.seeds,
        "margin": settings.margin,
        "metric": settings.metric,
        "standardise": settings.standardise,
        "budgets": settings.budgets,
        "evaluation": tuple(settings.evaluations),
        "ledger": str(project.ledger),
    }
    return build(EvaluateJob, {"files": tuple(map(str, files)), **values, **others})


def finetune_job(project: Project, values: Mapping[str, Any]) -> FinetuneJob:
    """`values` are the job's own, without the project's files. Raises ValueError for what the job doesn't take."""
    files = {"ledger": str(project.ledger), "cache": str(project.finetune_cache)}
    return build(FinetuneJob, {**values, **_images(project), **files})


def pretrain_job(project: Project, values: Mapping[str, Any]) -> PretrainJob:
    """`values` are the job's own, without the project's files. Raises ValueError for what the job doesn't take.

    A project without labelled images learns from its pool alone.
    """
    settings = project.settings
    pool = str(project.resolve(settings.pool_index)) if settings.pool_index else ""
    files = {"pool_index": pool, "cache": str(project.pixels_cache)}
    images = _images(project)
    if not settings.index:
        images |= {"index": pool, "curation": "", "roots": ()}
        files["pool_index"] = ""
    return build(PretrainJob, {**values, **images, **files})


def write_asked(project: Project, job: PretrainJob) -> Path:
    """The file that an estimate or an audit reads a pretraining from, named by what it holds."""
    text = json.dumps({"ask": 0, "config": asdict(job)}, sort_keys=True)
    name = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    path = project.folder / "caches" / "asked" / f"{name}.json"
    write_text(path, text)
    return path


def _images(project: Project) -> dict[str, Any]:
    settings = project.settings
    return {
        "index": str(project.resolve(settings.index)),
        "curation": str(project.keep_curation()),
        "roots": tuple(settings.roots.values()),
    }
