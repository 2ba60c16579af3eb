"""Forms from configurations: fields, checks, errors under the field, folding."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
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


@pytest.mark.parametrize("kind", ["int", "float"])
@pytest.mark.parametrize("by", ["mouse", "tab"])
def test_what_is_no_number_reads_as_a_word_and_a_number_is_typed_over_it(qtbot, kind: str, by: str) -> None:
    low = 0 if kind == "int" else -1.0
    size = Param(
        name="size",
        type=kind,
        label="Size",
        help="How large.",
        default=low,
        minimum=low,
        unit="px",
        at_minimum="as it is",
    )
    form = Form(config_of("made", (size,)))
    qtbot.addWidget(form)
    form.show()
    field = form.fields["size"]
    assert isinstance(field, QSpinBox | QDoubleSpinBox)
    assert field.text() == "As it is" and form.values() == {"size": low}
    with qtbot.waitActive(form):
        form.activateWindow()
    line = field.lineEdit()
    if by == "mouse":
        qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=line.cursorRect().center() + QPoint(30, 0))
    field.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(line.hasFocus)
    line.setCursorPosition(3)
    qtbot.keyClicks(line, "0.25" if kind == "float" else "48")
    assert form.values() == {"size": 0.25 if kind == "float" else 48}
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert field.text() == ("0.25 px" if kind == "float" else "48 px")
    line.selectAll()
    qtbot.keyClicks(line, f"{low:g}")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert field.text() == "As it is" and form.values() == {"size": low}


def test_no_field_shows_a_number_that_its_help_says_is_none(qtbot) -> None:
    """Of every job: where the help says what the default of 0 takes, the field says so too."""
    for kind, job in JOBS.items():
        form = Form(job)
        qtbot.addWidget(form)
        for item in describe(job):
            field = form.fields[item.name]
            if not isinstance(field, QSpinBox | QDoubleSpinBox) or item.default not in (0, -1):
                continue
            number = f"{item.default:g}"
            told = re.search(rf"[;.,] {number} (takes|sets|goes|fits|never)", item.help)
            shown = field.text().partition(" ")[0]
            assert (shown != f"{item.default}" and not shown[-1].isdigit()) == (told is not None), (
                kind,
                item,
            )


def test_an_error_in_a_folded_field_unfolds_it(qtbot) -> None:
    seed = Param(name="seed", type="int", label="Seed", help="Of it.", default=0, minimum=0, advanced=True)
    form = Form(config_of("made", (seed,)))
    qtbot.addWidget(form)
    form.show()
    assert form.advanced.isHidden()
    field = form.fields["seed"]
    assert isinstance(field, QSpinBox)
    field.setValue(-1)
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
