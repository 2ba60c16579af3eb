"""One seed of a fine-tune: the head starts as the probe, the chosen weights learn, validation picks the epoch.

The protocol: everything is learnt from the training part; the epoch is chosen by the primary metric on validation,
by its loss among equals (and so is the strength of the probe that the head begins as); the test part is scored once,
with the chosen epoch's weights. Unlike the probe, nothing is fitted anew on training and validation together: how
many epochs that would need can't be known.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from workbench.engine.device import is_out_of_memory
from workbench.engine.evals import metrics
from workbench.engine.finetune.adapters import restart_adapters
from workbench.engine.finetune.feed import Feed, Views
from workbench.engine.finetune.head import Head
from workbench.engine.finetune.network import Network
from workbench.engine.finetune.state import Keeper, Tensors
from workbench.engine.finetune.trainable import Trainable, parameter_groups, training_mode
from workbench.records.finetunes import Epoch
from workbench.records.scores import METRICS

WARM_UP = 0.1  # share of all steps, one epoch at most
CLIP = 1.0  # norm of the gradient
_STREAM = 0xF17E  # keeps these random numbers apart from those of the splits

Report = Callable[[int, str], None]
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to learn. `learning_rate` 0 takes the recipe's own; `patience` 0 never stops early."""

    epochs: int
    batch_size: int
    learning_rate: float
    layer_decay: float
    weight_decay: float
    patience: int
    metric: str


@dataclass(slots=True)
class Tuned:
    """A seed that has learnt; the network holds the chosen epoch's weights."""

    strength: float
    curve: list[Epoch]
    chosen: int
    stopped_early: bool
    seconds: float
    images: int  # learnt from in these seconds


class Learner:
    """The network, its head, and what turns their gradients into steps. One for all seeds of a run."""

    def __init__(
        self,
        network: Network,
        head: Head,
        feed: Feed,
        trainable: Trainable,
        recipe: Recipe,
        note: Note,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """`note` tells the user something; `tick` is called between batches and may raise to stop."""
        self.tick = tick
        self.network, self.head, self.feed, self.trainable, self.recipe = (
            network,
            head,
            feed,
            trainable,
            recipe,
        )
        self._note = note
        self._switch = training_mode(network.module, trainable)
        self._micro = recipe.batch_size
        self._began = {name: value.detach().clone() for name, value in network.learning()}

    def begin(self, seed: int) -> None:
        """The weights as the backbone came; a new optimiser."""
        torch.manual_seed(seed)
        with torch.no_grad():
            for name, value in self.network.learning():
                value.copy_(self._began[name])
        if self.trainable.lora:
            restart_adapters(self.network.module)
        groups = parameter_groups(
            self.network.module,
            self.head,
            self.trainable,
            decay=self.recipe.layer_decay,
            weight_decay=self.recipe.weight_decay,
            rate=self.recipe.learning_rate,
        )
        self.optimiser = torch.optim.AdamW(groups, lr=0.0)

    def learn(self, places: np.ndarray, labels: np.ndarray, views: Views, pace: float) -> tuple[float, int]:
        """One step on the images at `places`. Returns the loss and how many were right before it.

        Raises:
            ValueError: the loss or its gradient is not finite; nothing was changed.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * pace
        loss, right = self._gradients(places, labels, views)
        values = [value for group in self.optimiser.param_groups for value in group["params"]]
        norm = float(nn.utils.clip_grad_norm_(values, CLIP))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise ValueError(
                "The loss was no longer a finite number, so training stopped before that step changed anything. "
                "Take a smaller learning rate, or fp32 where bf16 was used."
            )
        self.optimiser.step()
        return loss, right

    def plain_features(self, places: np.ndarray) -> torch.Tensor:
        """(B, D) float32 on the CPU, of the images as they are, in one pass."""
        self._switch(False)
        with torch.no_grad():
            return self.feed.features(places, self.feed.views(len(places), None)).float().cpu()

    def logits(self, places: np.ndarray) -> torch.Tensor:
        """(B, K) on the CPU, of the images as they are."""
        self._switch(False)
        parts = []
        step = self._micro if self.network.device.type == "cpu" else 4 * self._micro
        with torch.no_grad():
            for start in range(0, len(places), step):
                self.tick()
                some = places[start : start + step]
                features = self.feed.features(some, self.feed.views(len(some), None))
                parts.append(self.head(features).float().cpu())
        return torch.cat(parts)

    def learning_mode(self) -> None:
        self._switch(True)

    def weights(self) -> Tensors:
        """A copy of everything that learns."""
        named = {f"body.{name}": value for name, value in self.network.learning()}
        named |= {f"head.{name}": value for name, value in self.head.state_dict().items()}
        return {name: value.detach().cpu().clone() for name, value in named.items()}

    def restore(self, weights: Tensors) -> None:
        with torch.no_grad():
            for name, value in self.network.learning():
                value.copy_(weights[f"body.{name}"])
        self.head.load_state_dict({name: weights[f"head.{name}"] for name in self.head.state_dict()})

    def optimiser_tensors(self) -> Tensors:
        states = self.optimiser.state_dict()["state"]
        return {f"optimiser.{i}.{key}": value for i, state in states.items() for key, value in state.items()}

    def restore_optimiser(self, tensors: Tensors) -> None:
        body = self.optimiser.state_dict()
        for name, value in tensors.items():
            head, _, rest = name.partition(".")
            if head == "optimiser":
                place, _, key = rest.partition(".")
                body["state"].setdefault(int(place), {})[key] = value
        self.optimiser.load_state_dict(body)

    def _gradients(self, places: np.ndarray, labels: np.ndarray, views: Views) -> tuple[float, int]:
        """Of the mean loss over the batch, in parts where the device's memory doesn't hold it whole."""
        while True:
            self.optimiser.zero_grad(set_to_none=True)
            try:
                return self._backward(places, labels, views)
            except RuntimeError as error:
                if not is_out_of_memory(error) or self._micro == 1:
                    raise
            self._micro = max(self._micro // 2, 1)
            if self.network.device.type == "cuda":
                torch.cuda.empty_cache()
            self._note(f"The device's memory was full. Going on with {self._micro} images in one pass.")

    def _backward(self, places: np.ndarray, labels: np.ndarray, views: Views) -> tuple[float, int]:
        loss, right = 0.0, 0
        for start in range(0, len(places), self._micro):
            rows = slice(start, start + self._micro)
            truth = torch.from_numpy(labels[rows]).to(self.network.device)
            logits = self.head(self.feed.features(places[rows], views.take(rows)))
            part = functional.cross_entropy(logits, truth, reduction="sum") / len(places)
            part.backward()
            loss += float(part.detach())
            right += int((logits.detach().argmax(1) == truth).sum())
        return loss, right


def train_seed(
    learner: Learner,
    labels: np.ndarray,
    part: np.ndarray,
    seed: int,
    frozen: torch.Tensor,
    keeper: Keeper,
    report: Report,
) -> Tuned:
    """Learn from the training part, choose the epoch on validation. Goes on from what `keeper` has of this seed.

    Args:
        labels: (N,) int64 class codes. part: (N,) 0 train, 1 validation, 2 test, which isn't looked at.
        frozen: (N, D) features of the backbone as it came.
        report: called with the images learnt from so far and what happens; may raise to stop.
    """
    recipe, metric = learner.recipe, learner.recipe.metric
    train, val = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
    began = time.perf_counter()
    learner.begin(seed)
    kept = keeper.last(seed)
    if kept is None:
        strength = learner.head.start(frozen, labels, part, metric, learner.tick)
        curve = [_epoch(learner, labels, val, 0, None, None)]
        chosen, before = 0, 0.0
        keeper.save_best(seed, 0, learner.weights())
    else:
        facts, tensors = kept
        learner.restore(tensors)
        learner.restore_optimiser(tensors)
        strength, chosen, before = facts["strength"], facts["chosen"], facts["seconds"]
        curve = [Epoch(**point) for point in facts["curve"]]
    while len(curve) <= recipe.epochs and not _gave_up(curve, chosen, recipe.patience):
        epoch = len(curve)
        loss, right = _learn_epoch(learner, labels, train, seed, epoch, report, _told(curve, chosen, metric))
        curve.append(_epoch(learner, labels, val, epoch, loss, right))
        if merit(curve[epoch], metric) > merit(curve[chosen], metric):
            chosen = epoch
            keeper.save_best(seed, epoch, learner.weights())
        facts = {
            "strength": strength,
            "chosen": chosen,
            "curve": [asdict(point) for point in curve],
            "seconds": before + time.perf_counter() - began,
        }
        keeper.save_last(seed, facts, {**learner.weights(), **learner.optimiser_tensors()})
        keeper.forget_bests(seed, chosen)
    best = keeper.best(seed, chosen)
    if best is None:
        raise ValueError(f"The weights of seed {seed} kept in {keeper.folder} are gone. Start again.")
    learner.restore(best)
    return Tuned(
        strength=strength,
        curve=curve,
        chosen=chosen,
        stopped_early=len(curve) <= recipe.epochs,
        seconds=before + time.perf_counter() - began,
        images=len(train) * (len(curve) - 1),
    )


def merit(epoch: Epoch, metric: str) -> tuple[float, float]:
    """What the epoch is chosen by: the score on validation, and the smaller loss among equal ones."""
    return epoch.val[metric], -epoch.val_loss


def score(logits: torch.Tensor, truth: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Predicted class codes, and every metric of them."""
    said = logits.argmax(1).numpy()
    table = metrics.confusion(truth, said, logits.shape[1])
    return said, {name: metrics.SCORES[name](table) for name in METRICS}


def pace_at(step: int, steps: int, warm: int) -> float:
    """Share of the peak rate: up in a line over `warm` steps, then down along half a cosine."""
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1)))


def _learn_epoch(
    learner: Learner, labels: np.ndarray, train: np.ndarray, seed: int, epoch: int, report: Report, told: str
) -> tuple[float, float]:
    """Mean loss and accuracy while it learnt."""
    recipe = learner.recipe
    rng = np.random.default_rng([seed, epoch, _STREAM])
    torch.manual_seed(int(rng.integers(1 << 62)))  # for dropout: an epoch is the same however it is come to
    learner.learning_mode()
    order = rng.permutation(train)
    views = learner.feed.views(len(order), rng)
    each = math.ceil(len(order) / recipe.batch_size)
    steps = each * recipe.epochs
    warm = max(1, min(round(WARM_UP * steps), each))
    total, right = 0.0, 0
    for step, start in enumerate(range(0, len(order), recipe.batch_size)):
        report((epoch - 1) * len(order) + start, f"epoch {epoch} of {recipe.epochs}{told}")
        rows = slice(start, start + recipe.batch_size)
        pace = pace_at((epoch - 1) * each + step, steps, warm)
        loss, good = learner.learn(order[rows], labels[order[rows]], views.take(rows), pace)
        total += loss * len(order[rows])
        right += good
    return total / len(order), right / len(order)


def _epoch(
    learner: Learner,
    labels: np.ndarray,
    val: np.ndarray,
    epoch: int,
    loss: float | None,
    accuracy: float | None,
) -> Epoch:
    logits = learner.logits(val)
    val_loss = float(functional.cross_entropy(logits, torch.from_numpy(labels[val])))
    _, scores = score(logits, labels[val])
    return Epoch(epoch=epoch, train_loss=loss, train_accuracy=accuracy, val_loss=val_loss, val=scores)


def _gave_up(curve: list[Epoch], chosen: int, patience: int) -> bool:
    return patience > 0 and len(curve) - 1 - chosen >= patience


def _told(curve: list[Epoch], chosen: int, metric: str) -> str:
    return f", best on validation so far {curve[chosen].val[metric]:.3f} after epoch {chosen}"


def facts_of(tuned: Tuned) -> dict[str, Any]:
    return {
        "strength": tuned.strength,
        "curve": [asdict(point) for point in tuned.curve],
        "chosen": tuned.chosen,
        "stopped_early": tuned.stopped_early,
        "seconds": tuned.seconds,
        "images_per_second": tuned.images / tuned.seconds if tuned.seconds else 0.0,
    }
