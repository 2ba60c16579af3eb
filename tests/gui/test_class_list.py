"""The list of classes: rename, merge, ignore, by menu and by key; what was done, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu, QVBoxLayout, QWidget

from tests.gui.test_window_text import EVIL, assert_harmless
from workbench.gui.data.class_dialog import ClassDialog
from workbench.gui.data.class_edits import MOST_IN_MENU, ClassChanges, ClassEdits
from workbench.gui.data.class_list import EVERYTHING, ClassList
from workbench.records.arrange import arrange
from workbench.records.curation import Curation


class Listed(QWidget):
    """The list with its edits and the line under it, as on the page."""

    def __init__(self, session) -> None:
        super().__init__()
        self.session = session
        self.classes = ClassList("label")
        self.edits = ClassEdits(self.classes, session)
        self.changes = ClassChanges(session)
        column = QVBoxLayout(self)
        column.addWidget(self.classes)
        column.addWidget(self.changes)

    def curate(self, files, curation: Curation) -> None:
        self.session.settings.curation = curation
        self.session.dataset.arranged = arrange(files, curation)
        self.session.show_index(self.session.dataset.arranged.index)
        self.classes.show_index(self.session.index, None)


@pytest.fixture
def listed(qtbot, session, small_index) -> Listed:
    made = Listed(session)
    qtbot.addWidget(made)
    made.curate(small_index, Curation())
    made.resize(360, 320)
    made.show()
    return made


def entries(menu: QMenu) -> dict[str, QAction]:
    return {action.text(): action for action in menu.actions() if action.text()}


def dialog_of(qtbot, session, name: str) -> ClassDialog:
    made = ClassDialog(session, name)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # qtbot closes it once more
    qtbot.addWidget(made)
    made.show()
    return made


def shown_dialog() -> ClassDialog:
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, ClassDialog) and w.isVisible())


# In the list


def test_keys_rename_and_ignore(qtbot, listed, session) -> None:
    listed.classes.setFocus()
    listed.classes.choose(1)
    qtbot.keyClick(listed.classes, Qt.Key.Key_F2)
    dialog = shown_dialog()
    assert dialog.field.text() == "dent"
    dialog.field.setText("bump")
    qtbot.keyClick(dialog.field, Qt.Key.Key_Return)
    assert session.calls == [("rename_class", "dent", "bump")]
    qtbot.keyClick(listed.classes, Qt.Key.Key_Delete)
    assert session.calls[1:] == [("ignore_class", "dent")]


def test_the_menu_merges(listed, session) -> None:
    listed.classes.choose(2)
    menu = listed.edits.menu()
    found = entries(menu)
    assert list(found) == ["Rename…", "Merge into", "Ignore: its images take no part"]
    into = entries(found["Merge into"].menu())
    assert list(into) == ["crack", "dent"]
    into["crack"].trigger()
    found["Ignore: its images take no part"].trigger()
    assert session.calls == [("rename_class", "stain", "crack"), ("ignore_class", "stain")]
    menu.deleteLater()


def test_a_right_click_chooses_the_row_first(qtbot, listed) -> None:
    listed.classes.choose(EVERYTHING)
    point = listed.classes.visualRect(listed.classes.model().index(2, 0)).center()
    listed.classes.customContextMenuRequested.emit(point)
    menu = QApplication.activePopupWidget()
    assert listed.edits.name() == "dent"
    assert isinstance(menu, QMenu)
    menu.close()


def test_rows_that_are_no_class_have_no_menu(qtbot, listed, session, small_index) -> None:
    small_index.label[:] = -1
    index = replace(
        small_index, paths=type(small_index.paths).of(["loose.png", *list(small_index.paths)[1:]])
    )
    listed.curate(index, Curation())
    for code in (EVERYTHING, -1):
        listed.classes.choose(code)
        assert listed.classes.choice() == code
        assert listed.edits.menu() is None
        qtbot.keyClick(listed.classes, Qt.Key.Key_F2)
        qtbot.keyClick(listed.classes, Qt.Key.Key_Delete)
    listed.classes.customContextMenuRequested.emit(QPoint(5, 5))
    assert QApplication.activePopupWidget() is None
    assert session.calls == []


def test_of_many_classes_the_dialog_lists_the_rest(listed, session, small_index) -> None:
    names = tuple(f"class {i}" for i in range(40))
    session.index = replace(small_index, classes=names)
    listed.classes.show_index(session.index, None)
    listed.classes.choose(0)
    menu = listed.edits.menu()
    into = list(entries(entries(menu)["Merge into"].menu()))
    assert into[:3] == ["class 1", "class 2", "class 3"], "in natural order"
    assert (len(into), into[-1]) == (MOST_IN_MENU + 1, "Another class…")
    menu.deleteLater()


# The line under it


def test_what_was_done_to_classes_is_told_and_brought_back(listed, session, small_index) -> None:
    assert not listed.changes.isVisible()
    listed.curate(small_index, Curation(classes={"dent": "", "gone": "", "stain": "crack"}))
    assert listed.changes.isVisible()
    assert listed.changes.ignored.text() == "1 ignored: dent"
    assert listed.changes.renamed.text() == "1 renamed: stain → crack"
    menu = listed.changes.menu()
    found = entries(menu)
    assert list(found) == ["dent: ignored", "stain: now crack", "All of them"]
    found["stain: now crack"].trigger()
    found["All of them"].trigger()
    assert session.calls == [
        ("restore_class", "stain"),
        ("decide", "all classes brought back", Curation()),
    ]
    menu.deleteLater()
    listed.curate(small_index, Curation(classes={"dent": ""}))
    assert not listed.changes.renamed.isVisible()
    listed.changes.back.click()
    assert session.calls[2:] == [("restore_class", "dent")]


# The dialog


def test_a_name_that_is_taken_says_that_it_merges(qtbot, listed, session) -> None:
    dialog = dialog_of(qtbot, session, "crack")
    assert not dialog.apply.isEnabled(), "it is called so already"
    dialog.field.setText(" fissure ")
    assert (dialog.apply.text(), dialog.told.text()) == (
        "Rename",
        "13 images of crack will be called fissure.",
    )
    dialog.field.setText("dent")
    assert (dialog.apply.text(), dialog.told.text()) == ("Merge", "Merge 13 images of crack into dent.")
    dialog.field.setText("  ")
    assert not dialog.apply.isEnabled()
    assert dialog.told.text() == "A class needs a name."
    dialog.accept()
    assert dialog.isVisible()
    dialog.others.setCurrentRow(1)
    assert dialog.field.text() == "stain"
    dialog.apply.click()
    assert session.calls == [("rename_class", "crack", "stain")]


def test_a_refused_name_is_told_in_the_dialog(qtbot, listed, session, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("No project is open.")

    monkeypatch.setattr(session, "recorder", lambda name: refuse)
    dialog = dialog_of(qtbot, session, "crack")
    dialog.field.setText("x")
    dialog.apply.click()
    assert dialog.isVisible()
    assert dialog.told.text() == "No project is open."


def test_names_are_shown_as_they_are_and_merged_as_written(qtbot, listed, session, small_index) -> None:
    session.index = replace(small_index, classes=("crack", EVIL, "a & b\n"))
    listed.classes.show_index(session.index, None)
    dialog = dialog_of(qtbot, session, "crack")
    assert assert_harmless(dialog) > 0
    assert assert_harmless(listed) > 0
    dialog.others.setCurrentRow(0)
    assert "\u202e" not in dialog.field.text()
    dialog.apply.click()
    assert session.calls == [("rename_class", "crack", EVIL)]
    listed.classes.choose(0)
    menu = listed.edits.menu()
    into = entries(entries(menu)["Merge into"].menu())
    assert "a && b\\n" in into
    assert not [text for text in into if "\u202e" in text or "\n" in text]
    menu.deleteLater()
    found = arrange(small_index, Curation())
    session.dataset.arranged = replace(found, found=(EVIL, "dent"))
    session.settings.curation = Curation(classes={EVIL: "", "dent": EVIL})
    listed.changes.refresh()
    assert assert_harmless(listed.changes) > 0
