"""A comparison of three models whose embedding files hold maps, each listing the images in another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.gui.comparison import small_comparison
from workbench.gui.commands import Command, Commands
from workbench.gui.maps.page import MapsPage
from workbench.gui.session import Session
from workbench.records.arrange import Arranged
from workbench.records.embeddings import Embeddings, write_h5ad
from workbench.records.index import ImageIndex

FACTS = {
    "map": "umap",
    "neighbours": 15,
    "min_dist": 0.1,
    "metric": "cosine",
    "seed": 0,
    "overlap": 0.61,
    "trustworthiness": 0.93,
}


def place_of(model: str, identifier: str) -> np.ndarray:
    """Where an image lies on a model's map: a function of its id, so that a mix-up of rows shows."""
    seed = np.frombuffer(f"{model}{identifier}".encode(), np.uint8).astype(np.uint32)
    return np.random.default_rng(seed).normal(size=2).astype(np.float32)


def write_files(session: Session, index: ImageIndex, *, maps: bool = True) -> dict[str, Path]:
    """One file a model: the order is the model's own, and the last model lacks two images."""
    assert session.project is not None and session.result is not None
    folder = session.project.run(session.settings.result).path
    folder.mkdir(parents=True, exist_ok=True)
    for number, model in enumerate(session.result.models):
        order = np.random.default_rng(number).permutation(len(index))[: len(index) - 2 * (number == 2)]
        ids = [index.ids[row] for row in order]
        obsm = {"X_umap": np.stack([place_of(model.name, name) for name in ids])} if maps else {}
        write_h5ad(
            folder / model.source,
            Embeddings(
                X=np.stack([place_of(model.name, name) for name in ids]),
                ids=ids,
                paths=[str(index.paths[row]) for row in order],
                labels=[index.classes[index.label[row]] for row in order],
                groups=[index.groups[index.group[row]] for row in order],
                splits=[("train", "val", "test")[row % 3] for row in order],
                copies=[f"set {index.copies[row]}" if index.copies[row] >= 0 else "" for row in order],
                provenance={"title": model.name, "maps": {"X_umap": FACTS} if maps else {}},
                obsm=obsm,
            ),
        )
    return session.result.files(folder)


@pytest.fixture
def session(qtbot, tmp_path: Path, small_index: ImageIndex, monkeypatch) -> Iterator[Session]:
    """A real session whose jobs are written down and never started."""
    made = Session()
    monkeypatch.setattr(made, "describe", lambda: None)
    monkeypatch.setattr(made.dataset, "read", lambda *_: None)
    monkeypatch.setattr(made._jobs._bridge, "submit", lambda run: None)
    made.create_project(tmp_path / "project", "Line 4")
    made.dataset.arranged = Arranged(small_index)
    made.settings.roots = dict(small_index.roots)
    made.result, made.predictions = small_comparison(small_index)
    made.settings.result = "run-7"
    yield made
    made.close()
    for child in made.children():
        if type(child).__name__ == "Thumbnails":
            child.close()


@pytest.fixture
def commands() -> Commands:
    made = Commands()
    made.gone = []
    made.add(Command(id="go.compare", title="Compare", run=lambda: made.gone.append("compare")))
    return made


@pytest.fixture
def shown(qtbot, session: Session, commands: Commands) -> Callable[..., MapsPage]:
    """Shows the page and waits until every map is painted."""

    def show(others: Commands | None = None) -> MapsPage:
        page = MapsPage(session, others or commands)
        qtbot.addWidget(page)
        page.resize(1100, 640)
        page.show()
        qtbot.waitUntil(lambda: session.maps.atlas is not None or bool(session.maps.problem))
        settle(qtbot, page)
        return page

    return show


@pytest.fixture
def page(shown, session: Session, small_index: ImageIndex) -> MapsPage:
    write_files(session, small_index)
    return shown()


def settle(qtbot, page: MapsPage) -> None:
    """Every canvas shows what it is to show."""
    qtbot.waitUntil(
        lambda: (
            (page.colours.colouring is not None or not page.panels)
            and all(panel.canvas.current for panel in page.panels.values() if panel.canvas.isVisible())
        )
    )
