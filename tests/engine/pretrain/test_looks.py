"""What validation says while a network learns, against scikit-learn; and that looking leaves no trace."""

from __future__ import annotations

import copy
import time

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from timm import create_model
from timm.layers import convert_sync_batchnorm
from torch import nn

from workbench.engine.methods import across
from workbench.engine.methods.across import SyncedBatchNorm
from workbench.engine.methods.encoder import Encoder
from workbench.engine.pretrain.looks import HELD_OUT, NEIGHBOURS, STRENGTHS, Looker, features, settled

CPU = torch.device("cpu")
SCORES = {
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "macro_f1": lambda truth, said: f1_score(truth, said, average="macro"),
}


def cloud(
    count: int, width: int, classes: int, apart: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, D) float32 features around the classes' centres, (N,) labels of uneven frequency, (N,) parts."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, count, p=np.arange(1, classes + 1) / (classes * (classes + 1) / 2))
    centres = rng.normal(0, apart, (classes, width))
    X = centres[labels] + rng.normal(0, 1, (count, width)) + 1.5
    return X.astype(np.float32), labels.astype(np.int64), (rng.random(count) < 0.3).astype(np.int64)


@pytest.mark.parametrize("metric", SCORES)
@pytest.mark.parametrize("count", [40, 600])
def test_knn_is_that_of_scikit_learn(metric: str, count: int) -> None:
    X, labels, part = cloud(count, 24, 4, 0.35)
    train, val = part == 0, part == 1
    oracle = KNeighborsClassifier(
        min(NEIGHBOURS, int(train.sum())), metric="cosine", weights=lambda apart: np.exp((1 - apart) / 0.07)
    ).fit(X[train], labels[train])
    wanted = SCORES[metric](labels[val], oracle.predict(X[val]))
    found, _ = Looker(labels, part, 4, metric, CPU).look(torch.from_numpy(X))
    assert found == pytest.approx(wanted, abs=1e-12)
    assert 0.3 < found < 1


def test_fewer_training_images_than_neighbours_are_all_asked() -> None:
    X, labels, part = cloud(60, 8, 3, 1.0)
    part[:] = 1
    part[:9] = 0
    labels[:9] = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    oracle = KNeighborsClassifier(9, metric="cosine", weights=lambda apart: np.exp((1 - apart) / 0.07))
    wanted = accuracy_score(labels[9:], oracle.fit(X[:9], labels[:9]).predict(X[9:]))
    assert Looker(labels, part, 3, "accuracy", CPU).look(torch.from_numpy(X))[0] == pytest.approx(wanted)


@pytest.mark.parametrize("metric", SCORES)
def test_the_probe_is_logistic_regression_with_the_strength_that_held_out_images_choose(metric: str) -> None:
    X, labels, part = cloud(500, 24, 4, 0.35)
    train, val = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
    held = np.concatenate([train[labels[train] == code][HELD_OUT - 1 :: HELD_OUT] for code in range(4)])
    inner = np.setdiff1d(train, held)

    def fitted(rows: np.ndarray, strength: float) -> tuple[StandardScaler, LogisticRegression]:
        scaler = StandardScaler().fit(X[rows].astype(np.float64))
        model = LogisticRegression(C=strength, max_iter=5000, tol=1e-10)
        return scaler, model.fit(scaler.transform(X[rows]), labels[rows])

    losses = []
    for strength in STRENGTHS:
        scaler, model = fitted(inner, strength)
        chances = model.predict_proba(scaler.transform(X[held]))
        losses.append(-np.log(chances[np.arange(len(held)), labels[held]]).mean())
    scaler, model = fitted(train, STRENGTHS[int(np.argmin(losses))])
    wanted = SCORES[metric](labels[val], model.predict(scaler.transform(X[val])))
    _, found = Looker(labels, part, 4, metric, CPU).look(torch.from_numpy(X))
    assert found == pytest.approx(wanted, abs=0.01)  # one image of 150 may lie on a boundary
    assert 0.4 < wanted < 1


def test_validation_labels_choose_nothing() -> None:
    """Other validation images change the score, and no prediction of those that stay."""
    X, labels, part = cloud(400, 16, 3, 0.4)
    val = np.flatnonzero(part == 1)
    kept = np.sort(np.concatenate([np.flatnonzero(part == 0), val[:40]]))
    more = np.sort(np.concatenate([kept, val[40:41]]))
    right = {}
    for rows in (kept, more):
        looker = Looker(labels[rows], part[rows], 3, "accuracy", CPU)
        knn, probe = looker.look(torch.from_numpy(X[rows]))
        right[len(rows)] = (knn * len(looker.val), (probe or 0) * len(looker.val))
    for one, two in zip(*right.values(), strict=True):
        assert round(two - one, 6) in (0, 1)


def test_a_class_with_too_few_images_leaves_no_probe_and_a_knn() -> None:
    X, labels, part = cloud(200, 8, 3, 1.0)
    labels[np.flatnonzero((part == 0) & (labels == 0))[1:]] = 1
    knn, probe = Looker(labels, part, 3, "accuracy", CPU).look(torch.from_numpy(X))
    assert probe is None and 0 < knn <= 1


def test_vectors_that_are_all_alike_are_scored_and_not_refused() -> None:
    _, labels, part = cloud(200, 8, 3, 1.0)
    knn, probe = Looker(labels, part, 3, "accuracy", CPU).look(torch.ones(200, 8))
    assert 0 <= knn < 0.7 and probe is not None and 0 <= probe < 0.7


def test_what_can_not_be_looked_at_is_refused_in_a_sentence() -> None:
    X, labels, part = cloud(60, 8, 3, 1.0)
    with pytest.raises(ValueError, match="training and validation"):
        Looker(labels, np.where(part == 1, 2, part), 3, "accuracy", CPU)
    with pytest.raises(ValueError, match="validation part"):
        Looker(labels, np.zeros_like(part), 3, "accuracy", CPU)
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="finite"):
        Looker(labels, part, 3, "accuracy", CPU).look(torch.from_numpy(X))


def test_two_thousand_images_take_less_than_two_seconds() -> None:
    X, labels, part = cloud(2000, 384, 6, 0.08)
    looker = Looker(labels, part, 6, "macro_f1", CPU)
    looker.look(torch.from_numpy(X))
    begun = time.process_time()  # of all threads, so that other work on the machine doesn't count
    looker.look(torch.from_numpy(X))
    assert time.process_time() - begun < 4  # 2 s on two cores


def test_features_are_those_of_evaluation_and_leave_no_trace() -> None:
    torch.manual_seed(0)
    encoder = Encoder(create_model("resnet18", num_classes=0, drop_path_rate=0.5))
    encoder.train()
    frozen = next(module for module in encoder.modules() if isinstance(module, nn.BatchNorm2d))
    frozen.eval()  # one module that was not in training mode, and must not be afterwards
    images = torch.randn(7, 3, 32, 32)
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    modes = [module.training for module in encoder.modules()]
    random = torch.get_rng_state()

    def batches():
        for part in images.split(3):
            torch.rand(5)  # a loader that draws
            yield part

    found = features(encoder, batches(), precision="fp32", device=CPU)
    assert found.shape == (7, 512) and found.dtype == torch.float32 and not found.requires_grad
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in encoder.modules()] == modes
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, state[name]), name
    encoder.eval()
    with torch.no_grad():
        assert torch.allclose(found, encoder(images), atol=1e-5)


def test_features_in_bf16_are_near_those_in_fp32() -> None:
    torch.manual_seed(0)
    encoder = Encoder(create_model("resnet18", num_classes=0))
    images = [torch.randn(4, 3, 32, 32)]
    exact = features(encoder, images, precision="fp32", device=CPU)
    rough = features(encoder, images, precision="bf16", device=CPU)
    assert rough.dtype == torch.float32 and not torch.equal(rough, exact)
    assert torch.cosine_similarity(exact, rough).min() > 0.999


def test_modes_come_back_when_the_images_fail() -> None:
    encoder = Encoder(create_model("resnet18", num_classes=0))
    encoder.train()

    def failing():
        yield torch.randn(2, 3, 32, 32)
        raise OSError("gone")

    with pytest.raises(OSError):
        features(encoder, failing(), precision="fp32", device=CPU)
    assert all(module.training for module in encoder.modules())


def test_norms_that_have_seen_nothing_are_settled_in_a_copy() -> None:
    torch.manual_seed(0)
    encoder = Encoder(create_model("resnet18", num_classes=0)).train()
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    images = torch.randn(9, 3, 32, 32) * 2 + 1
    mine = settled(encoder, images.split(4), precision="fp32", device=CPU)  # the ninth alone has no deviation
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert all(module.training for module in encoder.modules())
    with torch.no_grad():
        first = encoder.module.conv1(images[:8])
    parts = first.split(4)
    mean = torch.stack([part.mean((0, 2, 3)) for part in parts]).mean(0)
    variance = torch.stack([part.var((0, 2, 3)) for part in parts]).mean(0)
    assert torch.allclose(mine.module.bn1.running_mean, mean, atol=1e-5)
    assert torch.allclose(mine.module.bn1.running_var, variance, rtol=1e-4)
    found = features(mine, [images], precision="fp32", device=CPU)
    assert torch.isfinite(found).all() and not torch.allclose(
        found, features(encoder, [images], precision="fp32", device=CPU)
    )


def shared_on_a_cpu(module: nn.Module) -> nn.Module:
    for name, child in module.named_children():
        plain = type(child) in (nn.BatchNorm1d, nn.BatchNorm2d)
        setattr(module, name, SyncedBatchNorm.like(child) if plain else shared_on_a_cpu(child))
    return module


@pytest.mark.parametrize("share", [shared_on_a_cpu, convert_sync_batchnorm], ids=["ours", "torch's"])
@pytest.mark.parametrize("name", ["resnet18", "efficientnet_lite0"])
def test_norms_that_processes_share_are_settled_by_one_of_them(name, share, monkeypatch) -> None:
    torch.manual_seed(0)
    plain = Encoder(create_model(name, num_classes=0)).train()
    shared = share(copy.deepcopy(plain))
    images = torch.randn(8, 3, 32, 32) * 2 + 1
    wanted = settled(plain, images.split(4), precision="fp32", device=CPU)

    def asked(*_: object) -> int:
        raise AssertionError("the others don't look, and would never answer")

    monkeypatch.setattr(across, "processes", asked)
    mine = settled(shared, images.split(4), precision="fp32", device=CPU)
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in mine.modules())
    values = wanted.state_dict()
    for key, value in mine.state_dict().items():
        assert torch.allclose(value.float(), values[key].float(), rtol=1e-3, atol=1e-3), key


def test_a_network_without_batch_norm_is_left_alone() -> None:
    encoder = Encoder(create_model("test_vit", num_classes=0))
    assert settled(encoder, [], precision="fp32", device=CPU) is encoder
