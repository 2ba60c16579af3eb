"""What can be decided in the Data place: one dialog for each question, as commands that the palette finds too.

A dialog is imported when it is asked for: the window opens without the decoders and plots that some of them need.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QWidget

from workbench.gui.commands import Command, Commands

if TYPE_CHECKING:
    from workbench.gui.session import Session

PLACE_ID = "data"


class DataActions:
    """Opens the dialogs above `owner`. Each does its edit through the session's data set, which undo takes back."""

    def __init__(self, session: Session, owner: QWidget) -> None:
        self._session, self._owner = session, owner

    def folders(self) -> None:
        from workbench.gui.data.folders_dialog import FoldersDialog

        self._open(FoldersDialog)

    def layout(self) -> None:
        from workbench.gui.data.layout_dialog import LayoutDialog

        self._open(LayoutDialog)

    def label(self) -> None:
        """The rules; where no folder can tell labels, with the table that can."""
        from workbench.gui.data.layout_dialog import LayoutDialog

        if self._session.index is not None:
            dialog = LayoutDialog(self._session, self._owner.window())
            dialog.expect_table()
            dialog.open()

    def group_by_name(self) -> None:
        """The rules, with the part of the file names filled in that seems to tell groups."""
        from workbench.gui.data.layout_dialog import LayoutDialog

        if self._session.index is not None:
            dialog = LayoutDialog(self._session, self._owner.window())
            dialog.groups.choose("name")
            dialog.open()

    def pixels(self) -> None:
        from workbench.gui.data.pixels_dialog import PixelsDialog

        self._open(PixelsDialog)

    def split(self) -> None:
        from workbench.gui.data.split_dialog import SplitDialog

        self._open(SplitDialog)

    def official_split(self) -> None:
        """The split, with the parts of the label table chosen."""
        from workbench.gui.data.split_dialog import SplitDialog

        if self._session.index is not None:
            dialog = SplitDialog(self._session, self._owner.window())
            dialog.ways["official"].setChecked(True)
            dialog.ways["official"].setFocus()
            dialog.open()

    def copies(self) -> None:
        from workbench.gui.data.copies_dialog import CopiesDialog

        self._open(CopiesDialog)

    def left_out(self) -> None:
        from workbench.gui.data.left_out_dialog import LeftOutDialog

        self._open(LeftOutDialog)

    def refused(self) -> None:
        from workbench.gui.data.rows_dialog import refused_dialog

        index = self._session.index
        if index is not None:
            refused_dialog(index.refused, self._owner.window()).open()

    def _open(self, dialog: Callable[[Session, QWidget | None], QDialog]) -> None:
        if self._session.index is not None:
            dialog(self._session, self._owner.window()).open()

    def register(self, commands: Commands) -> None:
        """Add the commands; a place is built once."""

        def no_images() -> str:
            return "" if self._session.index is not None else "Choose an image folder first."

        listed = (
            ("folders", "Folders…", self.folders, "Add, remove or find again the folders of the images"),
            (
                "layout",
                "Labels and groups…",
                self.layout,
                "Say what tells the label and the group of an image",
            ),
            ("pixels", "Pixels…", self.pixels, "Intensity window, channels and pages"),
            ("split", "Split…", self.split, "How the labelled images are divided"),
            ("copies", "Copies and leaks…", self.copies, "Copies side by side, to be left out or grouped"),
            ("left_out", "Images left out…", self.left_out, "Bring images back"),
            ("refused", "Files that can't be used…", self.refused, "Each file with its reason"),
        )
        for name, title, run, help in listed:
            commands.add(
                Command(id=f"data.{name}", title=title, run=run, why_not=no_images, help=help, place=PLACE_ID)
            )
