"""The board by hand and by keys: zoom in step, clicks that ask, boxes, pins, boards that are kept and saved."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication

from tests.gui.inspect.sights import settle, sight
from workbench.gui.inspect.controls import FIELDS
from workbench.gui.inspect.geometry import IMAGES, LEAST, Geometry
from workbench.gui.inspect.zoom import WHOLE, Zoom, in_cell, letterbox
from workbench.records.inspection import SHOWN, InspectJob, Sight


def centre(page, row: int, column: int) -> QPoint:
    return page.canvas.geometry_.cell_rect(row, column).center()


def press(qtbot, page, *keys, held=Qt.KeyboardModifier.NoModifier) -> None:
    for key in keys:
        qtbot.keyClick(page.canvas, key, held)


def drag(qtbot, page, start: QPoint, end: QPoint) -> None:
    view = page.canvas.viewport()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(view, start + (end - start) / 2)
    qtbot.mouseMove(view, end)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)


def turn(page, where: QPoint, notches: int, held=Qt.KeyboardModifier.NoModifier) -> None:
    event = QWheelEvent(
        QPointF(where),
        QPointF(page.canvas.viewport().mapToGlobal(where)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        held,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(page.canvas.viewport(), event)


# Zoom


@pytest.mark.parametrize("seen", [None, np.array([0.2, 0.0, 0.8, 1.0]), np.array([-0.1, -0.2, 1.1, 1.2])])
def test_a_place_stays_under_the_pointer(seen) -> None:
    zoom = Zoom((0.5, 0.5), 2.0)
    point = (0.6, 0.45)
    before = zoom.place(point, seen)
    nearer = zoom.by(1.7, point, seen)
    assert nearer.place(point, seen) == pytest.approx(before)
    assert in_cell(before, nearer.window(seen), seen) == pytest.approx(point)
    moved = nearer.moved((0.05, -0.02), seen)
    assert moved.place((point[0] + 0.05, point[1] - 0.02), seen) == pytest.approx(before)
    assert nearer.by(1e-6) == Zoom() and Zoom().by(1e9).factor == 32


def test_all_of_a_picture_is_shown_at_first() -> None:
    assert Zoom().window(np.array([0.2, 0, 0.8, 1])) == WHOLE
    seen = letterbox(200, 100)  # in a square cell it takes the middle half of the height
    assert in_cell((0, 0), WHOLE, seen) == pytest.approx((0, 0.25))
    assert in_cell((1, 1), WHOLE, seen) == pytest.approx((1, 0.75))


def test_cells_never_overlap_and_are_found_where_they_lie() -> None:
    for size in (QSize(860, 520), QSize(2200, 1100), QSize(300, 200)):
        for columns in (2, 4, 11):
            for rows in (1, 3, 20):
                where = Geometry(size, columns, rows, QPoint(0, 0), 90)
                cells = [
                    (at, where.cell_rect(*at))
                    for at in ((r, c) for r in range(min(rows, 3)) for c in range(columns))
                ]
                for at, cell in cells:
                    assert cell.width() == cell.height() >= LEAST
                    assert where.at(cell.center()) == at
                boxes = [cell for _, cell in cells]
                assert not [1 for i, a in enumerate(boxes) for b in boxes[:i] if a.intersects(b)]
                assert where.whole.width() <= size.width() or where.side == LEAST


def test_a_wheel_over_a_map_zooms_and_elsewhere_scrolls(qtbot, ready) -> None:
    canvas = ready.canvas
    turn(ready, centre(ready, 0, 1), 2)
    assert canvas.zoom.factor == pytest.approx(1.25**2)
    turn(ready, centre(ready, 0, IMAGES), -1)
    assert canvas.zoom.factor == pytest.approx(1.25**2) and canvas.verticalScrollBar().value() > 0
    down = canvas.verticalScrollBar().value()
    turn(ready, centre(ready, 1, 1), -1, Qt.KeyboardModifier.ShiftModifier)
    assert canvas.verticalScrollBar().value() > down
    before = canvas.zoom.centre
    start = centre(ready, 1, 2)
    drag(qtbot, ready, start, start + QPoint(30, 10))
    assert canvas.zoom.centre[0] < before[0] and canvas.zoom.centre[1] < before[1]
    asked = ready.board.settings.query
    qtbot.mouseDClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=centre(ready, 1, 1))
    assert canvas.zoom == Zoom() and ready.board.settings.query == asked


def test_the_board_zooms_and_goes_by_keys(qtbot, ready) -> None:
    canvas = ready.canvas
    press(qtbot, ready, Qt.Key.Key_Plus, Qt.Key.Key_Plus, Qt.Key.Key_Minus)
    assert canvas.zoom.factor == pytest.approx(1.25)
    press(qtbot, ready, Qt.Key.Key_Right, held=Qt.KeyboardModifier.ControlModifier)
    assert canvas.zoom.centre[0] > 0.5
    press(qtbot, ready, Qt.Key.Key_0)
    assert canvas.zoom == Zoom()
    press(qtbot, ready, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down)
    assert canvas.current == (1, 2)
    assert canvas.accessibleDescription().startswith("Middle: strongest ")
    press(qtbot, ready, Qt.Key.Key_End)
    assert canvas.current[0] == 7
    cell = canvas.geometry_.cell_rect(7, 2)
    assert canvas.viewport().rect().contains(cell) and cell.top() >= canvas.geometry_.head
    press(qtbot, ready, Qt.Key.Key_Home)
    assert canvas.verticalScrollBar().value() == 0


# Pictures


def test_a_cell_is_what_the_model_saw_under_its_map(qtbot, ready, models) -> None:
    ready.board.set(opacity=0.0, artefacts=False)
    settle(qtbot, ready)
    job = models.jobs[0]
    pixels = sight(job, "lab/strong", 1).pictures[1]
    made, _ = ready.look.cell(1, 0)
    image = made.image.convertToFormat(QImage.Format.Format_RGB888)
    shown = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)[:, : 3 * image.width()]
    assert (shown.reshape(pixels.shape) == pixels).all()
    cell = ready.canvas.geometry_.cell_rect(1, 1)
    grabbed = ready.canvas.viewport().grab(cell).toImage()
    third = cell.width() // 3
    colour = grabbed.pixelColor(third, third)
    place = 32 * third // cell.width()
    near = pixels[place - 1 : place + 2, place - 1 : place + 2].reshape(-1, 3).astype(int)
    assert any(abs(np.array(colour.getRgb()[:3]) - each).max() < 12 for each in near)


def test_a_slider_draws_anew_without_asking(qtbot, ready, compared) -> None:
    first, _ = ready.look.cell(0, 0)
    ready.controls.opacity.slider.setValue(90)
    ready.controls.keep.slider.setValue(50)
    settle(qtbot, ready)
    again, _ = ready.look.cell(0, 0)
    assert again.image != first.image and "50" in again.caption
    assert not ready.board.waiting and len(compared.submitted) == 1


def test_a_model_that_shows_nothing_says_so_once(qtbot, page, models) -> None:
    def make(job: InspectJob, model: str, ask: int) -> Sight:
        if model == "lab/weak":
            return Sight(model=model, title="Weak", ask=ask, error="Weak has no attention to show.")
        return sight(job, model, ask, notes=("It has no class token.",))

    models.answer(make)
    settle(qtbot, page)
    assert page.look.refusal(2) == "Weak has no attention to show."
    assert "no class token" in page.look.head(0).words and page.look.head(0).warned
    assert "Weak has no attention" in page.look.told(-1, 2)
    assert not any(key[0] == "lab/weak" for key in page.look.composer._kept)


def test_an_image_that_cannot_be_read_says_why(qtbot, page, models) -> None:
    def make(job: InspectJob, model: str, ask: int) -> Sight:
        made = sight(job, model, ask)
        made.seen[0] = np.nan
        return Sight(**{**fields(made), "reasons": ("The file ends too early.",) + ("",) * 7})

    models.answer(make)
    settle(qtbot, page)
    assert page.look.cell(0, 0)[0].reason == "The file ends too early."
    assert "ends too early" in page.look.told(0, 0)
    qtbot.mouseClick(page.canvas.viewport(), Qt.MouseButton.LeftButton, pos=centre(page, 0, 1))


def fields(made: Sight) -> dict:
    return {name: getattr(made, name) for name in made.__dataclass_fields__}


@pytest.mark.parametrize("show", SHOWN)
def test_only_the_controls_that_count_are_in_sight(qtbot, page, models, show: str) -> None:
    page.board.set(show=show)
    models.answer()
    settle(qtbot, page)
    seen = {name for name, field in page.controls.fields.items() if field.isVisibleTo(page)}
    assert seen == set(FIELDS[show])
    assert page.asked.text()
    made, _ = page.look.cell(0, 0)
    assert made.image is not None


def test_a_miss_says_what_the_model_called_it(qtbot, ready, compared) -> None:
    ready.board.set_rows(kind="misses", model="weak", number=2)
    qtbot.waitUntil(lambda: len(ready.board.said) == 2)
    names = compared.result.classes
    for identifier in ready.board.rows:
        truth = names[compared.predictions.truth[list(compared.predictions.items).index(identifier)]]
        said = names[(names.index(truth) + 1) % len(names)]
        assert ready.look.image_words(identifier)[1] == f"{truth}, called {said}"


# Hands


def test_a_click_on_a_map_asks_for_that_spot(qtbot, ready, models) -> None:
    cell = ready.canvas.geometry_.cell_rect(1, 2)
    spot = cell.topLeft() + QPoint(round(0.3 * cell.width()), round(0.8 * cell.height()))
    qtbot.mouseClick(ready.canvas.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    job = models.answer()
    across, down = job.place()
    assert (across, down) == pytest.approx((0.3, 0.8), abs=0.02)
    assert ready.controls.query.current == "patch"
    press(qtbot, ready, Qt.Key.Key_Right, held=Qt.KeyboardModifier.ShiftModifier)
    assert models.answer().place() == pytest.approx(
        (0.625, 0.875)
    )  # the middle of the patch beside, of 4 x 4
    press(qtbot, ready, Qt.Key.Key_Return)
    assert models.answer().place() == pytest.approx((0.5, 0.5), abs=0.02)


def test_a_spot_is_one_of_the_whole_picture(qtbot, page, models) -> None:
    """A model that sees the middle of a wide picture: its left edge is a fifth of the whole."""

    def make(job: InspectJob, model: str, ask: int) -> Sight:
        return sight(job, model, ask, seen=np.tile([0.2, 0.0, 0.8, 1.0], (len(job.images), 1)))

    models.answer(make)
    settle(qtbot, page)
    cell = page.canvas.geometry_.cell_rect(0, 1)
    qtbot.mouseClick(
        page.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(cell.left() + 1, cell.center().y())
    )
    assert models.answer().place() == pytest.approx((0.2, 0.5), abs=0.02)


def test_a_click_on_an_image_selects_it_and_leaves_the_rows(qtbot, ready, compared) -> None:
    compared.select(ready.board.rows[:3])
    ready.board.pick()
    qtbot.waitUntil(lambda: len(ready.board.rows) == 3)
    rows = ready.board.rows
    qtbot.mouseClick(ready.canvas.viewport(), Qt.MouseButton.LeftButton, pos=centre(ready, 1, IMAGES))
    assert compared.selected == {rows[1]} and ready.board.rows == rows
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(ready.canvas.viewport(), Qt.MouseButton.LeftButton, control, centre(ready, 2, IMAGES))
    assert compared.selected == {rows[1], rows[2]}
    compared.select([rows[0]])  # by another place
    qtbot.waitUntil(lambda: ready.board.rows == (rows[0],))


def test_a_board_out_of_sight_takes_the_selection_when_it_is_shown(
    qtbot, ready, compared, small_index, monkeypatch
) -> None:
    monkeypatch.setattr("workbench.gui.inspect.board.MOST_ROWS", 5)
    compared.select(ready.board.rows[:3])
    ready.board.pick()
    qtbot.waitUntil(lambda: len(ready.board.rows) == 3)
    ready.hide()
    compared.select(small_index.ids)
    assert len(ready.board.plan.rows.ids) == 3
    ready.show()
    assert ready.board.plan.rows.ids == tuple(small_index.ids[:5])
    ready.hide()
    compared.select([small_index.ids[9]])
    ready.board.set_rows(kind="hardest")  # as by another project
    ready.show()
    assert ready.board.plan.rows.kind == "hardest"


def test_space_shows_the_image_large_and_p_pins_it(qtbot, ready) -> None:
    press(qtbot, ready, Qt.Key.Key_Down, Qt.Key.Key_Space)
    assert ready.looking is not None and ready.looking.place == 1
    qtbot.keyClick(ready.looking, Qt.Key.Key_Down)
    assert ready.canvas.current[0] == 2
    ready.looking.close()
    qtbot.waitUntil(lambda: ready.looking is None)
    third = ready.board.rows[2]
    press(qtbot, ready, Qt.Key.Key_P)
    qtbot.waitUntil(lambda: ready.board.rows[0] == third)
    assert "Pinned." in ready.look.told(0, -1)


def test_boxes_are_drawn_in_shares_of_the_whole_picture(qtbot, page, models) -> None:
    page.board.set(show="reconstruction")
    models.answer()
    settle(qtbot, page)
    page.controls.draw.click()
    cell = page.canvas.geometry_.cell_rect(0, 1)
    quarter = cell.width() // 4
    drag(
        qtbot,
        page,
        cell.topLeft() + QPoint(3 * quarter, quarter),
        cell.topLeft() + QPoint(quarter, 2 * quarter),
    )
    job = models.answer()
    assert job.drawn_boxes().tolist() == [pytest.approx([0.25, 0.25, 0.75, 0.5], abs=0.02)]
    assert not page.controls.ratio.isVisibleTo(page) and page.controls.boxes.text() == " ".join(job.boxes)
    page.controls.boxes.setText("0.1,0.1,0.2,0.2 1,2,3")
    page.controls.boxes.editingFinished.emit()
    assert "1,2,3" in page.controls.wrong.text() and page.board.settings.boxes == job.boxes
    page.controls.clear.click()
    assert models.answer().boxes == ()
    page.board.set(show="attention")
    assert not page.canvas.drawing


def test_errors_of_all_models_have_one_scale(qtbot, page, models) -> None:
    def make(job: InspectJob, model: str, ask: int) -> Sight:
        made = sight(job, model, ask)
        return Sight(**{**fields(made), "errors": made.errors * (10 if model == "lab/weak" else 1)})

    page.board.set(show="reconstruction")
    page.board.set_panel("error")
    models.answer(make)
    settle(qtbot, page)
    assert page.board.top == pytest.approx(8 * 5 * 10)
    assert "400" in page.look.cell(0, 0)[0].caption and "400" in page.asked.text()


# Empty places


def test_an_empty_board_says_why_and_what_to_do(qtbot, session, commands, small_index) -> None:
    from workbench.gui.inspect.page import BoardPage
    from workbench.records.arrange import Arranged

    page = BoardPage(session, commands)
    qtbot.addWidget(page)
    page.show()
    state = page.empty.state
    assert page.stack.currentWidget() is page.empty and state.title.text() == "No images yet"
    state.buttons[0].click()
    session.dataset.arranged, session.settings.roots = Arranged(small_index), dict(small_index.roots)
    session.dataset_changed.emit()
    assert state.title.text() == "No model to look into"
    state.buttons[0].click()
    assert commands.gone == ["data", "models"]
    session.choose("lab/strong")
    qtbot.waitUntil(lambda: page.stack.currentWidget() is not page.empty)
    page.board.set_rows(kind="misses")
    qtbot.waitUntil(lambda: state.title.text() == "No comparison is shown")
    page.rows.kinds.buttons["picked"].click()
    qtbot.waitUntil(lambda: state.title.text() == "No image is picked")
    state.buttons[0].click()
    qtbot.waitUntil(lambda: len(page.board.rows) == 8 and page.stack.currentWidget() is not page.empty)


def test_the_size_of_the_input_is_chosen_for_all_models(qtbot, ready, models) -> None:
    menu = ready.input_menu

    def offered() -> dict[str, bool]:
        menu.fill()
        return {action.text(): action.isChecked() for action in menu.menu.actions()}

    assert next(iter(offered())) == "Each model's own size" and menu.button.text() == "Input ▾"
    next(action for action in menu.menu.actions() if action.text() == "448 px").trigger()
    assert models.answer(side=64).image_size == 448
    settle(qtbot, ready)
    assert ready.look.head(0).words.endswith(", 64 px") and "Every model gets 448 px" in ready.asked.text()
    assert menu.button.text() == "Input 448 px ▾" and [*offered().values()].count(True) == 1
    ready.board.set(image_size=518)  # as a board that was kept may say
    assert offered()["518 px"] and len(offered()) == 6
    ready.board.set(image_size=0)
    assert offered()["Each model's own size"] and len(offered()) == 5
