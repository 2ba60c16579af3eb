"""Weights are found and read, code never runs, and what can't be settled is refused in a sentence."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from ssl_workbench_hubfolder import match
from ssl_workbench_hubfolder.backbone import HubFolder

from tests.installed import install
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve

SOURCE = Path(__file__).resolve().parents[1]


def repository(folder: Path, name: str = "test_resnet", *, prefix: str = "", **wrapped: Any) -> Any:
    """A folder as torch.hub takes it, whose code deletes it when it runs; returns timm's network with its weights."""
    torch.manual_seed(1)
    module = timm.create_model(name).eval()
    folder.mkdir(parents=True)
    code = (
        f"import shutil\nshutil.rmtree({str(folder)!r})\n\ndef model():\n    shutil.rmtree({str(folder)!r})\n"
    )
    (folder / "hubconf.py").write_text(code)
    (folder / "__init__.py").write_text(code)
    state = {prefix + key: value for key, value in module.state_dict().items()}
    torch.save({"state_dict": state, **wrapped} if wrapped else state, folder / "model.pth")
    return module


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_its_features_are_those_of_timm_and_no_code_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path / "site", SOURCE)
    theirs = repository(tmp_path / "repo", name)
    found = resolve(f"hub:{tmp_path / 'repo'}")
    size = found.spec.preprocess.size
    pictures = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    named = load_backbone(found.spec, "cpu").pooled_features(pictures)

    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (mean_of_imagenet(), std_of_imagenet()))
    pixels = (torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.inference_mode():
        out = theirs.forward_features(pixels)
        if name == "test_vit":
            expected = {"cls": out[:, 0], "mean": out[:, theirs.num_prefix_tokens :].mean(1)}
        else:
            expected = {"pooled": theirs.forward_head(out, pre_logits=True)}
    for feature, vectors in expected.items():
        np.testing.assert_allclose(named[feature], vectors.numpy(), rtol=1e-5, atol=1e-5)
    assert (tmp_path / "repo" / "hubconf.py").is_file()
    assert found.kind == "plugin" and found.files == (tmp_path / "repo" / "model.pth",)


def mean_of_imagenet() -> tuple[float, ...]:
    return (0.485, 0.456, 0.406)


def std_of_imagenet() -> tuple[float, ...]:
    return (0.229, 0.224, 0.225)


def test_wrappers_and_prefixes_of_training_programs_are_looked_through(tmp_path: Path) -> None:
    repository(tmp_path / "repo", prefix="module.", epoch=3)
    assert HubFolder(str(tmp_path / "repo")).architecture == "test_resnet"


def test_shapes_of_published_networks_leave_few_names() -> None:
    for name, most in (
        ("resnet50", 30),
        ("vit_small_patch16_224", 30),
        ("vit_base_patch14_dinov2", 10),
        ("convnext_tiny", 20),
        ("swin_tiny_patch4_window7_224", 5),
    ):
        with torch.device("meta"):
            module = timm.create_model(name)
        shapes = {key: tuple(value.shape) for key, value in module.state_dict().items()}
        assert name in match.candidates(shapes) and len(match.candidates(shapes)) <= most
        assert not {"resnetaa50", "resnetblur50"} & set(match.candidates(shapes))
        if "patch14" in name:
            assert match.side_of(shapes) == 518


def test_networks_that_differ_beyond_their_shapes_are_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(tmp_path / "repo", "test_vit")
    own = match.timm_network

    def of_other_heads(name: str, *rest: Any, **more: Any) -> Any:
        module = own("test_vit", *rest, **more)
        if name == "another":
            for block in module.blocks:
                block.attn.num_heads, block.attn.head_dim = 1, block.attn.head_dim * block.attn.num_heads
        return module

    monkeypatch.setattr(match, "candidates", lambda shapes: ["test_vit", "another"])
    monkeypatch.setattr(match, "timm_network", of_other_heads)
    with pytest.raises(ValueError, match="fits another and test_vit, which are not the same network"):
        HubFolder(str(tmp_path / "repo"))
    (tmp_path / "repo" / "backbone.toml").write_text('architecture = "test_vit"\ntitle = "Ours"\n')
    assert HubFolder(str(tmp_path / "repo")).title == "Ours"


def test_what_nothing_fits_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    torch.save({"strange.weight": torch.zeros(3, 4)}, tmp_path / "repo" / "model.pt")
    with pytest.raises(ValueError, match=r"begins with strange\.weight \(3, 4\).*architecture = "):
        HubFolder(str(tmp_path / "repo"))


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "went_off",))

    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "model.pth").write_bytes(pickle.dumps({"state_dict": Bomb()}))
    with pytest.raises(ValueError, match="more than weights"):
        HubFolder(str(tmp_path / "repo"))
    assert not (tmp_path / "went_off").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("architecture = 3", "architecture in .* must be a text"),
        ('architecture = "no_such"', "timm doesn't have"),
        ("colour = 1", "has an entry 'colour'. Known are architecture"),
        ('weights = "../else.pth"', "is not in"),
        ('weights = "none.pth"', "no such file"),
        ("mean = [1, 2]", "three numbers"),
        ("image_size = -1", "a number of pixels"),
        ('interpolation = "nearest"', "one of bilinear"),
        ("= =", "can't be read"),
    ],
)
def test_what_backbone_toml_says_wrongly_is_told(text: str, sentence: str, tmp_path: Path) -> None:
    repository(tmp_path / "repo")
    (tmp_path / "repo" / "backbone.toml").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        HubFolder(str(tmp_path / "repo"))


def test_a_folder_without_weights_or_with_several_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Which folder"):
        HubFolder("")
    with pytest.raises(ValueError, match="There is no folder"):
        HubFolder(str(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no weights"):
        HubFolder(str(tmp_path / "empty"))
    repository(tmp_path / "repo")
    torch.save({}, tmp_path / "repo" / "other.pt")
    with pytest.raises(ValueError, match=r"2 weight files: model\.pth, other\.pt"):
        HubFolder(str(tmp_path / "repo"))
    (tmp_path / "repo" / "backbone.toml").write_text('weights = "model.pth"\nmean = [0.5, 0.5, 0.5]\n')
    made = HubFolder(str(tmp_path / "repo"))
    assert made.preprocess.mean == (0.5, 0.5, 0.5) and made.preprocess.std == std_of_imagenet()
