"""Choosing what is learnt from, how, and with which views; what it takes; the audit; the start."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QSpinBox

from tests.gui.comparison import facts
from tests.gui.pretrain import made
from tests.gui.pretrain.conftest import CATALOGUE
from workbench.gui.pretrain.audit_card import AuditCard, instead_words, probed_with
from workbench.gui.pretrain.commands import START
from workbench.gui.pretrain.plan import Plan
from workbench.gui.pretrain.view import PretrainView
from workbench.gui.pretrain.views_canvas import PICTURE, fit, slots
from workbench.gui.pretrain.words import can_learn
from workbench.records.augmentation import under_preset
from workbench.records.catalogue import PLUGIN
from workbench.records.jobs import PretrainJob
from workbench.records.methods import FAMILIES
from workbench.records.pretrain_plans import AUDIT, ESTIMATE
from workbench.records.runs import Status
from workbench.supervisor import JobState

EVIL = "<b>bold</b>\u202e\x1b[31m"


def words(widget) -> str:
    return "\n".join(found.text() for found in widget.findChildren(QLabel) if not found.isHidden())


def end(session, run) -> None:
    run.write_status(Status(state="done"))
    session._jobs._on_changed(JobState(id=run.id, kind="x", title="x", status=Status(state="done")))


def test_with_nothing_to_learn_from_it_says_so_and_offers_the_next_step(qtbot, session, commands) -> None:
    view = PretrainView(session, commands)
    qtbot.addWidget(view)
    view.show()
    assert view.stack.currentWidget() is view.empty
    assert [made_.text() for made_ in view.empty_state.buttons] == [
        "Choose image folder…",
        "Choose unlabelled pool…",
        "Open the sample project",
    ]
    for made_ in view.empty_state.buttons:
        made_.click()
    assert commands.gone == ["project.open", "project.pool", "project.sample"]
    assert commands.run(START).startswith("Choose an image folder")


def test_methods_stand_in_their_families_with_a_sentence_each(view, ready) -> None:
    card = view.setup.method
    assert set(card.buttons) == {facts.name for facts in made.methods()}
    told = words(card)
    for what, _ in FAMILIES.values():
        assert what in told
    assert view.plan.method.name == "dino"
    card.buttons["mae"].click()
    assert view.plan.method.name == "mae"
    assert "MAE learns by reconstruction" in words(card) and "Not for:" in words(card)
    assert view.setup.recipe.own is not None and set(view.setup.recipe.own.fields) == {"mask_ratio"}


def test_methods_that_come_late_fill_the_place(qtbot, ready, commands) -> None:
    ready.pretraining.methods = ()
    view = PretrainView(ready, commands)
    qtbot.addWidget(view)
    assert not view.setup.method.buttons
    assert "looked up" in commands.run(START)
    ready.pretraining._show_methods(made.methods())
    assert view.plan.method.name == "dino" and view.setup.method.buttons
    assert commands[START].why_not() == ""


def test_a_public_backbone_is_proposed_and_what_cannot_learn_is_not_offered(view, ready) -> None:
    start = view.setup.start_card.start
    assert view.plan.start == "facebook/dinov2-small"
    offered = [start.itemData(row) for row in range(start.count())]
    assert offered == ["", CATALOGUE[0].id, CATALOGUE[1].id], (
        "DINO takes transformers that are here, and no floor"
    )
    view.plan.choose_method("simclr")
    assert "timm/resnet50.a1_in1k" in [start.itemData(row) for row in range(start.count())]
    start.setCurrentIndex(start.findData("timm/resnet50.a1_in1k"))
    start.activated.emit(start.currentIndex())
    assert (view.plan.start, view.plan.backbone) == ("timm/resnet50.a1_in1k", "resnet50")
    assert not view.setup.start_card.backbone.isEnabled()
    view.plan.choose_method("mae")
    assert view.plan.start == "facebook/dinov2-small", "a convolutional network has no patches to hide"
    assert view.plan.backbone == "vit_small_patch16_224"
    view.plan.choose_start("")
    view.plan.choose_method("dino")
    assert view.plan.start == "", "random weights were the user's choice"
    view.plan.choose_backbone("resnet18")
    assert "needs a transformer" in view.plan.why_not()
    assert "needs a transformer" in view.caption.text()
    assert not view.tools[START].isEnabled()


def test_the_pool_tells_counts_and_what_they_mean(view, ready, small_index) -> None:
    card = view.setup.pool
    train, val, test = ready.split.counts()
    assert f"{train:,} of the training part" in card.means.text()
    assert f"{val + test:,} of validation and test stay unseen" in card.means.text()
    assert card.aside.text() == f"up to {train} images"
    card.choice.buttons["all"].click()
    assert card.aside.text() == f"up to {train + val + test} images"
    assert "no longer of unseen images" in card.means.text()
    card.choice.buttons["unlabelled"].click()
    assert "no unlabelled images" in view.plan.why_not()
    ready.dataset.pool = small_index
    ready.dataset_changed.emit()
    assert view.plan.why_not() == ""
    assert card.aside.text() == f"up to {len(small_index)} images"


def test_the_recipe_is_the_jobs_own_and_what_is_wrong_is_shown(qtbot, view, ready) -> None:
    form = view.setup.recipe.form
    assert {"epochs", "batch_size", "image_size", "patch_size"} <= set(form.fields)
    assert not {"index", "method", "preset", "branch", "cache"} & set(form.fields)
    epochs = form.fields["epochs"]
    assert isinstance(epochs, QSpinBox) and epochs.value() == 100
    assert form.advanced.isHidden()
    epochs.setValue(0)
    view.start()
    assert not [run for run in ready.submitted if "-pretrain-" in run.id]
    assert form._errors["epochs"].text().startswith("epochs must be between 1")
    epochs.setValue(12)
    view.setup.recipe.own.fields["temperature"].setValue(0.2)
    assert view.plan.values()["settings"] == ("temperature=0.2",)
    assert view.plan.values()["epochs"] == 12
    assert "batch_size" not in view.plan.values(), "what was left alone stays the engine's choice"


def test_a_preset_and_changes_by_hand_go_into_the_job(view) -> None:
    card, plan = view.setup.augment, view.plan
    plan.choose_method("dino")
    card.preset.setCurrentIndex(card.preset.findData("industrial"))
    card.preset.activated.emit(card.preset.currentIndex())
    assert plan.preset == "industrial" and "solarising" in card.reason.text()
    assert list(card.kinds.buttons) == ["0", "1", "2"]
    card.kinds.buttons["2"].click()
    assert card.knobs["crop_max"].field.value() == pytest.approx(0.4)
    card.knobs["crop_min"].field.setValue(0.5)
    assert plan.values()["augment"] == ("3.crop_min=0.5", "3.crop_max=0.5"), "the other end gives way"
    card.knobs["hue"].slider.setValue(card.knobs["hue"].slider.maximum() // 2)
    assert plan.views.views[2].hue == pytest.approx(0.25)
    assert plan.views.views[0].hue == 0
    assert card.knobs["hue"].name.property("role") == "strong"
    assert card.aside.text() == "3 changes"
    card.reset.click()
    assert plan.values()["augment"] == () and not card.reset.isEnabled()
    assert plan.views == under_preset(plan.method.published, "industrial")


def test_every_change_asks_for_new_views_and_shows_them(qtbot, view, ready) -> None:
    card, store = view.setup.views, ready.pretraining
    qtbot.waitUntil(lambda: bool(ready.submitted))
    run = ready.submitted[-1]

    def asked() -> dict:
        return json.loads((run.path / "ask.json").read_text("utf-8"))

    assert asked()["config"]["method"] == "dino"
    store.previewer.came.emit(made.preview(view.plan.views, ask=asked()["ask"]))
    assert card.pages.currentWidget() is card.canvas
    view.plan.change_views(["hue=0.3"])
    qtbot.waitUntil(lambda: "1.hue=0.3" in asked()["config"]["augment"])
    assert asked()["draw"] == 0
    card.again.click()
    qtbot.waitUntil(lambda: asked()["draw"] == 1)
    store.previewer.failed.emit("No image can be read.")
    assert "No image can be read." in words(card)
    view.hide()
    assert store.previewer._leave.isActive(), "nobody looks: the worker is let go after a while"


def test_the_canvas_draws_boxes_masks_and_small_crops(qtbot, view) -> None:
    canvas = view.setup.views.canvas
    facts = ready_method("dino")
    preview = made.preview(facts.published, hidden=0.5)
    assert [slot.column for slot in slots(preview)] == [0, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    canvas.show_preview(preview)
    view.setup.views.pages.setCurrentWidget(canvas)
    canvas.grab()
    assert (0, PICTURE) in canvas._rects and (0, 9) in canvas._rects
    assert canvas._rects[0, 9].right() <= canvas.width()
    canvas.setFocus()
    canvas._go(canvas.home())
    assert "first global, view 1" in canvas.tell(canvas.current)
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.current == (0, 1)
    told = canvas.tell((0, 2))
    area = preview.boxes[0, 2]
    share = 100 * float((area[1, 0] - area[0, 0]) * (area[2, 1] - area[1, 1]))
    assert f"Shows {share:.0f} % of the picture" in told
    assert f"{100 * preview.masks[2][0].mean():.0f} % of it hidden" in told
    legend = dict((text, colour) for colour, text in canvas.legend())
    assert list(legend) == ["first global, 112 px", "second global, 112 px", "8 × local crops, 48 px"]
    assert len(set(legend.values())) == 3


@pytest.mark.parametrize(("width", "height", "units"), [(430, 200, 4.7), (1100, 600, 2.0), (300, 900, 3.0)])
def test_views_are_as_large_as_the_room_allows(width, height, units) -> None:
    rows, blocks, side = fit(width, height, units, 40, 6)
    assert blocks * (units * side + 40) <= width + 1e-6
    assert rows * (side + 10) - 10 <= height + 1e-6
    best = max(
        min(r * b, 6) * min((width / b - 40) / units, (height + 10) / r - 10, 288) ** 2
        for r in range(1, 7)
        for b in range(1, 7)
        if min((width / b - 40) / units, (height + 10) / r - 10) >= 44
    )
    assert min(rows * blocks, 6) * side**2 == pytest.approx(best, rel=0.01)


def test_the_estimate_is_asked_shown_and_marked_as_old(qtbot, view, ready) -> None:
    card = view.setup.estimate
    card.ask_button.click()
    run = ready.submitted[-1]
    assert run.job().kind == "estimate"
    assert card.aside.text() == "being measured" and not card.ask_button.isEnabled()
    made.estimate().save(run.path / ESTIMATE)
    end(ready, run)
    qtbot.waitUntil(lambda: bool(card.rows))
    told = {name: value for name, value, _ in card.rows}
    assert told["Images"] == "4,612, 510 left out" and told["Memory"] == "11.2 GB of 24.0 GB"
    assert told["Total time"] == "4 min, 100 epochs" and told["Disk"] == "900 MB, 210.0 GB free"
    assert "start from a public backbone" in words(card.findings)
    assert card.note.isHidden()
    view.plan.choose_preset("xray")
    assert not card.note.isHidden()


def test_the_audit_names_the_change_and_mends_it_with_a_click(qtbot, view, ready) -> None:
    card: AuditCard = view.setup.audit
    card.ask_button.click()
    run = ready.submitted[-1]
    assert (run.job().kind, run.job().backbone) == ("audit", "efficientnet_lite0")
    made.audit().save(run.path / AUDIT)
    end(ready, run)
    qtbot.waitUntil(lambda: bool(card.links))
    assert made.audit().sentence in words(card)
    assert instead_words(made.audit().rows[0]) == "Use crop min 0.35"
    view.plan.choose_method("mae")
    with qtbot.waitSignal(ready.message) as told:
        card.links[0].click()  # it was measured on two kinds of view, and this method has one
    assert told.args[0] == "bad" and "names view 2" in told.args[1]
    view.plan.choose_method("dino")
    card.links[0].click()
    assert [kind.crop_min for kind in view.plan.views.views] == [0.35, 0.35, 0.05]


def test_without_labels_there_is_no_audit(view, ready) -> None:
    ready.dataset.arranged.index.label[:] = -1
    assert "needs labelled images" in view.setup.audit.why_not()
    view.setup.audit.refresh()
    assert not view.setup.audit.ask_button.isEnabled()


def test_the_probe_of_the_audit_is_the_best_backbone_at_hand(ready, small_index) -> None:
    from dataclasses import replace

    from tests.gui.comparison import small_comparison

    assert probed_with(ready) == "efficientnet_lite0"
    result, _ = small_comparison(small_index)
    ids = {"strong": "away", "middle": "facebook/dinov2-small", "weak": "random_vit"}
    ready.result = replace(
        result, models=tuple(replace(model, backbone=ids[model.name]) for model in result.models)
    )
    assert probed_with(ready) == "facebook/dinov2-small"


def test_start_queues_the_job_and_shows_the_run(qtbot, view, ready, commands) -> None:
    view.plan.choose_method("mae")
    view.plan.choose_preset("industrial")
    view.setup.recipe.form.fields["epochs"].setValue(30)
    view.activateWindow()
    assert commands.run(START) == ""
    run = next(run for run in ready.submitted if "-pretrain-" in run.id)
    job = run.job()
    assert isinstance(job, PretrainJob)
    assert (job.method, job.preset, job.epochs, job.start) == (
        "mae",
        "industrial",
        30,
        "facebook/dinov2-small",
    )
    assert run.document()["title"] == "Pretrain MAE from DINOv2 small"
    qtbot.waitUntil(lambda: view.stack.currentWidget() is view.live)
    qtbot.waitUntil(lambda: view.heading.text() == "MAE · started from DINOv2 small")


def test_what_was_chosen_is_there_again(qtbot, view, ready) -> None:
    view.plan.choose_method("simclr")
    view.plan.choose_preset("xray")
    view.plan.choose_pool("all")
    view.plan.choose_start("")
    view.plan.choose_backbone("resnet18")
    view.plan.change_views(["1.blur=0.1"])
    view.setup.recipe.form.fields["epochs"].setValue(55)
    view.setup.recipe.own.fields["temperature"].setValue(0.5)
    values = view.plan.values()
    qtbot.waitUntil(lambda: ready.recall("pretrain.plan", {}).get("settings", {}).get("simclr") is not None)
    kept = json.loads((ready.project.folder / "project.json").read_text("utf-8"))["view"]["pretrain.plan"]
    assert kept["recipe"] == {"epochs": 55}
    again = Plan(ready)
    assert again.values() == values
    view.plan.choose_pool("safe")
    view.hide()
    assert ready.recall("pretrain.plan")["learn_from"] == "safe", "also what was chosen just before leaving"
    ready.settings.view["pretrain.plan"] = {
        "method": "gone",
        "preset": "gone",
        "changes": {"dino": ["9.x=1"]},
    }
    again.restore()
    assert (again.method.name, again.preset, again.changes) == ("dino", "published", ())


def test_untrusted_words_are_shown_as_they_are(qtbot, ready, commands) -> None:
    ready.pretraining.methods = (made.damaged(made.methods()[0], EVIL),)
    ready.lookup.catalogue = (
        CATALOGUE[0].__class__.from_json({**CATALOGUE[0].to_json(), "title": EVIL, "training_data": EVIL}),
    )
    view = PretrainView(ready, commands)
    qtbot.addWidget(view)
    view.show()
    view.setup.views.canvas.show_preview(_evil_preview())
    for label in view.findChildren(QLabel):
        assert "\u202e" not in label.text() and "\x1b" not in label.text()
        if label.textFormat() != Qt.TextFormat.PlainText:
            assert "<b>bold" not in label.text()
    assert "<b>" not in view.setup.start_card.start.toolTip()
    assert "\u202e" not in view.setup.start_card.start.itemText(1)
    view.setup.views._tell_legend()
    assert "<b>bold" not in view.setup.views.legend.text()


def _evil_preview():
    from dataclasses import replace

    preview = made.preview(made.methods()[0].published)
    return replace(preview, kinds=(EVIL,) * len(preview.kinds), names=(EVIL,) * len(preview.names))


def ready_method(name: str):
    return next(facts for facts in made.methods() if facts.name == name)


def test_everything_can_be_reached_by_tab(qtbot, view) -> None:
    view.activateWindow()
    first = QApplication.focusWidget() or view.tools[START]
    seen, widget = set(), first
    for _ in range(400):
        widget = widget.nextInFocusChain()
        if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            seen.add(widget)
    setup = view.setup
    wanted = [
        view.tools[START],
        setup.method.buttons["dino"],
        setup.start_card.start,
        setup.recipe.form.fields["epochs"],
        setup.augment.preset,
        setup.augment.knobs["hue"].slider,
        setup.augment.knobs["hue"].field,
        setup.estimate.ask_button,
        setup.audit.ask_button,
        setup.views.again,
    ]
    assert [widget for widget in wanted if widget not in seen] == []
    for widget in seen:
        assert widget.accessibleName() or getattr(widget, "text", lambda: "")(), widget


def test_a_convolutional_network_is_shown_the_views_that_were_published_for_it(view, ready) -> None:
    from dataclasses import replace

    conv = replace(made.methods()[0].published, views=made.pair("pair for networks without patches"))
    ready.pretraining.methods = (replace(made.methods()[0], published_conv=conv), *made.methods()[1:])
    view.plan.refresh("simclr")
    view.plan.choose_start("facebook/dinov2-small")
    assert [kind.name for kind in view.plan.views.views] == ["two views"]
    view.plan.choose_start("timm/resnet50.a1_in1k")
    assert [kind.name for kind in view.plan.views.views] == ["pair for networks without patches"]
    view.plan.choose_start("")
    view.plan.choose_backbone("vit_tiny_patch16_224")
    assert [kind.name for kind in view.plan.views.views] == ["two views"]


def test_no_start_weights_are_a_plugins_backbone() -> None:
    assert can_learn(facts("here"))
    assert not can_learn(facts("plugged", source=PLUGIN, parameters=None))
    assert not can_learn(facts("away", available=False))
