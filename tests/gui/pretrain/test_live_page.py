"""A run that is looked at: what it says, what can be done with it, and the others drawn over it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel

from tests.gui.comparison import small_comparison
from tests.gui.pretrain import made
from workbench.gui import theme
from workbench.gui.pretrain.commands import BRANCH, COMPARE, CONTINUE, NEW, PAUSE, RUNS, START, STOP
from workbench.gui.pretrain.dialogs import BranchDialog, ContinueDialog
from workbench.gui.pretrain.run_rows import checkpoints
from workbench.gui.pretrain.runs_model import MOST, Column, places
from workbench.gui.pretrain.view import PretrainView
from workbench.gui.pretrain.words import architecture_words, run_heading
from workbench.records.files import write_text
from workbench.records.jobs import PretrainJob
from workbench.records.pretraining import HEALTH
from workbench.records.runs import RunFolder, Status
from workbench.supervisor import JobState

EVIL = "<b>bold</b>\u202e\x1b[31m"


def live(session, run: RunFolder, state: str = "running", **more: object) -> None:
    """As if the supervisor told of the run."""
    status = replace(run.status(), state=state, **more)
    session._jobs._states[run.id] = JobState(id=run.id, kind="pretrain", title="x", status=status)
    session.jobs_changed.emit()


def show(qtbot, view: PretrainView, run: RunFolder) -> None:
    view.show_run(run.id)
    qtbot.waitUntil(lambda: view.live.row is not None and view.live.row.id == run.id)
    qtbot.waitUntil(lambda: "loss" in view.live.watch.curves(run.id).series)


def dialogs(kind: type) -> list:
    return [
        found for found in QApplication.topLevelWidgets() if isinstance(found, kind) and found.isVisible()
    ]


def test_the_heading_says_what_runs_and_how_far_it_is(qtbot, view, ready) -> None:
    run = made.run(ready.project, steps=6120, every=2)
    live(ready, run, eta=5040.0)
    show(qtbot, view, run)
    qtbot.waitUntil(lambda: "6,119 steps" in view.caption.text())
    assert view.heading.text().endswith(" · started from DINOv2 small")
    told = view.caption.text().split(" · ")
    assert told[:2] == ["Epoch 34 of 100", "6,119 steps"]
    assert told[2].endswith("img/s") and told[3:5] == ["data wait 1.2 %", "84 min left"]
    assert told[5].startswith("last checkpoint ") and told[5].endswith(" ago")
    assert [name for name, tool in view.tools.items() if not tool.isHidden()] == [PAUSE, STOP, BRANCH, NEW]


def test_the_heading_has_the_architecture_that_the_run_has_built(qtbot, view, ready) -> None:
    run = made.run(ready.project, steps=6120, every=2)
    run.add_provenance({"architecture": "vit_small_patch14_dinov2", "patch_size": 14})
    show(qtbot, view, run)
    qtbot.waitUntil(lambda: view.heading.text() == "DINO · ViT-S/14 · started from DINOv2 small")


def test_architectures_and_headings_in_words() -> None:
    assert architecture_words("vit_small_patch16_224") == "ViT-S/16"
    assert architecture_words("vit_tiny_patch16_224", 8) == "ViT-Ti/8"
    assert architecture_words("resnet50") == "ResNet-50"
    assert architecture_words("convnext_tiny") == "ConvNeXt tiny"
    assert architecture_words("odd\nname") == "odd\\nname"
    config = {"backbone": "vit_small_patch16_224", "start": ""}
    assert run_heading(config, "MAE", "") == "MAE · ViT-S/16 · from nothing"
    named = {**config, "start": "timm/vit_small_patch16_224.augreg_in21k"}
    assert run_heading(named, "DINO", "ViT small") == "DINO · ViT-S/16 · started from ViT small"
    other = {**config, "start": "facebook/dinov2-small"}
    assert run_heading(other, "DINO", "DINOv2 small") == "DINO · started from DINOv2 small"
    built = run_heading(other, "DINO", "DINOv2 small", "vit_small_patch14_dinov2", 14)
    assert built == "DINO · ViT-S/14 · started from DINOv2 small"
    assert run_heading({**config, "branch": "a"}, "DINO", "") == "DINO · ViT-S/16 · branched"


def test_curves_grow_while_it_runs(qtbot, view, ready) -> None:
    run = made.run(ready.project, steps=400, every=1)
    live(ready, run)
    show(qtbot, view, run)
    series = view.live.watch.curves(run.id).series["loss"]
    assert len(series) == 400
    plot = view.live.curves.plot
    assert [line.series for line in plot.lines] == [series]
    with (run.path / "metrics.jsonl").open("a") as stream:
        stream.write(made.lines(100, start=401))
    qtbot.waitUntil(lambda: len(series) == 500, timeout=3000)
    assert view.live.watch.runs[run.id].tail.bytes_read == (run.path / "metrics.jsonl").stat().st_size
    assert "500 steps" in view.caption.text()
    view.live.curves.actions_["gradient_norm"].trigger()
    assert view.live.curves.title.text() == "Gradient norm" and plot.log
    view.live.curves.epochs.trigger()
    assert plot.by_epoch and view.live.looks.plot.by_epoch
    assert ready.recall("pretrain.curve") == ["gradient_norm", True]


def test_the_best_public_backbone_is_a_dashed_line(qtbot, view, ready, small_index) -> None:
    run = made.run(ready.project, steps=2000)
    show(qtbot, view, run)
    looks = view.live.looks
    assert looks.aside.text() == "never the test part"
    assert [line.dashed for line in looks.plot.lines] == [False, True]
    assert looks.plot.mark is None and "would draw" in looks.note.text()
    result, _ = small_comparison(small_index)
    own = str(ready.project.run(run.id).path / "backbone")
    ids = {"strong": "facebook/dinov2-small", "middle": own, "weak": "random_vit"}
    ready.result = replace(
        result, models=tuple(replace(model, backbone=ids[model.name]) for model in result.models)
    )
    ready.result_changed.emit()
    strong = next(model for model in ready.result.models if model.name == "strong")
    assert looks.plot.mark.title == "DINOv2 small", "neither the project's own run, nor a floor"
    assert looks.plot.mark.value == strong.knn[result.metric].mean
    looks.plot.grab()


def test_health_says_each_number_in_a_word_and_what_to_do(qtbot, view, ready) -> None:
    run = made.run(ready.project, steps=200)
    show(qtbot, view, run)
    card = view.live.health
    qtbot.waitUntil(lambda: len(card.chips) == 4)
    assert card.aside.text() == "checked every 50 steps"
    assert card.chips[3].text() == "clipped 12 %" and card.chips[3].property("severity") == "warn"
    told = "\n".join(found.text() for found in card.findChildren(QLabel))
    assert "halve the learning rate" in told
    collapsed = replace(made.health(250), rows=(), findings=())
    collapsed.save(run.path / HEALTH)
    view.live.watch.look()
    qtbot.waitUntil(lambda: card.aside.toolTip() != "" and not card.findings.shown)
    (run.path / HEALTH).write_text("half a fi", "utf-8")
    view.live.watch.look()
    qtbot.waitUntil(lambda: not card.awaited.isHidden())


def test_runs_are_drawn_over_each_other_in_colours_that_stay(qtbot, view, ready) -> None:
    runs = [
        made.run(
            ready.project,
            method=name,
            state="done",
            start="",
            seed=number,
            steps=600,
            stamp=f"2026010{number}-120000",
        )
        for number, name in enumerate(("dino", "mae", "simclr"), start=1)
    ]
    show(qtbot, view, runs[0])
    page, model = view.live, view.live.model
    assert [row.id for row in model.rows] == [run.id for run in reversed(runs)], "the newest first"
    first = model.index(2, Column.RUN)
    assert first.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
    assert not first.flags() & Qt.ItemFlag.ItemIsUserCheckable, "the shown run is always drawn"
    table = page.runs.table
    table.setCurrentIndex(model.index(0, Column.RUN))
    qtbot.keyClick(table, Qt.Key.Key_Space)
    qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.keyClick(table, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: len(page.curves.plot.lines) == 3)
    colours = {line.name: line.colour for line in page.curves.plot.lines}
    assert len(set(colours.values())) == 3 and set(colours.values()) <= set(theme.PALETTE)
    assert {line.name: line.colour for line in page.looks.plot.lines} == colours
    assert page.curves.aside.text() == "this run and 2 more"
    assert page.curves.plot.lines[0].name == runs[0].id, "the shown run lies on top"
    table.setCurrentIndex(model.index(0, Column.RUN))
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert page.shown == runs[2].id
    qtbot.waitUntil(lambda: len(page.curves.plot.lines) >= 2)
    assert all(colours[line.name] == line.colour for line in page.curves.plot.lines)
    assert model.text(model.rows[1], Column.RUN) == "MAE ViT-S/16"
    assert model.text(model.rows[1], Column.STATE) == "done"
    assert model.text(model.rows[1], Column.EPOCHS) == "3 / 100"
    assert model.rows[1].knn is not None
    assert ready.recall("pretrain.ticked") == [runs[2].id, runs[1].id]


def test_no_more_runs_are_drawn_than_there_are_colours(qtbot, view, ready) -> None:
    runs = [
        made.run(ready.project, seed=number, steps=20, stamp=f"202601{number + 10}-120000")
        for number in range(MOST + 2)
    ]
    show(qtbot, view, runs[0])
    model = view.live.model
    for row in range(len(runs)):
        model.setData(model.index(row, Column.RUN), None, Qt.ItemDataRole.CheckStateRole)
    assert len(view.live.drawn()) == MOST


def test_pause_go_on_and_stop_reach_the_job(qtbot, view, ready, commands, monkeypatch) -> None:
    run = made.run(ready.project, steps=100)
    calls = []
    for name in ("pause", "resume", "stop", "retry"):
        monkeypatch.setattr(ready, name, lambda run_id, name=name: calls.append((name, run_id)))
    live(ready, run)
    show(qtbot, view, run)
    assert view.tools[PAUSE].text() == "Pause"
    view.tools[PAUSE].click()
    live(ready, run, "paused", detail="Paused")
    assert view.tools[PAUSE].text() == "Go on" and view.caption.text().startswith("Paused · Epoch 1 of 100")
    view.tools[PAUSE].click()
    view.tools[STOP].click()
    live(ready, run, "failed", error="The memory was too small. Take a smaller batch.")
    assert view.live.notice.text == "The memory was too small. Take a smaller batch."
    view.tools[PAUSE].click()
    assert calls == [(name, run.id) for name in ("pause", "resume", "stop", "retry")]
    live(ready, run, "queued", error="")
    assert view.live.notice.isHidden() and view.caption.text().startswith("Waits for its turn")
    assert commands.run(PAUSE) == "It does not run yet."


def test_a_finished_run_goes_into_the_comparison(qtbot, view, ready, commands) -> None:
    run = made.run(ready.project, state="done", steps=1000)
    show(qtbot, view, run)
    assert view.caption.text().startswith("Done · 5.5")
    shown = [name for name, tool in view.tools.items() if not tool.isHidden()]
    assert shown == [CONTINUE, BRANCH, COMPARE, NEW]
    view.tools[COMPARE].click()
    assert [choice.backbone for choice in ready.settings.chosen] == [str(run.path)]
    assert commands.gone == ["models"]
    assert commands.run(COMPARE) == "Its backbone is in the comparison already."


def test_continue_asks_for_more_epochs(qtbot, view, ready, commands) -> None:
    run = made.run(ready.project, state="done", steps=1000, epochs=100)
    show(qtbot, view, run)
    commands.run(CONTINUE)
    (dialog,) = dialogs(ContinueDialog)
    assert dialog.epochs.minimum() == 101 and dialog.epochs.value() == 200
    dialog.epochs.setValue(130)
    dialog.go.click()
    assert run.job().epochs == 130
    assert [known.id for known in ready.submitted if "-pretrain-" in known.id] == [run.id]


def test_a_branch_begins_at_a_checkpoint_with_the_runs_own_values(qtbot, view, ready, commands) -> None:
    run = made.run(ready.project, state="stopped", steps=1000, checkpoints=3)
    (run.path / "checkpoints" / "step-evil.safetensors").write_bytes(b"")
    (run.path / "checkpoints" / "notes.txt").write_bytes(b"")
    assert [step for step, _ in checkpoints(run.path)] == [1000, 900, 800]
    show(qtbot, view, run)
    commands.run(BRANCH)
    (dialog,) = dialogs(BranchDialog)
    assert [dialog.checkpoint.itemText(row).split(",")[0] for row in range(3)] == [
        "Step 1",
        "Step 900",
        "Step 800",
    ]
    dialog.checkpoint.setCurrentIndex(1)
    dialog.epochs.setValue(40)
    dialog.rate.setValue(0.0002)
    dialog.go.click()
    (branch,) = [known for known in ready.submitted if "-pretrain-" in known.id]
    job = branch.job()
    assert isinstance(job, PretrainJob)
    assert Path(job.branch) == run.path / "checkpoints" / "step-000000900.safetensors"
    assert (job.epochs, job.learning_rate, job.method, job.preset) == (40, 0.0002, "dino", "industrial")
    assert job.index == str(ready.project.folder / "index.npz"), "the images are those of the project now"
    qtbot.waitUntil(lambda: view.live.row is not None and view.live.row.id == branch.id)
    assert view.heading.text() == "DINO · branched"
    assert commands.run(BRANCH) == "It has no checkpoint yet. The first comes within minutes."


def test_to_and_fro_between_the_next_run_and_the_last(qtbot, view, ready, commands) -> None:
    assert commands.run(RUNS) == "No backbone was pretrained in this project yet."
    run = made.run(ready.project, state="done", steps=200)
    show(qtbot, view, run)
    view.tools[NEW].click()
    assert view.stack.currentWidget() is view.setup and not view.tools[RUNS].isHidden()
    view.tools[RUNS].click()
    assert view.stack.currentWidget() is view.live
    again = PretrainView(ready, type(commands)())
    qtbot.addWidget(again)
    qtbot.waitUntil(lambda: again.stack.currentWidget() is again.live)
    assert again.live.shown == run.id


def test_a_discarded_run_leaves_and_its_neighbour_is_shown(qtbot, view, ready) -> None:
    old = made.run(ready.project, state="done", steps=100, seed=1, stamp="20260101-120000")
    new = made.run(ready.project, state="done", steps=100, seed=2, stamp="20260102-120000")
    show(qtbot, view, new)
    ready.project.discard(new)
    ready.jobs_changed.emit()
    qtbot.waitUntil(lambda: view.live.shown == old.id)
    ready.project.discard(old)
    ready.jobs_changed.emit()
    qtbot.waitUntil(lambda: view.stack.currentWidget() is view.setup)


def test_folders_that_are_damaged_or_hostile_do_no_harm(qtbot, view, ready) -> None:
    broken = made.run(ready.project, steps=10, seed=1, stamp="20260101-120000")
    write_text(broken.path / "run.json", "{")
    odd = made.run(ready.project, state="failed", steps=50, start=EVIL, seed=2, stamp="20260102-120000")
    odd.write_status(Status(state="failed", error=EVIL))
    show(qtbot, view, odd)
    assert [row.id for row in view.live.rows] == [odd.id]
    for label in view.findChildren(QLabel):
        assert "\u202e" not in label.text() and "\x1b" not in label.text()
    assert "\u202e" not in view.live.model.index(0, Column.RUN).data()


@pytest.mark.parametrize("size", [(1160, 560), (2440, 1250)])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_pages_fit_their_sizes(qtbot, view, ready, size, mode) -> None:
    run = made.run(ready.project, state="done", steps=300)
    show(qtbot, view, run)
    theme.themes().set_preference(mode)
    view.resize(*size)
    for page in (view.show_live, view.show_setup):
        page()
        QApplication.processEvents()
        least = view.minimumSizeHint()
        assert least.width() <= 872 and least.height() <= 480, "a window of 960 x 600, less what is around it"
        view.grab()


def test_a_narrow_window_has_two_columns_and_loses_nothing(qtbot, view) -> None:
    setup = view.setup
    for width, aside in ((1200, True), (880, False), (1200, True)):
        view.resize(width, 560)
        QApplication.processEvents()
        assert setup.right.isVisible() is aside
        for card in (setup.estimate, setup.audit):
            assert card.isVisible()
            left = card.mapTo(setup, QPoint()).x()
            assert (left > setup.views.mapTo(setup, QPoint()).x()) is aside
            assert left + card.width() <= setup.width()


def test_100_000_steps_are_read_in_pieces_that_leave_the_window_alone(qtbot, view, ready) -> None:
    run = made.run(ready.project, steps=10)
    (run.path / "metrics.jsonl").write_text(
        "".join(
            f'{{"step": {step}, "epoch": {step / 500}, "loss": {1 + 1 / step}}}\n'
            for step in range(1, 100_001)
        )
    )
    begun = time.perf_counter()
    show(qtbot, view, run)
    first = time.perf_counter() - begun
    qtbot.waitUntil(lambda: len(view.live.watch.curves(run.id).series["loss"]) == 100_000, timeout=20_000)
    whole = time.perf_counter() - begun
    assert first < whole, "the first of it is in sight before the last"
    size = (run.path / "metrics.jsonl").stat().st_size
    assert view.live.watch.runs[run.id].tail.bytes_read == size
    view.live.watch.look()
    qtbot.wait(100)
    assert view.live.watch.runs[run.id].tail.bytes_read == size, "nothing is read again"


def test_every_command_has_words_and_a_reason(view, commands) -> None:
    found = [command for command in commands.all() if command.id.startswith("pretrain.")]
    assert len(found) == 11
    for command in found:
        assert command.place == "pretrain" and command.help and command.title[0].isupper()
        reason = command.why_not()
        assert reason == "" or reason.endswith(".")
    assert commands[START].keys == "Ctrl+Return"


def test_a_run_keeps_its_place_in_the_palette_and_no_two_share_one() -> None:
    assert places(["a", "b"], {}) == {"a": 0, "b": 1}
    assert places(["c", "b"], {"a": 0, "b": 1}) == {"c": 0, "b": 1}
    back = places(["a", "c", "b"], {"a": 0, "b": 1, "c": 0})
    assert back["b"] == 1 and len(set(back.values())) == 3
