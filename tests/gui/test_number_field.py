"""Numbers that are typed and shown, on systems that write them in other ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QDoubleSpinBox

from workbench.gui.forms import Form
from workbench.gui.widgets.number_field import NumberField
from workbench.records.pretrain_job import PretrainJob


@pytest.fixture(params=["de_DE", "en_US", "fr_FR", "de_CH"])
def system(request) -> Iterator[str]:  # type: ignore[no-untyped-def]
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


@pytest.mark.parametrize(
    ("typed", "value"),
    [("0.9", 0.9), ("0,9", 0.9), (",9", 0.9), ("1.5", 1.5), ("1,5", 1.5), ("1.000", 1.0), ("1000", 1000.0)],
)
def test_a_point_and_a_comma_are_the_same(qtbot, system, typed: str, value: float) -> None:
    field = NumberField()
    qtbot.addWidget(field)
    field.setDecimals(3)
    field.setRange(0, 9999)
    field.setSuffix(" points")
    field.show()
    field.selectAll()
    qtbot.keyClicks(field, typed)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert field.value() == pytest.approx(value)
    assert field.text() == f"{value:g} points"


def test_what_stands_for_no_number_stays(qtbot, system) -> None:
    field = NumberField()
    qtbot.addWidget(field)
    field.setSpecialValueText("as published, by the rule")
    field.setValue(field.minimum())
    assert field.text() == "as published, by the rule"
    field.interpretText()
    assert field.value() == field.minimum()


def test_every_number_of_a_form_is_such_a_field(qtbot, system) -> None:
    form = Form(PretrainJob)
    qtbot.addWidget(form)
    fields = form.findChildren(QDoubleSpinBox)
    assert fields
    assert all(isinstance(field, NumberField) for field in fields)
