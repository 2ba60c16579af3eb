"""The chosen model's card: its four views, the bars of the classes, and the reliability curve."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage

from workbench.gui.commands import Commands
from workbench.gui.compare.behind import behind_class, confusion_of
from workbench.gui.compare.class_bars import bars_of, lay_out
from workbench.gui.compare.model_card import CALIBRATION, CLASSES, CONFUSION, FAILURES, VIEWS
from workbench.gui.compare.picture import save_picture
from workbench.gui.compare.reliability import more, told
from workbench.gui.compare.view import CompareView
from workbench.gui.session import Session
from workbench.records.scores import CalibrationScore, ClassScore, ReliabilityBin


def score(name: str, recall: float, support: int = 10) -> ClassScore:
    return ClassScore(
        name=name,
        support=support,
        precision=0.5,
        recall=recall,
        f1=0.5,
        precision_interval=(0.3, 0.7),
        recall_interval=(max(recall - 0.2, 0), min(recall + 0.2, 1)),
    )


def calibration(mass: float, *bins: tuple[float, float, int]) -> CalibrationScore:
    made = tuple(
        ReliabilityBin(confidence=sure, accuracy=right, interval=(right - 0.1, right + 0.1), count=number)
        for sure, right, number in bins
    )
    return CalibrationScore(values=(0.034, 0.036), mass=mass, by_chance=0.029, bins=made)


# The switch


def test_each_view_is_one_click_away_and_remembered(qtbot, view: CompareView, compared: Session) -> None:
    card = view.lower.one
    shown = {
        CONFUSION: card.matrix,
        CLASSES: card.classes,
        CALIBRATION: card.reliability,
        FAILURES: card.failures,
    }
    assert card.view == CONFUSION
    for key, part in shown.items():
        qtbot.mouseClick(card.views.buttons[key], Qt.MouseButton.LeftButton)
        assert [part is other for other in shown.values() if other.isVisible()] == [True]
        assert compared.recall("compare.view") == key
        assert card.accessibleName() == f"{VIEWS[key][0]}, {view.chosen}"
        visible = [made for made in view.lower._outputs.values() if made.isVisible()]
        assert visible == [view.lower._outputs[key]]
    qtbot.mouseClick(card.views.buttons[CLASSES], Qt.MouseButton.LeftButton)
    again = CompareView(compared, Commands())
    qtbot.addWidget(again)
    again.show()
    assert again.lower.one.view == CLASSES and again.lower.one.classes.isVisible()


def test_the_switch_is_one_stop_for_tab_and_walked_by_arrows(qtbot, view: CompareView) -> None:
    views = view.lower.one.views
    stops = [key for key, made in views.buttons.items() if made.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert stops == [CONFUSION]
    qtbot.keyClick(views.buttons[CONFUSION], Qt.Key.Key_Right)
    assert view.lower.one.view == CLASSES and view.lower.one.classes.isVisible()
    qtbot.keyClick(views.buttons[CLASSES], Qt.Key.Key_Left)
    qtbot.keyClick(views.buttons[CONFUSION], Qt.Key.Key_Left)
    assert view.lower.one.view == CONFUSION and view.lower.one.matrix.isVisible()
    stops = [key for key, made in views.buttons.items() if made.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert stops == [CONFUSION]


@pytest.mark.parametrize("key", [CLASSES, CALIBRATION])
def test_an_earlier_result_says_what_it_lacks_and_runs_again(
    qtbot, view: CompareView, compared: Session, monkeypatch, key: str
) -> None:
    ran = []
    monkeypatch.setattr(compared, "run_comparison", lambda: ran.append(True))
    models = tuple(replace(model, per_class=(), calibration=None) for model in compared.result.models)
    compared.result = replace(compared.result, models=models)
    compared.result_changed.emit()
    compared.choose("random_vit")
    card = view.lower.one
    card.views.buttons[key].click()
    assert card.lacking.isVisible() and "earlier version" in card.lacking.text.text()
    assert not [made for made in view.lower._outputs.values() if made.isVisible()]
    said = []
    compared.message.connect(lambda *what: said.append(what))
    view.commands.run(f"compare.save_{key}")  # asks for no file: there is nothing to save
    assert said == [("warn", card.lacks)] and "earlier version" in card.lacks
    qtbot.mouseClick(card.lacking.buttons[0], Qt.MouseButton.LeftButton)
    assert ran == [True]
    card.views.buttons[CONFUSION].click()
    assert card.matrix.isVisible() and not card.lacking.isVisible()


# Classes


def test_the_worst_class_is_first_and_names_sort_as_people_do() -> None:
    scores = (score("b", 0.9), score("A", 0.5, 3), score("c", 0.5, 9), score("d", 0.2))
    worst = bars_of("m", scores)
    assert [one.name for one in worst.scores] == ["d", "c", "A", "b"] and worst.codes == (3, 2, 1, 0)
    assert [one.name for one in bars_of("m", scores, by_name=True).scores] == ["A", "b", "c", "d"]
    against = bars_of("m", scores, baseline=(score("b", 0.1), *scores[1:]), baseline_title="Base")
    assert "recall of Base, the baseline: 0.100" in against.tell(3)
    assert "9 test images" in worst.tell(1) and "recall 0.500 [0.300, 0.700]" in worst.tell(1)


def test_a_click_on_a_class_opens_its_row_and_its_images(qtbot, view: CompareView, compared: Session) -> None:
    view.choose_model("weak")
    card = view.lower.one
    card.views.buttons[CLASSES].click()
    plot = card.classes
    rows = lay_out(plot.plot, plot.rect().toRectF().adjusted(2, 2, -2, -2))
    row = plot.plot.codes.index(2)
    at = QPoint(30, round(rows.middle(row)))  # on the name, far from the bar's end
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=at)
    wanted = behind_class(compared.predictions, "weak", 2)
    assert wanted and card.behind.items == wanted
    assert compared.selected == {item.id for item in wanted}
    line = list(confusion_of(compared.result, "weak")[2])
    line[2] = -1
    assert card.cell == (2, line.index(max(line)))
    card.views.buttons[CONFUSION].click()
    assert card.matrix.current == card.cell and "stain, called" in card.behind.title.text()


def test_classes_are_walked_by_keys_and_ordered_by_a_switch(
    qtbot, view: CompareView, compared: Session
) -> None:
    view.choose_model("weak")
    card = view.lower.one
    card.views.buttons[CLASSES].click()
    recalls = [one.recall for one in card.classes.plot.scores]
    assert recalls == sorted(recalls)
    qtbot.mouseClick(card.order.buttons["name"], Qt.MouseButton.LeftButton)
    assert [one.name for one in card.classes.plot.scores] == ["crack", "dent", "stain"]
    assert compared.recall("compare.class_order") == "name"
    card.classes.setFocus()
    card.classes.current = (0, 0)
    qtbot.keyClick(card.classes, Qt.Key.Key_Down)
    assert card.classes.accessibleDescription().startswith("dent, ")
    qtbot.keyClick(card.classes, Qt.Key.Key_Return)
    assert card.behind.title.text() == "dent, not found" and card.cell[0] == 1


def test_the_baselines_recall_is_marked_but_not_on_itself(view: CompareView, compared: Session) -> None:
    card = view.lower.one
    card.views.buttons[CLASSES].click()
    compared.pin_baseline("weak")
    view.choose_model("strong")
    base = {one.name: one.recall for one in compared.result.model("weak").per_class}
    plot = card.classes.plot
    assert [plot.baseline[code] for code in plot.codes] == [base[one.name] for one in plot.scores]
    view.choose_model("weak")
    assert card.classes.plot.baseline == ()


# Calibration


def test_the_sentence_compares_like_with_like() -> None:
    assert told(calibration(0.034, (0.9, 0.8, 10), (0.6, 0.55, 10))) == (
        "ECE 0.034; a perfectly calibrated model would show up to 0.029 on so few images. "
        "Too sure of itself, by 7.5 points on average."
    )
    assert "Less sure than it could be, by 10.0 points" in told(calibration(0.034, (0.8, 0.9, 10)))
    assert told(calibration(0.02, (0.9, 0.8, 10))).endswith("No sign that its confidence misleads.")
    assert "equal width" in more(calibration(0.02)) and "0.035" in more(calibration(0.02))


def test_bins_tell_themselves_and_are_walked(qtbot, view: CompareView, compared: Session) -> None:
    view.choose_model("weak")
    card = view.lower.one
    card.views.buttons[CALIBRATION].click()
    plot = card.reliability
    bins = compared.result.model("weak").calibration.bins
    assert plot.plot.bins == bins and card.calibration.text() == told(
        compared.result.model("weak").calibration
    )
    plot.grab()
    assert [dot.x for dot in plot._dots] == sorted(dot.x for dot in plot._dots)
    left, right = plot._dots[0], plot._dots[-1]
    share = (bins[1].confidence - bins[0].confidence) / (bins[-1].confidence - bins[0].confidence)
    assert plot._dots[1].x == pytest.approx(left.x + share * (right.x - left.x))
    plot.setFocus()
    plot.current = (0, 1)
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot.current == (0, 0)
    assert plot.accessibleDescription().startswith(f"{bins[0].count} images of which the model is ")


# What leaves


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_every_new_plot_becomes_a_file(view: CompareView, tmp_path, ending: str) -> None:
    for name, plot in (("budget", view.lower.budget.plot), *view.lower.plots.items()):
        if name in VIEWS:
            view.lower.one.show_view(name)
        path = save_picture(tmp_path / f"{name}{ending}", plot.draw_into, QSize(500, 300), "Title", "how")
        if ending == ".svg":
            text = path.read_text("utf-8")
            assert "Title" in text and ("strong" in text if name == "budget" else text.count("<") > 40)
        else:
            image = QImage(str(path))
            found = {image.pixelColor(x, y).name() for x in range(0, 1000, 5) for y in range(150, 700, 5)}
            assert len(found) > 4, name


def test_a_command_brings_its_plot_to_sight_and_saves_it(
    view: CompareView, commands: Commands, monkeypatch, tmp_path
) -> None:
    from PySide6.QtWidgets import QFileDialog

    for name in ("budget", "classes", "calibration", "confusion", "strips"):
        path = tmp_path / f"{name}.svg"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, path=path: (str(path), ""))
        assert commands.run(f"compare.save_{name}") == ""
        text = path.read_text("utf-8")
        assert (view.chosen in text) or name in ("budget", "strips")
        if name in VIEWS:
            assert view.lower.one.view == name and f"{VIEWS[name][0]}, {view.chosen}" in text


def test_a_plot_is_copied_as_a_picture_by_its_menu_and_by_ctrl_c(qtbot, view: CompareView) -> None:
    for plot in (view.lower.budget.plot, view.lower.strips, *view.lower.plots.values()):
        copy = next(action for action in plot.actions() if action.text() == "Copy as picture")
        QGuiApplication.clipboard().clear()
        copy.trigger()
        image = QGuiApplication.clipboard().image()
        assert image.width() >= 2 * 560 and not image.isNull()
        assert copy.shortcut().toString() == "Ctrl+C"
        assert copy.shortcutContext() == Qt.ShortcutContext.WidgetShortcut
