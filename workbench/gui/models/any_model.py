"""The field for a backbone that is not in the list: any timm name, Hugging Face id, or local file or folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMenu, QVBoxLayout, QWidget

from workbench.gui.plain_text import menu_text, plain, set_tip
from workbench.gui.theme import restyle
from workbench.gui.widgets.buttons import button, menu_button
from workbench.gui.widgets.labels import label
from workbench.records.brought import OpenBackbone
from workbench.records.text import printable

PLACEHOLDER = "timm name, Hugging Face id, or a path"
WITH_NAME = 560  # px
TOLD = "Remote code never runs, and weights are loaded without unpickling anything else."
WEIGHTS = "Weights (*.safetensors *.pth *.pt *.bin)"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?([:@][\w.-]+)?")


def check(text: str, opened: Collection[str] = ()) -> str:
    """A sentence that says what is wrong with a typed backbone; "" where it may be one. `opened`: names of plugins'
    backbones that take something behind them."""
    if not text:
        return "Type a name, or choose a file or folder."
    name, colon, rest = text.partition(":")
    if colon and name in opened:
        return "" if rest.strip() else f"Say behind {name}: which one is meant, such as its folder."
    if text.startswith(("/", "~", ".", "\\")) or re.match(r"[A-Za-z]:[\\/]", text):
        return "" if Path(text).expanduser().exists() else f"{text} does not exist."
    if _NAME.fullmatch(text) or Path(text).exists():
        return ""
    return (
        f"{text!r} is neither a timm name (vit_small_patch16_224) nor a Hugging Face id "
        "(facebook/dinov2-small) nor a file or folder."
    )


class AnyModel(QWidget):
    """Calls `add` or `fetch` with a backbone that may exist; whether it really does, the worker finds out."""

    def __init__(self, add: Callable[[str], None], fetch: Callable[[str], object]) -> None:
        super().__init__()
        self._add, self._fetch = add, fetch
        self._opened: tuple[OpenBackbone, ...] = ()
        self.field = QLineEdit()
        self.field.setAccessibleName("Another backbone")
        self.field.setClearButtonEnabled(True)
        self.field.returnPressed.connect(self.accept)
        self.field.textChanged.connect(lambda _: self._tell(""))
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.show_opened(())
        self.add_button = button("Add", self.accept)
        self.fetch_button = button(
            "Download",
            self.fetch,
            tip="Fetch a timm name or a Hugging Face id to this machine. Nothing else uses the network.",
        )
        row = QHBoxLayout()
        row.setSpacing(8)
        self.name = label("Another backbone", "dim")
        row.addWidget(self.name)
        row.addWidget(self.field, 1)
        row.addWidget(
            menu_button("Browse…", self.menu, tip="Choose weights or a saved model on this machine")
        )
        row.addWidget(self.fetch_button)
        row.addWidget(self.add_button)
        self.error = label("", "error", wrap=True)
        self.error.hide()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(4)
        outer.addLayout(row)
        outer.addWidget(self.error)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The field says what it takes: where there is little room, it has it all."""
        super().resizeEvent(event)
        self.name.setVisible(self.width() >= WITH_NAME)

    def show_opened(self, opened: tuple[OpenBackbone, ...]) -> None:
        """The backbones of plugins that take a folder."""
        self._opened = opened
        self.menu.clear()
        self.menu.addAction("Weights file…", self._browse_file)
        self.menu.addAction("Model folder…", self._browse_folder)
        for one in opened:
            words = menu_text(f"Folder for {one.name} (plugin {one.plugin})…")
            action = self.menu.addAction(words, lambda name=one.name: self._browse_folder(name))
            action.setToolTip(plain(one.summary))
        more = "".join(f", {one.name}:FOLDER" for one in opened[:1])
        self.field.setPlaceholderText(f"timm or HF name, path{more}" if more else PLACEHOLDER)
        told = "".join(
            f"\n{one.name}:FOLDER, by the plugin {one.plugin}: {one.summary}" for one in opened[:5]
        )
        set_tip(self.field, f"{TOLD}{told}")

    def fetch(self) -> None:
        text = self.field.text().strip()
        local = bool(text) and Path(text).expanduser().exists()
        wrong = "It is on this machine already: add it." if local else check(text)
        self._tell(wrong)
        if not wrong:
            self._fetch(text)

    def accept(self) -> None:
        text = self.field.text().strip()
        names = [one.name for one in self._opened]
        wrong = check(text, names)
        if wrong:
            self._tell(wrong)
            return
        name, colon, rest = text.partition(":")
        before, what = (f"{name}:", rest.strip()) if colon and name in names else ("", text)
        local = Path(what).expanduser()
        self._add(before + (str(local.absolute()) if local.exists() else what))
        self.field.clear()

    def _tell(self, wrong: str) -> None:
        self.error.setText(printable(wrong))
        self.error.setVisible(bool(wrong))
        restyle(self.field, invalid=bool(wrong))

    def _browse_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Choose weights", str(Path.home()), WEIGHTS)
        self._take(chosen)

    def _browse_folder(self, name: str = "") -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Choose a model folder", str(Path.home()))
        self._take(f"{name}:{chosen}" if chosen and name else chosen)

    def _take(self, chosen: str) -> None:
        if chosen:
            self.field.setText(chosen)
            self.accept()
