"""The folder of images goes away while the window is open, or the list of them is damaged: the window says so."""

from __future__ import annotations

from pathlib import Path

from workbench.gui.commands import Commands
from workbench.gui.data.page import DataPage
from workbench.gui.dataset_facts import watcher_of
from workbench.gui.session import Session
from workbench.records.edits import Edits
from workbench.records.project import Project
from workbench.records.runs import Status
from workbench.supervisor import JobState


def test_a_job_that_fails_makes_the_window_look_whether_the_folder_is_there(
    qtbot, session, small_index, image_folder: Path
) -> None:
    page = DataPage(session, Commands())
    qtbot.addWidget(page)
    session.show_index(small_index)
    watcher = watcher_of(session)
    qtbot.waitUntil(lambda: page.heading.text().endswith("are ready"))
    image_folder.rename(image_folder.with_name("elsewhere"))
    session.show_jobs(JobState(id="a", kind="embed", title="Embed", status=Status(state="failed")))
    qtbot.waitUntil(lambda: watcher.facts.moved)
    assert page.heading.text() == "37 images in 3 classes, not where they were"
    assert any(link.text() == "Find…" for link in page.findings.links)


def test_a_damaged_list_of_images_is_told_and_costs_no_decision(qtbot, tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project")
    project.settings.roots = {"": str(tmp_path)}
    project.settings.index = "index.npz"
    (project.folder / "index.npz").write_bytes(b"PK\x03\x04 cut off")
    project.save()
    session = Session()
    session.describe = lambda **_: None  # type: ignore[method-assign]
    said: list[str] = []
    session.message.connect(lambda _, sentence: said.append(sentence))
    try:
        session.open_project(project.folder)
        qtbot.waitUntil(lambda: bool(said))
        assert "index.npz" in said[0] and "Choose the image folder again" in said[0]
        assert session.settings.index == "index.npz"
    finally:
        session.close()


def test_a_full_disk_costs_the_steps_back_and_not_the_edit(tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    edits = Edits.load(tmp_path / "edits.json")
    with monkeypatch.context() as disk:
        disk.setattr("workbench.records.edits.write_document", full)
        edits.did("class a renamed", {"n": 1})
    assert edits.undo({"n": 2}) == ("class a renamed", {"n": 1})
    assert Edits.load(tmp_path / "edits.json").future == [("class a renamed", {"n": 2})]
