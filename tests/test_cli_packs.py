"""The verbs that carry a model from one machine to another: keys, exit codes and sentences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests import warm
from workbench.engine.backbones import hub

NAME = "someone/tiny"


def run(*words: str, code: int = 0, **environment: str) -> str:
    done = warm.run("workbench", *words, **environment)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def document(*words: str, **environment: str) -> Any:
    return json.loads(run(*words, "--json", **environment))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that holds one small model."""
    folder = tmp_path / "cache" / "models--someone--tiny" / "snapshots" / ("c" * 40)
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32
    )
    with torch.random.fork_rng():
        transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    (folder.parents[1] / "refs").mkdir()
    (folder.parents[1] / "refs" / "main").write_text("c" * 40)
    return tmp_path / "cache"


def test_from_one_machine_to_another(cache: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "stick", {"HF_HUB_CACHE": str(tmp_path / "other")}
    told = document("pack", "export", NAME, "--out", str(out), HF_HUB_CACHE=str(cache))
    assert set(told) == {"id", "title", "commit", "licence", "files", "bytes", "pack", "document"}
    pack = told["pack"]
    assert Path(pack) == out / "someone--tiny.workbench-pack"
    assert set(document("pack", "verify", pack)) == {
        "id",
        "title",
        "commit",
        "licence",
        "files",
        "bytes",
        "pack",
    }
    imported = document("pack", "import", pack, **other)
    assert imported["backbone"] == NAME and imported["note"] == ""
    assert hub.snapshot(NAME, tmp_path / "other") is not None
    entry = next(entry for entry in document("backbones", **other) if entry["id"] == NAME)
    assert entry["available"]
    assert "is on this machine; it was here already" in run("fetch", NAME, **other)
    weights = Path(pack) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    assert "model.safetensors" in run("pack", "verify", pack, code=1)
    assert "was changed" in run("pack", "import", pack, code=1, **other)


def test_wrong_requests_get_a_sentence(cache: Path, tmp_path: Path) -> None:
    assert "There is no folder" in run("pack", "import", str(tmp_path / "nothing"), code=2)
    assert "is not a model pack" in run("pack", "verify", str(tmp_path), code=1)
    assert "part of the program" in run("pack", "export", "histogram", "--out", str(tmp_path), code=1)
    said = run("pack", "export", "someone/else", "--out", str(tmp_path), code=1, HF_HUB_CACHE=str(cache))
    assert "workbench fetch someone/else" in said
    assert "ACTION" in run("pack", code=2)
