"""What validation says while a network pretrains: k-NN and a linear probe on frozen features. Never the test part.

Both are cheap, and neither chooses anything on the images that it is scored on, so that a curve of many looks stays a
curve of the network and not of choices: the number of neighbours is fixed, the probe's strength is chosen within the
training part. The exact comparison of finished networks is `engine/evals/evaluate.py`'s.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import torch
from timm.layers import BatchNormAct2d, SyncBatchNormAct
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.engine.evals import metrics
from workbench.engine.evals.knn import knn_predict, nearest
from workbench.engine.evals.probe import fit_probes
from workbench.engine.methods.across import SyncedBatchNorm
from workbench.engine.methods.encoder import Encoder
from workbench.records.spec import Precision

# DINO's authors found 20 the best in most of their runs (Caron et al. 2021). The best k on validation would be
# another at each look, and a curve of such maxima would flatter. Votes fall off with distance, so that 20 neighbours
# outvote a small class less than a plain majority would.
NEIGHBOURS = 20
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # C, of z-scored features; few, for a look must be cheap
HELD_OUT = 5  # every so many images of a class are held out of the fits that the strength is chosen by
FEW = 2  # images of a class in the training part: one to learn from, one to choose by
TOLERANCE = 1e-4  # as of the choices in `evals/one_model.py`


class Looker:
    """Looks at the validation part of some labelled images, again and again with other features of them."""

    def __init__(
        self, labels: np.ndarray, part: np.ndarray, num_classes: int, metric: str, device: torch.device
    ) -> None:
        """
        Args:
            labels: (N,) int64 class codes. part: (N,) 0 training, 1 validation. No test image is given at all.
            metric: "accuracy", "macro_f1" or "balanced_accuracy".

        Raises:
            ValueError: an image that is in neither part, or a part without an image.
        """
        if not np.isin(part, (0, 1)).all():
            raise ValueError("Only training and validation images may be looked at while a network learns.")
        self.train, self.val = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
        if not len(self.train) or not len(self.val):
            raise ValueError(
                "There is no labelled image in the training part or none in the validation part, so that validation "
                "can't be looked at. Label some of both, or choose another split."
            )
        self.labels = labels.astype(np.int64)
        self.num_classes, self.metric, self.device = num_classes, metric, device
        self._inner = _fitted_rows(self.labels, self.train)

    def look(self, vectors: torch.Tensor) -> tuple[float, float | None]:
        """(N, D) features -> the metric on validation of k-NN and of the probe; of the probe None where a class has
        too few images in the training part.

        Raises:
            ValueError: features that are not finite.
        """
        X = vectors.detach().to(self.device, torch.float32)
        if not bool(torch.isfinite(X).all()):
            raise ValueError(
                "The network's features are no longer finite numbers, so validation says nothing."
            )
        return self._score(self._neighbours(X)), self._probe(X)

    def _neighbours(self, X: torch.Tensor) -> np.ndarray:
        k = min(NEIGHBOURS, len(self.train))
        similarity, index = nearest(X[self.val], X[self.train], k, device=self.device)
        given = torch.from_numpy(self.labels[self.train])[index]
        return knn_predict(similarity, given, self.num_classes, (k,))[0].numpy()

    def _probe(self, X: torch.Tensor) -> float | None:
        """The strength is chosen by the images that are held out of the training part, by cross-entropy, which tells
        apart what so few images leave equal; then the probe is fitted to the whole of it."""
        if self._inner is None:
            return None
        y = torch.from_numpy(self.labels).to(self.device)
        fitted, held = self._inner
        grid = torch.tensor(STRENGTHS, dtype=torch.float64)
        rows = _mask(fitted, len(y)).repeat(len(grid), 1)
        fits = fit_probes(X, y, rows, grid, self.num_classes, tolerance=TOLERANCE)
        losses = [
            float(torch.nn.functional.cross_entropy(fits.logits(X[held], row), y[held].to(fits.W.device)))
            for row in range(len(grid))
        ]
        best = grid[int(np.argmin(losses))][None]
        probe = fit_probes(X, y, _mask(self.train, len(y)), best, self.num_classes, tolerance=TOLERANCE)
        return self._score(probe.predict(X[self.val], 0).cpu().numpy())

    def _score(self, predicted: np.ndarray) -> float:
        table = metrics.confusion(self.labels[self.val], predicted, self.num_classes)
        return metrics.SCORES[self.metric](table)


def features(
    encoder: Encoder, batches: Iterable[torch.Tensor], *, precision: Precision, device: torch.device
) -> torch.Tensor:
    """(N, D) float32 on the CPU, of batches (B, C, S, S) of normalised images. Leaves no trace: training modes, the
    statistics of batch norms and the states of torch's random number generators are as before."""
    modes = {module: module.training for module in encoder.modules()}
    cards = [device] if device.type == "cuda" else []
    found = []
    with torch.random.fork_rng(devices=cards), torch.no_grad():
        encoder.eval()
        try:
            for batch in batches:
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
                    vectors = encoder(batch.to(device, non_blocking=True))
                found.append(vectors.float().cpu())
        finally:
            for module, training in modes.items():
                module.training = training
    return torch.cat(found)


def settled(
    encoder: Encoder, batches: Iterable[torch.Tensor], *, precision: Precision, device: torch.device
) -> Encoder:
    """A copy whose batch norms know the mean and deviation of these pictures; the encoder itself where it has none.

    Batch norms of a network that has seen nothing pass its values on as they come. The first steps give them the
    pictures' statistics, and neighbours become better at once, with nothing learnt: on the steel of NEU the k-NN of a
    small ResNet rose from 0.78 to 0.89 at a learning rate of 1e-9. So the score that a run has to beat is that of a
    network that has learnt nothing and whose norms are settled.

    Args:
        batches: (B, C, S, S) normalised images, none that is scored on.
    """
    kinds = (_BatchNorm, SyncedBatchNorm)
    if not any(isinstance(module, kinds) for module in encoder.modules()):
        return encoder
    mine = copy.deepcopy(encoder).eval()
    for module in mine.modules():
        if isinstance(module, kinds):
            _let_alone(module)
            module.reset_running_stats()
            module.momentum = None  # the plain mean over all batches
            module.train()
    with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
        for batch in batches:
            if len(batch) > 1:  # one picture has no deviation
                mine(batch.to(device, non_blocking=True))
    return mine


def _let_alone(module: torch.nn.Module) -> None:
    """The first process looks alone: a norm that waited for the others' statistics would wait for ever."""
    if isinstance(module, SyncedBatchNorm):
        module.shared = False
    elif isinstance(module, SyncBatchNormAct):
        module.__class__ = BatchNormAct2d  # the same parts without the others
    elif isinstance(module, torch.nn.SyncBatchNorm):
        module.__class__ = torch.nn.BatchNorm2d


def _fitted_rows(labels: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows of the training part to fit and to hold out, of every class some; always the same ones. None where a class
    has too few."""
    fitted, held = [], []
    for code in np.unique(labels):
        rows = train[labels[train] == code]
        if len(rows) < FEW:
            return None
        away = np.arange(len(rows)) % HELD_OUT == min(HELD_OUT, len(rows)) - 1
        fitted.append(rows[~away])
        held.append(rows[away])
    if len(fitted) < 2:
        return None
    return np.sort(np.concatenate(fitted)), np.sort(np.concatenate(held))


def _mask(rows: np.ndarray, count: int) -> torch.Tensor:
    """(1, count) bool."""
    mask = torch.zeros(1, count, dtype=torch.bool)
    mask[0, rows] = True
    return mask
