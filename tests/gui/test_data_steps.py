"""The Data place as a path: each state offers its next step; lists, filters and selection go along with edits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPixmap
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QWidget

from tests.gui.conftest import build_index
from workbench.gui import project_commands
from workbench.gui.commands import Commands
from workbench.gui.data.findings_card import all_findings
from workbench.gui.data.folders_dialog import FoldersDialog
from workbench.gui.data.layout_dialog import LayoutDialog
from workbench.gui.data.page import DataPage
from workbench.gui.data.pattern_starters import guess
from workbench.gui.data.split_dialog import SplitDialog
from workbench.gui.item_ids import carry_ids
from workbench.gui.thumbnails import Thumbnails, Tile
from workbench.gui.widgets import tile_painter
from workbench.gui.widgets.image_grid import ImageGrid
from workbench.records.arrange import arrange
from workbench.records.curation import Curation
from workbench.records.index import Refused
from workbench.records.splits import SplitPlan


@pytest.fixture
def page(qtbot, session):
    commands, window = Commands(), QWidget()
    qtbot.addWidget(window)
    project_commands.register(commands, session, window)
    made = DataPage(session, commands)
    qtbot.addWidget(made)
    made.resize(1190, 700)
    made.show()
    return made


def show(qtbot, page, session, index) -> None:
    session.show_index(index)
    qtbot.waitUntil(lambda: page._watcher.facts.images == len(index))


def flat(folder: Path, names: list[str]):
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / name)
    return build_index(folder)


def shown(kind: type) -> QWidget:
    return next(
        found for found in QApplication.topLevelWidgets() if isinstance(found, kind) and found.isVisible()
    )


def findings(page) -> dict[str, str]:
    return {found.name: found.advice for found in all_findings(page._watcher.facts)}


# The next step


def test_unlabelled_images_lead_to_a_table(qtbot, page, session, tmp_path: Path) -> None:
    show(qtbot, page, session, flat(tmp_path / "flat", [f"{i}.png" for i in range(6)]))
    assert "no labels" in findings(page)
    assert page.class_card.isHidden()
    assert page.next.text() == "Label the images…"
    page.next.click()
    dialog = shown(LayoutDialog)
    assert dialog.labels.rule() == "table"
    assert dialog.table.choose.isVisible()
    dialog.reject()


def test_labelled_images_lead_to_backbones(qtbot, page, session, small_index) -> None:
    show(qtbot, page, session, small_index)
    assert page.next.text() == "Choose backbones"
    assert page.class_card.isVisible()
    assert not findings(page).keys() & {"no labels", "one class"}


def test_one_class_is_told(qtbot, page, session, small_index) -> None:
    one = arrange(small_index, Curation(classes={"dent": "crack", "stain": "crack"})).index
    show(qtbot, page, session, one)
    assert "one class" in findings(page)
    assert page.next.text() == "Label the images…"


def test_names_that_begin_alike_lead_to_groups(qtbot, page, session, image_folder: Path) -> None:
    show(qtbot, page, session, build_index(image_folder))
    assert "groups" in findings(page)
    _, run = page._links()["groups"]
    run()
    dialog = shown(LayoutDialog)
    assert dialog.groups.rule() == "name:^([^_]+)_"
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert "4 groups" in dialog.shown.title.text()
    dialog.reject()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([f"PAT{i % 4:02d}_{i}.png" for i in range(20)], "^([^_]+)_"),
        ([f"{i % 4:02d}-{i}.png" for i in range(20)], "^([^-]+)-"),
        ([f"img_{i}.png" for i in range(20)], ""),  # the same in all
        ([f"{i}_a.png" for i in range(20)], ""),  # another in each
        ([f"{'ab'[i % 2]}_{i}.png" for i in range(20)], ""),  # words without a number are classes more often
        ([], ""),
    ],
)
def test_what_seems_to_tell_groups(tmp_path: Path, names: list[str], found: str) -> None:
    assert guess(flat(tmp_path / "some", names)) == found


def test_an_official_split_that_is_not_used_is_offered(qtbot, page, session, small_index) -> None:
    small_index.part[:] = np.arange(len(small_index)) % 3
    show(qtbot, page, session, small_index)
    assert "official split" in findings(page)
    _, run = page._links()["official split"]
    run()
    dialog = shown(SplitDialog)
    assert dialog.plan().kind == "official"
    dialog.reject()
    small_index.plan = SplitPlan(kind="official")
    page._watcher.count()
    qtbot.waitUntil(lambda: "official split" not in findings(page))


def test_nothing_to_split_leads_to_labels(qtbot, session, tmp_path: Path) -> None:
    session.show_index(flat(tmp_path / "flat", ["a.png", "b.png"]))
    dialog = SplitDialog(session)
    dialog.show()
    assert not dialog.apply.isEnabled()
    dialog._label()
    shown(LayoutDialog).reject()


def test_a_folder_without_images_says_why(qtbot, page, session, tmp_path: Path) -> None:
    empty = replace(flat(tmp_path / "none", []), refused=(Refused("a.jpg", "It is empty."),))
    session.show_index(empty)
    qtbot.waitUntil(page.images.none.empty.isVisible)
    assert "1 file can't be used" in page.images.none.empty.text.text()
    folders, refused, back = page.images.none.empty.buttons
    assert [button.isVisible() for button in (folders, refused, back)] == [True, True, False]
    assert page.next.isHidden()
    folders.click()
    shown(FoldersDialog).reject()


def test_a_filter_that_lets_nothing_through_can_be_cleared(qtbot, page, session, small_index) -> None:
    show(qtbot, page, session, small_index)
    page.images.bar.put(text="nowhere")
    assert page.images.none.filtered.isVisible()
    page.images.none.filtered.buttons[0].click()
    assert page.images.grid.isVisible()
    assert page.images.grid.num_items == len(small_index)
    assert page.images.bar.search.text() == ""


# What goes along


def test_the_lists_show_the_filter_wherever_it_was_chosen(qtbot, page, session, small_index) -> None:
    show(qtbot, page, session, small_index)
    page.images.bar.put(label=(1,))
    assert page.classes.choice() == 1
    page.images.bar.put(label=(1, 2))
    assert not page.classes.selectionModel().hasSelection()
    page.images.bar.clear()
    assert page.classes.selectionModel().hasSelection()
    assert page.classes.currentIndex().row() == 0, "all images"
    page.classes.choose(1)
    assert page.images.bar.filter.label == (1,), "a class can be chosen again after its chip was removed"
    page.images.bar.put(label=(), group=(2,))
    assert page.groups.choice() == 2
    assert not page.classes.selectionModel().hasSelection()


def test_a_chosen_class_stays_chosen_when_another_goes(qtbot, page, session, small_index) -> None:
    show(qtbot, page, session, small_index)
    page.classes.choose(small_index.classes.index("stain"))
    fewer = arrange(small_index, Curation().rename("crack", "")).index
    show(qtbot, page, session, fewer)
    assert fewer.classes[page.classes.choice()] == "stain"
    assert [fewer.classes[code] for code in page.images.bar.filter.label] == ["stain"]
    assert page.images.grid.num_items == 12


def test_the_selection_stays_with_its_files(qtbot, page, session, small_index) -> None:
    """With the first of two copies gone, the other one takes over its id."""
    names = [small_index.name(i) for i in range(len(small_index))]
    first, second = names.index("crack/lot0_99.png"), names.index("crack/lot1_01.png")
    assert small_index.ids[second] == f"{small_index.ids[first]}~2"
    show(qtbot, page, session, small_index)
    other = names.index("dent/lot2_02.png")
    session.select([small_index.ids[first], small_index.ids[other]])
    fewer = arrange(small_index, Curation().leave_out(frozenset([names[first]]))).index
    show(qtbot, page, session, fewer)
    qtbot.waitUntil(lambda: bool(session.selected))
    assert session.selected == {fewer.ids[fewer_names(fewer).index("dent/lot2_02.png")]}
    back = carry_ids([fewer.ids[fewer_names(fewer).index(names[second])]], fewer, small_index)
    assert back == [small_index.ids[second]]
    assert carry_ids([], fewer, small_index) == []


def fewer_names(index) -> list[str]:
    return [index.name(i) for i in range(len(index))]


def test_clearing_the_leaks_puts_the_order_back(qtbot, page, session, small_index) -> None:
    show(qtbot, page, session, small_index)
    page.images.show_only("copies")
    assert page.images.bar.filter.sort == "copies"
    page.images.bar.clear()
    assert page.images.bar.filter.sort == "path"
    page.images.bar.put(sort="bytes", text="crack")
    page.images.bar.clear()
    assert page.images.bar.filter.sort == "bytes"


# How it looks


def test_a_hair_of_a_picture_is_seen(qtbot, small_index, monkeypatch) -> None:
    """2 × 4,000 pixels in a cell of 100: less than a tenth of a pixel wide."""
    monkeypatch.setattr(tile_painter, "BUDGET", 60.0)  # a busy machine needs longer than a frame
    thumbnails = Thumbnails()
    grid = ImageGrid(thumbnails, lambda position: Path("none"))
    qtbot.addWidget(grid)
    picture = QImage(2, 4000, QImage.Format.Format_RGB32)
    picture.fill(0xFF0000)
    canvas = QPixmap(120, 140)
    canvas.fill(0xFFFFFF)
    grid.set_items(small_index)
    painter = QPainter(canvas)
    grid._painter.begin(painter)
    grid._painter.paint(painter, QRect(0, 0, 120, 140), 0, Tile(picture))
    painter.end()
    seen = canvas.toImage()
    assert any(seen.pixelColor(x, 60).red() > seen.pixelColor(x, 60).green() + 100 for x in range(120))
    assert grid._painter._fit(picture, QSize(100, 100)).width() == 2
    thumbnails.close()


def test_numbers_have_room_at_the_left_and_disabled_choices_are_dim(qtbot, session, small_index) -> None:
    session.show_index(small_index)
    dialog = SplitDialog(session)
    qtbot.addWidget(dialog, before_close_func=SplitDialog.reject)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # qtbot does it
    dialog.show()
    spins = dialog.findChildren(QAbstractSpinBox)
    assert spins
    assert all(spin.lineEdit().textMargins().left() == 6 for spin in spins)
    off, on = dialog.ways["official"], dialog.ways["folds"]
    assert (off.isEnabled(), on.isEnabled()) == (False, True)
    darkest = [
        min(seen.pixelColor(x, y).lightness() for x in range(30, 90) for y in range(seen.height()))
        for seen in (off.grab().toImage(), on.grab().toImage())
    ]
    assert darkest[0] > darkest[1] + 30, "the word of what can't be chosen is dim"


def test_tab_goes_as_the_eye_does(qtbot, page, session, small_index) -> None:
    show(qtbot, page, session, small_index)
    assert page.focusProxy() is None, "Tab would jump to it, over all that stands before"
    images = page.images
    wanted = [
        page.next,
        *page.findings.links,
        page.classes,
        page.groups,
        images.bar.choose,
        images.bar.search,
    ]
    wanted += [images.bar.sort, images.grid]
    chain, at = [], page.next
    while at is not images.grid and len(chain) < 1000:
        chain.append(at)
        at = at.nextInFocusChain()
    places = [[*chain, images.grid].index(widget) for widget in wanted]
    assert len(page.findings.links) > 1
    assert places == sorted(places)
