"""The table of fine-tunes: its own rows, never a rank, the same splits or not, and where the weights lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication

from tests.gui.compare.conftest import commands, compared, session  # noqa: F401
from tests.gui.finetune.results import keep, result
from tests.gui.test_window_text import EVIL, assert_harmless
from workbench.gui.compare.view import CompareView
from workbench.gui.finetune import card as card_module
from workbench.gui.finetune.card import FinetunedCard
from workbench.gui.finetune.rows import Column
from workbench.gui.finetune.run_command import FINETUNE
from workbench.records.scores import Score

SPLITS = tuple(f"{seed:016x}" for seed in range(4))


@pytest.fixture
def card(qtbot, compared, commands) -> FinetunedCard:  # noqa: F811
    keep(compared.project, result("lab/strong", 0.9, SPLITS[:2]), "20260101-000000-finetune-a")
    other = {"trained": "everything", "scores": {"macro_f1": Score("macro_f1", (0.7,))}}
    keep(compared.project, result(EVIL, 0.7, ("ff",), **other), "20260102-000000-finetune-b")
    made = FinetunedCard(compared, commands)
    qtbot.addWidget(made)
    made.resize(1100, 300)
    qtbot.waitUntil(lambda: made.model.rowCount() == 2)
    return made


def cells(card: FinetunedCard, row: int) -> list[str]:
    return [card.model.index(row, column).data() for column in Column]


def test_every_fine_tune_has_a_row_of_its_own_the_newest_first(card: FinetunedCard) -> None:
    assert not card.isHidden()
    assert card.aside.text() == "not ranked with probes"
    newest, first = cells(card, 0), cells(card, 1)
    assert first == [
        "lab/strong",
        "The last block and the head",
        "macro-F1 0.905 ± 0.007",
        "0.800 to 0.950",
        "0, 0",
        "same as shown",
    ]
    assert newest[1:] == ["Everything", "macro-F1 0.700 ± 0.000", "one split", "0", "other splits"]
    assert_harmless(card)
    assert not card.table.isSortingEnabled(), "an order by score would be a ranking"


def test_without_a_comparison_no_splits_are_the_same(card: FinetunedCard, compared) -> None:  # noqa: F811
    compared.result = None
    compared.result_changed.emit()
    assert cells(card, 1)[Column.SPLITS] == "no comparison shown"


def test_the_checkpoint_is_shown_and_its_path_copied(card: FinetunedCard, monkeypatch) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(card_module, "show_in_file_manager", lambda path: shown.append(path) or "")
    card.table.setCurrentIndex(card.model.index(1, 0))
    card.show_checkpoint()
    assert shown[0].parts[-3:] == ("20260101-000000-finetune-a", "checkpoint", "config.json")
    card.copy_path()
    assert QGuiApplication.clipboard().text() == str(shown[0].parent)
    card.table.copy()
    assert len(QGuiApplication.clipboard().text().splitlines()) == 3


def test_a_run_that_was_discarded_leaves_the_table_and_a_new_one_joins(qtbot, card, compared) -> None:  # noqa: F811
    project = compared.project
    project.discard(project.run("20260102-000000-finetune-b"))
    compared.jobs_changed.emit()
    qtbot.waitUntil(lambda: card.model.rowCount() == 1)
    keep(project, result("lab/weak", 0.5, SPLITS), "20260103-000000-finetune-c")
    compared.finetunes_changed.emit()
    qtbot.waitUntil(lambda: card.model.rowCount() == 2)


def test_there_is_no_card_where_there_is_no_fine_tune(qtbot, compared, commands) -> None:  # noqa: F811
    place = CompareView(compared, commands)
    qtbot.addWidget(place)
    place.show()
    made = place.findChild(FinetunedCard)
    assert made is not None and made.isHidden()
    assert FINETUNE in {command.id for command in commands.all()}


def test_the_session_gives_the_job_the_projects_own_files(compared, monkeypatch) -> None:  # noqa: F811
    started: list[tuple] = []
    monkeypatch.setattr(compared._jobs, "start", lambda job, title, then: started.append((job, title, then)))
    compared.settings.index = "index.npz"
    compared.run_finetune({"backbone": "random_vit", "blocks": "0", "seeds": 2})
    ((job, title, then),) = started
    project = compared.project
    assert (job.index, job.seeds) == (str(project.folder / "index.npz"), 2)
    assert (job.ledger, job.cache) == (str(project.ledger), str(project.finetune_cache))
    assert Path(job.curation).is_file() and job.roots == tuple(project.settings.roots.values())
    assert title == "Fine-tune random_vit"
    seen: list[int] = []
    compared.finetunes_changed.connect(lambda: seen.append(1))
    then(project.run("some-run"))
    assert seen
