"""Where probe and k-NN disagree: the sentence, its numbers, and what is behind "Why"."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from tests.gui.comparison import DIAGNOSES
from tests.gui.test_window_text import EVIL, assert_harmless
from workbench.gui.compare.diagnoses_dialog import DiagnosesDialog
from workbench.gui.compare.disagreement import CHIP, disagreements, value_text
from workbench.gui.compare.view import CompareView
from workbench.gui.session import Session
from workbench.gui.widgets.labels import Chip, PlainLabel
from workbench.records.results import DISAGREEMENT, Diagnosis, Finding


def diagnosis(value: float, unit: str = "", name: str = "spread", *, likely: bool = True) -> Diagnosis:
    return Diagnosis(model="strong", name=name, value=value, unit=unit, advice="Do it.", likely=likely)


def test_a_sentence_with_the_likely_reasons_and_what_to_do(compared: Session) -> None:
    (found,) = disagreements(compared.result, {"strong": "Strong"})
    assert found.sentence == (
        "Strong: probe 0.900, k-NN 0.600. Norm spread 3.8 times. "
        "Standardising closes 9 of 30 points: read the probe, not the k-NN."
    )
    assert [one.name for one in found.diagnoses] == ["norm spread", "hubness"]
    unlikely = replace(compared.result, diagnoses=DIAGNOSES[:1])
    assert disagreements(unlikely)[0].sentence.endswith("No reason was found among what was measured.")
    assert disagreements(replace(compared.result, diagnoses=())) == []
    told = [value_text(diagnosis(*one)) for one in ((0.042,), (3.84, "times"), (0.3, "points"), (1234.5,))]
    assert told == ["0.04", "3.8 times", "0.3 points", "1,234.5"]


def test_why_opens_the_diagnoses_of_that_model(qtbot, view: CompareView) -> None:
    view.choose_model("weak")
    why = next(made for made in view.findings.findChildren(QPushButton) if made.text() == "Why")
    assert view.findings.lines[1][0].text() == CHIP and "strong" in why.accessibleName()
    qtbot.mouseClick(why, Qt.MouseButton.LeftButton)
    dialog = view.findings.dialog
    assert dialog.isVisible() and view.chosen == "strong"
    texts = [shown.text() for shown in dialog.findChildren(PlainLabel)]
    assert texts.index("Norm spread") < texts.index("Hubness")
    assert "3.8 times" in texts and "0.40" in texts
    assert [chip.text() for chip in dialog.findChildren(Chip)] == ["likely", "unlikely"]
    for shown in dialog.findChildren(PlainLabel):
        assert shown.heightForWidth(shown.width()) <= shown.height() or not shown.wordWrap()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not view.findChildren(DiagnosesDialog))


def test_what_was_measured_is_never_read_as_html(qtbot, compared: Session) -> None:
    evil = tuple(replace(one, name=EVIL, unit=EVIL, advice=EVIL) for one in DIAGNOSES)
    (found,) = disagreements(replace(compared.result, diagnoses=evil), {"strong": EVIL})
    dialog = DiagnosesDialog(found)
    qtbot.addWidget(dialog)
    dialog.show()
    assert assert_harmless(dialog) > 4


def test_what_a_disagreement_says_is_not_said_twice(view: CompareView) -> None:
    twice = Finding(name=DISAGREEMENT, severity="info", advice="Said by the diagnoses.")
    other = Finding(name="few seeds", severity="warn", advice="Run more.")
    result = view.session.result
    view.findings.show_findings((twice, other), disagreements(result))
    told = [advice for _, advice in view.findings.lines]
    assert "Said by the diagnoses." not in told and "Run more." in told
    view.findings.show_findings((twice,), ())
    assert "Said by the diagnoses." in [advice for _, advice in view.findings.lines]
