"""The rung that everything turns on, for once with real jobs: a DINOv2 out of a Hugging Face cache, found, embedded,
probed and paid for. A small one with the published layout; what its features are worth is of no account here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

from tests.indices import counted
from tests.tiny_hub import put
from workbench.decide import steps
from workbench.decide.gather import gather
from workbench.decide.start import jobs_for
from workbench.headless import run_folder
from workbench.headless_ladder import look_up
from workbench.records.case import Case
from workbench.records.evidence import Target
from workbench.records.jobs import JobConfig
from workbench.records.project import Project
from workbench.records.runs import RunFolder

DINOV2 = "facebook/dinov2-small"


def published(folder: Path) -> Path:
    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=24, num_attention_heads=2, num_hidden_layers=2, image_size=518, patch_size=14
    )
    Dinov2Model(config).save_pretrained(folder)
    BitImageProcessor(size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}).save_pretrained(
        folder
    )
    return folder


@pytest.mark.slow
def test_a_dinov2_of_the_cache_is_found_embedded_probed_and_paid_for(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm_workers: None
) -> None:
    put(tmp_path / "hub", published(tmp_path / "published"), DINOV2)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    project = Project.create(tmp_path / "project")
    counted(picture_folder).save(project.folder / "index.npz")
    project.settings.index, project.settings.roots = "index.npz", {"": str(picture_folder)}
    project.settings.seeds = 3
    project.save()
    here, machine = look_up(project)
    assert here[0].id == DINOV2 and here[0].kind == "public", "it comes before any other"
    case = Case(target=Target(threshold=0.9))
    evidence = gather(project, case, at_hand=here, machine=machine)
    step = steps.probe(evidence)
    assert step is not None and (step.backbone, step.title) == (DINOV2, "DINOv2 small, frozen")

    def run(job: JobConfig, title: str, after: tuple[str, ...]) -> RunFolder:
        return run_folder(project.new_run(job, title=title, after=after), title)

    jobs_for(step, project, evidence).start(run)
    [rung] = gather(project, case, at_hand=here, machine=machine).rungs
    assert (rung.name, rung.kind, rung.checkpoint) == ("DINOv2 small, frozen", "public", DINOV2)
    assert rung.num_seeds == 3 and rung.seconds is not None and rung.seconds > 0
    embedding, comparison = (sum_of(project, kind) for kind in ("embed", "evaluate"))
    assert rung.seconds == pytest.approx(embedding + comparison)
    assert not steps.untried(replace(evidence, rungs=(rung,), at_hand=here[:1]))


def sum_of(project: Project, kind: str) -> float:
    """Seconds that the jobs of a kind took."""
    return sum(run.status().ended - run.status().started for run in project.runs(kind))
