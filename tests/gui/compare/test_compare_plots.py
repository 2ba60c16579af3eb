"""The plots of a comparison: the confusion matrix with the images behind it, and every seed."""

from __future__ import annotations

import math

import pytest
from PySide6.QtCore import QPoint, Qt

from tests.gui.comparison import MEANS
from workbench.gui.compare.behind import behind_cell, worst_cell
from workbench.gui.compare.confusion import Matrix
from workbench.gui.compare.strip import swarm
from workbench.gui.compare.view import CompareView
from workbench.gui.item_ids import positions
from workbench.gui.session import Session
from workbench.records.index import ImageIndex
from workbench.records.plotting import nice_axis

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
    at = view.lower.one.matrix.box((1, 2)).center().toPoint()
    qtbot.mouseClick(view.lower.one.matrix, Qt.MouseButton.LeftButton, pos=at)
    wanted = by_hand(compared, "weak", 1, 2)
    assert wanted and compared.selected == frozenset(wanted)
    assert {item.id: (item.hits, item.tested) for item in view.lower.one.behind.items} == wanted
    shares = [item.hits / item.tested for item in view.lower.one.behind.items]
    assert shares == sorted(shares, reverse=True)
    grid, index = view.lower.one.behind.grid, compared.index
    assert [index.ids[grid.position(i)] for i in range(grid.num_items)] == view.lower.one.behind.ids()
    assert view.lower.one.behind.title.text() == "dent, called stain"


def test_the_matrix_is_walked_by_keys(qtbot, view: CompareView, compared: Session) -> None:
    view.table.choose("weak")
    view.lower.one.matrix.show_matrix(view.lower.one.matrix.matrix, (0, 0))
    qtbot.keyClick(view.lower.one.matrix, Qt.Key.Key_Right)
    assert view.lower.one.cell == (0, 1) and not compared.selected  # looking is not selecting
    assert view.lower.one.behind.ids() == [
        item.id for item in behind_cell(compared.predictions, "weak", 0, 1)
    ]
    qtbot.keyClick(view.lower.one.matrix, Qt.Key.Key_Return)
    assert compared.selected == frozenset(by_hand(compared, "weak", 0, 1))
    for _ in range(9):
        qtbot.keyClick(view.lower.one.matrix, Qt.Key.Key_Down)
    assert view.lower.one.cell == (2, 1)


def test_counts_are_those_of_the_model_in_the_row(view: CompareView, compared: Session) -> None:
    for name in MEANS:
        view.table.choose(name)
        cells = {(t, p): len(by_hand(compared, name, t, p)) for t in range(3) for p in range(3)}
        assert view.lower.one.matrix.matrix.counts == compared.result.model(name).confusion
        for (true, predicted), images in cells.items():
            assert bool(view.lower.one.matrix.matrix.counts[true][predicted]) == bool(images)
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
    compared.dataset.arranged = None
    compared.dataset_changed.emit()
    assert (
        "not in the folder" in view.lower.one.behind.why.text() and not view.lower.one.behind.grid.isVisible()
    )
    compared.predictions = None
    compared.result_changed.emit()
    assert "predictions" in view.lower.one.behind.why.text()


# Seeds


def test_a_point_tells_its_seed_and_leads_to_its_model(qtbot, view: CompareView) -> None:
    view.lower.strips.grab()
    dot = next(dot for dot in view.lower.strips._dots if dot.row == 2 and dot.place == 1)
    assert view.lower.strips.plot.tell(2, 1) == "weak, seed 1: macro-F1 0.490"
    found = view.lower.strips.dot_at(dot.x + 1, dot.y)
    assert found is not None and found.row == 2
    at = QPoint(round(dot.x), round(dot.y))
    qtbot.mouseClick(view.lower.strips, Qt.MouseButton.LeftButton, pos=at)
    assert view.chosen == "weak" and view.table.chosen() == "weak"


def test_points_are_walked_by_keys(qtbot, view: CompareView) -> None:
    view.lower.strips.setFocus()
    view.lower.strips.current = (0, 0)
    for _ in range(9):
        qtbot.keyClick(view.lower.strips, Qt.Key.Key_Right)
    assert view.lower.strips.current == (0, 3)
    assert view.lower.strips.accessibleDescription() == "strong, seed 3: macro-F1 0.930"
    qtbot.keyClick(view.lower.strips, Qt.Key.Key_Down)
    qtbot.keyClick(view.lower.strips, Qt.Key.Key_Return)
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
