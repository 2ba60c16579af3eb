"""Pretraining in the session: methods, runs started, continued and branched, questions and their answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gui.pretrain import made
from workbench.gui.pretrain_store import PretrainStore
from workbench.gui.session import Session
from workbench.records.jobs import PretrainJob
from workbench.records.methods import save_methods
from workbench.records.pretrain_plans import AUDIT, ESTIMATE
from workbench.records.project import Project
from workbench.records.runs import RunFolder, Status
from workbench.supervisor import JobState

VALUES = {"method": "simclr", "epochs": 7, "backbone": "resnet18", "augment": ("hue=0",)}


def end(session: Session, run: RunFolder, state: str = "done", error: str = "") -> None:
    """As if the supervisor told that the job has ended."""
    status = Status(state=state, error=error)
    run.write_status(status)
    session._jobs._on_changed(JobState(id=run.id, kind="pretrain", title="x", status=status))


def test_methods_come_with_the_describe_job_and_are_kept(qtbot, session, tmp_path) -> None:
    store: PretrainStore = session.pretraining
    run = tmp_path / "describe"
    run.mkdir()
    keep = session.project.folder / "caches" / "methods.json"
    keep.parent.mkdir(exist_ok=True)
    store.adopt_methods(RunFolder(run), keep)  # an engine that writes none
    assert not keep.exists()
    save_methods(run / "methods.json", made.methods())
    with qtbot.waitSignal(store.methods_changed):
        store.adopt_methods(RunFolder(run), keep)
    assert [facts.name for facts in store.methods] == [facts.name for facts in made.methods()]
    assert store.method("mae").published == made.methods()[-1].published
    assert keep.exists() and not (run / "methods.json").exists()
    other = Session()
    other.pretraining.read_methods(keep)
    qtbot.waitUntil(lambda: other.pretraining.methods == store.methods)
    other.close()


def test_a_damaged_list_of_methods_is_told(qtbot, session) -> None:
    path = session.project.folder / "methods.json"
    path.write_text("{}", "utf-8")
    with qtbot.waitSignal(session.message) as told:
        session.pretraining.read_methods(path)
    assert told.args[0] == "bad" and "methods" in told.args[1]


def test_a_start_makes_the_whole_job_of_the_project(qtbot, ready) -> None:
    with qtbot.waitSignal(ready.pretraining.runs_changed):
        run_id = ready.pretraining.start(VALUES, "Pretrain SimCLR")
    (run,) = ready.submitted
    assert run.id == run_id
    job = run.job()
    assert isinstance(job, PretrainJob)
    project = ready.project
    assert Path(job.index) == project.folder / "index.npz"
    assert Path(job.curation).exists()
    assert Path(job.cache) == project.folder / "caches" / "pixels"
    assert (job.epochs, job.augment, job.roots) == (7, ("hue=0",), tuple(ready.settings.roots.values()))
    with pytest.raises(ValueError, match="epochs must be between 1"):
        ready.pretraining.start({**VALUES, "epochs": 0}, "x")
    assert len(ready.submitted) == 1


def test_more_epochs_go_on_in_the_same_folder(ready) -> None:
    run = made.run(ready.project, state="done", epochs=100)
    before = run.document()
    with pytest.raises(ValueError, match="planned for 100 epochs"):
        ready.pretraining.extend(run.id, 100)
    assert not ready.submitted
    ready.pretraining.extend(run.id, 150)
    after = run.document()
    assert after["config"] == {**before["config"], "epochs": 150}
    assert {key: after[key] for key in after if key != "config"} == {
        key: before[key] for key in before if key != "config"
    }
    assert [known.id for known in ready.submitted] == [run.id]
    assert run.status().state == "queued"


def test_a_finished_run_is_told_to_whoever_lists_runs(qtbot, ready) -> None:
    run_id = ready.pretraining.start(VALUES, "Pretrain SimCLR")
    with qtbot.waitSignal(ready.pretraining.runs_changed):
        end(ready, ready.project.run(run_id))
    assert not ready.jobs


def test_an_estimate_is_asked_by_a_file_and_known_as_current_or_not(qtbot, ready) -> None:
    store = ready.pretraining
    run_id = store.estimate(VALUES)
    (run,) = ready.submitted
    asked = json.loads(Path(run.job().pretrain).read_text("utf-8"))
    assert (
        PretrainJob(**{k: tuple(v) if isinstance(v, list) else v for k, v in asked["config"].items()}).epochs
        == 7
    )
    assert asked["ask"] == 0 and store.asking("estimate") == run_id
    made.estimate().save(run.path / ESTIMATE)
    with qtbot.waitSignal(store.answered) as told:
        end(ready, run)
    assert told.args == ["estimate"] and store.answer("estimate") == made.estimate()
    assert store.is_current("estimate", VALUES)
    assert not store.is_current("estimate", {**VALUES, "epochs": 8})
    ready.settings.index = "other.npz"
    assert not store.is_current("estimate", VALUES), "other images, another answer"


def test_answers_are_there_again_when_the_project_is_opened_again(qtbot, ready) -> None:
    store = ready.pretraining
    store.audit(VALUES, "facebook/dinov2-small")
    (run,) = ready.submitted
    assert run.job().backbone == "facebook/dinov2-small"
    made.audit().save(run.path / AUDIT)
    end(ready, run)
    folder = ready.project.folder
    ready.close()
    again = Session()
    again.describe = lambda **_: None
    again.dataset.read = lambda *_: None
    again._jobs._bridge.submit = lambda _: None
    again.open_project(folder)
    qtbot.waitUntil(lambda: again.pretraining.answer("audit") == made.audit())
    assert again.pretraining.is_current("audit", VALUES)
    again.close()


def test_an_answer_that_never_came_and_a_late_one_change_nothing(qtbot, ready) -> None:
    store = ready.pretraining
    store.estimate(VALUES)
    store.estimate({**VALUES, "epochs": 9})
    first, second = ready.submitted
    made.estimate().save(first.path / ESTIMATE)
    end(ready, first)
    end(ready, second)
    qtbot.wait(50)
    assert store.answer("estimate") is None, "the first was overtaken, the second left nothing"


def test_a_project_with_a_pool_alone_learns_from_the_pool(tmp_path) -> None:
    from workbench.records.project_jobs import pretrain_job

    project = Project.create(tmp_path / "p", "Pool")
    project.settings.pool_index = "runs/pool/index.npz"
    job = pretrain_job(project, {"method": "mae"})
    assert Path(job.index) == project.folder / "runs/pool/index.npz"
    assert (job.pool_index, job.curation, job.roots) == ("", "", ())
    project.settings.index = "runs/a/index.npz"
    both = pretrain_job(project, {"method": "mae"})
    assert Path(both.pool_index) == project.folder / "runs/pool/index.npz"
