"""Finding a backbone: names, digests, refusals; and what must not be imported for it."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.engine.backbones import hub
from workbench.engine.backbones.catalogue import catalogue
from workbench.engine.backbones.digest import weights_digest
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.recipes import at_size, from_processor, from_timm
from workbench.engine.backbones.resolve import resolve


def test_catalogue_and_resolve_import_no_torch(published, tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from workbench.engine.backbones.catalogue import catalogue\n"
        "from workbench.engine.backbones.resolve import resolve\n"
        "from workbench.engine.device import likely_device, precision_on\n"
        "assert len(catalogue()) > 10\n"
        f"for name in ('efficientnet_lite0', 'random_vit', 'histogram', {str(published('dinov2').folder)!r}):\n"
        f"    resolve(name, memo=Path({str(tmp_path)!r}))\n"
        "precision_on(likely_device())\n"
        "heavy = {'torch', 'timm', 'transformers', 'torchvision', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_catalogue_knows_what_is_here(published, tmp_path):
    before = {entry.id: entry for entry in catalogue(tmp_path)}
    for name in ("efficientnet_lite0", "random_vit", "histogram"):
        assert before[name].available and before[name].remedy == ""
    away = before["facebook/dinov2-base"]
    assert not away.available and "model pack" in away.remedy
    folder = tmp_path / "models--facebook--dinov2-base" / "snapshots" / "abc"
    shutil.copytree(published("dinov2").folder, folder)
    reference = tmp_path / "models--facebook--dinov2-base" / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text("abc")
    after = catalogue(tmp_path)
    assert next(entry for entry in after if entry.id == "facebook/dinov2-base").available
    assert [entry.available for entry in after] == sorted((entry.available for entry in after), reverse=True)
    (folder / "model.safetensors").unlink()  # a download that broke off
    assert not next(entry for entry in catalogue(tmp_path) if entry.id == "facebook/dinov2-base").available


def test_every_listed_id_is_listed_once():
    ids = [entry.id for entry in catalogue()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("facebook/dinov2-small", "not on this machine"),
        ("someone/something@v2", "not on this machine"),
        ("../../etc/passwd", "no folder or weight file"),
        ("no_such_backbone", "neither here nor in timm's list"),
        ("timm/resnet18.no_such_tag", "no weights 'no_such_tag'"),
        ("weights.pth", "no weight file"),
    ],
)
def test_what_is_not_here_gets_a_sentence(name, says, tmp_path, memo):
    with pytest.raises(ValueError, match=says):
        resolve(name, cache=tmp_path, memo=memo)


def test_digest_follows_the_bytes(published, tmp_path, memo):
    folder = tmp_path / "copy"
    shutil.copytree(published("dinov2").folder, folder)
    first = resolve(str(folder), memo=memo).spec
    assert resolve(str(published("dinov2").folder), memo=memo).spec.weights == first.weights
    file = folder / "model.safetensors"
    body = bytearray(file.read_bytes())
    body[-1] ^= 1
    file.write_bytes(bytes(body))
    os.utime(file, ns=(1, 1))
    second = resolve(str(folder), memo=memo).spec
    assert second.weights != first.weights and second.fingerprint() != first.fingerprint()
    with pytest.raises(ValueError, match="no longer those"):
        load_backbone(first, "cpu", memo=memo)


def test_digest_is_remembered_and_survives_a_damaged_memory(tmp_path, memo, monkeypatch):
    file = tmp_path / "w.bin"
    file.write_bytes(b"weights")
    first = weights_digest([file], memo)
    reads: list[str] = []
    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: (reads.append(self.name), opened(self, *a, **k))[1]
    )
    assert weights_digest([file], memo) == first and "w.bin" not in reads
    (memo / "weights.json").write_text("{")
    assert weights_digest([file], memo) == first and "w.bin" in reads


def test_sizes_must_fit_the_patches(published, memo):
    folder = str(published("dinov2").folder)
    assert resolve(folder, image_size=70, memo=memo).spec.preprocess.size == 70
    with pytest.raises(ValueError, match="Choose 56 or 70 px"):
        resolve(folder, image_size=64, memo=memo)
    with pytest.raises(ValueError, match="too small"):
        resolve(folder, image_size=14, memo=memo)


class Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_a_pickle_that_would_run_code_is_refused(published, tmp_path, memo):
    trace = tmp_path / "ran"
    file = tmp_path / "weights.pth"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "more": Evil(trace)}, file)
    found = resolve(f"resnet18:{file}", memo=memo)
    with pytest.raises(ValueError, match="more than weights"):
        load_backbone(found.spec, "cpu", memo=memo)
    plain = tmp_path / "plain.pt"
    plain.write_bytes(pickle.dumps(Evil(trace)))
    with pytest.raises(ValueError, match="more than weights"):
        load_backbone(resolve(f"resnet18:{plain}", memo=memo).spec, "cpu", memo=memo)
    folder = tmp_path / "folder"
    shutil.copytree(published("dinov2").folder, folder)
    (folder / "model.safetensors").unlink()
    torch.save({"cls_token": torch.zeros(1), "more": Evil(trace)}, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"can't be loaded|more than weights"):
        load_backbone(resolve(str(folder), memo=memo).spec, "cpu", memo=memo)
    assert not trace.exists()


def test_code_of_the_model_is_never_run(published, tmp_path, memo):
    folder = tmp_path / "remote"
    shutil.copytree(published("dinov2").folder, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoModel": "modeling.Mine"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modeling.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ValueError, match="code of its own, which is never run"):
        resolve(str(folder), memo=memo)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("config.json", "architecture is unknown"),
        ("preprocessor_config.json", "what it does to pixels"),
        ("model.safetensors", "not all of its weights"),
    ],
)
def test_an_incomplete_folder_is_refused(missing, says, published, tmp_path, memo):
    folder = tmp_path / "part"
    shutil.copytree(published("dinov2").folder, folder)
    (folder / missing).unlink()
    with pytest.raises(ValueError, match=says):
        resolve(str(folder), memo=memo)


def test_sharded_weights_need_every_part(tmp_path):
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "model-1.safetensors").write_bytes(b"1")
    assert hub.weight_files(tmp_path) == ()
    (tmp_path / "model-2.safetensors").write_bytes(b"2")
    assert [path.name for path in hub.weight_files(tmp_path)] == [
        "model-1.safetensors",
        "model-2.safetensors",
    ]
    index["weight_map"]["c"] = "../outside.safetensors"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="outside its folder"):
        hub.weight_files(tmp_path)


def test_processors_are_followed_or_refused():
    base = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 3}
    early = from_processor({**base, "size": 224, "feature_extractor_type": "ViTFeatureExtractor"}, "m")
    assert (early.resize, early.size, early.interpolation) == ("squash", 224, "bicubic")
    crop = {
        "do_center_crop": True,
        "crop_size": 224,
        "size": 224,
        "feature_extractor_type": "CLIPFeatureExtractor",
    }
    clip = from_processor({**base, **crop}, "m")
    assert (clip.resize, clip.resize_to, clip.size) == ("shortest", 224, 224)
    for unlike in ({"rescale_factor": 1.0}, {"resample": 0}, {"do_resize": False}, {"image_mean": [0.5]}):
        with pytest.raises(ValueError, match="can't be prepared for exactly"):
            from_processor({**base, "size": 224, **unlike}, "m")


def test_timm_recipes_keep_the_share_of_the_crop():
    facts = {"input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center"}
    facts |= {"mean": [0.5] * 3, "std": [0.5] * 3}
    recipe = from_timm(facts, "m")
    assert (recipe.resize_to, recipe.size) == (248, 224)
    assert at_size(recipe, 448, 16, "m").resize_to == 496
    assert from_timm({**facts, "crop_mode": "squash", "crop_pct": 1.0}, "m").resize == "squash"
    with pytest.raises(ValueError, match="crops by 'border'"):
        from_timm({**facts, "crop_mode": "border"}, "m")


def test_floats_of_another_shape_are_a_programming_error(memo):
    backbone = load_backbone(resolve("histogram", memo=memo).spec, "cpu", memo=memo)
    with pytest.raises(ValueError, match="expected images of shape"):
        backbone.encode(np.zeros((1, 100, 100, 3), np.uint8))
