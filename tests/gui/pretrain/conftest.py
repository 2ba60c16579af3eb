"""A real session whose workers are never started: runs are folders that a test makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gui.pretrain import made
from workbench.gui.commands import Command, Commands
from workbench.gui.pretrain.view import PretrainView
from workbench.gui.session import Session
from workbench.records.arrange import Arranged
from workbench.records.catalogue import BackboneFacts
from workbench.records.index import ImageIndex
from workbench.records.splits import make_split


def backbone(identifier: str, title: str, patch: int, **more: object) -> BackboneFacts:
    values = {
        "source": "timm" if identifier.startswith("timm/") else "huggingface",
        "family": "DINOv2" if "dinov2" in identifier else "ViT",
        "training_data": "142 M images without labels",
        "available": True,
        **more,
    }
    return BackboneFacts(
        id=identifier,
        title=title,
        parameters=22_000_000,
        input_size=224,
        features=("cls", "mean") if patch else ("pooled",),
        default_feature="cls" if patch else "pooled",
        licence="Apache-2.0",
        patch=patch,
        **values,
    )


CATALOGUE = (
    backbone("facebook/dinov2-small", "DINOv2 small", 14),
    backbone("timm/vit_small_patch16_224.augreg_in21k", "ViT small", 16),
    backbone("timm/resnet50.a1_in1k", "ResNet-50", 0, family="ResNet"),
    backbone("timm/vit_large_patch16_224.augreg_in21k", "ViT large", 16, available=False),
    backbone("random_vit", "Random ViT", 16, family="Floor"),
)


@pytest.fixture
def session(qtbot, tmp_path: Path, monkeypatch) -> Iterator[Session]:
    made_session = Session()
    monkeypatch.setattr(made_session, "describe", lambda **_: None)
    monkeypatch.setattr(made_session.dataset, "read", lambda *_: None)
    made_session.submitted = []
    monkeypatch.setattr(made_session._jobs._bridge, "submit", lambda run: made_session.submitted.append(run))
    made_session.create_project(tmp_path / "project", "Line 4")
    yield made_session
    made_session.close()


@pytest.fixture
def ready(session: Session, small_index: ImageIndex, monkeypatch) -> Session:
    """With images, methods and backbones."""
    session.settings.index = "index.npz"
    session.settings.roots = dict(small_index.roots)
    session.dataset.arranged = Arranged(small_index)
    session.dataset.split = make_split(small_index.ids, small_index.label, small_index.group, seed=0)
    session.lookup.catalogue = CATALOGUE
    session.pretraining.methods = made.methods()
    return session


@pytest.fixture
def commands() -> Commands:
    found = Commands()
    found.gone = []
    for place in ("data", "models"):
        found.add(Command(id=f"go.{place}", title=place, run=lambda place=place: found.gone.append(place)))
    for name in ("project.open", "project.pool", "project.sample"):
        found.add(Command(id=name, title=name, run=lambda name=name: found.gone.append(name)))
    return found


@pytest.fixture
def view(qtbot, ready: Session, commands: Commands) -> PretrainView:
    made_view = PretrainView(ready, commands)
    qtbot.addWidget(made_view)
    made_view.resize(1180, 700)
    made_view.show()
    return made_view
