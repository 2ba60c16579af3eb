"""The folders of the data set: which there are, whether they are where they were, and the unlabelled pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.background import Background
from workbench.gui.data.folder_change import carried
from workbench.gui.glossary import tip
from workbench.gui.plain_text import set_tip
from workbench.gui.theme import FIELD_MARGINS
from workbench.gui.widgets.buttons import button, icon_button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, ElidedLabel, label
from workbench.records.index import ImageIndex
from workbench.records.roots import name_roots
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

SEVERAL = "With several folders, each one's own name is the first level: “folder 1” of the rules for labels."
KEPT = (
    "The folders are indexed when you go on. The rules for labels and groups and what was left out stay in force; "
    "results so far stay with their runs. Undo brings the old folders back."
)
ANEW = "Another data set begins; labels and groups are decided anew. Undo brings the old folders back."


LIMIT = "Larger images are refused, so that a file that was made to exhaust the memory can't"


class FoldersDialog(QDialog):
    """Other folders are put in force when it is accepted; a folder that is found again, at once."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.folders = list(session.settings.roots.values())
        self.pool = session.settings.pool
        self._counts: Counter[str] = Counter()  # folder -> images
        self._there: dict[str, bool] = {}
        self._background = Background(self)
        self.setWindowTitle("Folders")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self.resize(760, 400)
        self.error = label("", "error", wrap=True)
        self.told = label("", "dim", wrap=True)
        self.apply = button("Use these folders", self.accept, kind="primary")
        self.apply.setDefault(True)
        self.limit = QSpinBox()
        self.limit.setRange(1, 100_000)
        self.limit.setSuffix(" megapixels")
        self.limit.setValue(round(session.settings.max_megapixels))
        self.limit.setAccessibleName("Largest image, megapixels")
        self.limit.lineEdit().setTextMargins(*FIELD_MARGINS)
        set_tip(self.limit, LIMIT)
        self.again = button(
            "Look again for changes",
            self.look_again,
            icon_name="retry",
            tip="Finds what is new, changed or gone since; what was decided stays",
        )
        self._lay_out()
        self.refresh()
        self._count()
        session.dataset_changed.connect(self._follow)

    def _lay_out(self) -> None:
        self.card = Card("Folders of images")
        self.card.add_head(button("Add folder…", self.ask_folder, icon_name="plus"))
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.card.body.addWidget(self._area, 1)
        self.card.body.addWidget(self.told)
        self.card.body.addWidget(self.error)
        self.pool_card = Card("Unlabelled pool")
        self.pool_card.title.set_tip(tip("unlabelled pool"))
        self.pool_path = ElidedLabel("", "", Qt.TextElideMode.ElideMiddle)
        self.pool_count = label("", "dim")
        self.pool_chip = Chip()
        self.pool_choose = button("Choose…", self.ask_pool)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.pool_path, 1)
        line.addWidget(self.pool_count)
        line.addWidget(self.pool_chip)
        line.addWidget(self.pool_choose)
        self.pool_card.body.addLayout(line)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.again)
        row.addStretch(1)
        row.addWidget(label("Largest image", "dim", tip=LIMIT))
        row.addWidget(self.limit)
        row.addSpacing(8)
        row.addWidget(button("Cancel", self.reject))
        row.addWidget(self.apply)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addWidget(self.card, 1)
        outer.addWidget(self.pool_card)
        outer.addLayout(row)

    # What is shown

    @property
    def changed(self) -> bool:
        """Whether the folders are others than those in force."""
        return sorted(self.folders) != sorted(self._session.settings.roots.values())

    def refresh(self) -> None:
        """Draw the rows anew and check what is chosen."""
        problem, names = "", {folder: printable(Path(folder).name) for folder in self.folders}
        try:
            roots = name_roots([Path(folder) for folder in self.folders])
            names.update({folder: printable(name) for name, folder in roots.items() if name})
        except ValueError as error:
            problem = str(error) if self.folders else ""
        self._show_rows(names)
        self.error.setText(problem)
        self.error.setVisible(bool(problem))
        parts = [SEVERAL] if len(self.folders) > 1 else []
        known = self._session.settings.roots.values()
        if self.changed and known:
            parts.append(KEPT if set(known) & set(self.folders) else ANEW)
        if not self.folders:
            parts.append("A data set needs at least one folder. Add one, or drop it here.")
        self.told.setText(" ".join(parts))
        self.told.setVisible(bool(parts))
        self.again.setEnabled(bool(self.folders) and not self.changed)
        self.apply.setEnabled(not problem and bool(self.folders))
        self._show_pool()

    def _show_rows(self, names: Mapping[str, str]) -> None:
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        for row, folder in enumerate(self.folders):
            name = ElidedLabel(names[folder], "strong")
            name.setMaximumWidth(200)
            number = label(self._images(folder), "dim")
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(name, row, 0)
            grid.addWidget(ElidedLabel(folder, "dim", Qt.TextElideMode.ElideMiddle), row, 1)
            grid.addWidget(number, row, 2)
            grid.addWidget(self._chip(folder), row, 3)
            if not self._there.get(folder, True):
                find = button("Find it again…", lambda folder=folder: self.ask_again(folder))
                find.setAccessibleName(f"Find {names[folder]} again")
                grid.addWidget(find, row, 4)
            told = f"Remove {names[folder]} from the data set"
            remove = icon_button("trash", told, lambda folder=folder: self.remove(folder))
            remove.setEnabled(len(self.folders) > 1)
            grid.addWidget(remove, row, 5)
        grid.setRowStretch(len(self.folders), 1)
        self._area.setWidget(inner)

    def _images(self, folder: str) -> str:
        if folder in self._session.settings.roots.values():
            return count(self._counts[folder], "image") if self._counts else ""
        return "not indexed yet"

    def _chip(self, folder: str) -> Chip:
        if folder not in self._there:
            return Chip("looking")
        if self._there[folder]:
            return Chip("there", "good")
        return Chip("missing", "bad", "It isn't where it was. Was it moved, or is a disk not connected?")

    def _show_pool(self) -> None:
        known = self._session.dataset.pool
        same = self.pool == self._session.settings.pool
        self.pool_path.setText(self.pool or "None. Pretraining can learn from images without labels.")
        self.pool_count.setText(count(len(known), "image") if known is not None and same else "")
        self.pool_chip.setVisible(bool(self.pool) and self._there.get(self.pool) is False)
        self.pool_chip.set("missing", "bad")
        self.pool_choose.setText("Choose another…" if self.pool else "Choose…")
        self.pool_choose.setAccessibleName("Choose the folder of the unlabelled pool")

    def _count(self) -> None:
        """How many images each folder has and whether it is there: a disk that sleeps must not stop the window."""
        roots, files = dict(self._session.settings.roots), self._session.dataset.files
        places = [*self.folders, *([self.pool] if self.pool else [])]

        def work() -> tuple[Counter[str], dict[str, bool]]:
            return images_of(files, roots), {folder: Path(folder).is_dir() for folder in places}

        def show(found: tuple[Counter[str], dict[str, bool]]) -> None:
            self._counts = found[0]
            self._there.update(found[1])
            self.refresh()

        self._background.run(work, show, lambda error: self._refuse(str(error)))

    def _follow(self) -> None:
        self._count()

    def _refuse(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.show()

    # Hands

    def ask_folder(self) -> None:
        folder = self._ask("Add a folder of images", self.folders[-1] if self.folders else "")
        if folder is not None:
            self.add(folder)

    def add(self, folder: Path) -> None:
        """Take one more folder; it is indexed when the dialog is accepted."""
        self.folders.append(str(folder.absolute()))
        self.refresh()
        self._count()

    def remove(self, folder: str) -> None:
        """Take a folder out of the list; the last one stays."""
        if len(self.folders) > 1:
            self.folders.remove(folder)
            self.refresh()

    def ask_again(self, folder: str) -> None:
        """Let the user say where a folder lies now."""
        found = self._ask(f"Where is {printable(Path(folder).name)} now?", str(Path(folder).parent))
        if found is not None:
            self.find_again(folder, found)

    def find_again(self, folder: str, now: Path) -> None:
        """The images of `folder` lie in `now`: in force at once where the data set knows it."""
        names = {known: name for name, known in self._session.settings.roots.items()}
        if folder in names:
            try:
                self._session.dataset.repoint(names[folder], now)
            except (ValueError, OSError) as error:
                self._refuse(str(error))
                return
        self.folders[self.folders.index(folder)] = str(now.absolute())
        self._counts[str(now.absolute())] = self._counts[folder]
        self.refresh()
        self._count()

    def ask_pool(self) -> None:
        folder = self._ask("Choose the folder of unlabelled images", self.pool)
        if folder is not None:
            self.pool = str(folder.absolute())
            self.refresh()
            self._count()

    def look_again(self) -> None:
        """Index the same folders again: the tray shows how far."""
        try:
            self._session.dataset.look_again()
        except (ValueError, OSError) as error:
            self._refuse(str(error))
            return
        self.reject()

    def _ask(self, title: str, start: str) -> Path | None:
        home = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.HomeLocation)
        chosen = QFileDialog.getExistingDirectory(self, title, start or home)
        return Path(chosen) if chosen else None

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _folders_of(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for folder in _folders_of(event):
            event.acceptProposedAction()
            self.add(folder)

    # The end

    def accept(self) -> None:
        """Index other folders and another pool, where they are others."""
        if not self.apply.isEnabled():
            return
        session = self._session
        limit = float(self.limit.value())
        other_limit = limit != round(session.settings.max_megapixels)
        try:
            if other_limit and not self.changed:
                session.dataset.set_limit(limit)
            elif other_limit:
                session.settings.max_megapixels = limit
            if self.changed:
                roots = name_roots([Path(folder) for folder in self.folders])
                curation = carried(session.settings.curation, session.settings.roots, roots)
                session.dataset.set_folders([Path(folder) for folder in self.folders], curation=curation)
            if self.pool and self.pool != session.settings.pool:
                session.dataset.set_pool(Path(self.pool))
        except (ValueError, OSError) as error:
            self._refuse(str(error))
            return
        super().accept()

    def done(self, result: int) -> None:
        self._background.close()
        super().done(result)


def images_of(files: ImageIndex | None, roots: Mapping[str, str]) -> Counter[str]:
    """Folder -> images of it in the index."""
    if files is None:
        return Counter()
    if "" in roots:
        return Counter({roots[""]: len(files)})
    names = Counter(str(path).partition("/")[0] for path in files.paths)
    return Counter({folder: names[name] for name, folder in roots.items()})


def _folders_of(event: QDropEvent) -> list[Path]:
    """The folders among what is being dragged."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return [path for path in paths if path.is_dir()]
