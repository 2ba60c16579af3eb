"""What a window of the least width still shows whole."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from workbench.gui.commands import Commands
from workbench.gui.dataset_facts import DatasetFacts
from workbench.gui.models.catalogue_model import CatalogueModel, Column
from workbench.gui.models.catalogue_table import CatalogueTable
from workbench.gui.models.view import ModelsView
from workbench.gui.session import Session
from workbench.gui.top_bar import SEARCH, SHORT, TopBar
from workbench.records.catalogue import BackboneFacts

FACTS = DatasetFacts(
    labelled=1_600,
    classes=("a", "b", "c", "d", "e", "f", "g"),
    group_sizes=(100,) * 12,
    pool=3_000,
    split_hash="3d8a00",
    leaks=10,
)


@pytest.fixture
def session(qtbot) -> Session:
    made = Session()
    yield made
    made.close()


@pytest.mark.parametrize(("width", "search"), [(1600, SEARCH), (960, SHORT), (700, SHORT)])
def test_nothing_in_the_bar_is_cut(qtbot, session: Session, width: int, search: str) -> None:
    bar = TopBar(session)
    qtbot.addWidget(bar)
    bar.show_facts(FACTS)
    bar.resize(width, bar.height())
    bar.show()
    bar.layout().activate()
    shown: list[QWidget] = [bar.search, bar.data, bar.pool, bar.split, bar.leaks]
    shown = [widget for widget in shown if widget.isVisible()]
    assert bar.search.text() == search and bar.split in shown and bar.leaks in shown
    assert (bar.pool in shown and bar.data in shown) == (width > 700)
    for widget in shown:
        assert widget.width() >= widget.minimumSizeHint().width()
    bar.resize(1600, bar.height())
    assert bar.search.text() == SEARCH and bar.pool.isVisible()


def test_names_of_backbones_keep_their_room(qtbot) -> None:
    table = CatalogueTable(CatalogueModel())
    qtbot.addWidget(table)
    table.resize(390, 400)
    table.show()
    assert table.isColumnHidden(Column.INPUT) and not table.isColumnHidden(Column.HERE)
    widths = [table.columnWidth(column) for column in Column if not table.isColumnHidden(column)]
    assert sum(widths) <= table.viewport().width()
    assert table.columnWidth(Column.BACKBONE) >= 230
    table.resize(1200, 400)
    assert not any(table.isColumnHidden(column) for column in Column)


def test_cards_of_a_low_window_scroll_and_never_lie_over_each_other(qtbot, session: Session) -> None:
    view = ModelsView(session, Commands())
    qtbot.addWidget(view)
    view.details.show_facts(
        BackboneFacts(
            id="x",
            title="X",
            source="file",
            family="ViT",
            parameters=None,
            input_size=None,
            features=(),
            default_feature="",
            training_data="photographs " * 60,
            licence="none",
            available=True,
        )
    )
    view.resize(860, 440)
    view.show()
    chosen, details = view.chosen.geometry(), view.details.geometry()
    assert details.top() > chosen.bottom() and details.bottom() > view.height()
    assert chosen.height() >= view.chosen.minimumSizeHint().height()
    assert view.chosen.run.mapTo(view.chosen, view.chosen.run.rect().bottomLeft()).y() < chosen.height()
