"""What of the models is shown: the program's own views and the inspections of plugins, whose settings are a form."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from workbench.gui.forms import Form
from workbench.gui.inspect.board import Board
from workbench.gui.inspect.fields import WIDTH
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.segments import Segments
from workbench.records.brought import InspectionFacts
from workbench.records.inspection import PLUGGED, SHOWN
from workbench.records.methods import asked_by_name, parse_settings, written_by_name
from workbench.records.params import config_of
from workbench.records.text import printable

TIPS = {
    "attention": "Where a query token looks: the class token, the mean of all patches, or a patch that you click",
    "reconstruction": "What a masked autoencoder paints where patches were hidden from it",
    "patch-pca": "The three main directions of the patches' features as red, green and blue",
    "likeness": "How alike every patch is to the one that you click, in this picture and in all others",
    "segments": "Patches put into a few groups by their features, the same groups in all pictures of a model",
}
SHORT = {"segments": "Groups"}
GONE = "No plugin that can be used brings this view now. Plugins says what is wrong with it."
MARK = f"{PLUGGED}:"  # before an inspection's name, among the keys of the views


class ViewChooser(QWidget):
    """Shows and changes which view the board has, and of a plugin's view how it is asked for."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self.board = board
        self.segments: Segments | None = None
        self.form: Form[object] | None = None
        self.summary = label("", "caption", wrap=True)
        self._listed: tuple[InspectionFacts, ...] = ()
        self._asked = ""  # what the form shows
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addWidget(self.summary)
        board.session.brought_changed.connect(self.refresh)

    def refresh(self) -> None:
        settings = self.board.settings
        plugged = settings.show == PLUGGED
        name = asked_by_name(settings.inspection)[0]
        self._list_views(name if plugged else "")
        assert self.segments is not None
        self.segments.choose(f"{MARK}{name}" if plugged else settings.show)
        facts = self.board.session.brought.inspection(name) if plugged else None
        self.summary.setVisible(plugged)
        self.summary.setText(f"{facts.summary} By the plugin {facts.plugin}." if facts is not None else GONE)
        self._show_form(facts, settings.inspection if plugged else "")

    def _list_views(self, shown: str) -> None:
        """One button each; also for a view that the board has from earlier and that nobody brings any longer."""
        brought = self.board.session.brought
        listed = list(brought.inspections)
        if shown and brought.inspection(shown) is None:
            listed.append(InspectionFacts(name=shown, title=shown, summary=GONE))
        if self.segments is not None and tuple(listed) == self._listed:
            return
        self._listed = tuple(listed)
        if self.segments is not None:
            self._column.removeWidget(self.segments)
            self.segments.hide()
            self.segments.deleteLater()
        words = [(key, SHORT.get(key, word), TIPS[key]) for key, word in SHOWN.items()]
        words += [(f"{MARK}{one.name}", self._fitted(one.title), _tip(one)) for one in listed]
        self.segments = Segments("View", words, columns=2)
        self.segments.chosen.connect(self._choose)
        self._column.insertWidget(0, self.segments)

    def _fitted(self, title: str) -> str:
        """As much of a plugin's title as a button has room for."""
        text, room = printable(title), WIDTH // 2 - 24
        while len(text) > 1 and self.fontMetrics().horizontalAdvance(text) > room:
            text = f"{text.rstrip('…')[:-1].rstrip()}…"
        return text

    def _choose(self, key: str) -> None:
        if key.startswith(MARK):
            self.board.set(show=PLUGGED, inspection=key.removeprefix(MARK))
        else:
            self.board.set(show=key)

    # The settings of a plugin's view

    def _show_form(self, facts: InspectionFacts | None, asked: str) -> None:
        if self.form is not None and asked == self._asked and facts in self._listed:
            return  # whoever types into it goes on
        if self.form is not None:
            self._column.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        self._asked = asked
        if facts is None or not facts.params:
            return
        try:
            values = parse_settings(facts.params, asked_by_name(asked)[1])
        except ValueError:  # of another version of the plugin; the answer says what is wrong
            values = {}
        self.form = Form(config_of("Settings", facts.params), values, narrow=True)
        self.form.changed.connect(lambda: self._edit(facts))
        self._column.addWidget(self.form)

    def _edit(self, facts: InspectionFacts) -> None:
        if self.form is None or self.form.value() is None:
            return  # the form shows what is wrong, under its field
        usual = {item.name: item.default for item in facts.params}
        values = {name: value for name, value in self.form.values().items() if value != usual[name]}
        try:
            self._asked = written_by_name(facts.name, values)
        except ValueError as error:
            self.form.error.setText(str(error))
            self.form.error.show()
            return
        self.board.set(inspection=self._asked)


def _tip(one: InspectionFacts) -> str:
    by = f"\nBy the plugin {one.plugin}" if one.plugin else ""
    return f"{printable(one.title)}: {printable(one.summary)}{by}"
