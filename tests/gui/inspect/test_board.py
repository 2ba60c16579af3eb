"""The board as a state: what is asked and when, which rows and columns there are, what is remembered."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.gui.comparison import facts
from tests.gui.inspect.sights import sight
from workbench.gui.inspect.board import Answer, Board
from workbench.gui.inspect.columns import columns_of, default_models
from workbench.gui.inspect.rows import ChosenRows, choose_rows, hardest
from workbench.records.boards import BoardPlan, Rows
from workbench.records.brought import Brought
from workbench.records.catalogue import PLUGIN, PRETRAINED_HERE
from workbench.records.inspection import SHOWN, InspectSettings, Sight
from workbench.records.runs import Status
from workbench.records.spec import Reading
from workbench.supervisor import JobState

NOTHING = Brought()


@pytest.fixture
def board(compared, qtbot) -> Board:
    made = Board(compared)
    qtbot.waitUntil(lambda: bool(made.rows))
    made.set_active(True)
    return made


# What is asked


def test_only_what_needs_a_pass_is_asked_again(qtbot, board, models) -> None:
    first = models.answer()
    assert first.models == ("lab/strong", "lab/middle", "lab/weak")
    assert first.show == "attention" and len(first.images) == 8 and first.curation
    assert all(board.is_current(model) for model in board.models)
    for change in ({"layer": 1}, {"head": 2}, {"opacity": 0.3}, {"keep_mass": 0.5}, {"artefacts": False}):
        board.set(**change)
        assert not board.waiting, change
    board.set(query="mean")
    assert models.answer().query == "mean"
    board.set(rollout="max", layer=2)
    assert models.answer().rollout == "max"
    board.set(layer=3)  # a rollout goes through the layers up to it
    assert models.answer().layer == 3


@pytest.mark.parametrize("show", SHOWN)
def test_another_size_is_asked_of_every_model(qtbot, board, models, compared, show) -> None:
    models.answer()
    board.set(show=show)
    if show != "attention":
        models.answer()
    board.set(image_size=448)
    job = models.answer()
    assert job.image_size == 448 and job.models == board.models
    board.set(opacity=0.3)
    assert not board.waiting
    board.remember()
    assert Board(compared).settings.image_size == 448


def test_a_model_that_comes_to_it_is_asked_alone(qtbot, board, models) -> None:
    models.answer()
    board.set_models([*board.models, "lab/new"])
    assert models.answer().models == ("lab/new",)
    board.set_models(["lab/new", "lab/strong"])
    assert not board.waiting


def test_rows_that_were_asked_about_are_not_asked_again(qtbot, board, models) -> None:
    models.answer()
    few = board.rows[:3]
    board.set_rows(kind="kept", ids=few)
    qtbot.waitUntil(lambda: board.rows == few)
    assert not board.waiting
    board.set(show="segments")  # groups are made over all pictures together
    assert len(models.answer().images) == 3
    board.set_rows(ids=few[:2])
    assert len(models.answer().images) == 2


def test_what_was_shown_before_is_still_known(board, models) -> None:
    models.answer()
    board.set(show="patch-pca")
    models.answer()
    board.set(show="attention")
    assert not board.waiting and len(board.sights()) == 3


def test_old_answers_are_drawn_as_they_were_asked(board, models) -> None:
    models.answer()
    board.set(query="0.2,0.3", opacity=0.1)
    answer = board.answer("lab/strong")
    drawn = board.drawn(answer)
    assert board.waiting and (drawn.query, drawn.opacity) == ("cls", 0.1)
    models.answer()
    assert board.drawn(board.answer("lab/strong")).query == "0.2,0.3"


def test_likeness_asks_for_a_patch_of_one_image(board, models) -> None:
    board.set(show="likeness")
    models.answer()
    board.ask_place(board.rows[2], (0.25, 0.75))
    job = models.answer()
    assert (job.query, job.query_image) == ("0.2500,0.7500", 3)
    board.ask_place(board.rows[4], (0.25, 0.75))
    assert models.answer().query_image == 5


def test_a_board_out_of_sight_asks_nothing(qtbot, compared) -> None:
    board = Board(compared)
    qtbot.waitUntil(lambda: bool(board.rows))
    board.set(query="mean")
    assert not board.waiting and not compared.submitted
    board.set_active(True)
    assert board.waiting


def test_pages_and_files_are_those_of_the_rows(board, models, small_index) -> None:
    job = models.answer()
    files = [str(small_index.file(small_index.ids.index(each))) for each in board.rows]
    assert list(job.images) == files and job.pages == (0,) * 8


def test_a_worker_that_breaks_is_told_and_asked_again(qtbot, board, compared, models) -> None:
    qtbot.waitUntil(lambda: bool(compared.submitted))
    run = compared.submitted[-1]
    state = JobState(id=run.id, kind="inspect", title="x", status=Status(state="failed", error="It broke."))
    with qtbot.waitSignal(board.failed) as told:
        compared._jobs._on_changed(state)
    assert told.args == ["It broke."] and board.why == "It broke." and not board.waiting
    board.ask()
    models.answer()
    assert not board.why and len(compared.submitted) == 2


def test_a_worker_that_ended_just_when_it_was_asked_answers_all_the_same(
    qtbot, board, compared, models
) -> None:
    models.answer()
    board.set(query="mean")
    qtbot.waitUntil(lambda: models.read()[0] > models.answered)
    run = compared.submitted[-1]
    compared._jobs._on_changed(JobState(id=run.id, kind="inspect", title="x", status=Status(state="done")))
    qtbot.waitUntil(lambda: len(compared.submitted) == 2)
    assert models.answer().query == "mean"
    assert all(board.is_current(model) for model in board.models)


def test_half_of_the_answers_are_shown_before_the_rest(qtbot, board, compared, models) -> None:
    qtbot.waitUntil(lambda: bool(compared.submitted))
    number, job = models.read()
    sight(job, "lab/middle", number).save(compared.submitted[-1].path / "sight-1.npz")
    qtbot.waitUntil(lambda: board.answer("lab/middle") is not None)
    assert board.waiting and board.asker.answered == 1 and board.answer("lab/strong") is None


def test_answers_to_other_questions_are_let_go(board, models, monkeypatch) -> None:
    monkeypatch.setattr("workbench.gui.inspect.board.KEPT_BYTES", 0)
    models.answer()
    board.set(show="segments")
    models.answer()
    assert {show for _, show in board._answers} == {"segments"}


# Rows


def by_hand(compared) -> tuple[np.ndarray, np.ndarray]:
    """(models, N) shares of wrong answers, and (N,) how many answers there are, one at a time."""
    told = compared.predictions
    wrong = np.zeros((len(told.models), len(told.items)))
    answers = np.zeros(len(told.items))
    for model, seeds in enumerate(told.predicted):
        for said in seeds:
            for item, code in enumerate(said):
                if code >= 0:
                    answers[item] += 1
                    wrong[model, item] += code != told.truth[item]
    return wrong, answers


def test_misses_are_those_of_the_model(compared, small_index) -> None:
    wrong, answers = by_hand(compared)
    told, names = compared.predictions, small_index.classes
    for number, model in enumerate(("strong", "middle", "weak")):
        found = choose_rows(Rows(kind="misses", model=model, number=48), small_index, told)
        missed = np.flatnonzero(2 * wrong[number] > answers / 3)
        assert set(found.ids) == {str(told.items[at]) for at in missed}
        for identifier, said in found.said.items():  # each image is called the next class, if anything else
            item = list(told.items).index(identifier)
            assert said == (told.truth[item] + 1) % len(names)
        sure = []
        for identifier in found.ids:
            item = list(told.items).index(identifier)
            bad = (told.predicted[number, :, item] >= 0) & (
                told.predicted[number, :, item] != told.truth[item]
            )
            sure.append(told.confidence[number, bad, item].astype(float).mean())
        assert sure == sorted(sure, reverse=True)
    assert choose_rows(Rows(kind="misses", model="weak", number=3), small_index, told).ids == found.ids[:3]


def test_the_hardest_are_missed_by_most(compared) -> None:
    wrong, answers = by_hand(compared)
    order = hardest(compared.predictions)
    assert sorted(order.tolist()) == list(range(len(answers)))
    share = (wrong.sum(axis=0) / answers)[order]
    assert (np.diff(share) <= 0).all() and share[0] > share[-1]


def test_a_draw_is_the_same_each_time(compared, small_index) -> None:
    draw = [choose_rows(Rows(draw=number), small_index, None).ids for number in (0, 0, 1)]
    assert draw[0] == draw[1] != draw[2] and len(set(draw[0])) == 8
    assert set(draw[0]) <= set(small_index.ids)
    assert choose_rows(Rows(kind="misses"), small_index, None) == ChosenRows()


def test_picked_rows_are_the_selection_in_the_order_of_the_folder(
    qtbot, board, compared, small_index
) -> None:
    ids = [small_index.ids[at] for at in (7, 2, 5)]
    compared.select(ids)
    board.pick()
    qtbot.waitUntil(lambda: board.rows == tuple(small_index.ids[at] for at in (2, 5, 7)))


def test_a_pinned_row_stays_first_whatever_is_chosen(qtbot, board) -> None:
    kept = board.rows[5]
    board.pin(kept)
    qtbot.waitUntil(lambda: board.rows[0] == kept)
    board.set_rows(kind="hardest", number=4)
    qtbot.waitUntil(lambda: board.rows[0] == kept and len(board.rows) in (4, 5))
    board.pin(kept)
    qtbot.waitUntil(lambda: len(board.rows) == 4)


def test_the_oddest_are_painted_worst_of_a_draw(qtbot, board, models) -> None:
    models.answer()
    board.set_rows(kind="odd", number=4)
    board.set(show="reconstruction")
    qtbot.waitUntil(lambda: len(board.asked_ids) == 16)
    job = models.answer()
    assert len(job.images) == 16  # the made errors rise from picture to picture
    assert board.rows == tuple(reversed(board.asked_ids))[:4]
    shown = board.rows
    board.set(show="attention")  # what is in sight stays, though no other view knows the oddest
    qtbot.waitUntil(lambda: board.plan.rows.kind == "kept" and board.rows == shown)


# Columns


def test_columns_are_the_comparison_and_what_was_pretrained_here(compared) -> None:
    own = facts("own", source=PRETRAINED_HERE)
    blind = facts("blind", source="built in", family="Floor", patch=0)
    floor = facts("floor", source="built in", family="Floor", patch=16)
    catalogue = (*compared.catalogue, own, blind, floor)
    found = default_models(compared.result, ["lab/floor"], catalogue)
    assert found == ("lab/strong", "lab/middle", "lab/weak", "lab/own")
    missing = facts("missing", available=False)
    found = default_models(None, ["lab/blind", "lab/floor", "lab/missing"], (*catalogue, missing))
    assert found == ("lab/floor", "lab/own")


def test_what_the_program_brings_along_joins_where_nothing_else_has_trained_patches() -> None:
    floor = facts("floor", source="built in", family="Floor", patch=16)
    brought = facts("brought", source="built in", family="ViT", patch=8)
    convolutions, transformer = facts("convolutions", patch=0), facts("transformer", patch=14)
    catalogue = (floor, brought, convolutions, transformer)
    assert default_models(None, ["lab/convolutions", "lab/floor"], catalogue) == (
        "lab/convolutions",
        "lab/floor",
        "lab/brought",
    )
    assert default_models(None, ["lab/transformer"], catalogue) == ("lab/transformer",)


def test_backbones_of_plugins_are_columns_where_they_give_patches(compared) -> None:
    blind = facts("blind", source=PLUGIN, features=("cls", "pooled"))
    sees = facts("sees", source=PLUGIN, features=("cls", "cls+mean"))
    chosen = [
        "lab/blind",
        "lab/sees",
        "hub:/x",
        "lab/strong",
    ]  # which of a folder are patches nobody knows yet
    found = default_models(None, chosen, (*compared.catalogue, blind, sees))
    assert found[:3] == ("lab/sees", "hub:/x", "lab/strong") and "lab/blind" not in found


def test_a_head_has_the_number_of_the_probe(compared) -> None:
    strong, new = columns_of(compared, ("lab/strong", "lab/new"))
    score = compared.result.models[0].probe["macro_f1"]
    assert strong.probe == f"probe {np.mean(score.values):.3f} ± {np.std(score.values, ddof=1):.3f}"
    assert (strong.title, strong.name) == ("Strong", "strong") and "4 splits" in strong.probe_tip
    assert new.probe == "not probed yet" and "run the comparison" in new.probe_tip


# What is remembered


def test_the_board_comes_back_with_the_project(qtbot, board, compared) -> None:
    board.set(show="likeness", layer=2)
    board.set_rows(kind="hardest", number=5)
    board.set_models(["lab/weak"])
    board.remember()
    assert json.loads(json.dumps(compared.recall("inspect.board")))
    again = Board(compared)
    assert again.plan == board.plan and again.models == ("lab/weak",)
    qtbot.waitUntil(lambda: len(again.rows) == 5)


def test_what_was_remembered_by_another_version_costs_nothing(compared) -> None:
    compared.remember("inspect.board", {"settings": {"show": "x-ray"}})
    assert Board(compared).plan == BoardPlan()


def test_answers_are_found_by_image(compared) -> None:
    answer = Answer(Sight(model="m"), ("a", "b"), InspectSettings(), "a", Reading(), 1)
    assert (answer.row("b"), answer.row("c")) == (1, -1)
    assert replace(answer, sight=Sight(model="m", seen=np.zeros((2, 4)))).nbytes == 64
