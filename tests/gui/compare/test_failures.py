"""The failure gallery: who misses what, against a slow count, and the images linked to every view."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from workbench.gui.compare.behind import behind_class
from workbench.gui.compare.failures import ALL_MISS, KINDS, ONLY_MISS, ONLY_RIGHT, SUREST, find_failures
from workbench.gui.compare.model_card import FAILURES
from workbench.gui.compare.view import CompareView
from workbench.gui.session import Session
from workbench.records.results import Predictions


def drawn(seed: int, models: int = 3, seeds: int = 5, items: int = 120) -> Predictions:
    """Random answers of four classes; some items are tested by no split."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, items).astype(np.int32)
    tested = rng.random((seeds, items)) < 0.4
    right = rng.random((models, seeds, items)) < 0.55
    predicted = np.where(right, truth, rng.integers(0, 4, right.shape)).astype(np.int32)
    predicted[:, ~tested] = -1
    confidence = np.where(predicted >= 0, rng.random(right.shape), np.nan).astype(np.float16)
    return Predictions(
        items=np.asarray([f"i{n}" for n in range(items)]),
        truth=truth,
        predicted=predicted,
        models=tuple(f"m{n}" for n in range(models)),
        confidence=confidence,
    )


def missed_slowly(found: Predictions, model: int, item: int) -> bool:
    answers = [int(found.predicted[model, seed, item]) for seed in range(found.predicted.shape[1])]
    answers = [answer for answer in answers if answer >= 0]
    return sum(answer != found.truth[item] for answer in answers) > len(answers) / 2


@pytest.mark.parametrize("seed", range(4))
def test_every_kind_holds_what_a_slow_count_finds(seed: int) -> None:
    found = drawn(seed)
    kinds = find_failures(found, "m1")
    wanted: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for item in range(len(found.items)):
        if not (found.predicted[:, :, item] >= 0).any():
            continue
        missed = [missed_slowly(found, model, item) for model in range(3)]
        name = str(found.items[item])
        if all(missed):
            wanted[ALL_MISS].add(name)
        if missed[1]:
            wanted[SUREST].add(name)
            if not missed[0] and not missed[2]:
                wanted[ONLY_MISS].add(name)
        elif missed[0] and missed[2]:
            wanted[ONLY_RIGHT].add(name)
    assert {kind: {one.id for one in ones} for kind, ones in kinds.items()} == wanted
    assert all(len(ones) == len(wanted[kind]) for kind, ones in kinds.items())
    assert sum(map(bool, wanted.values())) >= 3


def test_what_was_said_instead_and_how_sure() -> None:
    predicted = np.asarray([[[1, 0], [1, 0], [2, 0]], [[2, 1], [2, -1], [0, -1]]], np.int32)
    confidence = np.asarray([[[0.5, 1], [0.75, 1], [1, 1]], [[0.25, 1], [0.5, 0], [1, 0]]], np.float16)
    found = Predictions(
        items=np.asarray(["a", "b"]),
        truth=np.asarray([0, 0], np.int32),
        predicted=predicted,
        models=("one", "two"),
        confidence=confidence,
    )
    kinds = find_failures(found, "one")
    (mine,) = kinds[SUREST]
    assert (mine.id, mine.said, mine.hits, mine.answers, mine.confidence) == ("a", 1, 2, 3, 0.625)
    (both,) = kinds[ALL_MISS]  # called 1 twice and 2 three times by the two together
    assert (both.said, both.hits, both.answers) == (2, 3, 6)
    (alone,) = kinds[ONLY_RIGHT]
    assert (alone.id, alone.said, alone.hits, alone.answers) == ("b", 1, 1, 1)  # what the other one said
    assert kinds[ONLY_MISS] == []


def test_half_of_the_splits_is_no_majority_and_what_is_unknown_is_left_out() -> None:
    found = drawn(0, models=1)
    found.predicted[0, :, 0] = [found.truth[0], (found.truth[0] + 1) % 4, -1, -1, -1]
    assert "i0" not in {one.id for one in find_failures(found, "m0")[ALL_MISS]}
    assert set(find_failures(found, "m0")) == {ALL_MISS, SUREST}  # nobody else: nothing is "alone"
    assert SUREST not in find_failures(replace(found, confidence=None), "m0")
    assert find_failures(found, "gone") == {}


def test_the_surest_come_first_and_the_most_often_missed() -> None:
    kinds = find_failures(drawn(2), "m0")
    sure = [one.confidence for one in kinds[SUREST]]
    assert sure == sorted(sure, reverse=True)
    found = drawn(2)
    share = {
        str(name): float(
            (found.predicted[:, :, i] != found.truth[i])[found.predicted[:, :, i] >= 0].mean()
            if (found.predicted[:, :, i] >= 0).any()
            else 0
        )
        for i, name in enumerate(found.items)
    }
    shares = [share[one.id] for one in kinds[ALL_MISS]]
    assert shares == sorted(shares, reverse=True)


def test_a_class_that_was_not_found() -> None:
    found = drawn(1)
    wanted = {}
    for item in np.flatnonzero(found.truth == 2).tolist():
        answers = [int(a) for a in found.predicted[0, :, item] if a >= 0]
        wrong = sum(answer != 2 for answer in answers)
        if wrong:
            wanted[str(found.items[item])] = (wrong, len(answers))
    assert {one.id: (one.hits, one.tested) for one in behind_class(found, "m0", 2)} == wanted


# In the window


@pytest.fixture
def gallery(qtbot, view: CompareView) -> CompareView:
    view.choose_model("weak")
    qtbot.mouseClick(view.lower.one.views.buttons[FAILURES], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(view.lower.one.failures.found))
    return view


def test_the_gallery_is_the_images_and_a_click_selects_one_everywhere(
    qtbot, gallery: CompareView, compared: Session
) -> None:
    panel = gallery.lower.one.failures
    wanted = find_failures(compared.predictions, "weak")
    for kind in KINDS:
        qtbot.mouseClick(panel.kinds.buttons[kind], Qt.MouseButton.LeftButton)
        assert compared.recall("compare.failures") == kind
        assert [one.id for one in panel.shown()] == [one.id for one in wanted[kind]]
        if wanted[kind]:
            assert panel.grid.isVisible() and panel.grid.num_items == len(wanted[kind])
        else:
            assert not panel.grid.isVisible() and panel.why.text()
    kind = next(kind for kind in KINDS if wanted[kind])
    panel.kinds.buttons[kind].click()
    at = panel.grid.cell_rect(0).center()
    qtbot.mouseClick(panel.grid.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert compared.selected == {wanted[kind][0].id}
    said = compared.result.classes[wanted[kind][0].said]
    assert panel.grid.captions[0].startswith(said)


def test_space_is_a_quick_look_that_tells_the_whole_story(qtbot, gallery: CompareView) -> None:
    panel = gallery.lower.one.failures
    panel.kinds.buttons[SUREST].click()
    panel.grid.setFocus()
    qtbot.keyClick(panel.grid, Qt.Key.Key_Space)
    assert panel.looking is not None and ", called " in panel.looking._item(0).caption
    assert "% sure" in panel.looking._item(0).caption
    panel.looking.close()
    qtbot.waitUntil(lambda: panel.looking is None)


def test_the_list_is_copied_for_a_spreadsheet(qtbot, gallery: CompareView, compared: Session) -> None:
    panel = gallery.lower.one.failures
    panel.kinds.buttons[SUREST].click()
    compared.result = replace(compared.result, classes=("=1+1", *compared.result.classes[1:]))
    gallery.output.view.commands.run("compare.copy_failures")
    rows = list(csv.DictReader(io.StringIO(QGuiApplication.clipboard().text())))
    assert [row["id"] for row in rows] == [one.id for one in panel.shown()] and rows
    assert all(row["image"].endswith(".png") for row in rows)
    assert {row["class"] for row in rows} & {"'=1+1", "dent", "stain"}
    assert "=1+1" not in {row["class"] for row in rows} | {row["said"] for row in rows}


def test_another_model_has_other_failures(qtbot, gallery: CompareView, compared: Session) -> None:
    panel = gallery.lower.one.failures
    gallery.choose_model("middle")
    wanted = find_failures(compared.predictions, "middle")
    qtbot.waitUntil(lambda: panel.found == wanted)
    assert len(wanted[SUREST]) < len(find_failures(compared.predictions, "weak")[SUREST])


def test_without_predictions_the_gallery_says_so(qtbot, gallery: CompareView, compared: Session) -> None:
    compared.predictions = None
    compared.result_changed.emit()
    panel = gallery.lower.one.failures
    assert "predictions" in panel.why.text() and not panel.grid.isVisible()
    gallery.copy_failures()  # an empty list, and no error


def test_numbers_leave_the_words_before_the_words_are_cut(qtbot, gallery: CompareView) -> None:
    panel = gallery.lower.one.failures
    gallery.resize(1800, 800)
    assert panel.kinds.buttons[ALL_MISS].text().startswith("All miss ")
    panel.resize(200, 200)
    assert panel.kinds.buttons[ALL_MISS].text() == "All miss"
