"""What the next pretraining will be: choices at the left, the views they lead to in the middle, what it takes at the
right."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from workbench.gui.compare.panes import Scrolled
from workbench.gui.pretrain.audit_card import AuditCard
from workbench.gui.pretrain.augment_card import AugmentCard
from workbench.gui.pretrain.choice_cards import MethodChoice, PoolCard, StartCard
from workbench.gui.pretrain.estimate_card import EstimateCard
from workbench.gui.pretrain.plan import Plan
from workbench.gui.pretrain.recipe_card import RecipeCard
from workbench.gui.pretrain.views_card import ViewsCard
from workbench.gui.pretrain.words import architecture_words
from workbench.gui.session import Session
from workbench.gui.widgets.cards import NoticeBar
from workbench.records.text import printable

SPACING = 12  # px between the cards
SIDES = (372, 300)  # px that the left and the right column want at least


class SetupPage(QWidget):
    """Everything that is chosen goes to the plan; `start` queues it and returns the run's id."""

    def __init__(self, session: Session, plan: Plan) -> None:
        super().__init__()
        self._session, self.plan = session, plan
        self.pool = PoolCard(session, plan)
        self.method = MethodChoice(session, plan)
        self.start_card = StartCard(session, plan)
        self.recipe = RecipeCard(plan)
        self.views = ViewsCard(session)
        self.augment = AugmentCard(plan)
        self.estimate = EstimateCard(session, plan, self.why_not)
        self.audit = AuditCard(session, plan, self.why_not)
        self.origin = NoticeBar()
        self.origin.dismissed.connect(plan.keep_proposal)
        self._lay_out()
        plan.replaced.connect(self._show_all)
        plan.changed.connect(lambda what: self.ask_views())
        session.dataset_changed.connect(self.ask_views)
        session.pretraining.methods_changed.connect(plan.refresh)
        session.project_changed.connect(self._restore)
        self._tell_origin()
        self.ask_views()

    def why_not(self) -> str:
        return self.plan.why_not()

    def start(self) -> str:
        """Raises ValueError for what the job doesn't take; "" where a field is wrong, which says so itself."""
        if not self.recipe.is_valid():
            return ""
        self.plan.write()
        return self._session.pretraining.start(self.plan.values(), self.title())

    def title(self) -> str:
        """ "Pretrain DINO ViT-S/16 from DINOv2 small", as the tray shows it."""
        plan = self.plan
        method = printable(plan.method.title) if plan.method else ""
        if plan.start:
            return f"Pretrain {method} from {self._session.title_of(plan.start)}"
        patch = int(plan.recipe.get("patch_size", 0))
        return f"Pretrain {method} {architecture_words(plan.backbone, patch)}"

    def ask_views(self) -> None:
        session = self._session
        reason = "" if session.index is not None or session.pool_index is not None else self.plan.why_not()
        if self.plan.method is None:
            reason = self.plan.why_not()
        self.views.ask(self.plan.values(), reason=reason)

    def _restore(self) -> None:
        self.plan.restore()
        self._show_all()
        self.views.forget()
        self.ask_views()

    def _show_all(self) -> None:
        """The plan is another one; the cards that follow its changes show those by themselves."""
        self.recipe.rebuild()
        self._tell_origin()

    def _tell_origin(self) -> None:
        plan = self.plan
        if not plan.origin:
            self.origin.hide()
            return
        before = plan.before
        word, run = ("Take back", lambda: plan.go_back(before)) if before else ("", None)
        self.origin.tell(
            "info", f"Filled in as Decide proposes: {plan.origin} All of it can be changed.", word, run
        )

    def _lay_out(self) -> None:
        self.left = _Column(SIDES[0], self.pool, self.method, self.start_card, self.recipe)
        self.right = _Column(SIDES[1], self.estimate, self.audit)
        middle = Scrolled()
        column = QVBoxLayout(middle.content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.views, 1)
        column.addWidget(self.augment)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(SPACING)
        whole.addWidget(self.origin)
        columns = QHBoxLayout()
        columns.setSpacing(SPACING)
        whole.addLayout(columns, 1)
        columns.addWidget(self.left, 4)
        columns.addWidget(middle, 6)
        columns.addWidget(self.right, 3)

    def minimumSizeHint(self) -> QSize:
        """Of two columns: the layout's own would keep the window from being narrowed to them."""
        middle = max(self.views.minimumSizeHint().width(), self.augment.minimumSizeHint().width())
        width = self.left.minimumSizeHint().width() + SPACING + middle
        return QSize(width, super().minimumSizeHint().height())

    def hideEvent(self, event: QHideEvent) -> None:
        """The place is left, or the window closed: what was chosen last must not be lost."""
        super().hideEvent(event)
        self.plan.leave()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where three columns don't fit, the cards of the right one stand at the end of the left one."""
        super().resizeEvent(event)
        aside = self.width() >= self.minimumSizeHint().width() + SPACING + SIDES[1]
        if aside != self.right.isVisibleTo(self):
            for card in (self.estimate, self.audit):
                (self.right if aside else self.left).add(card)
            self.right.setVisible(aside)


class _Column(QScrollArea):
    """Cards one under the other that scroll where there are too many; never narrower than what they hold. The last
    takes the height that is left."""

    def __init__(self, width: int, *cards: QWidget) -> None:
        super().__init__()
        self._least = width
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACING)
        for card in cards:
            self.add(card)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(inside)
        self.setMaximumWidth(2 * width)

    def add(self, card: QWidget) -> None:
        """At the end, from wherever it was."""
        self._column.addWidget(card)
        for place in range(self._column.count()):
            self._column.setStretch(place, 1 if place == self._column.count() - 1 else 0)

    def minimumSizeHint(self) -> QSize:
        bar = self.verticalScrollBar().sizeHint().width()
        wanted = self.widget().minimumSizeHint().width() + bar
        return QSize(max(self._least, wanted), super().minimumSizeHint().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()  # what the cards hold has changed
        return super().eventFilter(watched, event)
