"""What is here beyond the list, and every name of timm's."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import timm

from tests import warm
from tests.tiny_hub import put
from workbench.engine.backbones import catalogue as catalogue_
from workbench.engine.backbones import found as found_
from workbench.engine.backbones import imports
from workbench.engine.backbones.catalogue import catalogue
from workbench.engine.backbones.found import found_here, timm_names
from workbench.engine.backbones.imports import import_pack
from workbench.engine.backbones.packs import export_pack
from workbench.engine.backbones.resolve import resolve
from workbench.records.catalogue import load_catalogue, save_catalogue, search


@pytest.fixture
def models(tmp_path: Path, monkeypatch) -> Path:
    for module in (catalogue_, found_, imports):
        monkeypatch.setattr(module, "models_folder", lambda: tmp_path / "models")
    return tmp_path / "models"


def test_other_models_of_the_cache_are_found(published, models, memo, tmp_path):
    cache = tmp_path / "cache"
    put(cache, published("clip").folder, "lab/tower")
    put(cache, published("dinov2").folder, "facebook/dinov2-small")  # is listed
    for name, config in (("lab/text", {"model_type": "bert"}), ("lab/broken", None)):
        place = put(cache, published("vit").folder, name)
        (place / "config.json").unlink()
        (place / "config.json").write_text(json.dumps(config) if config else "{")
    found = found_here(catalogue(cache), cache)
    assert [facts.id for facts in found] == ["lab/tower"]
    known = resolve("lab/tower", cache=cache, memo=memo)
    assert (found[0].features, found[0].default_feature) == (known.features, known.spec.feature)
    assert found[0].input_size == known.spec.preprocess.size == 64
    assert found_here([], tmp_path / "nowhere") == []


def test_imported_packs_of_ones_own_are_found(published, models, memo, tmp_path):
    made = export_pack(str(published("vit").folder), tmp_path / "stick", memo=memo)
    imported = import_pack(made, models=models)
    (facts,) = found_here([], tmp_path / "cache")
    assert facts.id == imported.backbone and facts.available
    assert "cls" in facts.features and facts.source == "file"
    save_catalogue(tmp_path / "c.json", [facts])
    assert load_catalogue(tmp_path / "c.json") == (facts,)


def test_every_name_of_timm_is_there_once(models, memo, tmp_path):
    cache = tmp_path / "cache"
    listed = {facts.id for facts in catalogue(cache)}
    names = timm_names(listed, cache, memo)
    assert {facts.id for facts in names} | {i for i in listed if i.startswith("timm/")} == {
        f"timm/{name}" for name in timm.list_pretrained()
    }
    assert not any(facts.available or facts.listed for facts in names)
    by_id = {facts.id: facts for facts in names}
    dinov2 = by_id["timm/vit_small_patch14_dinov2.lvd142m"]
    assert (dinov2.family, dinov2.input_size) == ("DINOv2", 224)
    assert "not for commercial use" in by_id["timm/vit_base_patch16_224.mae"].licence
    assert "military" in by_id["timm/vit_small_patch16_dinov3.lvd1689m"].licence


def test_the_names_are_remembered_and_say_what_is_here(published, models, memo, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    timm_names(set(), cache, memo)
    monkeypatch.setattr(found_, "_ask_timm", lambda: pytest.fail("timm was asked again"))
    put(cache, published("vit").folder, "timm/resnet18.a1_in1k")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    file = tmp_path / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    file.parent.mkdir(parents=True)
    file.touch()
    names = timm_names(set(), cache, memo)
    here = {facts.id for facts in names if facts.available}
    assert here == {"timm/resnet18.a1_in1k", "timm/resnet18.tv_in1k"}
    assert all(facts.listed for facts in names if facts.available)
    began = time.thread_time()
    matching = search(names, "ConvNeXt tiny dinov3")
    assert [facts.id for facts in matching] == ["timm/convnext_tiny.dinov3_lvd1689m"]
    assert time.thread_time() - began < 0.1


def test_the_command_line_searches_timm_too(tmp_path):
    def ask(*words: str) -> list[dict]:
        return json.loads(warm.run("workbench", "backbones", "--json", *words).stdout)

    assert [entry["id"] for entry in ask("--search", "convnext_tiny dinov3")] == [
        "timm/convnext_tiny.dinov3_lvd1689m"
    ]
    families = {entry["source"] for entry in ask("--search", "dinov2")}
    assert families == {"huggingface", "timm"}
    assert ask("--search", "no such thing") == []
