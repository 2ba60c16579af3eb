"""The Compare place: what leaves it, its empty states, its findings, and whether it fits."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog

from tests.gui.comparison import MEANS
from workbench.gui import theme
from workbench.gui.commands import Commands
from workbench.gui.compare.picture import save_picture
from workbench.gui.compare.table_model import Column
from workbench.gui.compare.view import CompareView
from workbench.gui.session import Session
from workbench.records.arrange import Arranged
from workbench.records.index import ImageIndex
from workbench.records.runs import Status
from workbench.records.tables import as_csv, as_markdown
from workbench.records.text import printable
from workbench.supervisor import JobState

# What leaves


def test_copies_are_the_texts_of_the_records(qtbot, view: CompareView, compared: Session) -> None:
    compared.pin_baseline("weak")
    qtbot.keyClick(view.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    text = QGuiApplication.clipboard().text()
    assert text == as_markdown(compared.result, "weak", "macro_f1", view.titles)
    assert "| strong |" in text and "+40.0" in text
    view.output.copy_csv()
    assert QGuiApplication.clipboard().text() == as_csv(compared.result, "weak", "macro_f1", view.titles)


def test_export_takes_the_files_of_the_shown_result(
    view: CompareView, compared: Session, monkeypatch, tmp_path
) -> None:
    asked = []
    monkeypatch.setattr(compared, "export", lambda *arguments: asked.append(arguments))
    answers = iter([(str(tmp_path / "all"), ""), ("", ""), (str(tmp_path / "one.npz"), "")])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: next(answers))
    run = compared.project.run("run-7").path
    view.output.export("parquet")
    view.output.export("h5ad")  # the dialog is left with Esc
    view.output.export("npz", "weak")
    assert asked == [
        ([str(run / f"{name}.h5ad") for name in MEANS], "parquet", tmp_path / "all.parquet"),
        ([str(run / "weak.h5ad")], "npz", tmp_path / "one.npz"),
    ]


@pytest.mark.parametrize("ending", [".png", ".svg", ""])
def test_plots_become_files(view: CompareView, tmp_path: Path, ending: str) -> None:
    for name, plot in (("strips", view.lower.strips), ("matrix", view.lower.one.matrix)):
        path = save_picture(tmp_path / f"{name}{ending}", plot.draw_into, QSize(500, 300), "Title", "how")
        assert path.suffix == (ending or ".png")
        if path.suffix == ".svg":
            text = "".join(ElementTree.parse(path).getroot().itertext())
            assert "Title" in text and ("weak" in text or "stain" in text)
        else:
            image = QImage(str(path))
            assert image.width() > 1000 and image.pixelColor(0, 0).name() == theme.LIGHT.panel
            colours = {image.pixelColor(x, y).name() for x in range(0, 1000, 7) for y in range(0, 700, 7)}
            assert len(colours) > 3
    with pytest.raises(ValueError, match=r"\.jpg"):
        save_picture(tmp_path / "x.jpg", view.lower.strips.draw_into, QSize(9, 9), "")


# Empty, remembered, fitting


@pytest.fixture
def empty(qtbot, session: Session, commands: Commands) -> CompareView:
    made = CompareView(session, commands)
    qtbot.addWidget(made)
    made.show()
    return made


def test_empty_states_lead_on(
    qtbot, empty: CompareView, session: Session, small_index: ImageIndex, commands: Commands, monkeypatch
) -> None:
    ran = []
    monkeypatch.setattr(session, "run_comparison", lambda: ran.append(True))
    assert empty.heading.text() == "Which backbone separates the classes"
    assert not empty.filter.isVisible()
    qtbot.mouseClick(empty.empty.action, Qt.MouseButton.LeftButton)
    assert commands.gone == ["data"]
    session.dataset.arranged = Arranged(small_index)
    session.dataset_changed.emit()
    qtbot.mouseClick(empty.empty.action, Qt.MouseButton.LeftButton)
    assert commands.gone == ["data", "models"]
    session.choose("random_vit")
    assert empty.empty.action.text() == "Run comparison"
    qtbot.mouseClick(empty.empty.action, Qt.MouseButton.LeftButton)
    assert ran == [True]
    session._jobs.take_up([JobState(id="r", kind="evaluate", title="", status=Status(state="running"))])
    assert empty.empty.state.title.text() == "The comparison is running"
    assert not empty.empty.action.isVisible()


def test_commands_say_why_they_cannot(empty: CompareView, commands: Commands) -> None:
    for command in commands.all():
        if command.place == "compare":
            lacks = "There is no comparison yet. Run one first."
            if command.id == "compare.evaluations":
                lacks = "No plugin brings an evaluation. Plugins shows how to add one."
            assert commands.run(command.id) == lacks


def test_the_gravest_finding_comes_first_and_the_rest_is_one_click_away(view: CompareView) -> None:
    assert [chip.text() for chip, _ in view.findings.lines] == ["leak", "Probe and k-NN disagree"]
    view.findings.more.click()
    assert [chip.text() for chip, _ in view.findings.lines] == [
        "leak",
        "Probe and k-NN disagree",
        "thin class",
        "sealed test",
    ]
    assert view.findings.more.text() == "Show fewer"


def test_everything_fits_the_smallest_window(view: CompareView) -> None:
    assert view.minimumSizeHint().width() <= 1280 - 88
    assert view.minimumSizeHint().height() <= 800 - 48 - 56
    for part in (
        view.table,
        view.lower.strips,
        view.lower.one.matrix,
        view.lower.one.behind.grid,
        view.findings,
    ):
        box = part.rect().translated(part.mapTo(view, QPoint(0, 0)))
        assert view.rect().contains(box), printable(str(part))
    widths = sum(view.table.columnWidth(column) for column in Column)
    assert widths <= view.table.viewport().width()


def test_dark_paints_with_its_own_colours(view: CompareView) -> None:
    light = view.lower.one.matrix.grab().toImage()
    theme.themes().set_preference("dark")
    dark = view.lower.one.matrix.grab().toImage()
    at = view.lower.one.matrix.box((0, 0)).center().toPoint() - QPoint(20, 6)
    assert light.pixelColor(at) != dark.pixelColor(at)
