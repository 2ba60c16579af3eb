"""How images are split: linked shares, folds, official parts, what each makes of the classes, what is warned of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from PySide6.QtCore import Qt

from tests.gui.test_window_text import EVIL, assert_harmless
from workbench.gui.data.split_dialog import SplitDialog, balanced, whole_shares
from workbench.gui.data.split_preview import preview_split
from workbench.records.curation import Curation
from workbench.records.index import ImageIndex
from workbench.records.splits import SplitPlan, make_split


def opened(qtbot, session, index: ImageIndex) -> SplitDialog:
    session.show_index(index)
    made = SplitDialog(session)
    qtbot.addWidget(made, before_close_func=SplitDialog.reject)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # qtbot does it
    made.show()
    return made


def cells(dialog: SplitDialog) -> list[tuple[str, ...]]:
    model = dialog.table.model()
    return [tuple(model.index(row, c).data() for c in (0, 2, 3, 4)) for row in range(model.rowCount())]


def by_hand(index: ImageIndex, plan: SplitPlan) -> list[tuple[str, ...]]:
    """Rows of the table, counted one image at a time."""
    split = make_split(index.ids, index.label, index.group, seed=0, plan=plan, official=index.part)
    seen = Counter(zip(index.label.tolist(), split.part.tolist(), strict=True))
    return [
        (name, *(str(seen[code, part]) for part in range(3)))
        for code, name in enumerate(sorted(index.classes))
    ]


def with_parts(index: ImageIndex, parts: dict[int, int]) -> ImageIndex:
    """Every image in training but those at some positions."""
    part = np.zeros(len(index), np.int8)
    for position, number in parts.items():
        part[position] = number
    return replace(index, part=part)


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_linked_shares_sum_to_100(changed: int) -> None:
    for values in product((1, 20, 50, 97, 98), repeat=3):
        found = balanced(list(values), changed)
        assert sum(found) == 100
        assert min(found) >= 1
        assert found[changed] == values[changed]
    assert balanced([70, 20, 20], 0) == [70, 20, 10], "the test part gives first"
    assert balanced([60, 20, 30], 2) == [50, 20, 30], "and takes from training"


def test_shares_are_shown_in_whole_per_cents() -> None:
    assert whole_shares((0.6, 0.2, 0.2)) == [60, 20, 20]
    assert sum(whole_shares((1 / 3, 1 / 3, 1 / 3))) == 100
    assert whole_shares((0.998, 0.001, 0.001)) == [98, 1, 1]


def test_the_preview_is_the_split_of_seed_0(qtbot, session, small_index) -> None:
    dialog = opened(qtbot, session, small_index)
    qtbot.waitUntil(lambda: cells(dialog) == by_hand(small_index, SplitPlan()))
    assert dialog.groups.text() == "Groups: 2 train · 1 validation · 1 test"
    dialog.shares[0].setValue(40)
    assert [spin.value() for spin in dialog.shares] == [40, 20, 40]
    plan = SplitPlan(fractions=(0.4, 0.2, 0.4))
    qtbot.waitUntil(lambda: cells(dialog) == by_hand(small_index, plan))
    dialog.apply.click()
    [(name, found)] = session.calls
    assert (name, found.kind) == ("set_plan", "shares")
    assert found.fractions == pytest.approx((0.4, 0.2, 0.4))


def test_enter_in_a_field_takes_the_way_that_is_chosen(qtbot, session, small_index) -> None:
    dialog = opened(qtbot, session, small_index)
    qtbot.keyClick(dialog.folds, Qt.Key.Key_Return)
    assert session.calls == [("set_plan", SplitPlan())]


def test_shares_that_nobody_touched_stay_exact(qtbot, session, small_index) -> None:
    plan = SplitPlan(fractions=(0.625, 0.125, 0.25))
    session.settings.curation = Curation(plan=plan)
    dialog = opened(qtbot, session, small_index)
    dialog.apply.click()
    assert session.calls == [("set_plan", plan)]


def test_folds_are_recommended_where_groups_are_few(qtbot, session, small_index) -> None:
    dialog = opened(qtbot, session, small_index)
    qtbot.waitUntil(dialog.recommended.isVisible)
    assert dialog.why.text().startswith("Only 4 groups")
    dialog.folds.setValue(4)
    assert dialog.ways["folds"].isChecked(), "a number of folds is a choice of folds"
    plan = SplitPlan(kind="folds", folds=4)
    qtbot.waitUntil(lambda: cells(dialog) == by_hand(small_index, plan))
    assert "first of 4 folds" in dialog.shown.text()
    dialog.apply.click()
    assert session.calls == [("set_plan", plan)]


def test_without_groups_folds_are_only_offered(qtbot, session, small_index) -> None:
    index = replace(small_index, group=np.full(len(small_index), -1, np.int32), groups=())
    dialog = opened(qtbot, session, index)
    qtbot.waitUntil(lambda: bool(cells(dialog)))
    assert not dialog.recommended.isVisible()
    assert not dialog.groups.isVisible()


def test_official_parts_need_a_table(qtbot, session, small_index) -> None:
    dialog = opened(qtbot, session, small_index)
    assert not dialog.ways["official"].isEnabled()
    assert "No image has an official part" in dialog.official.text()


def test_official_parts_are_counted_and_completed(qtbot, session, small_index) -> None:
    index = with_parts(small_index, {1: 2, 14: 2, 27: 2, 5: -1})
    dialog = opened(qtbot, session, index)
    told = dialog.official.text()
    assert told.startswith(
        "33 train, 0 validation, 3 test. The missing validation part is drawn from training."
    )
    assert told.endswith("1 image without a part takes no part in a score.")
    dialog.ways["official"].setChecked(True)
    plan = SplitPlan(kind="official")
    qtbot.waitUntil(lambda: cells(dialog) == by_hand(index, plan))
    assert sum(int(row[3]) for row in cells(dialog)) == 3
    dialog.apply.click()
    assert session.calls == [("set_plan", plan)]


def test_an_official_split_that_trains_on_nothing_is_refused(qtbot, session, small_index) -> None:
    index = replace(small_index, part=np.full(len(small_index), 2, np.int8))
    session.settings.curation = Curation(plan=SplitPlan(kind="official"))
    dialog = opened(qtbot, session, index)
    qtbot.waitUntil(dialog.error.isVisible)
    assert dialog.error.text().startswith("There is no official training part.")
    assert not dialog.apply.isEnabled()
    dialog.ways["shares"].setChecked(True)
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert not dialog.error.isVisible()


def test_warnings_say_what_the_split_can_not_do(small_index) -> None:
    def names(index: ImageIndex, plan: SplitPlan, leaks: int = 0) -> dict[str, str]:
        return {found.name: found.advice for found in preview_split(index, plan, leaks).findings}

    label = small_index.label.copy()
    label[label == 2] = -1
    label[-1] = 2  # one image of "stain"
    lonely = names(replace(small_index, label=label), SplitPlan(), leaks=2)
    assert lonely["empty part"].startswith("stain: no image of it is ")
    assert "small class" in lonely
    assert lonely["leak"].startswith("2 sets of copies")
    assert "empty part" not in names(small_index, SplitPlan())
    tested = {int(np.flatnonzero(small_index.group == group)[0]): 2 for group in (0, 3)}
    torn = names(with_parts(small_index, tested), SplitPlan(kind="official"))
    assert torn["torn group"].startswith("2 groups lie in more than one official part")


@pytest.mark.parametrize(("openings", "words"), [(0, "not been opened"), (1, "once"), (3, "3 times")])
def test_looks_at_the_test_part_are_told(qtbot, session, small_index, openings: int, words: str) -> None:
    session.test_openings = openings
    dialog = opened(qtbot, session, small_index)
    assert words in dialog.opened.text()
    assert ("choice" in dialog.opened.text()) == bool(openings)


def test_without_labels_there_is_nothing_to_split(qtbot, session, small_index) -> None:
    dialog = opened(qtbot, session, replace(small_index, label=np.full(len(small_index), -1, np.int32)))
    assert not dialog.card.isVisible()


def test_names_are_shown_as_they_are(qtbot, session, small_index) -> None:
    index = replace(
        small_index, classes=(EVIL, *small_index.classes[1:]), groups=(EVIL, *small_index.groups[1:])
    )
    dialog = opened(qtbot, session, index)
    qtbot.waitUntil(lambda: bool(cells(dialog)))
    assert assert_harmless(dialog)
