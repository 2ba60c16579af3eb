"""The Models place on a real session whose workers are never started."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog

from tests.gui.comparison import facts
from workbench.gui.commands import Command, Commands
from workbench.gui.models.any_model import check
from workbench.gui.models.catalogue_model import FACTS_ROLE, Column
from workbench.gui.models.view import ModelsView
from workbench.gui.models.words import parameters_text
from workbench.gui.places import find_places
from workbench.gui.session import Session
from workbench.gui.widgets.labels import Chip
from workbench.records.arrange import Arranged
from workbench.records.brought import Brought, OpenBackbone
from workbench.records.curation import Curation
from workbench.records.index import ImageIndex
from workbench.records.runs import Status
from workbench.records.splits import SplitPlan
from workbench.supervisor import JobState

CATALOGUE = (
    facts("small"),
    facts("resnet", family="ResNet", features=("pooled",), default_feature="pooled"),
    facts("noise", family="Floor", training_data="none"),
    facts("giant", available=False, remedy="Download it once with a network.", parameters=1_136_480_768),
)


@pytest.fixture
def session(qtbot, tmp_path: Path, monkeypatch) -> Iterator[Session]:
    made = Session()
    monkeypatch.setattr(made, "describe", lambda: None)
    monkeypatch.setattr(made.dataset, "read", lambda *_: None)
    made.create_project(tmp_path / "project", "Line 4")
    made.lookup.catalogue = CATALOGUE
    yield made
    made.close()


@pytest.fixture
def commands() -> Commands:
    made = Commands()
    made.gone = []
    made.add(Command(id="go.data", title="data", run=lambda: made.gone.append("data")))
    return made


@pytest.fixture
def view(qtbot, session: Session, commands: Commands) -> ModelsView:
    made = ModelsView(session, commands)
    qtbot.addWidget(made)
    made.resize(1150, 640)
    made.show()
    return made


def chosen(session: Session) -> list[tuple[str, str, int]]:
    return [(choice.backbone, choice.feature, choice.image_size) for choice in session.settings.chosen]


def settle(qtbot, view: ModelsView, rows: int) -> None:
    qtbot.waitUntil(lambda: len(view.chosen.rows) == rows and not view.chosen._rebuild.isActive())


def test_both_places_are_on_the_rail() -> None:
    places = {place.id: place.order for place in find_places()}
    assert (places["models"], places["compare"]) == (20, 30)


def test_a_click_on_the_tick_chooses_and_unchooses(qtbot, view: ModelsView, session: Session) -> None:
    table = view.table
    at = table.visualRect(table.filter.index(1, Column.BACKBONE)).topLeft() + QPoint(14, 23)
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert chosen(session) == [("lab/resnet", "", 0)]
    settle(qtbot, view, 1)
    tick = table.filter.index(1, Column.BACKBONE).data(Qt.ItemDataRole.CheckStateRole)
    assert tick == Qt.CheckState.Checked
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert chosen(session) == []


def test_space_does_the_same_and_takes_every_version_out(qtbot, view: ModelsView, session: Session) -> None:
    view.table.go_to("lab/small")
    qtbot.keyClick(view.table, Qt.Key.Key_Space)
    view.details.feature.setCurrentIndex(view.details.feature.findData("mean"))
    qtbot.mouseClick(view.details.add_button, Qt.MouseButton.LeftButton)
    assert chosen(session) == [("lab/small", "", 0), ("lab/small", "mean", 0)]
    qtbot.keyClick(view.table, Qt.Key.Key_Space)
    assert chosen(session) == []


def test_feature_and_size_are_changed_in_place(qtbot, view: ModelsView, session: Session) -> None:
    for name in ("noise", "small"):
        session.choose(f"lab/{name}")
    settle(qtbot, view, 2)
    row = view.chosen.rows[0]
    assert row.choice.backbone == "lab/small"  # in the catalogue's order
    row.feature.setCurrentIndex(row.feature.findData("cls+mean"))
    assert ("lab/small", "cls+mean", 0) in chosen(session) and len(chosen(session)) == 2
    qtbot.waitUntil(lambda: view.chosen.rows[0].choice.feature == "cls+mean")
    view.chosen.rows[0].size_field.setValue(518)
    assert ("lab/small", "cls+mean", 518) in chosen(session)
    qtbot.waitUntil(lambda: view.chosen.rows[0].choice.image_size == 518)
    view.chosen.rows[0].size_field.setValue(224)  # its own size is not a size of its own
    assert ("lab/small", "cls+mean", 0) in chosen(session)


def test_the_arrow_steps_on_from_the_own_size(qtbot, view: ModelsView, session: Session) -> None:
    session.choose("lab/small")
    settle(qtbot, view, 1)
    view.chosen.rows[0].size_field.stepUp()
    assert chosen(session) == [("lab/small", "", 238)]


def test_a_backbone_offers_what_it_has(qtbot, view: ModelsView, session: Session) -> None:
    session.choose("lab/resnet")
    session.choose("timm/unlisted")
    settle(qtbot, view, 2)
    listed, unlisted = view.chosen.rows
    assert [listed.feature.itemText(i) for i in range(listed.feature.count())] == ["pooled"]
    offered = [unlisted.feature.itemData(i) for i in range(unlisted.feature.count())]
    assert offered == ["", "cls", "mean", "cls+mean", "pooled"]


def test_the_filter_looks_at_everything(qtbot, view: ModelsView) -> None:
    proxy = view.table.filter
    for text, found in (("dinov2", 2), ("FLOOR none", 1), ("not here", 1), ("apache", 4), ("zebra", 0)):
        view.filter.setText(text)
        assert proxy.rowCount() == found, text


NAMES = tuple(
    facts(f"convnext_{size}.in{number}k", features=(), default_feature="", available=False, listed=False)
    for size in ("tiny", "base")
    for number in range(900)
)


def test_a_search_finds_the_names_that_are_not_listed(qtbot, view: ModelsView, session: Session) -> None:
    proxy = view.table.filter
    session.models._show_names(NAMES)
    assert proxy.rowCount() == len(CATALOGUE), "nearly two thousand rows are for who searches"
    began = time.thread_time()  # of this thread: other work on the machine doesn't count
    view.filter.setText("tiny in7k")
    assert time.thread_time() - began < 0.2
    assert [proxy.index(row, 0).data(FACTS_ROLE).id for row in range(proxy.rowCount())] == [
        "lab/convnext_tiny.in7k"
    ]
    view.table.selectRow(0)
    assert view.details.facts == NAMES[7] and view.details.feature.count() > 3
    qtbot.keyClick(view.table, Qt.Key.Key_Space)
    settle(qtbot, view, 1)
    assert "not here" in view.chosen.rows[0].findChild(Chip).text()
    view.filter.setText("zebra")
    assert view.nothing.isVisible() and not view.table.isVisible()
    view.nothing.buttons[0].click()
    assert view.table.isVisible() and proxy.rowCount() == len(CATALOGUE)


def test_what_can_be_done_with_a_backbone_depends_on_where_it_is(view: ModelsView, session: Session) -> None:
    def offered(backbone: str) -> list[str]:
        view.table.go_to(backbone)
        card = view.details
        buttons = (card.fetch, card.import_pack, card.export_pack)
        return [made.text() for made in buttons if made.isVisibleTo(view)]

    session.lookup.catalogue = (
        *CATALOGUE,
        facts("inside", source="built in"),
        facts("large", available=False, download=1_200_000_000),
        facts("bare", available=False, source="file"),
    )
    session.backbones_changed.emit()
    assert offered("lab/small") == ["Export as a model pack…"]
    assert offered("lab/giant") == ["Download", "Import a model pack…"]
    assert offered("lab/large") == ["Download (about 1.2 GB)", "Import a model pack…"]
    assert offered("lab/inside") == offered("lab/bare") == []


def test_any_name_can_be_downloaded(qtbot, view: ModelsView, session: Session, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(session.models, "fetch", lambda *what: asked.append(what))
    field = view.any_model
    field.field.setText("lab/new@v2")
    qtbot.mouseClick(field.fetch_button, Qt.MouseButton.LeftButton)
    assert asked == [("lab/new@v2", "lab/new@v2")] and not field.error.isVisible()
    field.field.setText("two words")
    qtbot.mouseClick(field.fetch_button, Qt.MouseButton.LeftButton)
    assert field.error.isVisible() and len(asked) == 1


def test_a_folder_for_a_plugins_backbone_is_taken_by_its_name(
    qtbot, view: ModelsView, session: Session, tmp_path: Path, monkeypatch
) -> None:
    field = view.any_model
    field.field.setText(f"hub:{tmp_path}")
    field.accept()
    assert field.error.isVisible() and session.settings.chosen == []
    hub = OpenBackbone(name="hub", summary="Weights of a <b>local</b> repository.", plugin="hubfolder")
    session.lookup.brought = Brought(backbones=(hub,))
    session.brought_changed.emit()
    assert field.field.placeholderText() == "timm or HF name, path, hub:FOLDER"
    field.accept()
    assert [choice.backbone for choice in session.settings.chosen] == [f"hub:{tmp_path}"]
    field.field.setText("hub:")
    field.accept()
    assert "Say behind hub: which one is meant" in field.error.text()
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(other))
    [action] = [one for one in field.menu.actions() if one.text().startswith("Folder for hub")]
    action.trigger()
    assert session.settings.chosen[-1].backbone == f"hub:{other}"


def test_settings_go_to_the_project(view: ModelsView, session: Session) -> None:
    view.chosen.seeds.setValue(12)
    view.chosen.margin.setValue(2.5)
    view.chosen.decided_by.setCurrentIndex(view.chosen.decided_by.findData("balanced_accuracy"))
    settings = session.settings
    assert (settings.seeds, settings.margin, settings.metric) == (12, 2.5, "balanced_accuracy")


def test_run_says_what_is_missing_and_leads_there(
    qtbot, view: ModelsView, session: Session, small_index: ImageIndex, commands: Commands
) -> None:
    card = view.chosen
    assert not card.run.isEnabled() and card.why.text() == "Choose an image folder first."
    qtbot.mouseClick(card.next, Qt.MouseButton.LeftButton)
    assert commands.gone == ["data"]
    session.dataset.arranged = Arranged(small_index)
    session.dataset_changed.emit()
    assert card.why.text() == "Choose at least one backbone." and not card.next.isVisible()
    session.choose("lab/small")
    settle(qtbot, view, 1)
    assert card.run.isEnabled() and not card.why.isVisible()
    assert card.work.text() == "37 images × 1 backbone, then probe and k-NN on 5 resampled splits."
    assert "nothing to beat" in card.notes.text()
    session.set_seeds(3)
    qtbot.waitUntil(lambda: "Fewer than 5 seeds" in card.notes.text())


def test_run_runs_the_command(
    qtbot, session: Session, small_index: ImageIndex, commands: Commands, monkeypatch
) -> None:
    ran = []
    monkeypatch.setattr(session, "run_comparison", lambda: ran.append(True))
    session.dataset.arranged = Arranged(small_index)
    session.choose("lab/small")
    view = ModelsView(session, commands)
    qtbot.addWidget(view)
    qtbot.mouseClick(view.chosen.run, Qt.MouseButton.LeftButton)
    assert ran == [True] and commands["compare.run"].keys == "Ctrl+R"
    session._jobs.take_up([JobState(id="r", kind="evaluate", title="", status=Status(state="running"))])
    assert not view.chosen.run.isEnabled() and "running already" in view.chosen.why.text()


def test_what_is_not_here_is_not_replaced(
    qtbot, view: ModelsView, session: Session, small_index: ImageIndex, commands: Commands
) -> None:
    session.dataset.arranged = Arranged(small_index)
    session.choose("lab/giant")
    settle(qtbot, view, 1)
    reason = (
        "Giant is not on this machine. Download it once with a network. Or take it out of the comparison."
    )
    assert view.chosen.why.text() == reason and commands.run("compare.run") == reason
    view.table.go_to("lab/giant")
    assert view.details.remedy.text() == "Download it once with a network."
    assert view.details.remedy.isVisibleTo(view)
    assert chosen(session) == [("lab/giant", "", 0)]


def test_another_backbone_is_checked_before_it_is_added(
    qtbot, view: ModelsView, session: Session, tmp_path: Path
) -> None:
    field = view.any_model
    field.field.setText("/nowhere/weights.pth")
    qtbot.keyClick(field.field, Qt.Key.Key_Return)
    assert field.error.text() == "/nowhere/weights.pth does not exist." and chosen(session) == []
    field.field.setText("facebook/dinov2-small")
    assert not field.error.isVisible()
    qtbot.keyClick(field.field, Qt.Key.Key_Return)
    weights = tmp_path / "a model.safetensors"
    weights.write_bytes(b"")
    field.field.setText(str(weights))
    qtbot.mouseClick(field.add_button, Qt.MouseButton.LeftButton)
    assert chosen(session) == [("facebook/dinov2-small", "", 0), (str(weights), "", 0)]
    assert field.field.text() == ""
    settle(qtbot, view, 2)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("vit_small_patch16_224.augreg_in21k", True),
        ("timm/resnet50.a1_in1k", True),
        ("", False),
        ("two words", False),
        ("a/b/c/d", False),
        ("~/nothing-like-this", False),
        ("C:\\nowhere", False),
    ],
)
def test_what_may_be_a_backbone(text: str, fine: bool) -> None:
    assert (check(text) == "") == fine


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "—"),
        (0, "none"),
        (22_056_576, "22 M"),
        (3_371_024, "3.4 M"),
        (1_136_480_768, "1.14 B"),
        (9_000, "9 k"),
    ],
)
def test_sizes_in_words(number: int | None, text: str) -> None:
    assert parameters_text(number) == text


def test_without_a_catalogue_the_place_says_so_and_asks_again(
    qtbot, session: Session, commands: Commands, monkeypatch
) -> None:
    asked = []
    monkeypatch.setattr(session, "describe", lambda: asked.append(True))
    session.lookup.catalogue = ()
    view = ModelsView(session, commands)
    qtbot.addWidget(view)
    view.show()
    assert view.empty.isVisible() and not view.table.isVisible()
    view.empty.buttons[0].click()
    assert asked == [True]
    session.lookup.catalogue = CATALOGUE
    session.backbones_changed.emit()
    assert view.table.isVisible() and view.table.current() == CATALOGUE[0]


def test_everything_fits_the_smallest_window(view: ModelsView) -> None:
    hint = view.minimumSizeHint()
    assert hint.width() <= 1280 - 88 and hint.height() <= 800 - 48 - 56
    table = view.table
    widths = sum(table.columnWidth(column) for column in Column if not table.isColumnHidden(column))
    assert widths <= table.viewport().width()


def test_names_for_who_cannot_see(qtbot, view: ModelsView, session: Session) -> None:
    session.choose("lab/small")
    settle(qtbot, view, 1)
    row = view.chosen.rows[0]
    assert row.feature.accessibleName() == "Feature of Small"
    for part in (view.table, view.filter, view.any_model.field, view.chosen.seeds, view.chosen.margin):
        assert part.accessibleName()
    for column in Column:
        assert view.model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)


def test_folds_and_leaks_are_told_before_the_run(
    qtbot, view: ModelsView, session: Session, small_index: ImageIndex
) -> None:
    session.dataset.arranged = Arranged(small_index)
    session.settings.curation = Curation(plan=SplitPlan(kind="folds", folds=3))
    session.dataset_changed.emit()
    for name in ("small", "giant"):
        session.choose(f"lab/{name}")
    settle(qtbot, view, 2)
    assert "5 splits by 3 folds" in view.chosen.work.text()
    assert "5 seeds of 3 folds test some images more often than others: take 6." in view.chosen.notes.text()
    qtbot.waitUntil(lambda: "1 leak left in" in view.chosen.notes.text())
    session.set_seeds(6)
    qtbot.waitUntil(lambda: "more often" not in view.chosen.notes.text())


def test_a_floor_without_parameters_is_said_in_words(view: ModelsView, session: Session) -> None:
    session.lookup.catalogue = (facts("floor", family="floor", parameters=0), facts("small"))
    session.backbones_changed.emit()
    view.table.go_to("lab/floor")
    assert "floor, no parameters" in view.details.what.text()
    view.table.go_to("lab/small")
    assert " M parameters" in view.details.what.text()
