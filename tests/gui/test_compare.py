"""The Compare place on a real session whose workers are never started."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog

from tests.gui.comparison import MEANS, facts, small_comparison
from workbench.gui import theme
from workbench.gui.commands import Command, Commands
from workbench.gui.compare.behind import behind_cell, positions, worst_cell
from workbench.gui.compare.confusion import Matrix
from workbench.gui.compare.picture import save_picture
from workbench.gui.compare.strip import nice_axis, swarm
from workbench.gui.compare.table_model import Column
from workbench.gui.compare.view import CompareView
from workbench.gui.compare.words import plain, titles_of
from workbench.gui.session import Session
from workbench.records.index import ImageIndex
from workbench.records.runs import Status
from workbench.records.tables import as_csv, as_markdown
from workbench.records.text import printable
from workbench.supervisor import JobState


@pytest.fixture
def session(qtbot, tmp_path: Path, monkeypatch) -> Iterator[Session]:
    made = Session()
    for name in ("describe", "read_dataset", "_read_unfinished"):
        monkeypatch.setattr(made, name, lambda: None)
    made.create_project(tmp_path / "project", "Line 4")
    yield made
    made.close()
    for child in made.children():
        if type(child).__name__ == "Thumbnails":
            child.close()


@pytest.fixture
def commands() -> Commands:
    made = Commands()
    made.gone = []
    for place in ("data", "models"):
        made.add(Command(id=f"go.{place}", title=place, run=lambda place=place: made.gone.append(place)))
    return made


@pytest.fixture
def compared(session: Session, small_index: ImageIndex) -> Session:
    session.index = small_index
    session.settings.root = small_index.root
    session.result, session.predictions = small_comparison(small_index)
    session.settings.result = "run-7"
    return session


@pytest.fixture
def view(qtbot, compared: Session, commands: Commands) -> CompareView:
    made = CompareView(compared, commands)
    qtbot.addWidget(made)
    made.resize(1150, 640)
    made.show()
    return made


def shown(view: CompareView, column: Column) -> list[str]:
    proxy = view.table.filter
    return [proxy.index(i, column).data() for i in range(proxy.rowCount())]


def names(view: CompareView) -> list[str]:
    return [row.name for row in view.table.filter.shown()]


def click_header(qtbot, view: CompareView, column: Column) -> None:
    header = view.table.horizontalHeader()
    at = QPoint(header.sectionViewportPosition(column) + 10, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)


# What is said


def test_the_heading_is_the_answer_and_the_line_below_says_how(view: CompareView) -> None:
    assert view.heading.text() == "Undecided between strong and middle"
    assert view.caption.text().startswith(
        "Frozen linear probe, macro-F1 on the sealed test part, 4 resampled"
    )
    assert "groups kept whole" in view.caption.text()


def test_cells_in_words_and_missing_things_as_dashes(view: CompareView, compared: Session) -> None:
    assert names(view) == ["strong", "middle", "weak"]
    assert shown(view, Column.PROBE)[0] == "0.900 ± 0.026"  # sd of ±.03, ±.01: sqrt(.002 / 3)
    assert shown(view, Column.INTERVAL)[2] == "0.460 to 0.540"
    assert shown(view, Column.KNN)[1] == "0.700, k 5–10"
    assert shown(view, Column.INPUT) == ["—", "224", "224"]
    bare = replace(compared.result.models[0], knn={}, neighbours=())
    compared.result = replace(compared.result, models=(bare, *compared.result.models[1:]), comparisons=())
    compared.result_changed.emit()
    assert shown(view, Column.KNN)[0] == "—"
    assert shown(view, Column.VERDICT) == ["baseline", "—", "—"]
    assert shown(view, Column.DIFFERENCE)[1] == "—"


def test_every_cell_and_head_explains_itself(view: CompareView) -> None:
    for column in Column:
        head = view.model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        assert len(head) > 40
        spoken = view.model.index(0, column).data(Qt.ItemDataRole.AccessibleTextRole)
        assert ": " in spoken
    for part in (view.table, view.strips, view.matrix, view.filter, view.margin, view.behind.grid):
        assert part.accessibleName()


def test_a_name_is_never_read_as_html(compared: Session) -> None:
    assert plain("<b>x</b>\n&amp; \x1b[0m").count("<b>") == 0
    evil = replace(compared.result.models[0], name="<img src=x>\n", backbone="")
    titles = titles_of(replace(compared.result, models=(evil,)), compared.catalogue)
    assert titles == {"<img src=x>\n": "<img src=x>\\n"}


def test_two_features_of_one_backbone_keep_their_own_names(compared: Session) -> None:
    compared.catalogue = (facts("strong"), facts("weak"))
    twin = replace(compared.result.models[0], name="strong mean", feature="mean")
    result = replace(compared.result, models=(*compared.result.models, twin))
    titles = titles_of(result, compared.catalogue)
    assert titles == {
        "strong": "strong",
        "strong mean": "strong mean",
        "middle": "middle",
        "weak": "Weak",
    }


# Sorting and filtering


def test_a_click_on_a_head_sorts_by_the_number(qtbot, view: CompareView) -> None:
    click_header(qtbot, view, Column.KNN)
    order = names(view)
    assert order in (["middle", "strong", "weak"], ["weak", "strong", "middle"])
    click_header(qtbot, view, Column.KNN)
    assert names(view) == order[::-1]
    assert [strip.name for strip in view.strips.plot.strips] == order[::-1]
    marks = [view.model.head(column) for column in Column]
    assert sum("↓" in mark or "↑" in mark for mark in marks) == 1
    assert "k-NN" in next(mark for mark in marks if "↓" in mark or "↑" in mark)


def test_the_filter_takes_every_word_and_the_strips_follow(qtbot, view: CompareView) -> None:
    qtbot.keyClicks(view.filter, "CLS worse")
    assert names(view) == ["weak"]  # seen from the best model, which is the baseline without a pin
    assert [strip.name for strip in view.strips.plot.strips] == ["weak"]
    view.filter.setText("nothing like it")
    assert names(view) == [] and view.strips.plot.strips == ()
    view.filter.clear()
    assert len(names(view)) == 3


# Baseline, metric, margin


def test_pinning_turns_signs_and_words_round(qtbot, view: CompareView, compared: Session) -> None:
    assert shown(view, Column.VERDICT) == ["baseline", "undecided", "worse"]
    assert shown(view, Column.DIFFERENCE)[2] == "−40.0 [−45.0, −35.0]"
    view.table.choose("weak")
    qtbot.keyClick(view.table, Qt.Key.Key_B)
    assert compared.settings.baseline == "weak"
    assert shown(view, Column.VERDICT) == ["better", "better", "baseline"]
    assert shown(view, Column.DIFFERENCE) == ["+40.0 [35.0, 45.0]", "+30.0 [25.0, 35.0]", "pinned"]
    assert not view.pin_button.isEnabled()
    view.table.choose("middle")
    qtbot.mouseClick(view.pin_button, Qt.MouseButton.LeftButton)
    assert compared.settings.baseline == "middle"


def test_pinning_by_menu_and_by_command(view: CompareView, compared: Session, commands: Commands) -> None:
    view.table.choose("middle")
    menu = view.table.menu()
    menu.actions()[0].trigger()
    assert compared.settings.baseline == "middle"
    view.table.choose("weak")
    assert commands.run("compare.pin_baseline") == ""
    assert compared.settings.baseline == "weak"


def test_another_metric_borrows_no_verdict_and_says_so(view: CompareView, compared: Session) -> None:
    view.set_metric("accuracy")
    assert shown(view, Column.VERDICT) == ["baseline", "—", "—"]
    assert view.heading.text() == "strong has the highest accuracy, 0.900"
    assert view.notice.isVisible() and "about macro-F1" in view.notice.text
    assert compared.settings.metric == "auto"  # looking at it decides nothing
    view.set_metric("macro_f1")
    assert not view.notice.isVisible()


def test_another_margin_waits_for_the_next_run(qtbot, view: CompareView, compared: Session) -> None:
    view.margin.setValue(3.0)
    qtbot.waitUntil(lambda: compared.settings.margin == 3.0)
    assert "± 1 points" in view.notice.text and "± 3 applies" in view.notice.text
    assert shown(view, Column.VERDICT) == ["baseline", "undecided", "worse"]


# Confusion and its images


def by_hand(session: Session, model: str, truth: int, predicted: int) -> dict[str, tuple[int, int]]:
    """Slowly: every item, every seed."""
    found = {}
    said = session.predictions.predicted[list(MEANS).index(model)]
    for item in range(len(session.predictions.items)):
        if session.predictions.truth[item] != truth:
            continue
        answers = [int(said[seed, item]) for seed in range(len(said))]
        hits = answers.count(predicted)
        if hits:
            found[str(session.predictions.items[item])] = (hits, sum(answer >= 0 for answer in answers))
    return found


def test_a_click_on_a_cell_selects_its_images(qtbot, view: CompareView, compared: Session) -> None:
    view.table.choose("weak")
    at = view.matrix.box((1, 2)).center().toPoint()
    qtbot.mouseClick(view.matrix, Qt.MouseButton.LeftButton, pos=at)
    wanted = by_hand(compared, "weak", 1, 2)
    assert wanted and compared.selected == frozenset(wanted)
    assert {item.id: (item.hits, item.tested) for item in view.behind.items} == wanted
    shares = [item.hits / item.tested for item in view.behind.items]
    assert shares == sorted(shares, reverse=True)
    grid, index = view.behind.grid, compared.index
    assert [index.ids[grid.position(i)] for i in range(grid.num_items)] == view.behind.ids()
    assert view.behind.title.text() == "dent, called stain"


def test_the_matrix_is_walked_by_keys(qtbot, view: CompareView, compared: Session) -> None:
    view.table.choose("weak")
    view.matrix.show_matrix(view.matrix.matrix, (0, 0))
    qtbot.keyClick(view.matrix, Qt.Key.Key_Right)
    assert view.cell == (0, 1) and not compared.selected  # looking is not selecting
    assert view.behind.ids() == [item.id for item in behind_cell(compared.predictions, "weak", 0, 1)]
    qtbot.keyClick(view.matrix, Qt.Key.Key_Return)
    assert compared.selected == frozenset(by_hand(compared, "weak", 0, 1))
    for _ in range(9):
        qtbot.keyClick(view.matrix, Qt.Key.Key_Down)
    assert view.cell == (2, 1)


def test_counts_are_those_of_the_model_in_the_row(view: CompareView, compared: Session) -> None:
    for name in MEANS:
        view.table.choose(name)
        cells = {(t, p): len(by_hand(compared, name, t, p)) for t in range(3) for p in range(3)}
        assert view.matrix.matrix.counts == compared.result.model(name).confusion
        for (true, predicted), images in cells.items():
            assert bool(view.matrix.matrix.counts[true][predicted]) == bool(images)
    share = Matrix(("a", "b"), ((3, 1), (0, 0)))
    assert share.share((0, 1)) == 0.25 and share.share((1, 0)) == 0.0
    assert share.tell((0, 1)) == "a, called b: 1 time, 25.0 % of its test answers"


def test_the_first_cell_is_the_most_frequent_mistake() -> None:
    assert worst_cell(((9, 1, 0), (0, 8, 4), (2, 0, 7))) == (1, 2)
    assert worst_cell(((9, 0), (0, 3))) == (0, 0)
    assert worst_cell(()) is None


def test_images_are_found_by_content_with_copies_told_apart(small_index: ImageIndex) -> None:
    ids = small_index.ids
    assert any("~2" in name for name in ids)
    assert positions(small_index, ids) == {name: place for place, name in enumerate(ids)}
    assert positions(small_index, ["0" * 16, "not hex", "", ids[3]]) == {ids[3]: 3}


def test_lost_images_and_lost_predictions_are_told(view: CompareView, compared: Session) -> None:
    compared.index = None
    compared.dataset_changed.emit()
    assert "not in the folder" in view.behind.why.text() and not view.behind.grid.isVisible()
    compared.predictions = None
    compared.result_changed.emit()
    assert "predictions" in view.behind.why.text()


# Seeds


def test_a_point_tells_its_seed_and_leads_to_its_model(qtbot, view: CompareView) -> None:
    view.strips.grab()
    dot = next(dot for dot in view.strips._dots if dot.row == 2 and dot.seed == 1)
    assert view.strips.plot.tell(2, 1) == "weak, seed 1: macro-F1 0.490"
    found = view.strips.dot_at(dot.x + 1, dot.y)
    assert found is not None and found.row == 2
    at = QPoint(round(dot.x), round(dot.y))
    qtbot.mouseClick(view.strips, Qt.MouseButton.LeftButton, pos=at)
    assert view.chosen == "weak" and view.table.chosen() == "weak"


def test_points_are_walked_by_keys(qtbot, view: CompareView) -> None:
    view.strips.setFocus()
    view.strips.current = (0, 0)
    for _ in range(9):
        qtbot.keyClick(view.strips, Qt.Key.Key_Right)
    assert view.strips.current == (0, 3)
    assert view.strips.accessibleDescription() == "strong, seed 3: macro-F1 0.930"
    qtbot.keyClick(view.strips, Qt.Key.Key_Down)
    qtbot.keyClick(view.strips, Qt.Key.Key_Return)
    assert view.chosen == "middle"


@pytest.mark.parametrize("room", [40.0, 6.0])
def test_points_lie_apart_where_there_is_room(room: float) -> None:
    places = tuple(float(x) for x in (0, 0, 1, 2, 3, 30, 31, 31, 60))
    offsets = swarm(places, 8.0, room)
    assert max(map(abs, offsets)) <= room
    apart = [math.hypot(places[i] - places[j], offsets[i] - offsets[j]) for i in range(9) for j in range(i)]
    assert (min(apart) >= 8.0 - 1e-6) == (room == 40.0)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [((0.57, 0.95), 3), ((0.911, 0.912), 6), ((0.0, 1.0), 6), ((1.0, 1.0), 4), ((0.5,), 2)],
)
def test_the_axis_holds_every_value_and_at_least_two_round_ticks(
    values: tuple[float, ...], ticks: int
) -> None:
    low, high, found = nice_axis(values, ticks)
    assert 0 <= low <= min(values) <= max(values) <= high <= 1 and low < high
    assert len(found) >= 2 and all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)


# What leaves


def test_copies_are_the_texts_of_the_records(qtbot, view: CompareView, compared: Session) -> None:
    compared.pin_baseline("weak")
    qtbot.keyClick(view.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    text = QGuiApplication.clipboard().text()
    assert text == as_markdown(compared.result, "weak", "macro_f1", view.titles)
    assert "| strong |" in text and "+40.0" in text
    view.output.copy_csv()
    assert QGuiApplication.clipboard().text() == as_csv(compared.result, "weak", "macro_f1", view.titles)


def test_export_takes_the_files_of_the_shown_result(
    view: CompareView, compared: Session, monkeypatch, tmp_path
) -> None:
    asked = []
    monkeypatch.setattr(compared, "export", lambda *arguments: asked.append(arguments))
    answers = iter([(str(tmp_path / "all"), ""), ("", ""), (str(tmp_path / "one.npz"), "")])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: next(answers))
    run = compared.project.run("run-7").path
    view.output.export("parquet")
    view.output.export("h5ad")  # the dialog is left with Esc
    view.output.export("npz", "weak")
    assert asked == [
        ([str(run / f"{name}.h5ad") for name in MEANS], "parquet", tmp_path / "all.parquet"),
        ([str(run / "weak.h5ad")], "npz", tmp_path / "one.npz"),
    ]


@pytest.mark.parametrize("ending", [".png", ".svg", ""])
def test_plots_become_files(view: CompareView, tmp_path: Path, ending: str) -> None:
    for name, plot in (("strips", view.strips), ("matrix", view.matrix)):
        path = save_picture(tmp_path / f"{name}{ending}", plot.draw_into, QSize(500, 300), "Title", "how")
        assert path.suffix == (ending or ".png")
        if path.suffix == ".svg":
            text = "".join(ElementTree.parse(path).getroot().itertext())
            assert "Title" in text and ("weak" in text or "stain" in text)
        else:
            image = QImage(str(path))
            assert image.width() > 1000 and image.pixelColor(0, 0).name() == theme.LIGHT.panel
            colours = {image.pixelColor(x, y).name() for x in range(0, 1000, 7) for y in range(0, 700, 7)}
            assert len(colours) > 3
    with pytest.raises(ValueError, match=r"\.jpg"):
        save_picture(tmp_path / "x.jpg", view.strips.draw_into, QSize(9, 9), "")


# Empty, remembered, fitting


@pytest.fixture
def empty(qtbot, session: Session, commands: Commands) -> CompareView:
    made = CompareView(session, commands)
    qtbot.addWidget(made)
    made.show()
    return made


def test_empty_states_lead_on(
    qtbot, empty: CompareView, session: Session, small_index: ImageIndex, commands: Commands, monkeypatch
) -> None:
    ran = []
    monkeypatch.setattr(session, "run_comparison", lambda: ran.append(True))
    assert empty.heading.text() == "Which backbone separates the classes"
    assert not empty.filter.isVisible()
    qtbot.mouseClick(empty.empty.action, Qt.MouseButton.LeftButton)
    assert commands.gone == ["data"]
    session.index = small_index
    session.dataset_changed.emit()
    qtbot.mouseClick(empty.empty.action, Qt.MouseButton.LeftButton)
    assert commands.gone == ["data", "models"]
    session.choose("random_vit")
    assert empty.empty.action.text() == "Run comparison"
    qtbot.mouseClick(empty.empty.action, Qt.MouseButton.LeftButton)
    assert ran == [True]
    session._jobs["r"] = JobState(id="r", kind="evaluate", title="", status=Status(state="running"))
    session.jobs_changed.emit()
    assert empty.empty.state.title.text() == "The comparison is running"
    assert not empty.empty.action.isVisible()


def test_commands_say_why_they_cannot(empty: CompareView, commands: Commands) -> None:
    for command in commands.all():
        if command.place == "compare":
            assert commands.run(command.id) == "There is no comparison yet. Run one first."


def test_the_place_is_found_as_it_was_left(qtbot, view: CompareView, compared: Session, commands) -> None:
    view.table.choose("middle")
    view.table.sortByColumn(Column.MODEL, Qt.SortOrder.AscendingOrder)
    view.filter.setText("cls")
    view.set_metric("accuracy")
    view.deleteLater()
    again = CompareView(compared, Commands())
    qtbot.addWidget(again)
    assert (again.chosen, again.filter.text(), again.shown_metric) == ("middle", "cls", "accuracy")
    assert names(again) == ["middle", "strong", "weak"]


def test_the_gravest_finding_comes_first_and_the_rest_is_one_click_away(view: CompareView) -> None:
    assert [chip.text() for chip, _ in view.findings.lines] == ["leak", "thin class"]
    view.findings.more.click()
    assert [chip.text() for chip, _ in view.findings.lines] == ["leak", "thin class", "sealed test"]
    assert view.findings.more.text() == "Show fewer"


def test_everything_fits_the_smallest_window(view: CompareView) -> None:
    assert view.minimumSizeHint().width() <= 1280 - 88
    assert view.minimumSizeHint().height() <= 800 - 48 - 56
    for part in (view.table, view.strips, view.matrix, view.behind.grid, view.findings):
        box = part.rect().translated(part.mapTo(view, QPoint(0, 0)))
        assert view.rect().contains(box), printable(str(part))
    widths = sum(view.table.columnWidth(column) for column in Column)
    assert widths <= view.table.viewport().width()


def test_dark_paints_with_its_own_colours(view: CompareView) -> None:
    light = view.matrix.grab().toImage()
    theme.themes().set_preference("dark")
    dark = view.matrix.grab().toImage()
    at = view.matrix.box((0, 0)).center().toPoint() - QPoint(20, 6)
    assert light.pixelColor(at) != dark.pixelColor(at)
