"""This comparison: what is chosen, what is locked for all, how often, and what Run will do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.commands import Commands
from workbench.gui.compare.run_command import RUN, go, why_not_run
from workbench.gui.dataset_facts import watcher_of
from workbench.gui.glossary import tip
from workbench.gui.models.lock_row import LockRow
from workbench.gui.models.words import cost_notes, in_order, lock_notes, row_choices, title_of
from workbench.gui.plain_text import set_tip
from workbench.gui.session import Session
from workbench.gui.theme import FIELD_MARGINS
from workbench.gui.widgets.buttons import button, command_button, icon_button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, ElidedLabel, label
from workbench.gui.widgets.number_field import NumberField
from workbench.records.asked import apart, cost_words, size_of
from workbench.records.catalogue import BackboneFacts
from workbench.records.project import Chosen, Settings
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import count

LARGEST = 2048  # px
FEATURE_WIDTH = 120  # px
FEW_SEEDS = 5
ROW_HEIGHT, MIN_ROWS = 36, 3
LEAST_HEIGHT = 72  # px of the list
UNLIMITED = 16_777_215  # Qt's QWIDGETSIZE_MAX
Key = tuple[str, str, int]


class ChosenRow(QWidget):
    """One backbone of the comparison. Its feature and its input size follow the lock, or are its own exception.

    `alone` is why it will not be ranked with the others, or "".
    """

    def __init__(
        self,
        choice: Chosen,
        facts: BackboneFacts | None,
        settings: Settings,
        alone: str,
        change: Callable[[Chosen, Chosen], None],
        remove: Callable[[Chosen], None],
    ) -> None:
        super().__init__()
        self.choice = choice
        title = title_of(choice.backbone, facts)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(6)
        name = ElidedLabel(title)
        name.set_tip(choice.backbone)
        named = QVBoxLayout()
        named.setSpacing(0)
        named.addWidget(name)
        row.addLayout(named, 1)
        if facts is not None and not facts.available:
            row.addWidget(Chip("not here", "warn", facts.remedy))
        elif alone:
            named.addWidget(label("not ranked", "caption", tip=alone))
        self.feature = QComboBox()
        for value, words in row_choices(facts, settings):
            self.feature.addItem(words, value)
        self.feature.setCurrentIndex(max(self.feature.findData(choice.feature), 0))
        set_tip(self.feature, tip("feature"))
        self.feature.setAccessibleName(f"Feature of {title}")
        self.feature.setFixedWidth(FEATURE_WIDTH)
        self.size_field = QSpinBox()
        self.size_field.setRange(0, LARGEST)
        step = 14 if facts and facts.family.startswith("DINOv2") else 16
        self.size_field.setSingleStep(facts.patch if facts and facts.patch else step)
        own_size = size_of(Chosen(backbone=choice.backbone), settings, facts) if facts else None
        asked = f"{settings.image_size} px" if settings.image_size else "own px"
        self.size_field.setSpecialValueText(f"{own_size} px" if own_size else asked)
        self.size_field.setSuffix(" px")
        self.size_field.setKeyboardTracking(False)
        self.size_field.lineEdit().setTextMargins(*FIELD_MARGINS)
        self.size_field.setValue(choice.image_size)
        self.size_field.setFixedWidth(92)
        self.size_field.setAccessibleName(f"Input size of {title}")
        size = size_of(choice, settings, facts) if facts else None
        cost = cost_words(size, facts) if facts and size else ""
        set_tip(self.size_field, "\n".join(filter(None, (tip("input size"), cost))))
        if self.feature.count() > 1:
            row.addWidget(self.feature)
        else:
            only = label(self.feature.currentText(), "dim", tip=tip("feature"))
            only.setFixedWidth(FEATURE_WIDTH)
            only.setContentsMargins(9, 0, 0, 0)
            row.addWidget(only)
        row.addWidget(self.size_field)
        row.addWidget(icon_button("close", f"Take {title} out of the comparison", lambda: remove(choice)))

        def changed() -> None:
            size = self.size_field.value()
            changed_to = Chosen(
                backbone=choice.backbone,
                feature=str(self.feature.currentData()),
                image_size=0 if size == own_size else size,
            )
            if changed_to != choice:
                change(choice, changed_to)

        self.feature.currentIndexChanged.connect(lambda _: changed())
        # From the own size, the arrows step on from that size and not from nothing.
        self.size_field.valueChanged.connect(
            lambda value: (
                self.size_field.setValue(own_size + self.size_field.singleStep())
                if own_size and value == self.size_field.singleStep() and choice.image_size == 0
                else changed()
            )
        )


class _Rows(QScrollArea):
    """Asks for the height of what it holds now; Qt's own remembers what it held at first."""

    def sizeHint(self) -> QSize:
        return self.widget().sizeHint()


class ChosenCard(Card):
    """Rebuilds its rows when the choice changes; edits go to the session. `changed` comes after it."""

    changed = Signal()

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__("This comparison")
        self.session, self.commands = session, commands
        self.rows: list[ChosenRow] = []
        self._shown: object = None
        self._tight = False
        self._rebuild = QTimer(self, singleShot=True, interval=0)  # not while a row handles its own signal
        self._rebuild.timeout.connect(self.refresh)
        self._list = QVBoxLayout()
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(0)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        self.none = label(
            "Nothing chosen yet. Tick two or more backbones in the list, one of them a floor.",
            "dim",
            wrap=True,
        )
        column.addWidget(self.none)
        column.addLayout(self._list)
        column.addStretch(1)
        self.scroll = _Rows()
        self.scroll.setWidgetResizable(True)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroll.setWidget(inside)
        self.scroll.setMinimumHeight(LEAST_HEIGHT)
        self.body.addWidget(self.scroll, 1)
        self.lock = LockRow(session)
        self.cost = label("", "dim", wrap=True)
        self.body.addWidget(self.lock)
        self.body.addWidget(self.cost)
        self.body.addLayout(self._settings())
        self.work = label("", wrap=True)
        self.notes = label("", "dim", wrap=True)
        self.why = label("", "dim", wrap=True)
        self.next = button("", self._go_next, kind="link")
        self.run = command_button(commands, RUN, text="Run comparison", kind="primary")
        for widget in (self.work, self.notes, self.why):
            self.body.addWidget(widget)
        self.body.addWidget(self.next, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.run)
        session.backbones_changed.connect(self._rebuild.start)
        for signal in (session.dataset_changed, session.jobs_changed, session.project_changed):
            signal.connect(self.refresh_work)
        watcher_of(session).changed.connect(self.refresh_work)
        session.project_changed.connect(self._rebuild.start)
        self.refresh()

    def _settings(self) -> QGridLayout:
        self.seeds = QSpinBox()
        self.seeds.setRange(1, 100)
        self.seeds.setAccessibleName("Seeds")
        set_tip(self.seeds, tip("seed"))
        self.margin = NumberField()
        self.margin.setRange(0, 50)
        self.margin.setDecimals(1)
        self.margin.setSingleStep(0.5)
        self.margin.setPrefix("± ")
        self.margin.setSuffix(" points")
        self.margin.setAccessibleName("Margin, in points")
        set_tip(self.margin, tip("margin"))
        self.decided_by = QComboBox()
        self.decided_by.addItem("automatic", "auto")
        for name, words in METRIC_NAMES.items():
            self.decided_by.addItem(words, name)
        self.decided_by.setAccessibleName("Decided by")
        set_tip(
            self.decided_by,
            "The score that verdicts are about. Automatic takes macro-F1 where the largest class has more "
            "than 1.5 times the images of the smallest, else accuracy.",
        )
        for field in (self.seeds, self.margin):
            field.setKeyboardTracking(False)
            field.lineEdit().setTextMargins(*FIELD_MARGINS)
        self.seeds.valueChanged.connect(lambda value: self.session.set_seeds(value))
        self.margin.valueChanged.connect(lambda value: self.session.set_margin(value))
        self.decided_by.currentIndexChanged.connect(
            lambda _: self.session.set_metric(str(self.decided_by.currentData()))
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        fields = (("Seeds", self.seeds), ("Margin", self.margin), ("Decided by", self.decided_by))
        for column, (text, field) in enumerate(fields):
            caption = label(text, "caption")
            caption.setBuddy(field)
            grid.addWidget(caption, 0, column)
            grid.addWidget(field, 1, column)
            grid.setColumnStretch(column, 1)
        return grid

    # Showing

    def fit(self, tight: bool) -> None:
        """Take no more height than the rows need, or all that there is."""
        self._tight = tight
        self.scroll.setMaximumHeight(self._rows_height() if tight else UNLIMITED)

    def wanted_height(self) -> int:
        """px that the card takes at its present width with every row in sight."""
        tight, rows = self._tight, self._rows_height()
        self.scroll.setFixedHeight(rows)
        wanted = self.height_at(self.width())
        self.scroll.setMinimumHeight(LEAST_HEIGHT)
        self.fit(tight)
        return wanted

    def _rows_height(self) -> int:
        return max(len(self.rows), MIN_ROWS) * ROW_HEIGHT + 8

    def refresh(self) -> None:
        """The rows, where they changed, and what Run will do."""
        session, settings = self.session, self.session.settings
        known = {facts.id: facts for facts in (*session.names, *session.catalogue)}
        chosen = in_order(settings.chosen, session.catalogue)
        alone = {_key(choice): reason for choice, reason in apart(settings, session.catalogue)}
        lock = settings.feature_rule, settings.layers, settings.image_size
        shown = [_key(choice) for choice in chosen], (session.catalogue, session.names), lock, alone
        if shown != self._shown:
            self._shown = shown
            focus = self._focus_place()
            while (item := self._list.takeAt(0)) is not None:
                if item.widget() is not None:
                    item.widget().hide()
                    item.widget().deleteLater()
            self.rows = [
                ChosenRow(
                    choice,
                    known.get(choice.backbone),
                    settings,
                    alone.get(_key(choice), ""),
                    self._change,
                    self._remove,
                )
                for choice in chosen
            ]
            for row in self.rows:
                self._list.addWidget(row)
            self._give_focus(focus)
            self.fit(self._tight)
        self.none.setVisible(not self.rows)
        self.lock.refresh()
        self.cost.setText(cost_notes(settings, session.catalogue))
        self.cost.setVisible(bool(self.cost.text()))
        for field, value in ((self.seeds, settings.seeds), (self.margin, settings.margin)):
            with QSignalBlocker(field):
                field.setValue(value)
        with QSignalBlocker(self.decided_by):
            self.decided_by.setCurrentIndex(max(self.decided_by.findData(settings.metric), 0))
        self.refresh_work()

    def refresh_work(self) -> None:
        """What Run will do, or why it can't and where to go."""
        session, settings = self.session, self.session.settings
        reason = why_not_run(session)
        num_images = len(session.index) if session.index is not None else 0
        models = len(settings.chosen)
        self.set_title("This comparison", count(models, "backbone") if models else "")
        self.work.setText(
            f"{count(num_images, 'image')} × {count(models, 'backbone')}, then probe and k-NN on "
            f"{_splits(settings)}."
        )
        self.work.setVisible(bool(num_images and models))
        notes = lock_notes(settings, session.catalogue)
        if models == 1:
            notes.append("One number alone has nothing to beat: add a floor or a second backbone.")
        if settings.seeds < FEW_SEEDS:
            notes.append(f"Fewer than {FEW_SEEDS} seeds seldom decide.")
        plan = settings.curation.plan
        if plan.kind == "folds" and settings.seeds % plan.folds:
            notes.append(
                f"{count(settings.seeds, 'seed')} of {plan.folds} folds test some images more often than others: "
                f"take {plan.folds * max(round(settings.seeds / plan.folds), 1)}."
            )
        leaks = watcher_of(session).facts.leaks
        if leaks:
            notes.append(
                f"{count(leaks, 'leak')} left in: scores will be too high. Copies… in Data mends that."
            )
        opened = session.test_openings
        if opened and not reason:
            notes.append(f"The test part was opened {count(opened, 'time')}; this opens it once more.")
        self.notes.setText(" ".join(notes))
        self.notes.setVisible(bool(notes and models))
        self.why.setText(reason)
        self.why.setVisible(bool(reason))
        to_data = session.index is None or len(session.index.classes) < 2
        self.next.setText("Go to Data" if to_data else "")
        self.next.setVisible(bool(reason and to_data))
        self.run.refresh()
        self.changed.emit()

    # Doing

    def _change(self, old: Chosen, new: Chosen) -> None:
        self.session.unchoose(old.backbone, old.feature, old.image_size)
        self.session.choose(new.backbone, new.feature, new.image_size)

    def _remove(self, choice: Chosen) -> None:
        self.session.unchoose(choice.backbone, choice.feature, choice.image_size)

    def _go_next(self) -> None:
        go(self.commands, "data")

    # A rebuild must not throw the keyboard out of the field that it was in.

    def _focus_place(self) -> tuple[int, str] | None:
        for place, row in enumerate(self.rows):
            for name in ("feature", "size_field"):
                if getattr(row, name).hasFocus():
                    return place, name
        return None

    def _give_focus(self, where: tuple[int, str] | None) -> None:
        if where and where[0] < len(self.rows):
            getattr(self.rows[where[0]], where[1]).setFocus()


def _key(choice: Chosen) -> Key:
    return choice.backbone, choice.feature, choice.image_size


def _splits(settings: Settings) -> str:
    """The splits that a comparison draws, in words."""
    plan = settings.curation.plan
    if plan.kind == "shares":
        return count(settings.seeds, "resampled split")
    return f"{count(settings.seeds, 'split')} by {plan.told()}"
