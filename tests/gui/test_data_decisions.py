"""The Data place with a real session and real images: each decision by clicks, seen in the page, and undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog

from workbench.gui.commands import Commands
from workbench.gui.data.copies_dialog import CopiesDialog
from workbench.gui.data.layout_dialog import LayoutDialog
from workbench.gui.data.page import DataPage
from workbench.gui.data.pixels_dialog import PixelsDialog
from workbench.gui.data.split_dialog import SplitDialog
from workbench.gui.main_window import MainWindow
from workbench.gui.session import Session
from workbench.pixels.decode import read_image


@pytest.fixture
def folder(image_folder: Path) -> Path:
    """The small folder, and two 12-bit pictures in 16-bit files."""
    rng = np.random.default_rng(5)
    for number in range(2):
        deep = rng.integers(0, 4096, (40, 60), dtype=np.uint16)
        tifffile.imwrite(image_folder / "dent" / f"lot0_deep{number}.tif", deep)
    return image_folder


@pytest.fixture
def window(qtbot, tmp_path: Path, folder: Path, monkeypatch, warm_workers: None) -> Iterator[MainWindow]:
    session = Session()
    monkeypatch.setattr(session, "describe", lambda: None)
    session.create_project(tmp_path / "project", "Line 4")
    session.set_folder(folder)
    made = MainWindow(session, Commands())
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made._watcher.facts.images == 39, timeout=30000)
    yield made
    made.close()
    session.close()


def page(window: MainWindow) -> DataPage:
    return window.findChild(DataPage)


def opened(qtbot, window: MainWindow, kind: type[QDialog], act) -> QDialog:
    act()

    def found() -> list[QDialog]:
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]

    qtbot.waitUntil(lambda: bool(found()))
    return found()[0]


def settled(qtbot, window: MainWindow, holds) -> None:
    qtbot.waitUntil(lambda: holds(window._watcher.facts), timeout=20000)


def words(window: MainWindow) -> set[str]:
    return {line.layout().itemAt(0).widget().text() for line in page(window).findings._lines}


def brightness(window: MainWindow, path: str) -> float:
    """Of the picture that the grid shows, 0 to 255; -1 while it is being made."""
    grid = page(window).images.grid
    place = next(
        place for place in range(grid.num_items) if str(grid.index.paths[grid.position(place)]) == path
    )
    tile = grid.tile_of(place)
    if tile is None or tile.image is None:
        return -1
    image = tile.image
    middle = [image.pixelColor(x, y).lightness() for x in range(image.width()) for y in range(image.height())]
    return float(np.mean(middle))


def undo(window: MainWindow) -> None:
    assert window.commands.run("edit.undo") == ""


def test_labels_from_a_table(qtbot, window, tmp_path: Path, monkeypatch) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        "path,label,lot\ncrack/lot0_00.png,good,a\ncrack/lot1_01.png,bad,a\ndent/lot0_00.png,good,b\nx.png,bad,b\n"
    )
    dialog = opened(qtbot, window, LayoutDialog, page(window).actions.layout)
    dialog.take_table(table)
    qtbot.waitUntil(dialog.apply.isEnabled, timeout=10000)
    qtbot.mouseClick(dialog.apply, Qt.MouseButton.LeftButton)
    settled(qtbot, window, lambda facts: facts.classes == ("bad", "good"))
    assert {"table", "not listed"} <= words(window)
    rows = {name: images for _, name, images, _ in page(window).classes._model.rows}
    assert (rows["good"], rows["bad"]) == (2, 1)
    assert window.session.index.groups == ("a", "b")
    undo(window)
    settled(qtbot, window, lambda facts: facts.classes == ("crack", "dent", "stain"))
    assert "table" not in words(window)


def test_groups_by_a_pattern(qtbot, window) -> None:
    assert not window._watcher.facts.groups
    dialog = opened(qtbot, window, LayoutDialog, page(window).actions.layout)
    dialog.groups.source.setCurrentIndex(dialog.groups.source.findData("name"))
    dialog.groups.pattern.setText("(lot[0-9])")
    qtbot.waitUntil(
        lambda: "4 groups" in dialog.shown.title.text() and dialog.apply.isEnabled(), timeout=10000
    )
    qtbot.mouseClick(dialog.apply, Qt.MouseButton.LeftButton)
    settled(qtbot, window, lambda facts: facts.groups == 4)
    assert page(window).group_card.isVisible()
    assert window.session.split.grouped
    undo(window)
    settled(qtbot, window, lambda facts: facts.groups == 0)


def test_leaks_are_mended_with_one_click(qtbot, window) -> None:
    assert window._watcher.facts.leaks == 1
    assert "leak" in words(window)
    dialog = opened(qtbot, window, CopiesDialog, page(window).actions.copies)
    qtbot.waitUntil(dialog.leave_out.isEnabled)
    qtbot.mouseClick(dialog.leave_out, Qt.MouseButton.LeftButton)
    settled(qtbot, window, lambda facts: facts.leaks == 0 and facts.images == 38)
    assert "left out" in words(window)
    qtbot.waitUntil(lambda: dialog.heading.text() == "No copies")
    dialog.close()
    undo(window)
    settled(qtbot, window, lambda facts: facts.leaks == 1 and facts.images == 39)
    dialog = opened(qtbot, window, CopiesDialog, page(window).actions.copies)
    qtbot.waitUntil(dialog.join.isEnabled)
    qtbot.mouseClick(dialog.join, Qt.MouseButton.LeftButton)
    settled(qtbot, window, lambda facts: facts.leaks == 0 and facts.images == 39)
    dialog.close()


def test_the_intensity_window_is_what_thumbnails_and_models_get(qtbot, window, folder: Path) -> None:
    assert "dark" in words(window), "12 bits in a 16-bit file are nearly black under the full range"
    qtbot.waitUntil(lambda: 0 <= brightness(window, "dent/lot0_deep0.tif") < 20, timeout=10000)
    dialog = opened(qtbot, window, PixelsDialog, page(window).actions.pixels)
    qtbot.waitUntil(dialog.apply.isEnabled, timeout=10000)
    dialog.window_card.way_box.setCurrentIndex(dialog.window_card.way_box.findData("fixed"))
    dialog.window_card.low.setValue(0)
    dialog.window_card.high.setValue(4095)
    qtbot.mouseClick(dialog.apply, Qt.MouseButton.LeftButton)
    settled(qtbot, window, lambda facts: window.session.reading.window == "u16=0:4095")
    qtbot.waitUntil(lambda: "dark" not in words(window))
    session = window.session
    position = list(session.index.paths).index("dent/lot0_deep0.tif")
    shown = read_image(session.file(position), reading=session.index.reading)
    stored = tifffile.imread(folder / "dent" / "lot0_deep0.tif")
    assert np.allclose(shown[..., 0], stored / 4095)
    qtbot.waitUntil(lambda: brightness(window, "dent/lot0_deep0.tif") > 100, timeout=10000)
    undo(window)
    settled(qtbot, window, lambda facts: "dark" in {finding.name for finding in facts.findings})


def test_folds_are_chosen_and_undone(qtbot, window) -> None:
    first = window._watcher.facts.split_hash
    dialog = opened(qtbot, window, SplitDialog, page(window).actions.split)
    dialog.ways["folds"].setChecked(True)
    qtbot.waitUntil(dialog.apply.isEnabled, timeout=10000)
    qtbot.mouseClick(dialog.apply, Qt.MouseButton.LeftButton)
    settled(qtbot, window, lambda facts: facts.split_hash not in ("", first))
    assert window.session.index.plan.kind == "folds"
    undo(window)
    settled(qtbot, window, lambda facts: facts.split_hash == first)


def test_refused_files_are_one_click_away(qtbot, window, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: ("", ""))
    assert window.commands.run("data.refused") == ""
    dialog = QApplication.topLevelWidgets()
    assert any("refused" in w.windowTitle() for w in dialog)
    next(w for w in dialog if "refused" in w.windowTitle()).close()
