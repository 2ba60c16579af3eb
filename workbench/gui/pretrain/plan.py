"""What the next pretraining will be: one object that the cards of the setup page show and change.

It is kept with the project, so that nothing is chosen twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from workbench.gui.pretrain.words import Sizes, architecture_of, is_transformer, starts
from workbench.records.augmentation import Augmentation, changed, changes_between, preset_of, under_preset
from workbench.records.catalogue import PRETRAINED_HERE, BackboneFacts
from workbench.records.methods import MethodFacts, written_settings
from workbench.records.params import describe
from workbench.records.pretrain_job import PretrainJob

if TYPE_CHECKING:
    from workbench.gui.session import Session

REMEMBERED = "pretrain.plan"
# What has a card of its own or comes from the project; the rest is the recipe, a form.
FILES = ("index", "curation", "roots", "pool_index", "pool_roots", "cache", "branch")
CHOSEN = ("method", "backbone", "start", "learn_from", "preset", "augment", "settings")
DEFAULTS = {item.name: item.default for item in describe(PretrainJob)}
USUAL_METHOD = "dino"
USUAL_WITHOUT_TOKENS = "moco"  # where only a convolutional network is at hand to start from
WRITE_MS = 300  # after the last change: a slider that is dragged doesn't write the project a hundred times


class Plan(QObject):
    """`changed` comes after every change, with what changed: "method", "start", "pool", "views", "recipe"; `replaced`
    where all of it did. `origin` says where it came from, as long as nobody has sent that away."""

    changed = Signal(str)
    replaced = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.method: MethodFacts | None = None
        self.views: Augmentation | None = None
        self.learn_from, self.preset = "safe", "published"
        self.backbone, self.start = str(DEFAULTS["backbone"]), ""
        self.recipe: dict[str, Any] = {}
        self.origin = ""
        self._before: dict[str, Any] = {}  # as `_written`, what a proposal has taken the place of
        self._started = False  # whether the user (or an earlier day) chose the start weights
        self._changes: dict[str, list[str]] = {}  # method -> changes of its views under the preset
        self._settings: dict[str, dict[str, Any]] = {}  # method -> its own settings
        self._soon = QTimer(self, singleShot=True, interval=WRITE_MS)
        self._soon.timeout.connect(self.write)
        session.pretraining.proposed.connect(self._take_proposal)
        self.restore()

    # Reading

    @property
    def tokens_only(self) -> bool:
        return self.method is not None and self.method.tokens_only

    @property
    def base(self) -> Augmentation | None:
        """The method's views under the preset, without the user's changes."""
        return under_preset(self.method.views_for(self.tokens), self.preset) if self.method else None

    @property
    def tokens(self) -> bool:
        """Whether what will learn is a transformer."""
        facts = next((known for known in self._session.catalogue if known.id == self.start), None)
        return facts.patch > 0 if facts is not None else is_transformer(self.backbone)

    @property
    def changes(self) -> tuple[str, ...]:
        base = self.base
        return changes_between(base, self.views) if base is not None and self.views is not None else ()

    @property
    def own_settings(self) -> dict[str, Any]:
        """Of the method: only what differs from what it does anyway."""
        return dict(self._settings.get(self.method.name, {})) if self.method else {}

    def starts(self) -> list[BackboneFacts]:
        return starts(self._session.catalogue, self.tokens_only)

    def sizes(self) -> Sizes:
        index, pool, split = self._session.index, self._session.pool_index, self._session.split
        unlabelled = int((index.label < 0).sum()) if index is not None else 0
        labelled = len(index) - unlabelled if index is not None else 0
        train = int((split.part == 0).sum()) if split is not None else labelled
        unseen = int(np.isin(split.part, (1, 2)).sum()) if split is not None else 0
        return Sizes(unlabelled + (len(pool) if pool is not None else 0), train, unseen)

    def values(self) -> dict[str, Any]:
        """What the job is asked, without the project's files."""
        return {
            **self.recipe,
            "method": self.method.name if self.method else "",
            "backbone": self.backbone,
            "start": self.start,
            "learn_from": self.learn_from,
            "preset": self.preset,
            "augment": self.changes,
            "settings": written_settings(self.own_settings),
        }

    def why_not(self) -> str:
        """A sentence that says why it can't start and what to do; "" when it can."""
        session = self._session
        if session.project is None or (session.index is None and session.pool_index is None):
            return "Choose an image folder, or a folder of unlabelled images, first."
        if self.method is None:
            return "The methods are being looked up. It takes a few seconds."
        if self.sizes().of(self.learn_from) == 0:
            return (
                "There are no unlabelled images. Choose an unlabelled pool in Data, or learn from the training part "
                "too."
            )
        if self.tokens_only and not self.start and not is_transformer(self.backbone):
            return f"{self.method.title} needs a transformer. Choose one of the vit_* architectures."
        return ""

    # Changing

    def choose_method(self, name: str) -> None:
        method = self._session.pretraining.method(name)
        if method is None or method == self.method:
            return
        self.method = method
        if self.start and all(facts.id != self.start for facts in self.starts()):
            self.start = ""
            self._started = False
        if not self.start and self.tokens_only and not is_transformer(self.backbone):
            self.backbone = str(DEFAULTS["backbone"])
        self._propose_start()
        self._draw_views()
        self._keep("method")

    def choose_start(self, start: str) -> None:
        self._started = True
        self._take_start(start)
        self._draw_views()
        self._keep("start")

    def choose_backbone(self, backbone: str) -> None:
        self.backbone = backbone.strip()
        self._draw_views()
        self._keep("start")

    def choose_pool(self, learn_from: str) -> None:
        self.learn_from = learn_from
        self._keep("pool")

    def choose_preset(self, preset: str) -> None:
        """The preset's own views: changes by hand were made to others."""
        self.preset = preset_of(preset).id
        self._changes = {}
        self._draw_views()
        self._keep("views")

    def change_views(self, changes: Sequence[str]) -> None:
        """On top of what is there. Raises ValueError for a change that makes no sense."""
        if self.views is None or self.method is None:
            return
        self.views = changed(self.views, changes)
        self._changes[self.method.name] = list(self.changes)
        self._keep("views")

    def reset_views(self) -> None:
        if self.method is not None:
            self._changes.pop(self.method.name, None)
            self._draw_views()
            self._keep("views")

    def set_recipe(self, values: Mapping[str, Any]) -> None:
        """What differs from the defaults; the rest stays the engine's choice."""
        self.recipe = {
            name: value
            for name, value in values.items()
            if name not in FILES + CHOSEN and name in DEFAULTS and _differs(value, DEFAULTS[name])
        }
        self._keep("recipe")

    def set_settings(self, values: Mapping[str, Any]) -> None:
        if self.method is None:
            return
        usual = {item.name: item.default for item in self.method.params}
        self._settings[self.method.name] = {
            name: value for name, value in values.items() if name in usual and _differs(value, usual[name])
        }
        self._keep("recipe")

    # What was proposed

    def _take_proposal(self) -> None:
        """Fill in what Decide proposes; the rest is what a run is asked where nobody says otherwise. Once the methods
        are known: until then it waits."""
        if not self._session.pretraining.methods:
            return
        taken = self._session.pretraining.take_proposal()
        if taken is None:
            return
        values, why = taken
        before, chosen = self._written(), self._choices()
        self._read(
            {
                **{name: value for name, value in values.items() if name in CHOSEN},
                "started": True,
                "recipe": {
                    name: value
                    for name, value in values.items()
                    if name not in FILES + CHOSEN and _differs(value, DEFAULTS.get(name))
                },
            }
        )
        if self.start:
            self._take_start(self.start)
        self._before = before if self._choices() != chosen else dict(before.get("before", {}))
        self.origin = why
        self._replaced()

    @property
    def before(self) -> dict[str, Any]:
        """What the proposal has taken the place of, for `go_back`; empty where it changed nothing."""
        return dict(self._before)

    def go_back(self, before: Mapping[str, Any]) -> None:
        self._read(before)
        self._replaced()

    def keep_proposal(self) -> None:
        """It is the user's own from now on."""
        self.origin, self._before = "", {}
        self._soon.start()

    def _replaced(self) -> None:
        self.write()
        self.replaced.emit()
        for what in ("method", "start", "pool", "views", "recipe"):
            self.changed.emit(what)

    # What is remembered

    def restore(self) -> None:
        """As this project left it; what an older or newer program wrote and this one doesn't know falls away."""
        self._soon.stop()  # what waits to be written belongs to the project before
        kept = self._session.recall(REMEMBERED, {})
        self._read(kept if isinstance(kept, dict) else {})
        self._take_proposal()

    def _read(self, kept: Mapping[str, Any]) -> None:
        """`kept` as `_written` makes it."""
        self.origin, before = str(kept.get("origin", "")), kept.get("before", {})
        self._before = dict(before) if isinstance(before, dict) else {}
        self.learn_from = str(kept.get("learn_from", "safe"))
        if self.learn_from not in ("safe", "unlabelled", "all"):
            self.learn_from = "safe"
        try:
            self.preset = preset_of(str(kept.get("preset", "published"))).id
        except ValueError:
            self.preset = "published"
        self.backbone = str(kept.get("backbone", DEFAULTS["backbone"]))
        self.start, self._started = str(kept.get("start", "")), bool(kept.get("started", False))
        self.recipe = {
            name: value for name, value in dict(kept.get("recipe", {})).items() if name in DEFAULTS
        }
        self._changes = {name: list(kept_) for name, kept_ in dict(kept.get("changes", {})).items()}
        self._settings = {name: dict(kept_) for name, kept_ in dict(kept.get("settings", {})).items()}
        self.method = self.views = None
        self.refresh(str(kept.get("method", "")))

    def refresh(self, wanted: str = "") -> None:
        """The methods or the backbones have come or changed."""
        store = self._session.pretraining
        name = wanted or (self.method.name if self.method else "") or self._remembered_method()
        self.method = store.method(name) or store.method(USUAL_METHOD) or next(iter(store.methods), None)
        self._propose_start()
        if not store.method(name) and not self.tokens:
            self.method = store.method(USUAL_WITHOUT_TOKENS) or self.method
        self._forget_unknown()
        self._draw_views()
        self.changed.emit("method")
        self._take_proposal()

    def _remembered_method(self) -> str:
        kept = self._session.recall(REMEMBERED, {})
        return str(kept.get("method", "")) if isinstance(kept, dict) else ""

    def _propose_start(self) -> None:
        """A public backbone where one is at hand: it has seen more pictures than anybody's own folder holds."""
        if self._started or self.start:
            return
        found = [facts for facts in self.starts() if facts.source != PRETRAINED_HERE]
        best = next((facts for facts in found if facts.family.startswith("DINO")), None)
        if best is not None or found:
            self._take_start((best or found[0]).id)

    def _take_start(self, start: str) -> None:
        self.start = start
        facts = next((known for known in self._session.catalogue if known.id == start), None)
        self.backbone = (architecture_of(facts) if facts else "") or (
            self.backbone if not start else str(DEFAULTS["backbone"])
        )

    def _forget_unknown(self) -> None:
        if self.method is not None:
            known = {item.name for item in self.method.params}
            own = self._settings.get(self.method.name, {})
            self._settings[self.method.name] = {k: v for k, v in own.items() if k in known}

    def _draw_views(self) -> None:
        base = self.base
        self.views = base
        if base is None or self.method is None:
            return
        try:
            self.views = changed(base, self._changes.get(self.method.name, ()))
        except ValueError:  # of another version of the method
            self._changes.pop(self.method.name, None)

    def _keep(self, what: str) -> None:
        self._soon.start()
        self.changed.emit(what)

    def leave(self) -> None:
        """Write what waits to be written."""
        if self._soon.isActive():
            self.write()

    def write(self) -> None:
        """Keep it with the project now, where it isn't kept already."""
        self._soon.stop()
        self._session.remember(REMEMBERED, self._written())

    def _written(self) -> dict[str, Any]:
        """Plain data that `_read` takes."""
        return {**self._choices(), **({"origin": self.origin, "before": self._before} if self.origin else {})}

    def _choices(self) -> dict[str, Any]:
        return {
            "method": self.method.name if self.method else "",
            "learn_from": self.learn_from,
            "preset": self.preset,
            "backbone": self.backbone,
            "start": self.start,
            "started": self._started,
            "recipe": dict(self.recipe),
            "changes": {name: list(kept) for name, kept in self._changes.items()},
            "settings": {name: dict(kept) for name, kept in self._settings.items()},
        }


def _differs(value: Any, usual: Any) -> bool:
    """A field may give a number back a hair beside what it was given."""
    if isinstance(value, float) and isinstance(usual, int | float):
        return not math.isclose(value, usual, rel_tol=1e-9, abs_tol=1e-12)
    return bool(value != usual)
