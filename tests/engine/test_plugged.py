"""What plugins bring runs in the program's own jobs: a method, a backbone, an evaluation, from packages and files."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.pretrain.made import new_run, pretrain_job
from tests.indices import counted
from tests.installed import install, only_files, written
from workbench import plugins
from workbench.engine import plugins as loading
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.plugged import BACKBONES
from workbench.engine.backbones.resolve import resolve
from workbench.engine.evals.extra import Asked, checked, extra_scores, open_evaluations, predicted
from workbench.engine.evals.inputs import ModelFeatures
from workbench.engine.inspect.plugged import looked
from workbench.engine.inspect.vision import open_vision
from workbench.engine.jobs import describe, embed, evaluate, inspect, pretrain
from workbench.engine.methods.registry import METHODS, method_class
from workbench.pixels.cells import cells
from workbench.records.brought import FILE, Brought
from workbench.records.catalogue import load_catalogue
from workbench.records.inspection import InspectJob, Sight, sight_file
from workbench.records.jobs import DescribeJob, EmbedJob, EvaluateJob
from workbench.records.methods import load_methods
from workbench.records.plugins import PluginError
from workbench.records.pretraining import RESULT, PretrainResult
from workbench.records.results import EvaluationResult
from workbench.records.sight_words import asked_words, column_words
from workbench.worker import _sentence

# A single file: a backbone of fixed random directions, one by path, an evaluation, and a method that is SimSiam's.
CODE = """
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from workbench.engine.api import Evaluation, House, Inspection, PluginBackbone, Preprocess, param
from workbench.engine.methods.simsiam import SimSiam

PLUGIN = {
    "name": "lab",
    "version": "2.1",
    "api": "1.0",
    "methods": {"lab_method": "A method."},
    "backbones": {"lab_directions": "Fixed random directions.", "lab_file": "Those in a file."},
    "evaluations": {"lab_means": "Nearest class mean."},
    "inspections": {"lab_lengths": "How long a patch's token is."},
}
RECIPE = Preprocess(
    resize="squash", resize_to=32, size=32, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3
)


class Directions(PluginBackbone):
    name = "lab_directions"
    title, family = "Random directions", "Lab"
    features, default_feature = ("pooled",), "pooled"
    preprocess = RECIPE
    training_data, licence = "none", "ours"

    def files(self):
        return ()

    def build(self, size):
        made = nn.Linear(3 * size * size, 8, bias=False)
        made.weight.data = torch.randn(8, 3 * size * size, generator=torch.Generator().manual_seed(0))
        return made

    def read(self, module, pixels):
        return {"pooled": module(pixels.flatten(1))}


class FromFile(Directions):
    name = "lab_file"
    takes_rest = True
    remedy = "Put it there."

    def files(self):
        return (Path(self.rest),)

    def build(self, size):
        made = super().build(size)
        made.weight.data = torch.load(self.rest, weights_only=True)
        return made


class Means(Evaluation):
    name, title, summary, source = "lab_means", "Nearest mean", "Nearest class mean.", "none"

    @dataclass(frozen=True)
    class Config:
        power: float = param(2.0, help="Of the distance.", minimum=1, maximum=4)

    def predict(self, task):
        means = np.stack([task.train[task.train_labels == code].mean(0) for code in range(task.num_classes)])
        apart = np.abs(task.test[:, None] - means) ** self.config.power
        return apart.sum(2).argmin(1)


class Lengths(Inspection):
    name, title, summary = "lab_lengths", "Length", "Light where a token is long."

    @dataclass(frozen=True)
    class Config:
        power: float = param(1.0, help="Of the length.", minimum=0.5, maximum=2)

    def values(self, tokens, pictures):
        assert pictures.dtype == np.uint8 and len(pictures) == len(tokens)
        return np.linalg.norm(tokens, axis=-1) ** self.config.power


class LabMethod(SimSiam):
    name = "lab_method"


def register(house: House):
    for backbone in (Directions, FromFile):
        house.add_backbone(backbone)
    house.add_evaluation(Means)
    house.add_inspection(Lengths)
    house.add_method(LabMethod)
"""


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in the user's plugin folder; nothing of it is loaded yet."""
    only_files(monkeypatch)
    monkeypatch.setattr(loading, "_loaded", loading._Loaded())
    monkeypatch.delitem(sys.modules, "workbench_plugin_lab", raising=False)
    path = plugins.plugin_folder() / "lab.py"
    path.parent.mkdir(parents=True)
    path.write_text(CODE)
    return path


def embedded(folder: Path, work: Path, backbone: str) -> Path:
    counted(folder).save(work / "index.npz")
    job = EmbedJob(index=str(work / "index.npz"), backbone=backbone, cache=str(work / "cache"), device="cpu")
    run, control = new_run(job, work / "runs", backbone.partition(":")[0])
    assert embed.run(job, run, control)["images"] == 36
    return run.path / "embeddings.h5ad"


def test_a_file_of_the_user_is_listed_without_being_imported(lab: Path) -> None:
    [one] = plugins.plugins()
    assert one.to_json() == {
        "name": "lab",
        "version": "2.1",
        "provides": {
            "methods": ["lab_method"],
            "backbones": ["lab_directions", "lab_file"],
            "evaluations": ["lab_means"],
            "views": [],
        },
        "state": "enabled",
        "error": "",
    }
    assert "workbench_plugin_lab" not in sys.modules


def test_a_backbone_embeds_as_any_other(lab: Path, picture_folder: Path, tmp_path: Path) -> None:
    from workbench.records.embeddings import read_h5ad

    vectors = read_h5ad(embedded(picture_folder, tmp_path, "lab_directions"))
    assert vectors.X.shape == (36, 8) and vectors.provenance["title"] == "Random directions"
    spec = resolve("lab_directions").spec
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    given = load_backbone(spec, "cpu").pooled_features(pictures)["pooled"]
    weights = torch.randn(8, 3 * 32 * 32, generator=torch.Generator().manual_seed(0)).numpy()
    wanted = (pictures.transpose(0, 3, 1, 2).reshape(2, -1) / 127.5 - 1) @ weights.T
    np.testing.assert_allclose(given, wanted, rtol=1e-4, atol=1e-3)
    with pytest.raises(ValueError, match="takes nothing behind its name, not 'x'"):
        resolve("lab_directions:x")


def test_a_backbone_with_a_file_is_told_apart_by_its_weights(lab: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"weights of Random directions are not on this machine\. Put it there\."
    ):
        resolve(f"lab_file:{tmp_path / 'w.pt'}")
    digests = set()
    for seed in (1, 2, 1):
        weights = torch.randn(8, 3 * 32 * 32, generator=torch.Generator().manual_seed(seed))
        path = tmp_path / f"{len(digests)}-{seed}.pt"
        stream = io.BytesIO()  # a path's name would become a part of the file
        torch.save(weights, stream)
        path.write_bytes(stream.getvalue())
        digests.add(resolve(f"lab_file:{path}").spec.weights)
    assert len(digests) == 2
    evil = tmp_path / "evil.pt"
    torch.save({"run": os.system}, evil)
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        load_backbone(resolve(f"lab_file:{evil}").spec, "cpu")


@pytest.mark.usefixtures("warm_workers")
def test_an_evaluation_scores_the_splits_of_the_comparison(
    lab: Path, picture_folder: Path, tmp_path: Path
) -> None:
    from sklearn.metrics import accuracy_score
    from sklearn.neighbors import NearestCentroid

    from workbench.records.embeddings import read_h5ad
    from workbench.records.splits import Split

    file = embedded(picture_folder, tmp_path, "histogram")
    asked = ("lab_means", "lab_means:power=1")
    job = EvaluateJob(files=(str(file),), seeds=2, strengths=2, device="cpu", evaluation=asked)
    run, control = new_run(job, tmp_path / "runs", "compared")
    evaluate.run(job, run, control)
    result = EvaluationResult.load(run.path / "result.json")
    [first, second] = result.extra
    assert (first.title, first.model) == ("Nearest mean", result.models[0].name)
    assert (first.evaluation, second.evaluation) == asked
    assert {one.plugin for one in result.extra} == {"lab 2.1"}
    vectors = read_h5ad(file)
    labels = np.asarray(vectors.labels)
    for seed in range(2):
        part = Split.load(run.path / "splits" / f"seed-{seed}.json").part
        known = NearestCentroid().fit(vectors.X[part == 0], labels[part == 0])
        right = accuracy_score(labels[part == 2], known.predict(vectors.X[part == 2]))
        assert first.score and first.score.values[seed] == pytest.approx(right)
    [model] = result.public_json()["models"]
    assert [one["name"] for one in model["evaluations"]] == ["lab_means", "lab_means:power=1"]
    for wrong, told in (
        ("nobody", "no evaluation 'nobody'. Choose one of .*lab_means"),
        ("lab_means:powr=1", "power"),
    ):
        with pytest.raises(ValueError, match=told):
            open_evaluations([wrong])


def tasked() -> tuple[ModelFeatures, np.ndarray, np.ndarray]:
    model = ModelFeatures(
        **{"name": "m", "backbone": "m", "feature": "", "fingerprint": "", "image_size": None, "source": ""},
        X=np.zeros((6, 2), np.float32),
    )
    return model, np.asarray([0, 1] * 3), np.asarray([0, 0, 1, 1, 2, 2])


@pytest.mark.parametrize(
    "wrong",
    [np.zeros(3, int), np.asarray([0, 2]), np.asarray([-1, 0]), np.asarray([0.0, 1.0]), None, "ab", [[]]],
)
def test_an_evaluation_that_says_no_class_is_refused(lab: Path, wrong: object) -> None:
    model, labels, part = tasked()
    asked = Asked("lab_means", "Nearest mean", plugins.plugin("lab"))
    with pytest.raises(ValueError, match="a class, 0 to 1, for each of 2 test images"):
        extra_scores(
            [asked],
            [model],
            labels,
            [part],
            [0],
            2,
            "accuracy",
            lambda one, task: checked(one.text, wrong, task),
        )


def test_of_an_evaluation_that_draws_the_mean_over_draws_counts(lab: Path) -> None:
    model, labels, part = tasked()
    asked = Asked("lab_means", "Nearest mean", plugins.plugin("lab"))
    draws = np.asarray([[0, 1], [0, 0], [1, 0], [0, 1]])
    [found] = extra_scores(
        [asked], [model], labels, [part], [0], 2, "accuracy", lambda one, task: checked(one.text, draws, task)
    )
    assert found.score and found.score.values == (pytest.approx((1 + 0.5 + 0 + 1) / 4),)


def test_a_method_pretrains_as_any_other(lab: Path, picture_folder: Path, tmp_path: Path) -> None:
    small = ("hidden=32", "output=32", "bottleneck=16")
    job = pretrain_job(picture_folder, tmp_path, "lab_method", max_steps=2, settings=small)
    run, control = new_run(job, tmp_path / "runs")
    pretrain.run(job, run, control)
    assert PretrainResult.load(run.path / RESULT).method == "lab_method"
    assert loading.versions() == {"lab": "2.1"}
    assert resolve(str(run.path)).title.startswith("SimSiam")


@pytest.mark.slow  # a trial in a process of its own
def test_what_is_described_holds_what_plugins_bring(lab: Path, tmp_path: Path) -> None:
    job = DescribeJob(methods=True)
    run, control = new_run(job, tmp_path / "runs")
    describe.run(job, run, control)
    assert [facts.name for facts in load_methods(run.path / "methods.json")][-1] == "lab_method"
    listed = {facts.id: facts for facts in load_catalogue(run.path / "catalogue.json")}
    assert listed["lab_directions"].available and listed["lab_directions"].source == "plugin"
    assert "lab_file" not in listed  # only its user knows which file
    brought = Brought.load(run.path / FILE)
    [means], [lengths] = brought.evaluations, brought.inspections
    assert (means.name, means.plugin, means.params[0].maximum) == ("lab_means", "lab", 4)
    assert (lengths.title, lengths.plugin, lengths.params[0].name) == ("Length", "lab", "power")
    opened = brought.backbone("lab_file:/w.pt")
    assert opened is not None and (opened.summary, opened.plugin) == ("Those in a file.", "lab")
    assert brought.backbone("lab_file") is None and brought.backbone("lab_directions:x") is None


@pytest.mark.usefixtures("warm_workers")
def test_an_inspection_looks_at_the_patches_of_a_model(
    lab: Path, picture_folder: Path, tmp_path: Path
) -> None:
    images = tuple(str(path) for path in sorted(picture_folder.rglob("*.png"))[:3])
    job = InspectJob(
        show="plugin",
        inspection="lab_lengths",
        models=("random_vit",),
        images=images,
        image_size=64,
        device="cpu",
    )
    run, control = new_run(job, tmp_path / "runs")
    inspect.run(job, run, control)
    sight = Sight.load(run.path / sight_file(0))
    assert not sight.error and sight.values is not None and sight.values.shape == (3, 4, 4)
    vision = open_vision("random_vit", image_size=64)
    assert sight.pictures is not None
    tokens, _ = vision.tokens_and_class(sight.pictures)
    np.testing.assert_allclose(sight.values, np.linalg.norm(tokens, axis=-1), rtol=1e-4)
    [cell] = cells(sight, 0, job)
    assert cell.pixels is not None and " to " in cell.caption
    assert "lab_lengths" in asked_words(job) and " to " in column_words(sight, job)
    squared = looked("lab_lengths:power=2", tokens, sight.pictures)
    np.testing.assert_allclose(squared, sight.values**2, rtol=1e-4)
    for wrong, told in (
        ("nobody", r"no inspection 'nobody'\. Choose one of lab_lengths"),
        ("lab_lengths:power=3", "power must be between 0.5 and 2, not 3"),
        ("lab_lengths:size=1", "no setting 'size'. It has power"),
    ):
        with pytest.raises(ValueError, match=told):
            looked(wrong, tokens, sight.pictures)


def test_a_plugin_that_is_switched_off_brings_nothing(lab: Path) -> None:
    assert "lab_method" in METHODS.names()
    assert plugins.switch("lab", False).state == "off"
    assert "lab_method" not in METHODS.names() and BACKBONES.names() == ()
    for ask in (lambda: method_class("lab_method"), lambda: resolve("lab_directions")):
        with pytest.raises(PluginError, match="`workbench plugins enable lab` switches it on"):
            ask()
    plugins.switch("lab", True)
    assert method_class("lab_method").name == "lab_method"


def test_an_error_names_the_plugin_that_it_came_up_in(lab: Path) -> None:
    with pytest.raises(AttributeError) as caught:
        predicted("lab_means", None)  # type: ignore[arg-type]
    assert loading.culprit(caught.value) == "lab"
    told = _sentence(caught.value, loading.culprit(caught.value))
    assert told.startswith("The plugin lab failed. AttributeError: 'NoneType'")
    with pytest.raises(ValueError) as other:
        resolve("nowhere-to-be-found")
    assert loading.culprit(other.value) == ""


def test_the_first_of_two_with_one_name_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [written(tmp_path, name, "", method="shared") for name in ("alpha", "beta")]
    install(monkeypatch, tmp_path / "site", *sources)
    alpha, beta = plugins.plugins()
    assert (alpha.state, beta.state) == ("enabled", "broken")
    assert beta.error == "It brings the method shared, and the plugin alpha has one of that name already."
    assert plugins.provider("methods", "shared") == alpha
