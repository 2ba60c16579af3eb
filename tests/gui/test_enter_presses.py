"""Enter on a button presses it; in a dialog it does the main thing, unless Tab led to another button."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QWidget

from workbench.gui.widgets.buttons import button, icon_button


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_enter_and_space_press_what_has_the_focus(qtbot, key: Qt.Key) -> None:
    pressed: list[str] = []
    window = QWidget()
    qtbot.addWidget(window)
    row = QHBoxLayout(window)
    row.addWidget(button("Split…", lambda: pressed.append("split")))
    row.addWidget(icon_button("close", "Dismiss", lambda: pressed.append("dismiss")))
    window.show()
    for made in (row.itemAt(0).widget(), row.itemAt(1).widget()):
        made.setFocus()
        qtbot.keyClick(made, key)
    assert pressed == ["split", "dismiss"]


def test_in_a_dialog_enter_applies_until_tab_leads_to_cancel(qtbot) -> None:
    dialog = QDialog()
    qtbot.addWidget(dialog)
    row = QHBoxLayout(dialog)
    cancel, apply = button("Cancel", dialog.reject), button("Split this way", dialog.accept, kind="primary")
    row.addWidget(apply)
    row.addWidget(cancel)
    apply.setDefault(True)
    dialog.show()
    cancel.setFocus(Qt.FocusReason.OtherFocusReason)
    qtbot.keyClick(cancel, Qt.Key.Key_Return)
    assert dialog.result() == QDialog.DialogCode.Accepted
    dialog.show()
    cancel.clearFocus()
    cancel.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(cancel, Qt.Key.Key_Return)
    assert dialog.result() == QDialog.DialogCode.Rejected
