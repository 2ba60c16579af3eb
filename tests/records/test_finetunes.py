"""A fine-tune's document comes back as it went, says whether splits are the same, and its state can be discarded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gui.finetune.results import keep, result
from workbench.records.files import DocumentError, write_document
from workbench.records.finetunes import FinetuneResult, discard_state, restore_state
from workbench.records.project import Project
from workbench.records.results import Finding, Leaks
from workbench.records.runs import Status

KEY = "0123456789abcdef"


def test_a_result_comes_back_as_it_went(tmp_path: Path) -> None:
    leaks = Leaks(sets=1, test_images=2, near=True)
    finding = Finding(name="few seeds", severity="warn", advice="Only two.")
    made = result("lab/strong", 0.9, ("a", "b"), leaks=leaks, findings=(finding,))
    made.save(tmp_path / "finetune.json")
    found = FinetuneResult.load(tmp_path / "finetune.json")
    assert found == made
    assert found.split_hashes == ("a", "b")
    assert found.same_splits(("a", "b", "c")) and not found.same_splits(("a",)) and not found.same_splits(())
    assert found.public_json(tmp_path)["checkpoint"] == str(tmp_path / "checkpoint")
    write_document(tmp_path / "finetune.json", "finetune", 1, {"run": "r"})
    with pytest.raises(DocumentError, match="Fine-tune again"):
        FinetuneResult.load(tmp_path / "finetune.json")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "project")
    (made.finetune_cache / KEY).mkdir(parents=True)
    (made.finetune_cache / KEY / "seed-0.json").write_text("{}")
    return made


def test_what_a_discarded_run_would_go_on_from_goes_with_it_and_comes_back(project: Project) -> None:
    run = keep(project, result("lab/strong", 0.9, ("a",)), "20260101-000000-finetune-a")
    run.add_provenance({"state": KEY})
    trash = project.discard(run)
    kept = type(run)(trash)
    assert discard_state(project.finetune_cache, kept, project.runs("finetune"), trash)
    assert not (project.finetune_cache / KEY).exists()
    restore_state(project.finetune_cache, trash)
    assert (project.finetune_cache / KEY / "seed-0.json").is_file()


def test_what_another_run_goes_on_from_stays(project: Project) -> None:
    runs = [keep(project, result("lab/strong", 0.9, ("a",)), f"20260101-00000{n}-finetune-a") for n in (0, 1)]
    for run in runs:
        run.add_provenance({"state": KEY})
    runs[1].write_status(Status(state="queued"))
    trash = project.discard(runs[0])
    assert not discard_state(project.finetune_cache, type(runs[0])(trash), project.runs("finetune"), trash)
    assert (project.finetune_cache / KEY).is_dir()


@pytest.mark.parametrize("name", ["../..", "", 3, "ABCDEF0123456789"])
def test_a_state_that_names_no_folder_of_ours_moves_nothing(project: Project, name: object) -> None:
    run = keep(project, result("lab/strong", 0.9, ("a",)), "20260101-000000-finetune-a")
    run.add_provenance({"state": name})
    assert not discard_state(project.finetune_cache, run, [], project.folder / "trash")
