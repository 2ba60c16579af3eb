"""The recipe: every number of the run, each with what it means, and the method's own."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QDoubleSpinBox

from workbench.gui.forms import Form
from workbench.gui.pretrain.plan import CHOSEN, FILES, Plan
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.records.methods import MethodFacts
from workbench.records.params import config_of
from workbench.records.pretrain_job import PretrainJob
from workbench.records.text import printable

FINE = ("learning_rate", "weight_decay")  # numbers of many decimals
GIVEN = {"index": "of the project", "method": "chosen above"}  # so that the rest can be checked


class RecipeCard(Card):
    """Edits go to the plan as they are typed; what is wrong is shown under its field when it is to start."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("Recipe", "0 takes the published choice")
        self._plan = plan
        self._method: MethodFacts | None = None
        self.form: Form[Any] = self._recipe()
        self.own: Form[Any] | None = None
        self.own_title = label("", "title")
        self.body.addWidget(self.form)
        self.body.addWidget(self.own_title)
        self.body.addStretch(1)
        plan.changed.connect(lambda what: what == "method" and self.refresh())
        self.refresh()

    def is_valid(self) -> bool:
        """Shows what is wrong, where something is."""
        own = self.own is None or self.own.value() is not None
        return self.form.value() is not None and own

    def rebuild(self) -> None:
        """Another project remembers other numbers."""
        old, self.form = self.form, self._recipe()
        self.body.replaceWidget(old, self.form)
        old.hide()
        old.deleteLater()
        self._method = None
        self.refresh()

    def refresh(self) -> None:
        """The fields of the method that is chosen now."""
        method = self._plan.method
        if method == self._method:
            return
        self._method = method
        if self.own is not None:
            self.body.removeWidget(self.own)
            self.own.hide()
            self.own.deleteLater()
            self.own = None
        self.own_title.setVisible(method is not None and bool(method.params))
        if method is None or not method.params:
            return
        self.own_title.setText(f"Of {printable(method.title)}")
        self.own = Form(config_of(f"{method.name}_settings", method.params), self._plan.own_settings)
        self.own.changed.connect(lambda: self.own and self._plan.set_settings(self.own.values()))
        self.body.insertWidget(self.body.count() - 1, self.own)

    def _recipe(self) -> Form[Any]:
        form = Form(PretrainJob, {**self._plan.recipe, **GIVEN}, hidden=FILES + CHOSEN)
        for name in FINE:
            field = form.fields[name]
            assert isinstance(field, QDoubleSpinBox)
            field.setDecimals(6)
            field.setSingleStep(1e-4)
        form.changed.connect(lambda: self._plan.set_recipe(self.form.values()))
        return form
