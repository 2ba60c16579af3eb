"""Model packs: the same features on the other machine, and everything that must not get in."""

from __future__ import annotations

import json
import pickle
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import transformers

from tests.engine.backbones.conftest import fill
from tests.tiny_hub import COMMIT, put
from workbench.engine.backbones import catalogue, packs
from workbench.engine.backbones.imports import import_pack
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.packs import export_pack, verify_pack
from workbench.engine.backbones.resolve import resolve

NAME = "someone/tiny"
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 56, 56, 3), dtype=np.uint8)


@pytest.fixture
def cache(published, tmp_path: Path) -> Path:
    put(tmp_path / "cache", published("dinov2").folder)
    return tmp_path / "cache"


@pytest.fixture
def pack(cache: Path, memo: Path, tmp_path: Path) -> Path:
    return export_pack(NAME, tmp_path / "stick", cache=cache, memo=memo)


def features(backbone: str, memo: Path, **more: Any) -> np.ndarray:
    spec = resolve(backbone, memo=memo, **more).spec
    return load_backbone(spec, "cpu", memo=memo, **more).pooled_features(PIXELS)[spec.feature]


def test_a_pack_gives_the_same_features_on_the_other_machine(pack, cache, memo, tmp_path, monkeypatch):
    assert pack.name == "someone--tiny.workbench-pack"
    document = json.loads((pack / "pack.json").read_text())
    assert (document["format"], document["version"]) == ("workbench.pack", 1)
    assert (document["repository"], document["revision"], document["commit"]) == (NAME, "main", COMMIT)
    assert not any(path.is_symlink() for path in pack.iterdir())
    seen: list[tuple[int, int]] = []
    assert (
        verify_pack(pack, lambda done, total: seen.append((done, total))).size == seen[-1][0] == seen[-1][1]
    )
    other = tmp_path / "other"
    imported = import_pack(pack, cache=other)
    assert imported.backbone == NAME and imported.note == ""
    assert np.array_equal(features(NAME, memo, cache=other), features(NAME, memo, cache=cache))
    # The library that owns the layout finds it too.
    monkeypatch.setattr(
        "huggingface_hub.constants.HF_HUB_OFFLINE", True
    )  # it looks for adapters elsewhere too
    model = transformers.AutoModel.from_pretrained(NAME, cache_dir=other, local_files_only=True)
    assert type(model).__name__ == "Dinov2Model"
    assert import_pack(pack, cache=other).backbone == NAME, "once more changes nothing"
    assert not list(other.rglob(".import-*"))


def test_a_pack_is_written_whole_or_not_at_all(cache, memo, tmp_path):
    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done > 100_000:
            raise Stop

    with pytest.raises(Stop):
        export_pack(NAME, tmp_path / "stick", cache=cache, memo=memo, on_progress=stop)
    assert list((tmp_path / "stick").iterdir()) == []
    made = export_pack(NAME, tmp_path / "stick", cache=cache, memo=memo)
    with pytest.raises(ValueError, match="is there already"):
        export_pack(NAME, tmp_path / "stick", cache=cache, memo=memo)
    other = tmp_path / "other"
    with pytest.raises(Stop):
        import_pack(made, cache=other, on_progress=stop)
    assert not [path for path in other.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["histogram", "random_vit", "efficientnet_lite0"])
def test_what_is_part_of_the_program_needs_no_pack(name, memo, tmp_path):
    with pytest.raises(ValueError, match="part of the program"):
        export_pack(name, tmp_path, memo=memo)


def test_what_is_not_here_can_not_be_packed(memo, tmp_path):
    with pytest.raises(ValueError, match="not on this machine"):
        export_pack(NAME, tmp_path / "out", cache=tmp_path, memo=memo)
    assert not (tmp_path / "out").exists()


def refused(pack: Path, tmp_path: Path, says: str) -> None:
    for act in (verify_pack, lambda folder: import_pack(folder, cache=tmp_path / "other")):
        with pytest.raises(ValueError, match=says):
            act(pack)
    assert not [path for path in (tmp_path / "other").rglob("*") if path.is_file()]


def test_a_flipped_byte_is_refused(pack, tmp_path):
    file = pack / "model.safetensors"
    body = bytearray(file.read_bytes())
    body[-1] ^= 1
    file.write_bytes(bytes(body))
    refused(pack, tmp_path, r"model\.safetensors .* was changed")


def test_a_cut_or_missing_or_further_file_is_refused(pack, tmp_path):
    config = (pack / "config.json").read_bytes()
    (pack / "config.json").write_bytes(config[:-1])
    refused(pack, tmp_path, r"config\.json .* another size")
    (pack / "config.json").unlink()
    refused(pack, tmp_path, r"config\.json .* is missing")
    (pack / "config.json").write_bytes(config)
    (pack / "modeling_evil.py").write_text("boom")
    refused(pack, tmp_path, r"holds modeling_evil\.py, which its pack\.json doesn't list")


def test_a_link_is_refused(pack, tmp_path):
    moved = (pack / "config.json").rename(tmp_path / "config.json")
    (pack / "config.json").symlink_to(moved)
    refused(pack, tmp_path, r"config\.json .* is a link")


def change(pack: Path, **changes: Any) -> None:
    document = json.loads((pack / "pack.json").read_text())
    (pack / "pack.json").write_text(json.dumps({**document, **changes}))


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.safetensors",
        "/tmp/evil.safetensors",
        "..\\evil.bin",
        "evil.py",
        ".hidden.bin",
        "pack.json",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(name, pack, tmp_path):
    files = json.loads((pack / "pack.json").read_text())["files"]
    change(pack, files=[*files, {"name": name, "size": 0, "sha256": "0" * 64}])
    refused(pack, tmp_path, "is no file of a model")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"repository": "../../x"}, "no name of a model"),
        ({"repository": "a/b/c"}, "no name of a model"),
        ({"commit": "../../../x"}, "names no commit"),
        ({"revision": "../x"}, "names no commit"),
        ({"kind": "program"}, "of a kind that this program doesn't know"),
        ({"kind": "file", "architecture": "../x"}, "names no architecture"),
        ({"files": []}, "of a kind"),
        ({"files": [{"name": "model.safetensors", "size": "many", "sha256": "0" * 64}]}, "damaged"),
        ({"files": [{"name": "model.safetensors", "size": 1, "sha256": "none"}]}, "no proper hash"),
        ({"version": 99}, "newer program"),
        ({"format": "workbench.project"}, "not a workbench pack"),
    ],
)
def test_a_pack_that_says_odd_things_is_refused(changes, says, pack, tmp_path):
    change(pack, **changes)
    refused(pack, tmp_path, says)


class Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_a_pickle_with_a_proper_hash_is_still_refused(pack, published, cache, memo, tmp_path):
    trace = tmp_path / "ran"
    body = pickle.dumps(Evil(trace))
    (pack / "model.safetensors").unlink()
    (pack / "pytorch_model.bin").write_bytes(body)
    files = json.loads((pack / "pack.json").read_text())["files"]
    files = [item for item in files if item["name"] != "model.safetensors"]
    files.append({"name": "pytorch_model.bin", "size": len(body), "sha256": sha256(body).hexdigest()})
    change(pack, files=files)
    refused(pack, tmp_path, "more than weights")
    # Nor is one packed.
    evil = tmp_path / "evil"
    shutil.copytree(published("dinov2").folder, evil)
    (evil / "model.safetensors").unlink()
    (evil / "pytorch_model.bin").write_bytes(body)
    with pytest.raises(ValueError, match="more than weights"):
        export_pack(str(evil), tmp_path / "stick2", cache=cache, memo=memo)
    assert not trace.exists()


def test_nothing_that_is_here_is_replaced(pack, published, memo, tmp_path):
    other, newer = tmp_path / "other", "b" * 40
    place = put(other, published("registers").folder, commit=newer)
    before = features(NAME, memo, cache=other)
    imported = import_pack(pack, cache=other)
    assert imported.backbone == f"{NAME}@{COMMIT}" and newer[:8] in imported.note
    assert np.array_equal(features(NAME, memo, cache=other), before)
    assert features(imported.backbone, memo, cache=other).shape == before.shape
    # Another file under the very commit of the pack is an error.
    same = tmp_path / "same"
    place = put(same, published("registers").folder)
    with pytest.raises(ValueError, match="Nothing was replaced"):
        import_pack(pack, cache=same)
    assert resolve(NAME, cache=same, memo=memo).family == "DINOv2" and (place / "config.json").exists()


def test_a_model_that_is_half_here_is_completed(pack, cache, memo, tmp_path):
    other = tmp_path / "other"
    storage = other / "models--someone--tiny"
    (storage / "snapshots" / COMMIT).mkdir(parents=True)
    shutil.copy(pack / "config.json", storage / "snapshots" / COMMIT)
    import_pack(pack, cache=other)
    assert np.array_equal(features(NAME, memo, cache=other), features(NAME, memo, cache=cache))


def test_local_folders_and_bare_weights_travel_too(published, memo, tmp_path):
    folder = published("vit").folder
    made = export_pack(str(folder), tmp_path / "stick", memo=memo)
    imported = import_pack(made, models=tmp_path / "models")
    assert resolve(imported.backbone, memo=memo).spec.weights == resolve(str(folder), memo=memo).spec.weights
    assert Path(imported.backbone).parent == tmp_path / "models"

    weights = tmp_path / "mine.pth"
    torch.save(fill(timm.create_model("resnet18", num_classes=0)).state_dict(), weights)
    made = export_pack(f"resnet18:{weights}", tmp_path / "stick", memo=memo)
    assert made.name == "mine.pth.workbench-pack"
    document = json.loads((made / "pack.json").read_text())
    assert (document["kind"], document["architecture"]) == ("file", "resnet18")
    assert str(tmp_path) not in (made / "pack.json").read_text(), (
        "folders of this machine are nobody's business"
    )
    imported = import_pack(made, models=tmp_path / "models")
    assert imported.backbone.startswith("resnet18:") and imported.backbone.endswith("mine.pth")
    was = resolve(f"resnet18:{weights}", memo=memo).spec.weights
    assert resolve(imported.backbone, memo=memo).spec.weights == was


def test_authors_files_keep_their_preprocessing_on_the_way(memo, tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    name = "resnet50.tv_in1k:r-50-1000ep.pth.tar"
    torch.save(timm.create_model("resnet50", num_classes=0).state_dict(), here / "r-50-1000ep.pth.tar")
    monkeypatch.setattr(catalogue, "models_folder", lambda: here)
    spec = resolve(name, memo=memo).spec
    made = export_pack(name, tmp_path / "stick", memo=memo)
    monkeypatch.setattr(catalogue, "models_folder", lambda: there)
    imported = import_pack(made, models=there)
    assert imported.backbone == name and resolve(name, memo=memo).spec == spec
    (here / "r-50-1000ep.pth.tar").unlink()
    assert resolve(name, memo=memo).files[0].is_relative_to(there)


def test_what_a_pack_says_is_made_fit_to_be_shown(pack, tmp_path):
    change(pack, title="Tiny\x1b[31m\u202e", licence="x" * 5000)
    told = verify_pack(pack)
    assert told.title == "Tiny\\x1b[31m\\u202e" and len(told.licence) == 1000


def test_timm_models_travel_from_either_place(memo, tmp_path, monkeypatch):
    state = fill(timm.create_model("resnet18", num_classes=1000)).state_dict()
    torch_home = tmp_path / "torch"
    monkeypatch.setenv("TORCH_HOME", str(torch_home))
    url = timm.models.get_pretrained_cfg("resnet18.tv_in1k").url
    file = torch_home / "hub" / "checkpoints" / url.rsplit("/", 1)[-1]
    file.parent.mkdir(parents=True)
    torch.save(state, file)
    empty = tmp_path / "empty"
    made = export_pack("resnet18.tv_in1k", tmp_path / "stick", cache=empty, memo=memo)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch2"))
    imported = import_pack(made, cache=empty)
    first = resolve(imported.backbone, cache=empty, memo=memo).spec.weights
    assert imported.backbone == "resnet18.tv_in1k"

    from safetensors.torch import save_file

    served = tmp_path / "served"
    served.mkdir()
    save_file(state, served / "model.safetensors")
    (served / "config.json").write_text(json.dumps({"architecture": "resnet18"}))
    put(tmp_path / "cache", served, "timm/resnet18.a1_in1k")
    made = export_pack("resnet18.a1_in1k", tmp_path / "stick", cache=tmp_path / "cache", memo=memo)
    imported = import_pack(made, cache=empty)
    found = resolve("resnet18.a1_in1k", cache=empty, memo=memo)
    assert imported.backbone == "timm/resnet18.a1_in1k" and found.spec.weights != first
    assert found.official and found.files[0].is_relative_to(empty)


def test_a_full_disk_is_told_before_the_copy(pack, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(packs.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ValueError, match=r"free\. Free some space"):
        import_pack(pack, cache=tmp_path / "other")
