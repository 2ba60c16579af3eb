"""Curves at the width of the plot: peaks stay, 100,000 points cost no more than a frame, keys and pointer read."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage

from workbench.gui.pretrain.curve_drawing import Line, Mark
from workbench.gui.pretrain.curve_plot import CurvePlot
from workbench.gui.pretrain.decimate import thin, tick_text, ticks
from workbench.gui.pretrain.metrics_tail import Series


def series(x, y, epochs=None) -> Series:
    made = Series()
    made.extend(list(zip(x, x if epochs is None else epochs, y, strict=True)))
    return made


@pytest.fixture
def plot(qtbot) -> CurvePlot:
    made = CurvePlot("Loss")
    qtbot.addWidget(made)
    made.resize(600, 260)
    made.show()
    return made


def colours(plot: CurvePlot) -> set[str]:
    """Every colour that is painted, as "#rrggbb"."""
    image = plot.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint32)
    return {f"#{int(value) & 0xFFFFFF:06x}" for value in np.unique(pixels)}


def test_thinning_keeps_every_peak_and_the_mean_of_each_column() -> None:
    rng = np.random.default_rng(1)
    x, y = np.arange(10_000.0), rng.standard_normal(10_000)
    y[[137, 5000, 9876]] = 50, -50, 40
    drawn = thin(x, y, 0, 9999, 200)
    assert drawn.low is not None and drawn.high is not None
    assert len(drawn.x) <= 202
    assert drawn.high.max() == 50 and drawn.low.min() == -50
    assert 40 in drawn.high
    column = np.minimum((x * 200 / 9999).astype(int), 200)  # the slow way
    for number in (0, 7, 120, 199):
        inside = y[column == number]
        assert drawn.middle[number] == pytest.approx(inside.mean())
        assert (drawn.low[number], drawn.high[number]) == (inside.min(), inside.max())


def test_thinning_leaves_few_points_alone_and_goes_on_to_the_edge() -> None:
    x, y = np.arange(100.0), np.arange(100.0) ** 2
    drawn = thin(x, y, 40.5, 60.5, 200)
    assert drawn.low is None
    assert drawn.x.tolist() == list(range(40, 62)), "one point beyond either end"


@pytest.mark.parametrize(
    ("low", "high", "most"), [(0, 1, 4), (1.3, 8.7, 6), (-0.02, 0.011, 5), (0, 61_200, 7)]
)
def test_ticks_are_round_inside_and_few(low, high, most) -> None:
    found = ticks(low, high, most)
    assert 2 <= len(found) <= max(most, 2)
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
    assert len({tick_text(tick, found[1] - found[0]) for tick in found}) == len(found), "no two read alike"


def test_100_000_points_repaint_within_a_frame_and_grow_without_being_copied(plot) -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(1.0, 100_001.0)
    grown = series(steps, 2 + np.exp(-steps / 3e4) + 0.05 * rng.standard_normal(len(steps)))
    plot.show_lines([Line("a", "this run", "#0072b2", grown)])
    plot.grab()
    took = []
    for number in range(9):
        grown.extend([(100_001 + number, 1.0, 2.0)])  # it learns on while it is drawn
        begun = time.thread_time()
        plot.grab()
        took.append(time.thread_time() - begun)
    assert min(took) < 0.030, f"a repaint takes {1000 * min(took):.1f} ms"
    assert len(grown) == 100_009
    room = grown.capacity
    grown.extend([(200_000, 2.0, 2.0)])
    assert grown.capacity == room, "one more point asks for no more room"


def test_every_line_is_drawn_in_its_colour_and_the_mark_with_its_name(plot) -> None:
    steps = np.arange(1.0, 41.0)
    lines = [
        Line("a", "this run", "#0072b2", series(steps, 0.5 + steps / 100)),
        Line("b", "other", "#e69f00", series(steps, 0.4 + steps / 100)),
    ]
    plot.show_lines(lines, mark=Mark(0.889, "DINOv2 small"))
    assert {"#0072b2", "#e69f00"} <= colours(plot)
    told = plot.accessibleDescription()
    assert "this run from 0.51 to 0.9" in told and "other" in told
    plot.show_lines([])
    assert plot.accessibleDescription() == "Nothing measured yet."
    assert "#0072b2" not in colours(plot)


def test_keys_read_values_and_zoom(qtbot, plot) -> None:
    steps = np.arange(1.0, 101.0)
    plot.show_lines([Line("a", "this run", "#0072b2", series(steps, steps * 2))], unit="%")
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert plot.cursor_at == 100
    assert plot.read_at(100) == "this run: 200 %, step 100"
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot.cursor_at == pytest.approx(98)
    assert "step 98" in plot.accessibleDescription()
    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    assert plot.range is not None and plot.range[1] - plot.range[0] < 90
    qtbot.keyClick(plot, Qt.Key.Key_0)
    assert plot.range is None
    qtbot.mouseMove(plot, QPoint(300, 100))
    qtbot.waitUntil(lambda: plot.cursor_at is not None and 30 < plot.cursor_at < 70)


def test_by_epoch_and_logarithm_leave_out_what_has_none(plot) -> None:
    made = series([1, 2, 3, 4], [10.0, 0.0, 1000.0, 100.0], [np.nan, 0.2, 0.3, 0.4])
    plot.show_lines([Line("a", "this run", "#0072b2", made)], by_epoch=True, log=True)
    drawn = plot._thinned(plot.lines[0], 0, 1, 400)
    assert drawn.x.tolist() == [0.3, 0.4]
    assert drawn.middle.tolist() == [3.0, 2.0]
    plot.grab()
