"""How pixels are read: the window on its histogram, channels and pages, and a preview of the model's very bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from tests.gui.test_window_text import EVIL, assert_harmless
from tests.indices import counted
from workbench.gui.data.pixels_dialog import EXAMPLES, PixelsDialog
from workbench.pixels.prepare import load
from workbench.records.curation import Curation
from workbench.records.index import ImageIndex
from workbench.records.spec import Reading

SIDE = 64
NUM = 5


def write_deep(folder: Path) -> list[np.ndarray]:
    """12-bit pictures in 16-bit TIFFs; the last has 2 % of its pixels at 4095."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(NUM):
        picture = rng.integers(100 * number, 2000, (SIDE, SIDE), dtype=np.uint16)
        if number == NUM - 1:
            picture.ravel()[: SIDE * SIDE // 50] = 4095
        tifffile.imwrite(folder / f"{number}.tif", picture)
        pictures.append(picture)
    return pictures


@pytest.fixture
def pictures(tmp_path: Path) -> list[np.ndarray]:
    return write_deep(tmp_path / "images" / "cell")


@pytest.fixture
def index(pictures, tmp_path: Path) -> ImageIndex:
    return counted(tmp_path / "images")


def opened(qtbot, session, *, wait: bool = True) -> PixelsDialog:
    made = PixelsDialog(session)
    qtbot.addWidget(made, before_close_func=PixelsDialog.reject)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # qtbot does it
    made.show()
    if wait and made.window_card.deep:
        qtbot.waitUntil(lambda: made.window_card.levels is not None)
    return made


@pytest.fixture
def dialog(qtbot, session, index) -> PixelsDialog:
    session.show_index(index)
    return opened(qtbot, session)


def choose(box, value: str) -> None:
    box.setCurrentIndex(box.findData(value))


def lowest_level(pictures: list[np.ndarray], percent: float) -> int:
    """The lowest level that at least `percent` % of all pixels don't exceed, by sorting them."""
    values = sorted(int(value) for picture in pictures for value in picture.ravel())
    return next(value for i, value in enumerate(values, 1) if i * 100 >= percent * len(values))


def test_it_begins_with_the_whole_range(dialog, session) -> None:
    card = dialog.window_card
    assert card.way_box.currentData() == "full"
    assert card.plot.window == (0.0, 65535.0)
    assert card.told.text() == "0 becomes black and 65,535 white. The files hold 0 to 4,095."
    assert card.measured.text().startswith(f"Levels of {NUM} files")
    assert not card.kind_box.isVisible()
    dialog.apply.click()
    assert session.calls == [("set_reading", Reading(), "")]


def test_percentiles_are_those_of_all_pixels(qtbot, dialog, session, pictures) -> None:
    card = dialog.window_card
    choose(card.way_box, "percentile")
    low, high = lowest_level(pictures, 1), lowest_level(pictures, 99)
    assert card.plot.window == (low, high)
    card.high_percent.setValue(50)
    middle = lowest_level(pictures, 50)
    assert card.plot.window == (low, middle)
    qtbot.waitUntil(dialog.apply.isEnabled)
    dialog.apply.click()
    reading = Reading(window=f"u16={low}:{middle}")
    assert session.calls == [("set_reading", reading, "1st to 50th percentile of 5 images")]


def test_the_window_can_be_dragged_and_typed(dialog, session) -> None:
    card = dialog.window_card
    card.plot._region.setRegion((100.4, 2000.6))
    assert card.way_box.currentData() == "fixed"
    assert (card.low.value(), card.high.value()) == (100, 2001)
    card.low.setValue(50)
    assert card.plot.window == (50, 2001)
    assert card.plot._region.getRegion() == (50, 2001)
    dialog.apply.click()
    assert session.calls == [("set_reading", Reading(window="u16=50:2001"), "fixed")]


def test_a_window_of_no_width_is_refused(qtbot, dialog, session) -> None:
    card = dialog.window_card
    choose(card.way_box, "fixed")
    card.low.setValue(3000)
    card.high.setValue(3000)
    assert card.error.text() == "The window must end above where it begins."
    qtbot.waitUntil(lambda: not dialog.apply.isEnabled())
    dialog.accept()
    assert session.calls == []
    card.high.setValue(3001)
    assert not card.error.isVisible()
    qtbot.waitUntil(dialog.apply.isEnabled)


def test_saturated_images_are_counted_at_once(dialog, pictures) -> None:
    dialog.window_card.plot._region.setRegion((0, 4095))
    dialog.refresh()
    assert dialog.saturated.text().startswith(f"1 image of {NUM} has more than 1 %")
    slow = sum((picture >= 1900).mean() > 0.01 for picture in pictures)
    dialog.window_card.plot._region.setRegion((0, 1900))
    dialog.refresh()
    assert dialog.saturated.text().startswith(f"{slow} images of {NUM} have more than 1 %")
    assert dialog.chip.isVisible()


def to_bytes(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine()).copy()
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)


def test_the_preview_shows_what_the_model_gets(qtbot, dialog, session, index) -> None:
    dialog.window_card.plot._region.setRegion((500, 1500))
    dialog.refresh()
    reading = Reading(window="u16=500:1500")
    recipe = dialog._recipe.preprocess
    expected = []
    for position in dialog._examples:
        both = [load(index.file(position), recipe, reading=r) for r in (Reading(), reading)]
        expected.append([np.floor(pixels * 255 + 0.5).astype(np.uint8) for pixels in both])
    assert len(expected) == EXAMPLES[0]

    def is_shown() -> bool:
        for pair, (before, after) in zip(dialog.pictures.pairs, expected, strict=True):
            if not isinstance(pair.after, QImage) or not np.array_equal(to_bytes(pair.after), after):
                return False
            assert np.array_equal(to_bytes(pair.before), before)
        return True

    qtbot.waitUntil(is_shown)


def test_channels_and_pages(qtbot, dialog, session) -> None:
    card = dialog.channels_card
    choose(card.channels, "pick")
    for spin, number in zip(card.picks, (3, 1, 2), strict=True):
        spin.setValue(number)
    qtbot.waitUntil(lambda: all(isinstance(pair.after, str) for pair in dialog.pictures.pairs))
    assert dialog.pictures.pairs[0].after == "It has 1 channel, so that there is no channel 3 to pick."
    for spin in card.picks:
        spin.setValue(1)
    choose(card.pages, "each")
    assert "read again" in card.about_pages.text()
    qtbot.waitUntil(lambda: dialog.apply.text() == "Read the files again this way")
    qtbot.waitUntil(lambda: not any(isinstance(pair.after, str) for pair in dialog.pictures.pairs))
    dialog.apply.click()
    assert session.calls == [("set_reading", Reading(channels="pick:0,0,0", pages="each"), "")]


def test_a_choice_that_no_picture_can_follow_is_refused(qtbot, dialog) -> None:
    """The pictures have one channel each, so there is no third to pick."""
    card = dialog.channels_card
    choose(card.channels, "pick")
    qtbot.waitUntil(lambda: dialog.chip.text() == "unreadable")
    assert dialog.saturated.text().startswith("None of the pictures shown can be read")
    assert not dialog.apply.isEnabled()
    choose(card.channels, "mean")
    qtbot.waitUntil(dialog.apply.isEnabled)
    qtbot.waitUntil(lambda: dialog.chip.text() != "unreadable")


def test_it_opens_with_what_is_in_force(qtbot, session, index) -> None:
    reading = Reading(window="u16=7:1800", channels="pick:2,1,0", pages="channels")
    told = "2nd to 98.5th percentile of 5 images"
    session.settings.curation = Curation(reading=reading, window_told=told)
    session.show_index(index)
    dialog = opened(qtbot, session)
    card = dialog.window_card
    assert card.way_box.currentData() == "percentile"
    assert (card.low_percent.value(), card.high_percent.value()) == (2, 98.5)
    assert [spin.value() for spin in dialog.channels_card.picks] == [3, 2, 1]
    assert dialog.channels_card.chosen() == ("pick:2,1,0", "channels")
    assert not dialog.channels_card.reads_again
    session.settings.curation = Curation(reading=reading, window_told="fixed")
    again = opened(qtbot, session).window_card
    assert (again.way_box.currentData(), again.low.value(), again.high.value()) == ("fixed", 7, 1800)


def test_each_type_has_its_own_window(qtbot, session, pictures, tmp_path: Path) -> None:
    floats = tmp_path / "images" / "float"
    floats.mkdir()
    tifffile.imwrite(floats / "a.tif", np.linspace(-1, 3, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE))
    session.show_index(counted(tmp_path / "images"))
    dialog = opened(qtbot, session)
    card = dialog.window_card
    assert card.kind_box.isVisible()
    assert (card.kind, card.plot.window) == ("u16", (0.0, 65535.0))
    choose(card.way_box, "percentile")
    choose(card.kind_box, "f32")
    assert card.plot.window is None, "full takes each float picture's own range"
    choose(card.way_box, "fixed")
    card.low.setValue(-0.5)
    card.high.setValue(2.25)
    dialog.apply.setEnabled(True)
    dialog.apply.click()
    low, high = lowest_level(pictures, 1), lowest_level(pictures, 99)
    _, reading, told = session.calls[0]
    assert reading.window == f"f32=-0.5:2.25,u16={low}:{high}"
    assert told == "16-bit numbers: 1st to 99th percentile of 5 images; 32-bit float numbers: fixed"
    session.settings.curation = Curation(reading=reading, window_told=told)
    again = opened(qtbot, session).window_card
    assert again.way_box.currentData() == "percentile"
    choose(again.kind_box, "f32")
    assert (again.way_box.currentData(), again.high.value()) == ("fixed", 2.25)


def test_eight_bits_need_no_window(qtbot, session, small_index) -> None:
    session.show_index(small_index)
    dialog = opened(qtbot, session)
    assert "always keep their whole range" in dialog.window_card.shallow.text()
    assert not hasattr(dialog.window_card, "plot")
    assert len(dialog.pictures.pairs) == EXAMPLES[1]
    choose(dialog.channels_card.channels, "mean")
    dialog.apply.click()
    assert session.calls == [("set_reading", Reading(channels="mean"), "")]


def test_an_index_without_levels_says_so(qtbot, session, index) -> None:
    session.show_index(replace(index, levels=np.full_like(index.levels, np.nan)))
    dialog = opened(qtbot, session)
    assert "listed without being decoded" in dialog.saturated.text()


def test_closing_does_not_wait_for_the_histogram(qtbot, session, index) -> None:
    session.show_index(index)
    dialog = opened(qtbot, session, wait=False)
    dialog.reject()
    assert session.calls == []


def test_names_and_reasons_are_shown_as_they_are(qtbot, session, index, tmp_path: Path) -> None:
    name = EVIL.replace("/", "_")
    folder = tmp_path / "images" / name
    folder.mkdir()
    Image.fromarray(np.zeros((SIDE, SIDE), np.uint16)).save(folder / f"{name}.png")
    made = counted(tmp_path / "images")
    (folder / f"{name}.png").unlink()
    session.show_index(made.take(np.asarray([0])))
    dialog = opened(qtbot, session)
    qtbot.waitUntil(lambda: any(isinstance(pair.after, str) for pair in dialog.pictures.pairs))
    assert_harmless(dialog)
    assert "x<_b>" in dialog.pictures.accessibleDescription()
