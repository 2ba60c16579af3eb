"""What leaves the Compare place: text for the clipboard, embeddings, pictures of the plots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton

from workbench.gui.commands import Command
from workbench.gui.compare.confusion import ConfusionMatrix
from workbench.gui.compare.picture import copy_action, copy_picture, save_picture
from workbench.gui.compare.walked_plot import WalkedPlot
from workbench.gui.widgets.buttons import icon_button, menu_button
from workbench.records.tables import as_csv, as_markdown, protocol_sentence
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.gui.compare.view import CompareView

FORMATS = {  # what the engine calls it: title, ending
    "h5ad": ("AnnData HDF5 (.h5ad)", ".h5ad"),
    "parquet": ("Parquet (.parquet)", ".parquet"),
    "projector": ("TensorBoard Projector (.tsv pair)", ".tsv"),
    "npz": ("NumPy (.npz)", ".npz"),
}
SAVED = {  # plot: what a command calls it
    "strips": "the plot of every seed",
    "budget": "the curves of the label budget",
    "confusion": "the confusion matrix",
    "classes": "the plot of the classes",
    "calibration": "the reliability plot",
}
OF_ONE_MODEL = ("Confusion", "Classes", "Calibration")  # titles of plots that need the model's name
PICTURES = "PNG picture (*.png);;SVG drawing (*.svg)"


Plot = ConfusionMatrix | WalkedPlot


class Output:
    """Buttons, menus and commands; `view` says what is shown."""

    def __init__(self, view: CompareView) -> None:
        self.view = view
        copy = QMenu(view)
        copy.addAction("As Markdown", self.copy_markdown)
        copy.addAction("As CSV, full precision", self.copy_csv)
        self.copy_button = menu_button(
            "Copy", copy, tip="Copy the whole table (Ctrl+C in the table: Markdown)"
        )
        export = QMenu(view)
        self._fill(export, "")
        self.export_button = menu_button(
            "Export embeddings…", export, tip="Write the vectors of these models in a form that others read"
        )
        view.table.copy_asked.connect(self.copy_markdown)
        view.table.menu_wanted.connect(self._extend)
        view.destroyed.connect(self._register())

    # Commands

    def _register(self) -> Callable[[], None]:
        view = self.view

        def why_not() -> str:
            return "" if view.session.result else "There is no comparison yet. Run one first."

        def why_not_pin() -> str:
            return why_not() or ("" if view.chosen else "Select a model in the table first.")

        made = [
            Command(
                id="compare.pin_baseline",
                title="Pin the selected model as baseline",
                run=view.pin,
                why_not=why_not_pin,
                keys="Ctrl+B",
                help="All other models are then compared with it.",
                place="compare",
            ),
            Command(
                id="compare.copy_markdown",
                title="Copy the comparison as Markdown",
                run=self.copy_markdown,
                why_not=why_not,
                keys="Ctrl+Shift+C",
                help="A table for a document or an issue.",
                place="compare",
            ),
            Command(
                id="compare.copy_csv",
                title="Copy the comparison as CSV",
                run=self.copy_csv,
                why_not=why_not,
                help="Full precision, with the value of every seed.",
                place="compare",
            ),
            *(
                Command(
                    id=f"compare.export_{name}",
                    title=f"Export embeddings as {title}…",
                    run=lambda name=name: self.export(name),
                    why_not=why_not,
                    keys="Ctrl+E" if name == "h5ad" else "",
                    help="The vectors of every model of this comparison.",
                    place="compare",
                )
                for name, (title, _) in FORMATS.items()
            ),
            *(
                Command(
                    id=f"compare.save_{name}",
                    title=f"Save {title}…",
                    run=lambda name=name: self._save_named(name),
                    why_not=why_not,
                    help="As a PNG or SVG file.",
                    place="compare",
                )
                for name, title in SAVED.items()
            ),
            Command(
                id="compare.copy_failures",
                title="Copy the images of the failure gallery as CSV",
                run=view.copy_failures,
                why_not=why_not,
                help="File, true class and what was said instead, one image a line.",
                place="compare",
            ),
            Command(
                id="compare.filter",
                title="Filter the models of the comparison",
                run=lambda: view.filter.setFocus(),
                why_not=why_not,
                keys="Ctrl+F",
                place="compare",
            ),
        ]
        return view.commands.add_all(made)

    # Text

    def copy_markdown(self) -> None:
        self._copy(as_markdown, "Markdown")

    def copy_csv(self) -> None:
        self._copy(as_csv, "CSV")

    def _copy(self, write: Callable[..., str], name: str) -> None:
        view = self.view
        if view.session.result is None:
            return
        text = write(view.session.result, view.session.baseline, view.shown_metric, view.titles)
        QGuiApplication.clipboard().setText(text)
        view.session.message.emit("info", f"The table was copied as {name}.")

    # Embeddings

    def _fill(self, menu: QMenu, model: str) -> None:
        for name, (title, _) in FORMATS.items():
            menu.addAction(title, lambda name=name: self.export(name, model))

    def _extend(self, model: str, menu: QMenu) -> None:
        only = menu.addMenu("Export embeddings of this model")
        self._fill(only, model)
        menu.addSeparator()
        menu.addAction("Copy table as Markdown\tCtrl+C", self.copy_markdown)
        menu.addAction("Copy table as CSV", self.copy_csv)

    def sources(self, model: str = "") -> list[str]:
        """The embedding files of the shown result, or of one model of it."""
        session = self.view.session
        if session.result is None or session.project is None:
            return []
        files = session.result.files(session.project.run(session.settings.result).path)
        return [str(path) for name, path in files.items() if model in ("", name)]

    def export(self, format: str, model: str = "") -> None:
        """Ask where to, then write in a worker."""
        view = self.view
        title, ending = FORMATS[format]
        stem = file_name(view.titles.get(model, model)) if model else "embeddings"
        chosen, _ = QFileDialog.getSaveFileName(
            view, "Export embeddings", self._start(f"{stem}{ending}"), f"{title} (*{ending})"
        )
        if chosen:
            out = Path(chosen) if Path(chosen).suffix else Path(chosen + ending)
            view.session.remember("compare.folder", str(out.parent))
            view.session.export(self.sources(model), format, out)

    # Pictures

    def save_button(self, title: str, plot: Plot) -> QToolButton:
        """The button that saves `plot`, which gets a menu of its own to copy and save it, and Ctrl+C."""
        copy_action(plot, lambda: self.copy_picture(title, plot))
        save = QAction("Save as PNG or SVG…", plot)
        save.triggered.connect(lambda: self.save(title, plot))
        plot.addAction(save)
        plot.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        return icon_button("save", f"Save the plot as PNG or SVG: {title}", lambda: self.save(title, plot))

    def _save_named(self, name: str) -> None:
        """By a command: the plot is brought to sight first."""
        lower, reason = self.view.lower, ""
        if name == "strips":
            title, plot = "Every seed", lower.strips
        elif name == "budget":
            title, plot = "Label budget", lower.budget.plot
            reason = (
                "" if plot.plot.curves else "There are no label budgets yet. Add them under the table first."
            )
        else:
            lower.one.show_view(name)
            title, plot = name.capitalize(), lower.plots[name]
            reason = lower.one.lacks
        if reason:
            self.view.session.message.emit("warn", reason)
        else:
            self.save(title, plot)

    def copy_picture(self, title: str, plot: Plot) -> None:
        """The plot as it is shown, onto the clipboard."""
        view = self.view
        if view.session.result is None:
            return
        aside = protocol_sentence(view.session.result, view.shown_metric)
        copy_picture(plot.draw_into, plot.size(), self._title(title), aside)
        view.session.message.emit("info", "The plot was copied as a picture.")

    def _title(self, title: str) -> str:
        name = self.view.chosen
        return f"{title}, {self.view.titles.get(name, name)}" if title in OF_ONE_MODEL else title

    def save(self, title: str, plot: Plot) -> None:
        """Ask where to, then write the plot as it is shown."""
        view = self.view
        result = view.session.result
        if result is None:
            return
        chosen, _ = QFileDialog.getSaveFileName(
            view, "Save plot", self._start(f"{file_name(title)}.png"), PICTURES
        )
        if not chosen:
            return
        aside = protocol_sentence(result, view.shown_metric)
        try:
            written = save_picture(Path(chosen), plot.draw_into, plot.size(), self._title(title), aside)
        except (ValueError, OSError) as error:
            view.session.message.emit("bad", str(error))
            return
        view.session.remember("compare.folder", str(written.parent))
        view.session.message.emit("info", f"Saved {printable(written.name)}.")

    def _start(self, name: str) -> str:
        folder = self.view.session.recall("compare.folder", str(Path.home()))
        return str(Path(folder) / name)


def file_name(title: str) -> str:
    kept = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in title.lower())
    return kept.strip("_") or "plot"
