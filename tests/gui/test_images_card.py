"""The images of the Data place: filters by hand, what can be done with a selection, quick look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from tests.gui.comparison import small_comparison
from tests.gui.test_image_grid import plain_index, random_digests
from tests.gui.test_thumbnails import pixels_of
from tests.gui.test_window_text import EVIL, harmless
from workbench.gui import file_manager
from workbench.gui.data.class_list import EVERYTHING
from workbench.gui.data.filter_bar import IN_MENU, FilterBar, _Chip
from workbench.gui.data.image_filter import Filter
from workbench.gui.data.images_card import ImagesCard
from workbench.gui.file_manager import command_for, show_in_file_manager
from workbench.gui.model_recipe import USUAL, recipe_of
from workbench.pixels.prepare import load
from workbench.records.jobs import EmbedJob
from workbench.records.project import Chosen
from workbench.records.spec import FeatureSpec, Preprocess


@pytest.fixture
def card(qtbot, session, small_index):
    small_index.copies[:] = -1
    small_index.copies[[3, 20]] = 0
    made = ImagesCard(session)
    qtbot.addWidget(made)
    made.resize(800, 600)
    session.show_index(small_index)
    made.set_index(small_index)
    made.show()
    qtbot.waitUntil(lambda: made._facts.part is not None)
    return made


def shown(card: ImagesCard) -> list[int]:
    return [card.grid.position(place) for place in range(card.grid.num_items)]


def pick(bar: FilterBar, *words: str) -> None:
    """Open the menu and trigger the entry at the end of `words`."""
    bar.menu.aboutToShow.emit()
    menu = bar.menu
    for word in words[:-1]:
        menu = next(action for action in menu.actions() if action.text() == word).menu()
    next(action for action in menu.actions() if action.text() == words[-1]).trigger()


def test_class_and_part_show_exactly_those(card, session, small_index) -> None:
    pick(card.bar, "Class", "dent")
    pick(card.bar, "Part", "Test")
    slow = [i for i in range(37) if small_index.label[i] == 1 and session.split.part[i] == 2]
    assert shown(card) == slow
    pick(card.bar, "Class", "stain")
    slow = [i for i in range(37) if small_index.label[i] in (1, 2) and session.split.part[i] == 2]
    assert shown(card) == slow
    assert f"{len(slow)} of 37 images" in card.aside.text()
    assert [text for text, _ in card.bar.chips()] == ["Class: dent, stain", "Part: test"]
    chips = [chip for chip in card.bar.findChildren(_Chip) if chip.isVisible()]
    chips[0].click()
    assert shown(card) == [i for i in range(37) if session.split.part[i] == 2]
    next(
        b for b in card.bar.findChildren(QPushButton) if b.text() == "Clear filters" and b.isVisible()
    ).click()
    assert shown(card) == list(range(37))
    assert not card.bar.chips()


def test_the_search_and_the_order_work_by_hand(qtbot, card, small_index) -> None:
    qtbot.keyClicks(card.bar.search, "LOT2 dent")
    qtbot.waitUntil(lambda: card.grid.num_items == 3)
    assert [str(small_index.paths[i]) for i in shown(card)] == [f"dent/lot2_{i:02d}.png" for i in (2, 6, 10)]
    qtbot.keyClick(card.bar.search, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(card.bar.search, "lot0")
    qtbot.keyClick(card.bar.search, Qt.Key.Key_Return)
    assert card.grid.num_items == 10
    card.bar._sort_actions["name"].trigger()
    names = [str(small_index.paths[i]).split("/")[1] for i in shown(card)]
    assert names == sorted(names)
    card.bar._down.trigger()
    assert [str(small_index.paths[i]).split("/")[1] for i in shown(card)] == sorted(names, reverse=True)
    assert card.bar.sort.accessibleName() == "Sort: File name"


def test_a_slow_filter_runs_in_a_thread_and_only_the_last_counts(qtbot, card, monkeypatch) -> None:
    from workbench.gui.data import images_card

    monkeypatch.setattr(images_card, "AT_ONCE", 0)
    card.bar.put(text="dent")
    assert card.grid.num_items == 37, "not in this thread"
    card.bar.put(text="crack")
    card.bar.put(text="stain")
    qtbot.waitUntil(lambda: card.grid.num_items == 12)
    card.bar.clear()
    assert card.grid.num_items == 37


def test_filters_stay_when_the_images_are_edited(qtbot, card, session, small_index) -> None:
    pick(card.bar, "Class", "stain")
    edited = small_index.take(np.arange(5, 37))
    edited.classes = ("crack", "stain", "unused")
    edited.label = np.where(edited.label == 2, 1, 0).astype(np.int32)
    session.show_index(edited)
    card.set_index(edited)
    assert shown(card) == np.flatnonzero(edited.label == 1).tolist()
    assert [text for text, _ in card.bar.chips()] == ["Class: stain"]
    card.show_coded("label", EVERYTHING, "All images")
    assert shown(card) == list(range(32))


def test_a_choice_from_elsewhere_is_a_chip(card) -> None:
    pick(card.bar, "Class", "dent")
    card.show_positions(np.asarray([9, 2, 30]), "Alike", "side by side")
    assert shown(card) == [9, 2, 30]
    assert [text for text, _ in card.bar.chips()] == ["Alike"]
    assert "side by side" in card.aside.text()
    pick(card.bar, "Class", "crack")
    assert shown(card) == [9, 2]
    card.bar.chips()[0][1]()
    assert shown(card) == list(range(13))
    card.show_only("copies")
    assert shown(card) == [3, 20]


def test_mistakes_of_the_pinned_model_are_found(qtbot, card, session, small_index) -> None:
    session.result, session.predictions = small_comparison(small_index)
    session.baseline = "weak"
    session.result_changed.emit()
    qtbot.waitUntil(lambda: card._facts.model == "weak")
    pick(card.bar, "Misclassified by weak")
    said = session.predictions.predicted[2]
    slow = [i for i in range(37) if any(s >= 0 and s != small_index.label[i] for s in said[:, i])]
    assert shown(card) == slow
    assert 0 < len(slow) < 37


def test_thousands_of_groups_are_chosen_by_typing(qtbot) -> None:
    bar = FilterBar()
    qtbot.addWidget(bar)
    groups = tuple(f"patient {i}" for i in range(3000))
    index = replace(
        plain_index(random_digests(5)), group=np.asarray([0, 1, 2, 2999, -1], np.int32), groups=groups
    )
    bar.set_index(index, Filter())
    bar.menu.aboutToShow.emit()
    menu = next(action for action in bar.menu.actions() if action.text() == "Group").menu()
    assert len(menu.actions()) < IN_MENU + 5
    pick(bar, "Group", "All 3,000…")
    from PySide6.QtWidgets import QInputDialog

    dialog = bar.findChild(QInputDialog)
    dialog.setTextValue("patient 2999")
    dialog.accept()
    assert bar.filter.group == (2999,)
    pick(bar, "Group", "patient 2999")
    assert bar.filter.group == ()


def test_the_bar_shows_names_as_they_are(qtbot, card, small_index) -> None:
    small_index.classes = (EVIL, *small_index.classes[1:])
    pick(card.bar, "Class", EVIL.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").replace("&", "&&"))
    card.show_positions(np.arange(3), EVIL)
    for widget in (card.bar, *card.bar.findChildren(QWidget)):
        assert harmless(widget.toolTip())
        for text in (widget.toolTip(), widget.accessibleName(), getattr(widget, "text", str)()):
            assert "\x1b" not in text
            assert "\u202e" not in text


# What can be done with a selection


def test_the_menu_copies_selects_alike_and_leaves_out(qtbot, card, session, small_index, monkeypatch) -> None:
    session.select([small_index.ids[3]])
    actions = {action.text(): action for action in card.menu().actions()}
    actions["Select all copies of it"].trigger()
    assert session.selected == {small_index.ids[3], small_index.ids[20]}
    card.copy_paths()
    assert QApplication.clipboard().text().splitlines() == [str(small_index.file(i)) for i in (3, 20)]
    assert "Copy 2 paths" in {action.text() for action in card.menu().actions()}
    card.grid.setFocus()
    qtbot.keyClick(card.grid, Qt.Key.Key_Delete)
    assert session.calls == [("leave_out", [small_index.name(3), small_index.name(20)])]
    assert not session.selected
    session.select([small_index.ids[5]])
    assert not {a.text(): a for a in card.menu().actions()}["Select all copies of it"].isEnabled()


def test_links_lead_to_what_has_no_picture(qtbot, card) -> None:
    link = next(b for b in card.bar.findChildren(QPushButton) if "refused" in b.text())
    assert link.text() == "2 refused"
    with qtbot.waitSignal(card.refused_asked):
        link.click()


def test_a_file_is_shown_where_it_lies(card, session, small_index, monkeypatch, tmp_path: Path) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(file_manager, "command_for", lambda path: None)
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    card.grid.go_to(4)
    card.open_folder()
    assert [Path(url.toLocalFile()) for url in opened] == [small_index.file(4).parent]
    assert "not there any more" in show_in_file_manager(tmp_path / "gone" / "x.png")
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: False)
    assert str(tmp_path) in show_in_file_manager(tmp_path / "x.png")


def test_the_file_manager_gets_the_path_as_one_argument() -> None:
    evil = Path("/data/a b; rm -rf $HOME/$(x).png")
    assert command_for(evil, "linux") is None
    assert command_for(evil, "darwin") == ("open", ["-R", str(evil)])
    assert command_for(evil, "win32") == ("explorer", ["/select,", str(evil)])


# Quick look


def test_as_the_model_sees_it_are_the_bytes_that_the_model_gets(qtbot, card, session, small_index) -> None:
    card.look(7)
    look = card._looking
    look.as_model.click()
    qtbot.waitUntil(lambda: look.canvas.image is not None and look.canvas.image.width() == 224)
    np.testing.assert_array_equal(pixels_of(look.canvas.image), load(small_index.file(7), USUAL))
    assert "no backbone is chosen yet" in look._caption.text()
    qtbot.keyClick(look, Qt.Key.Key_Right)
    qtbot.waitUntil(
        lambda: (
            look.canvas.image is not None
            and np.array_equal(pixels_of(look.canvas.image), load(small_index.file(8), USUAL))
        )
    )
    qtbot.keyClick(look, Qt.Key.Key_M)
    qtbot.waitUntil(lambda: look.canvas.image is not None and look.canvas.image.width() == 60)
    look.close()


def test_the_recipe_is_what_the_last_run_wrote_down(session) -> None:
    own = Preprocess(
        resize="squash", resize_to=96, size=96, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3
    )
    session.settings.chosen.append(Chosen(backbone="lab/strong", image_size=96))
    assert recipe_of(session).preprocess == USUAL.at(96)
    for backbone, recipe in (("lab/strong", own), ("lab/weak", USUAL)):
        run = session.project.new_run(EmbedJob(index="i", backbone=backbone, image_size=96))
        spec = FeatureSpec(
            backbone=backbone, weights="0", feature="cls", layer=-1, preprocess=recipe, decode="exact"
        )
        run.add_provenance({"spec": spec.to_json()})
    found = recipe_of(session)
    assert (found.preprocess, found.decode) == (own, "exact")
    assert found.told == "as lab/strong gets it"


def test_keys_reach_the_quick_look_from_where_the_focus_is(qtbot, card) -> None:
    card.look(2)
    look = card._looking
    qtbot.waitUntil(look.isVisible)
    qtbot.keyClick(look.focusWidget(), Qt.Key.Key_Right)
    assert (look.place, card.grid.current_place()) == (3, 3)
    qtbot.keyClick(look.focusWidget(), Qt.Key.Key_Space)
    assert card._looking is None
