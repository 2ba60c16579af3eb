"""The lock of a comparison by clicks: it changes every chosen model's job, and what stands apart is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel

from tests.gui.comparison import facts
from workbench.gui.commands import Command, Commands
from workbench.gui.models.view import ModelsView
from workbench.gui.session import Session
from workbench.records.arrange import Arranged
from workbench.records.index import ImageIndex
from workbench.records.jobs import EmbedJob, EvaluateJob
from workbench.records.project import Project

CATALOGUE = (
    facts("dino", patch=14, parameters=22_056_576),
    facts("mae", default_feature="mean", patch=16, parameters=85_798_656),
    facts("resnet", family="ResNet", features=("pooled",), default_feature="pooled"),
)


@pytest.fixture
def session(qtbot, tmp_path: Path, monkeypatch, small_index: ImageIndex) -> Iterator[Session]:
    """With the jobs that Run would start instead of their runs."""
    made = Session()
    monkeypatch.setattr(made, "describe", lambda: None)
    monkeypatch.setattr(made.dataset, "read", lambda *_: None)
    made.create_project(tmp_path / "project", "Line 4")
    made.lookup.catalogue = CATALOGUE
    made.dataset.arranged = Arranged(small_index)
    made.started = []
    monkeypatch.setattr(made._jobs, "start", lambda job, *_, **__: made.started.append(job) or "run")
    yield made
    made.close()


@pytest.fixture
def view(qtbot, session: Session) -> ModelsView:
    commands = Commands()
    commands.add(Command(id="go.data", title="data", run=lambda: None))
    for each in CATALOGUE:
        session.choose(each.id)
    made = ModelsView(session, commands)
    qtbot.addWidget(made)
    made.resize(1150, 700)
    made.show()
    settle(qtbot, made, 3)
    return made


def settle(qtbot, view: ModelsView, rows: int) -> None:
    qtbot.waitUntil(lambda: len(view.chosen.rows) == rows and not view.chosen._rebuild.isActive())


def pick(qtbot, box: QComboBox, words: str) -> None:
    """With the keyboard, as a hand would: open the list, go to the entry, Enter."""
    box.setFocus()
    box.showPopup()
    place = box.findText(words)
    assert place >= 0, [box.itemText(i) for i in range(box.count())]
    box.view().setCurrentIndex(box.model().index(place, 0))
    qtbot.keyClick(box.view(), Qt.Key.Key_Return)


def embeds(qtbot, view: ModelsView) -> list[EmbedJob]:
    view.session.started.clear()
    qtbot.mouseClick(view.chosen.run, Qt.MouseButton.LeftButton)
    return [job for job in view.session.started if isinstance(job, EmbedJob)]


def told(view: ModelsView, row: int) -> str:
    """Why a row will not be ranked, as its tooltip says."""
    marks = [text for text in view.chosen.rows[row].findChildren(QLabel) if text.text() == "not ranked"]
    return marks[0].toolTip() if marks else ""


def test_the_lock_changes_every_chosen_models_job(qtbot, view: ModelsView, session: Session) -> None:
    lock = view.chosen.lock
    asked = [(job.feature, job.layers, job.image_size) for job in embeds(qtbot, view)]
    assert asked == [("", "", 0)] * 3
    pick(qtbot, lock.feature, "mean")
    pick(qtbot, lock.layers, "last4")
    pick(qtbot, lock.size_field, "518 px")
    pick(qtbot, lock.scaling, "L2")
    settle(qtbot, view, 3)
    jobs = embeds(qtbot, view)
    assert [(job.feature, job.layers, job.image_size) for job in jobs] == [("mean", "last4", 518)] * 3
    assert all(job.nearest for job in jobs)
    (evaluation,) = (job for job in session.started if isinstance(job, EvaluateJob))
    assert evaluation.standardise == "l2"
    again = Project.open(session.project.folder).settings
    assert (again.feature_rule, again.layers, again.image_size, again.standardise) == (
        "mean",
        "last4",
        518,
        "l2",
    )


def test_rows_show_what_the_lock_gives_and_what_it_costs(qtbot, view: ModelsView) -> None:
    shown = [row.feature.currentText() for row in view.chosen.rows]
    assert shown == ["CLS", "mean", "pooled"] and not view.chosen.cost.isVisible()
    pick(qtbot, view.chosen.lock.feature, "CLS+mean")
    pick(qtbot, view.chosen.lock.size_field, "518 px")
    settle(qtbot, view, 3)
    qtbot.waitUntil(lambda: view.chosen.rows[0].feature.currentText() == "CLS+mean")
    assert [row.size_field.text() for row in view.chosen.rows] == ["518 px", "512 px", "518 px"]
    cost = view.chosen.cost.text()
    assert "Dino at 518 px: 1,369 patches, about 8 times the work of 224 px." in cost
    assert "Mae at 512 px: 1,024 patches" in cost
    assert "about 5 times" in view.chosen.rows[2].size_field.toolTip()


def test_an_exception_is_possible_and_told(qtbot, view: ModelsView, session: Session) -> None:
    assert [told(view, row) for row in range(3)] == ["", "", ""]
    pick(qtbot, view.chosen.rows[1].feature, "CLS+mean")
    qtbot.waitUntil(lambda: bool(told(view, 1)))
    assert "Mae is read by its CLS token and the mean of its patches and Dino by its CLS token" in told(
        view, 1
    )
    assert "Choose one feature for both" in told(view, 1)
    assert view.chosen.notes.text().startswith("Not ranked with the others: Mae (CLS+mean). Mae is read by")
    assert {job.backbone: job.feature for job in embeds(qtbot, view)} == {
        "lab/dino": "",
        "lab/mae": "cls+mean",
        "lab/resnet": "",
    }
    pick(qtbot, view.chosen.rows[1].feature, "mean")  # what the lock gives it anyway
    qtbot.waitUntil(lambda: told(view, 1) == "" and "Not ranked" not in view.chosen.notes.text())
    view.chosen.rows[2].size_field.setValue(448)
    qtbot.waitUntil(lambda: "Resnet gets 448 px and Dino 224 px" in told(view, 2))
    assert "Not ranked with the others: Resnet (448 px)." in view.chosen.notes.text()


def test_the_same_backbone_twice_is_an_exception_too(qtbot, view: ModelsView, session: Session) -> None:
    view.table.go_to("lab/dino")
    view.details.feature.setCurrentIndex(view.details.feature.findData("mean"))
    qtbot.mouseClick(view.details.add_button, Qt.MouseButton.LeftButton)
    settle(qtbot, view, 4)
    assert told(view, 0) == "" and "the pooling alone" in told(view, 1)
    pick(qtbot, view.chosen.lock.feature, "mean")
    settle(qtbot, view, 4)
    qtbot.waitUntil(lambda: told(view, 1) == "")
    view.details.feature.setCurrentIndex(
        view.details.feature.findData("")
    )  # CLS, which is no longer the lock's
    qtbot.mouseClick(view.details.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: ("lab/dino", "cls") in [(c.backbone, c.feature) for c in session.settings.chosen])


def test_what_has_no_such_feature_says_what_it_gives(qtbot, view: ModelsView) -> None:
    pick(qtbot, view.chosen.lock.feature, "mean")
    qtbot.waitUntil(
        lambda: "Resnet gives its pooled output, the mean of its map." in view.chosen.notes.text()
    )
    assert told(view, 2) == ""
    pick(qtbot, view.chosen.lock.feature, "CLS")
    qtbot.waitUntil(lambda: "Resnet is read by its pooled output and Mae by its CLS token" in told(view, 2))
    assert "Not ranked with the others: Resnet." in view.chosen.notes.text()


def test_layers_are_typed_checked_and_kept(qtbot, view: ModelsView, session: Session) -> None:
    lock = view.chosen.lock
    line = lock.layers.lineEdit()
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "first")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert "'first' names no layers" in lock.error.text() and lock.error.isVisible()
    assert session.settings.layers == "" and lock.layers.currentText() == "first"
    line.selectAll()
    qtbot.keyClicks(line, "9, 12")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert session.settings.layers == "9, 12" and not lock.error.isVisible()
    assert [job.layers for job in embeds(qtbot, view)] == ["9, 12"] * 3
    line.selectAll()
    qtbot.keyClicks(line, "last")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert session.settings.layers == ""
