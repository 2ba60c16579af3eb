"""A comparison of three models on a real session, with vectors whose classes lie where the test wants them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ssl_workbench_similarity.view import SimilarityView

from tests.gui.conftest import dressed, garbage_of_windows, image_folder, qtbot, small_index
from tests.gui.maps.conftest import session
from workbench.gui.api import Commands, Session
from workbench.records.embeddings import Embeddings, write_h5ad
from workbench.records.index import ImageIndex

__all__ = ["dressed", "garbage_of_windows", "image_folder", "qtbot", "session", "small_index"]


def write_vectors(path: Path, index: ImageIndex, noise: float) -> Embeddings:
    """dent lies near crack, and everything on one side of the origin. Rows are in an order of their own, and the last
    has no label."""
    rng = np.random.default_rng(len(path.stem))
    centres = np.eye(16)[[0, 1, 2]] * 3
    centres[1] = 0.6 * centres[0] + 0.8 * centres[1]
    order = rng.permutation(len(index))
    codes = index.label[order]
    X = centres[codes] + rng.normal(size=(len(index), 16)) * noise + np.eye(16)[15] * 4
    names = [index.classes[code] for code in codes]
    names[-1] = ""
    made = Embeddings(X=X.astype(np.float32), ids=[index.ids[row] for row in order], labels=names)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_h5ad(path, made)
    return made


@pytest.fixture
def vectors(session: Session, small_index: ImageIndex) -> dict[str, Embeddings]:
    """Of each model of the comparison, written where the comparison looks for them."""
    assert session.project is not None and session.result is not None
    files = session.result.files(session.project.run(session.settings.result).path)
    noise = {"strong": 0.3, "middle": 0.8, "weak": 3.0}
    return {name: write_vectors(path, small_index, noise[name]) for name, path in files.items()}


@pytest.fixture
def shown(qtbot, session: Session) -> Callable[[], SimilarityView]:
    def show() -> SimilarityView:
        view = SimilarityView(session, Commands())
        qtbot.addWidget(view)
        view.resize(1100, 700)
        view.show()
        return view

    return show
