"""The real session with real workers: what becomes of choices, jobs and discarded runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.gui.session import Session
from workbench.records.files import DocumentError
from workbench.records.jobs import IndexJob
from workbench.records.layout import Layout
from workbench.records.project import Project


@pytest.fixture
def live(qapp, tmp_path: Path, warm_workers: None) -> Iterator[Session]:  # type: ignore[no-untyped-def]
    session = Session()
    session.create_project(tmp_path / "project", "Untitled")
    yield session
    session.close()


def wait_for_index(qtbot, session: Session, images: int) -> None:  # type: ignore[no-untyped-def]
    qtbot.waitUntil(lambda: session.index is not None and len(session.index) == images, timeout=30000)


def test_another_folder_leaves_the_old_answers_behind(
    qtbot, live: Session, image_folder: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    live.set_folder(image_folder)
    wait_for_index(qtbot, live, 37)
    assert live.settings.name == "images", "an untitled project takes the folder's name"
    assert live.split is not None
    live.settings.result = "20260101-000000-evaluate-abcd"
    other = tmp_path / "other"
    shutil.copytree(image_folder / "crack", other / "crack")
    live.set_folder(other)
    assert live.index is None
    assert live.settings.result == ""
    wait_for_index(qtbot, live, 13)
    assert Project.open(live.project.folder).settings.roots == {"": str(other)}  # type: ignore[union-attr]


def test_the_same_folder_again_reads_only_what_changed_and_keeps_the_result(
    qtbot,  # type: ignore[no-untyped-def]
    live: Session,
    image_folder: Path,
) -> None:
    live.set_folder(image_folder)
    wait_for_index(qtbot, live, 37)
    live.settings.result = "kept"
    (image_folder / "crack" / "lot0_99.png").unlink()
    live.set_folder(image_folder)
    live.dataset.set_layout(Layout(group_by="name:(lot[0-9])"))
    assert live.settings.result == "kept"
    wait_for_index(qtbot, live, 36)
    assert live.index is not None
    assert live.index.groups == ("lot0", "lot1", "lot2", "lot3")


def test_a_rule_that_makes_no_sense_starts_nothing(live: Session, image_folder: Path) -> None:
    with pytest.raises(ValueError, match="captures nothing"):
        live.dataset.set_layout(Layout(group_by="name:lot"))
    assert not live.jobs
    assert live.settings.roots == {}


def test_why_not_and_the_choice_of_backbones(qtbot, live: Session, image_folder: Path) -> None:  # type: ignore[no-untyped-def]
    assert "folder" in live.why_not_compare()
    live.set_folder(image_folder)
    wait_for_index(qtbot, live, 37)
    assert "backbone" in live.why_not_compare()
    live.choose("histogram")
    live.choose("histogram")
    assert len(live.settings.chosen) == 1
    assert live.why_not_compare() == ""
    live.unchoose("histogram")
    assert live.run_comparison() == []


def test_a_failed_job_stays_in_sight_and_a_discarded_one_comes_back(
    qtbot, live: Session, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    run_id = live.set_folder(tmp_path / "nowhere")
    qtbot.waitUntil(lambda: live.jobs and live.jobs[0].status.state == "failed", timeout=30000)
    assert "does not exist" in live.jobs[0].status.error
    assert "Traceback" in live.log(run_id)
    live.discard(run_id)
    qtbot.waitUntil(lambda: not live.jobs, timeout=10000)
    assert live.discarded == [run_id]
    live.undo()
    assert [job.id for job in live.jobs] == [run_id]
    live.dismiss(run_id)
    assert not live.jobs


def test_work_of_last_time_is_shown_and_can_be_retried(
    qtbot, qapp, image_folder: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    project = Project.create(tmp_path / "project")
    run = project.new_run(IndexJob(folders=(str(image_folder),)), title="Index images")
    project.settings.roots = {"": str(image_folder)}
    project.save()
    session = Session()
    try:
        session.open_project(project.folder)
        qtbot.waitUntil(lambda: bool(session.jobs), timeout=10000)
        assert session.jobs[0].status.state == "stopped", "nobody starts it unasked"
        session.retry(run.id)
        wait_for_index(qtbot, session, 37)
    finally:
        session.close()


def test_what_the_window_remembers_comes_back(live: Session) -> None:
    live.remember("place", "compare")
    live.remember("geometry", [1, 2, 3, 4])
    again = Project.open(live.project.folder)  # type: ignore[union-attr]
    assert again.settings.view == {"place": "compare", "geometry": [1, 2, 3, 4]}
    with pytest.raises(DocumentError):
        live.open_project(Path("/nowhere"))
