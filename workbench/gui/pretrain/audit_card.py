"""Which change of the views destroys the label: measured with a frozen backbone, a bar for each, one click mends."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from workbench.gui.guarded import guarded
from workbench.gui.plain_text import set_tip
from workbench.gui.pretrain.estimate_card import EARLIER, is_asking
from workbench.gui.pretrain.plan import Plan
from workbench.gui.session import Session
from workbench.gui.theme import current_theme, themes
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.records.pretrain_plans import Audit, AuditRow
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import count, printable

EMPTY = (
    "Views that hide what the label is about teach a backbone to ignore it. The audit shows a probe only changed "
    "pictures, one change at a time, and tells how many points each costs. It needs labels."
)
BUNDLED = "efficientnet_lite0"
TITLE = "Audit of the views"


class CostBar(QWidget):
    """The cost of one change in points, with its interval; to the left of the line it gained."""

    def __init__(self, row: AuditRow, span: tuple[float, float]) -> None:
        super().__init__()
        self._row, self._span = row, span
        self.setFixedHeight(16)
        self.setMinimumWidth(48)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        themes().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(96, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = current_theme(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        low, high = self._span

        def at(points: float) -> float:
            return 3 + (points - low) / (high - low) * (self.width() - 6)

        zero, end = at(0), at(self._row.cost)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("bad" if self._row.destroys else "dim"))
        painter.drawRoundedRect(QRectF(min(zero, end), 4, max(abs(end - zero), 1), 8), 2, 2)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(zero, 0), QPointF(zero, 16))
        if self._row.interval is not None:
            painter.setPen(QPen(theme.colour("text"), 1.25))
            left, right = (at(edge) for edge in self._row.interval)
            painter.drawLine(QPointF(left, 8), QPointF(right, 8))
            for x in (left, right):
                painter.drawLine(QPointF(x, 5), QPointF(x, 11))
        painter.end()


class AuditCard(Card):
    """The sentence, then the rows, the costliest first."""

    def __init__(self, session: Session, plan: Plan, why_not: Callable[[], str]) -> None:
        super().__init__(TITLE)
        self._session, self._plan, self._why_not = session, plan, why_not
        self.ask_button = button("Audit", self.ask, kind="quiet")
        self.add_head(self.ask_button)
        self.text = label(EMPTY, "dim", wrap=True)
        self.body.addWidget(self.text)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(6)
        self.body.addLayout(self._rows)
        self.note = label(EARLIER, "caption", wrap=True)
        self.body.addWidget(self.note)
        self.measured = label("", "caption", wrap=True)
        self.body.addWidget(self.measured)
        self.links: list[QWidget] = []
        self._shown: Audit | None = None
        self.body.addStretch(1)
        session.pretraining.answered.connect(lambda kind: kind == "audit" and self.refresh())
        for signal in (session.jobs_changed, session.project_changed, session.dataset_changed):
            signal.connect(self.refresh)
        plan.changed.connect(lambda what: self.refresh())
        self.refresh()

    def why_not(self) -> str:
        index = self._session.index
        if index is None or len(index.classes) < 2 or not len(index.labelled()):
            return (
                "The audit needs labelled images of two classes: say under Labels and groups what tells them."
            )
        return self._why_not()

    def ask(self) -> None:
        reason = self.why_not()
        if reason:
            self._session.message.emit("warn", reason)
            return
        backbone = probed_with(self._session)
        guarded(self._session, lambda: self._session.pretraining.audit(self._plan.values(), backbone))
        self.refresh()

    def refresh(self) -> None:
        store, title = self._session.pretraining, TITLE
        running, reason = is_asking(self._session, "audit"), self.why_not()
        self.ask_button.setEnabled(not running and not reason)
        set_tip(self.ask_button, reason or "Fit a probe on changed pictures, one change at a time")
        answer = store.answer("audit")
        if not isinstance(answer, Audit):
            self.set_title(title, "being measured" if running else "")
            self.text.setText(EMPTY)
            self.note.hide()
            self._show(None)
            return
        self.set_title(title, "being measured" if running else "")
        self.text.setText(answer.sentence)
        self._show(answer)
        self.note.setVisible(not store.is_current("audit", self._plan.values()))

    def _show(self, audit: Audit | None) -> None:
        if audit is self._shown:
            return
        self._shown = audit
        while (item := self._rows.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        self.links = []
        self.measured.setVisible(audit is not None)
        if audit is None:
            return
        ends = [edge for row in audit.rows for edge in (row.cost, *(row.interval or ()))]
        span = min(0.0, *ends), max(1.0, *ends)
        for row in audit.rows:
            self._rows.addWidget(self._row(row, span))
        metric = METRIC_NAMES.get(audit.metric, printable(audit.metric))
        self.measured.setText(
            f"Points of {metric} lost by a probe on {printable(audit.backbone)}, which has {audit.unchanged:.3f} on "
            f"unchanged pictures; {count(audit.images, 'image')}, {count(audit.seeds, 'split')}, 95 % intervals."
        )

    def _row(self, row: AuditRow, span: tuple[float, float]) -> QWidget:
        made = QWidget()
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        line = QHBoxLayout()
        line.setSpacing(8)
        name = ElidedLabel(row.title, "strong" if row.destroys else "")
        name.set_floor(92)
        name.set_tip(row.advice)
        interval = f", 95 % between {row.interval[0]:.1f} and {row.interval[1]:.1f}" if row.interval else ""
        points = label(f"{row.cost:+.1f}".replace("+", "") if row.cost > 0 else f"{row.cost:.1f}")
        points.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        points.setFixedWidth(36)
        verdict = "destroys the label" if row.destroys else "tolerated"
        made.setAccessibleName(f"{printable(row.title)} costs {row.cost:.1f} points{interval}: {verdict}")
        set_tip(points, f"{row.cost:.1f} points{interval}")
        line.addWidget(name, 2)
        line.addWidget(CostBar(row, span), 3)
        line.addWidget(points)
        column.addLayout(line)
        if row.instead:
            link = button(instead_words(row), lambda: self._apply(row), kind="link")
            link.setAccessibleName(f"{printable(row.title)}: {instead_words(row)}")
            set_tip(link, row.advice or "Change the views to what costs less")
            column.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)
            self.links.append(link)
        return made

    def _apply(self, row: AuditRow) -> None:
        guarded(self._session, lambda: self._plan.change_views(row.instead))


def instead_words(row: AuditRow) -> str:
    """ "Use crop min 0.35, hue 0": what the click will set."""
    parts = []
    for change in row.instead:
        name, _, value = change.partition("=")
        parts.append(f"{printable(name.rpartition('.')[2].replace('_', ' '))} {printable(value)}")
    return f"Use {', '.join(dict.fromkeys(parts))}"


def probed_with(session: Session) -> str:
    """The best backbone of the shown comparison that is on this machine, else the one that comes with the program."""
    here = {facts.id for facts in session.catalogue if facts.available and facts.family != "Floor"}
    result = session.result
    ranked = sorted(result.models, key=lambda m: -m.probe[result.metric].mean) if result is not None else []
    return next((model.backbone for model in ranked if model.backbone in here), BUNDLED)
