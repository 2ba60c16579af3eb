"""Downloads and model packs by clicks: the real session, real workers, and a hub on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import transformers
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from tests.tiny_hub import Hub, serving
from workbench.engine.backbones import digest
from workbench.engine.backbones.found import names_key
from workbench.gui.commands import Commands
from workbench.gui.main_window import MainWindow
from workbench.gui.models.view import ModelsView
from workbench.gui.session import Session

NAME = "facebook/dino-vits16"  # is listed; what is served under its name is far smaller
SECONDS = 60_000


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    folder = tmp_path / "served"
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=32
    )
    with torch.random.fork_rng():
        transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    with serving({NAME: folder}) as made:
        for key in [key for key in os.environ if "proxy" in key.lower()]:
            monkeypatch.delenv(key)
        for key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            monkeypatch.delenv(key, raising=False)
        monkeypatch.setenv("HF_ENDPOINT", made.endpoint)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        yield made


@pytest.fixture
def window(qtbot, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    known = {
        "names": [["convnext_tiny.in12k", "ConvNeXt", 224, "apache-2.0", "timm/convnext_tiny.in12k", ""]]
    }
    digest.remember(
        "timm-names", names_key(), lambda: known
    )  # as if timm had been asked before, which takes seconds
    session = Session()
    made = MainWindow(session, Commands())
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    look = session.describe
    monkeypatch.setattr(session, "describe", lambda devices=False: look(devices=False))
    session.create_project(tmp_path / "project", "Line 4")
    qtbot.waitUntil(lambda: bool(session.catalogue and session.names), timeout=SECONDS)
    made.show_place("models")
    yield made
    made.close()
    session.close()


def here(session: Session) -> bool:
    return any(facts.id == NAME and facts.available for facts in session.catalogue)


def test_download_export_and_import_by_clicks(
    qtbot, window: MainWindow, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, view = window.session, window.widget_of("models")
    assert isinstance(view, ModelsView)
    card, said = view.details, []
    session.message.connect(lambda severity, sentence: said.append(sentence))
    view.table.go_to(NAME)
    assert card.fetch.text() == "Download (about 87 MB)"

    # Without a network the sentence leads to model packs, and the next try goes on.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    qtbot.mouseClick(card.fetch, Qt.MouseButton.LeftButton)
    assert card.fetch.text() == "Downloading…" and not card.fetch.isEnabled()
    qtbot.waitUntil(lambda: [job.status.state for job in session.jobs] == ["failed"], timeout=SECONDS)
    error = session.jobs[0].status.error
    assert (
        error.startswith("No connection to http://127.0.0.1:9")
        and "Export as a model pack… in Models" in error
    )
    assert not here(session) and card.fetch.isEnabled()

    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    hub.pace = 0.02
    progress: list[tuple[int, int, str]] = []
    session.job_progressed.connect(
        lambda _: progress.extend((j.status.done, j.status.total, j.status.unit) for j in session.jobs)
    )
    qtbot.mouseClick(card.fetch, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: here(session), timeout=SECONDS)
    assert not session.jobs, "the job that had failed was the one that went on"
    assert said == ["DINO small is on this machine now."]
    assert any(0 < done < total and unit == "bytes" for done, total, unit in progress)
    assert view.table.current().id == NAME
    assert not card.fetch.isVisible() and card.export_pack.isVisible()

    stick = tmp_path / "stick"
    stick.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(stick))
    qtbot.mouseClick(card.export_pack, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(said) == 2, timeout=SECONDS)
    pack = stick / "facebook--dino-vits16.workbench-pack"
    assert str(pack) in said[1] and (pack / "pack.json").exists()

    # The other machine.
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    session.describe()
    qtbot.waitUntil(lambda: not here(session), timeout=SECONDS)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(pack))
    view.table.go_to(NAME)
    qtbot.mouseClick(card.import_pack, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: here(session), timeout=SECONDS)
    assert said[2] == "DINO small was imported, and every hash agreed."


def test_a_stopped_download_goes_on_from_the_tray(
    qtbot, window: MainWindow, hub: Hub, tmp_path: Path
) -> None:
    session, view = window.session, window.widget_of("models")
    assert isinstance(view, ModelsView)
    hub.pace = 0.05
    view.table.go_to(NAME)
    qtbot.mouseClick(view.details.fetch, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: any(job.status.done > 20_000 for job in session.jobs), timeout=SECONDS)
    card = window.tray.card(session.jobs[0].id)
    qtbot.mouseClick(card.buttons["stop"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.jobs[0].status.state == "stopped", timeout=SECONDS)
    (part,) = (tmp_path / "cache").rglob("*.incomplete")
    kept = part.stat().st_size
    assert kept > 0 and not here(session)
    hub.asked.clear()
    hub.pace = 0
    qtbot.mouseClick(card.buttons["retry"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: here(session), timeout=SECONDS)
    assert hub.gets("model.safetensors") == [f"bytes={kept}-"]
