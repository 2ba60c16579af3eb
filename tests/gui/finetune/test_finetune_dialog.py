"""The dialog: which backbones it offers, what it asks for, what is wrong under its field, what it remembers."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QSpinBox

from tests.gui.comparison import facts
from workbench.gui.finetune.dialog import FinetuneDialog, backbones_of
from workbench.records.brought import Brought, OpenBackbone
from workbench.records.catalogue import PLUGIN
from workbench.records.jobs import FinetuneJob
from workbench.records.project import Chosen


def test_the_dialog_asks_for_the_job_and_remembers(qtbot, small_index, session) -> None:
    session.settings.index, session.settings.seeds = "index.npz", 7
    session.show_index(small_index)
    session.catalogue = (facts("strong"), facts("away", available=False), facts("counts", id="histogram"))
    assert [name for name, _ in backbones_of(session)] == ["lab/strong"]
    dialog = FinetuneDialog(session)
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    seeds, blocks, epochs = (dialog.form.fields[name] for name in ("seeds", "blocks", "epochs"))
    assert isinstance(seeds, QSpinBox) and isinstance(blocks, QComboBox) and isinstance(epochs, QSpinBox)
    assert seeds.value() == 7, "as many splits as the comparison has, so that they are the same"
    assert "7 splits" in dialog.work.text()
    epochs.setValue(0)
    dialog.accept()
    assert not session.calls
    assert dialog.form._errors["epochs"].text().startswith("epochs must be between 1")
    epochs.setValue(3)
    blocks.setCurrentText("all")
    dialog.accept()
    ((name, asked),) = session.calls
    assert name == "run_finetune"
    assert (asked["backbone"], asked["blocks"], asked["epochs"]) == ("lab/strong", "all", 3)
    assert FinetuneJob(index="i", **asked).learning_rate == 0
    again = FinetuneDialog(session)
    qtbot.addWidget(again)
    again.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    assert again.values() == asked


def test_backbones_of_plugins_are_left_out_and_it_is_said_why(qtbot, small_index, session) -> None:
    session.show_index(small_index)
    session.catalogue = (facts("strong"), facts("plugged", source=PLUGIN))
    session.brought = Brought(backbones=(OpenBackbone(name="hub", summary="A folder.", plugin="hubfolder"),))
    session.settings.chosen = [Chosen(backbone="hub:/w"), Chosen(backbone="lab/strong")]
    session.title_of = lambda name: {"lab/plugged": "Plugged"}.get(name, name)
    assert [name for name, _ in backbones_of(session)] == ["lab/strong"]
    dialog = FinetuneDialog(session)
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    [told] = [one.text() for one in dialog.findChildren(QLabel) if one.text().startswith("Not offered")]
    assert told.startswith("Not offered: Plugged, hub:/w. What would be learnt on top of a plugin's backbone")
    session.brought, session.catalogue = Brought(), (facts("strong"),)
    assert [name for name, _ in backbones_of(session)] == ["hub:/w", "lab/strong"]
