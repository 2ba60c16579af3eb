"""Forms from configurations: fields, checks, errors under the field, folding."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFileDialog, QLineEdit, QSpinBox

from workbench.gui.forms import Form
from workbench.gui.plain_text import plain
from workbench.records.jobs import JOBS, EmbedJob, EvaluateJob, SampleJob
from workbench.records.layout import Layout
from workbench.records.params import Param, config_of, describe


@pytest.mark.parametrize("kind", sorted(JOBS))
def test_every_job_has_a_form_whose_fields_are_its_parameters(qtbot, kind: str) -> None:
    form = Form(JOBS[kind])
    qtbot.addWidget(form)

    assert set(form.fields) == {item.name for item in describe(JOBS[kind])}
    for item in describe(JOBS[kind]):
        field = form.fields[item.name]
        assert field.accessibleName() == item.label
        assert field.toolTip() == plain(item.help)


def test_defaults_come_back(qtbot) -> None:
    form = Form(EvaluateJob, {"files": ("a.h5ad", "b.h5ad")})
    qtbot.addWidget(form)
    assert form.value() == EvaluateJob(files=("a.h5ad", "b.h5ad"))


def test_a_number_of_many_decimals_is_not_rounded_by_its_field(qtbot) -> None:
    params = (
        Param(
            name="momentum", type="float", label="Momentum", help="How slowly.", default=0.99996, maximum=1.0
        ),
        Param(name="decay", type="float", label="Decay", help="How much.", default=0.0, minimum=1e-6),
        Param(name="share", type="float", label="Share", help="How many.", default=0.5),
    )
    form = Form(config_of("made", params), {"decay": 2.5e-6})
    qtbot.addWidget(form)
    assert form.values() == {"momentum": 0.99996, "decay": 2.5e-6, "share": 0.5}
    assert form.fields["share"].decimals() == 3


def test_edits_come_back(qtbot) -> None:
    form = Form(EmbedJob, {"index": "i.npz", "backbone": "histogram"}, hidden=("index",))
    qtbot.addWidget(form)
    assert "index" not in form.fields
    size, decode, download = (form.fields[name] for name in ("image_size", "decode", "allow_download"))
    assert isinstance(size, QSpinBox)
    assert isinstance(decode, QComboBox)
    assert isinstance(download, QCheckBox)
    assert size.suffix() == " px"
    with qtbot.waitSignal(form.changed):
        size.setValue(448)
    decode.setCurrentText("exact")
    download.setChecked(True)
    assert form.value() == EmbedJob(
        index="i.npz", backbone="histogram", image_size=448, decode="exact", allow_download=True
    )


def test_a_number_out_of_range_is_told_under_its_field(qtbot) -> None:
    form = Form(EvaluateJob, {"files": ("a",)})
    qtbot.addWidget(form)
    form.show()
    margin = form.fields["margin"]
    assert isinstance(margin, QDoubleSpinBox)
    margin.setValue(80)
    assert form.value() is None
    assert form._errors["margin"].text() == "margin must be between 0 and 50, not 80.0."
    assert form._errors["margin"].isVisible()
    margin.setValue(2)
    assert form._errors["margin"].isHidden()
    assert form.value() is not None


def test_an_error_in_a_folded_field_unfolds_it(qtbot) -> None:
    form = Form(EmbedJob, {"index": "i", "backbone": "b"})
    qtbot.addWidget(form)
    form.show()
    assert form.advanced.isHidden()
    batch = form.fields["batch_size"]
    assert isinstance(batch, QSpinBox)
    batch.setValue(-1)
    assert form.value() is None
    assert not form.advanced.isHidden()


def test_a_missing_folder_is_told(qtbot, tmp_path: Path, monkeypatch) -> None:
    form = Form(SampleJob)
    qtbot.addWidget(form)
    form.show()
    assert form.value() is None
    assert form._errors["folder"].text().startswith("folder is missing")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path))
    folder = form.fields["folder"]
    assert isinstance(folder, QLineEdit)
    picker = folder.parentWidget().findChildren(object)
    next(widget for widget in picker if getattr(widget, "accessibleName", str)() == "Choose: Folder").click()
    assert form.value() == SampleJob(folder=str(tmp_path))


def test_a_rule_of_the_whole_configuration_is_told_below(qtbot) -> None:
    form = Form(Layout)
    qtbot.addWidget(form)
    form.show()
    rule = form.fields["group_by"]
    assert isinstance(rule, QLineEdit)
    rule.setText("name:lot[0-9]+")
    assert form.value() is None
    assert "captures nothing" in form.error.text()
    assert form.error.isVisible()
