"""Decisions about the images in a real session: each shows at once, is kept with the project, and can be undone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from workbench.gui.session import Session
from workbench.records.layout import Layout
from workbench.records.leaks import leaking_sets
from workbench.records.project import Project
from workbench.records.spec import Reading
from workbench.records.splits import SplitPlan


@pytest.fixture
def live(qtbot, tmp_path: Path, image_folder: Path, monkeypatch, warm_workers: None) -> Iterator[Session]:  # type: ignore[no-untyped-def]
    session = Session()
    monkeypatch.setattr(session, "describe", lambda: None)
    session.create_project(tmp_path / "project", "Untitled")
    session.set_folder(image_folder)
    qtbot.waitUntil(lambda: session.index is not None, timeout=30000)
    yield session
    session.close()


@pytest.fixture
def after(qtbot, live: Session):  # type: ignore[no-untyped-def]
    """Does something to the data set and waits until it counts."""

    def do(act) -> Session:  # type: ignore[no-untyped-def]
        with qtbot.waitSignal(live.dataset.changed, timeout=10000):
            act()
        return live

    return do


def labels(session: Session) -> dict[str, int]:
    assert session.index is not None
    return session.index.class_counts()


def test_a_label_table_counts_and_undo_takes_it_back(after, live: Session, tmp_path: Path) -> None:
    table = tmp_path / "labels.tsv"
    table.write_text(
        "path\tlabel\tgroup\tsplit\ncrack/lot0_00.png\tgood\tp1\ttrain\nlot1_01.png\tbad\t\t\n"
        "dent/lot2_02.png\tbad\tp2\ttest\nnowhere.png\tgood\t\t\n"
    )
    after(lambda: live.dataset.set_layout(Layout(labels="table", group_by="table"), table))
    assert labels(live) == {"bad": 1, "good": 1}
    assert live.dataset.arranged is not None
    reasons = {item.path: item.reason for item in live.dataset.arranged.unmatched}
    assert set(reasons) == {"lot1_01.png", "nowhere.png"}
    assert "3 images are called so" in reasons["lot1_01.png"]
    table.unlink()
    again = Project.open(live.project.folder)  # type: ignore[union-attr]
    assert again.table() is not None, "the project keeps its own copy"
    after(live.undo)
    assert labels(live) == {"crack": 13, "dent": 12, "stain": 12}
    after(live.redo)
    assert labels(live) == {"bad": 1, "good": 1}


def test_classes_are_merged_and_ignored_and_every_step_is_undone(after, live: Session) -> None:
    after(lambda: live.dataset.rename_class("stain", "dent"))
    after(lambda: live.dataset.ignore_class("crack"))
    assert labels(live) == {"dent": 24}
    assert live.dataset.undoable == "class crack ignored"
    after(live.undo)
    assert labels(live) == {"crack": 13, "dent": 24}
    after(live.undo)
    assert labels(live) == {"crack": 13, "dent": 12, "stain": 12}
    assert live.why_not_undo() == "There is nothing to undo."
    assert live.why_not_redo() == ""


def test_what_was_done_can_be_counted(after, live: Session) -> None:
    """The window offers to undo what has just been done, and not what has just been undone."""
    start = live.num_done
    after(lambda: live.dataset.ignore_class("dent"))
    assert live.num_done == start + 1
    after(live.undo)
    assert live.num_done == start
    after(live.redo)
    assert live.num_done == start


def test_leaks_are_left_out_or_grouped_with_one_call(after, live: Session) -> None:
    assert live.index is not None
    leaks = leaking_sets(live.index)
    assert [[live.index.name(p) for p in members] for members in leaks] == [
        ["crack/lot0_99.png", "crack/lot1_01.png"]
    ]
    after(lambda: live.dataset.leave_out_copies(leaks))
    assert len(live.index) == 36
    assert leaking_sets(live.index) == []
    after(live.undo)
    after(lambda: live.dataset.join_copies(leaking_sets(live.index)))
    assert (len(live.index), len(live.index.groups)) == (37, 1)
    assert leaking_sets(live.index) == []
    assert live.split is not None
    parts = live.split.part[[list(live.index.paths).index(f"crack/lot{n}.png") for n in ("0_99", "1_01")]]
    assert parts[0] == parts[1]


def test_what_was_decided_survives_a_restart_and_can_still_be_undone(
    qtbot, after, live: Session, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    after(lambda: live.dataset.set_layout(Layout(group_by="name:(lot[0-9])")))
    after(lambda: live.dataset.set_plan(SplitPlan(kind="folds", folds=3)))
    after(lambda: live.dataset.set_reading(Reading(channels="mean")))
    folder = live.project.folder  # type: ignore[union-attr]
    live.close()
    again = Session()
    again.describe = lambda: None  # type: ignore[method-assign]
    try:
        again.open_project(folder)
        qtbot.waitUntil(lambda: again.index is not None, timeout=10000)
        assert again.index is not None
        assert again.reading == again.index.reading == Reading(channels="mean")
        assert (again.index.plan.folds, again.index.groups) == (3, ("lot0", "lot1", "lot2", "lot3"))
        with qtbot.waitSignal(again.dataset.changed, timeout=10000):
            again.undo()
        assert again.reading == Reading()
    finally:
        again.close()


def test_images_that_moved_are_found_again(after, live: Session, image_folder: Path, tmp_path: Path) -> None:
    assert live.index is not None
    before = live.index.content_hash()
    target = tmp_path / "elsewhere"
    shutil.move(image_folder, target)
    with pytest.raises(ValueError, match="holds none of the images"):
        live.dataset.repoint("", tmp_path)
    after(lambda: live.dataset.repoint("", target))
    assert live.file(0).exists()
    assert live.index.content_hash() == before, "what was computed stays valid"


def test_another_folder_can_be_undone_too(qtbot, after, live: Session, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    other = tmp_path / "other"
    shutil.copytree(live.file(0).parent, other / "crack")
    live.set_folder(other)
    qtbot.waitUntil(lambda: live.index is not None and len(live.index) == 13, timeout=30000)
    live.undo()
    qtbot.waitUntil(lambda: live.index is not None and len(live.index) == 37, timeout=10000)
    assert live.dataset.title != str(other)


def test_the_folder_that_was_chosen_last_counts(qtbot, live: Session, image_folder: Path) -> None:  # type: ignore[no-untyped-def]
    live.dataset.set_folders([image_folder / "dent"])
    live.dataset.set_folders([image_folder / "stain"])
    live.dataset.set_pool(image_folder / "crack")
    qtbot.waitUntil(lambda: not live.jobs and live.pool_index is not None, timeout=30000)
    qtbot.waitUntil(lambda: live.index is not None, timeout=10000)
    assert live.index is not None and live.pool_index is not None
    assert live.index.roots == {"": str(image_folder / "stain")}
    assert len(live.pool_index) == 13


def test_two_folders_are_one_data_set(qtbot, live: Session, image_folder: Path) -> None:  # type: ignore[no-untyped-def]
    live.dataset.set_folders([image_folder / "crack", image_folder / "dent"])
    qtbot.waitUntil(lambda: live.index is not None and len(live.index) == 25, timeout=30000)
    assert labels(live) == {"crack": 13, "dent": 12}
    assert live.file(0) == image_folder / "crack" / "lot0_00.png"


def test_the_pool_gives_up_what_the_test_may_hold(qtbot, after, live: Session, image_folder: Path) -> None:  # type: ignore[no-untyped-def]
    live.dataset.set_pool(image_folder / "stain")
    qtbot.waitUntil(lambda: live.pool_index is not None, timeout=30000)
    assert live.pool_index is not None
    after(lambda: live.dataset.leave_out_of_pool(live.pool_index.names()[:5]))
    assert len(live.pool_index) == 7
    after(live.undo)
    assert len(live.pool_index) == 12


def test_a_pattern_that_never_ends_is_refused_and_nothing_changes(qtbot, live: Session) -> None:  # type: ignore[no-untyped-def]
    assert live.dataset.files is not None
    live.dataset.files = replace(live.dataset.files)
    live.dataset.files.paths = type(live.dataset.files.paths).of(["a" * 80 + "!.png"] * 37)
    with qtbot.waitSignal(live.message, timeout=30000, check_params_cb=lambda kind, _: kind == "bad"):
        live.dataset.set_layout(Layout(group_by="name:((a|aa)+)$"))
    assert live.settings.curation.layout == Layout()
    assert live.dataset.undoable == ""


def test_the_limit_of_size_can_be_changed(qtbot, live: Session, image_folder: Path) -> None:  # type: ignore[no-untyped-def]
    Image.new("L", (1100, 1000)).save(image_folder / "dent" / "large.png")
    live.dataset.set_limit(1.0)
    qtbot.waitUntil(lambda: live.index is not None and len(live.index.refused) == 1, timeout=30000)
    assert "more than the limit of 1 million" in live.index.refused[0].reason  # type: ignore[union-attr]
    live.dataset.set_limit(2.0)
    qtbot.waitUntil(lambda: live.index is not None and len(live.index) == 38, timeout=30000)
    live.dataset.set_limit(1.0)
    qtbot.waitUntil(lambda: live.index is not None and len(live.index) == 37, timeout=30000)
