"""The collapse doctor: watches a pretraining step by step, and says in words what is wrong with it.

A step costs next to nothing: a few numbers are noted, and references kept to vectors that are there anyhow, on their
device. Every 50 steps the vectors are measured (collapse.py) and the causes looked for (symptoms.py), which waits for
the device once. Nothing here changes the training.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import asdict, replace
from typing import Any

import torch

from workbench.engine.methods.base import Outcome
from workbench.engine.pretrain import collapse, health_rows, symptoms
from workbench.engine.pretrain.symptoms import Block, Past
from workbench.records.pretraining import Health

VECTORS = 2048  # at most, of the last check's steps or fewer
NEWEST = 10  # batches whose spread is measured
OUTPUTS = 256  # rows; those of the last steps before a check, for one row may be 65,536 numbers
FIRST = 10  # steps whose median is the start of the loss and of the gradient
REMEMBERED = 8  # blocks


class Doctor:
    """One for a run. `see` each step; `check` where `due` says so.

    What it remembers over a stop is plain numbers (`to_json`). The vectors since the last check are not among them:
    the first check after a run went on measures as many as there are by then.
    """

    def __init__(
        self,
        *,
        width: int,
        outputs: int | None,
        learning_rate: float,
        every: int = 50,
        family: str = "",
        images: int = 0,
        clip: float = 0.0,
        trained: bool = False,
    ) -> None:
        """
        Args:
            width: of the backbone's vectors. outputs: the number of prototypes; None where the method has none.
            learning_rate: at its peak.
            every: steps between two checks.
            family: of the method ("contrast", "distillation", "reconstruction"), for the advice.
            images: to learn from; 0 where that isn't known.
            clip: largest norm of the gradient; 0 where it isn't clipped.
            trained: heads and all come from an earlier training, so that a loss that stays is no fault.
        """
        self.width, self.outputs, self.learning_rate, self.every = width, outputs, learning_rate, every
        self.family, self.images, self.clip, self.trained = family, images, clip, trained
        self._past = Past()
        self._losses: list[float] = []  # since the last check
        self._gradients: list[float] = []
        self._first: list[tuple[float, float]] = []  # loss and gradient of the first steps
        self._warming = False
        self._rate = learning_rate
        self._finite = True
        self._uniform: float | None = None
        self._spreads: deque[torch.Tensor | float] = deque(maxlen=every)
        self._vectors: deque[torch.Tensor] = deque()
        self._outputs: deque[torch.Tensor] = deque()

    def see(
        self,
        step: int,
        *,
        loss: float,
        gradient_norm: float,
        learning_rate: float,
        outcome: Outcome,
        warming: bool,
    ) -> None:
        """Note one step. Keeps references to the outcome's detached tensors; nothing waits for the device.

        Args:
            gradient_norm: before it was clipped.
            warming: whether the learning rate still rises.
        """
        if len(self._first) < FIRST:
            self._first.append((loss, gradient_norm))
        self._warming = self._warming or warming
        self._losses.append(loss)
        self._gradients.append(gradient_norm)
        self._rate = learning_rate
        self._finite = self._finite and math.isfinite(loss) and math.isfinite(gradient_norm)
        self._uniform = outcome.uniform_loss
        told = outcome.numbers.get("output_spread")
        if told is not None:
            self._spreads.append(told)
        self._vectors.append(outcome.vectors.detach())
        held = sum(len(some) for some in self._vectors)
        while held - len(self._vectors[0]) >= VECTORS:
            held -= len(self._vectors.popleft())
        if outcome.outputs is not None and self._soon(step, len(outcome.outputs)):
            self._outputs.append(outcome.outputs.detach()[:OUTPUTS])

    def due(self, step: int) -> bool:
        """Whether to check after `step` was seen: every so many steps, after the very first, and at once where a
        number is no longer finite."""
        past = self._past.blocks
        lost = not self._finite and (not past or past[-1].finite)
        return bool(self._losses) and (step % self.every == 0 or not past or lost)

    def check(self, step: int) -> tuple[Health, dict[str, float]]:
        """What is to be shown, and the numbers for metrics.jsonl: feature_std, rank (RankMe), rank_of (what it could
        be), rank_centred, and entropy (nats, the mean of the teacher's outputs). Begins the next block of steps.

        Raises:
            ValueError: no step was seen since the last check.
        """
        if not self._losses:
            raise ValueError("The collapse doctor has seen no step since its last check.")
        block = self._measured(step)
        findings = symptoms.find(
            self._past,
            block,
            family=self.family,
            images=self.images,
            trained=self.trained,
            peak=self.learning_rate,
        )
        health = Health(
            step=step,
            every=self.every,
            rows=health_rows.rows(block, findings, self.clip),
            findings=tuple(findings),
        )
        self._remember(block)
        return health, _numbers(block)

    def to_json(self) -> dict[str, Any]:
        """What is remembered over a stop, as plain JSON without NaN."""
        past = asdict(self._past)
        return {
            "past": {**past, "blocks": [asdict(block) for block in self._past.blocks]},
            "first": [[_plain(number) for number in pair] for pair in self._first],
            "losses": [_plain(number) for number in self._losses],
            "gradients": [_plain(number) for number in self._gradients],
            "warming": self._warming,
        }

    def restore(self, body: dict[str, Any]) -> None:
        """Go on with what `to_json` gave."""
        blocks = tuple(Block(**item) for item in body["past"]["blocks"])
        self._past = Past(**{**body["past"], "blocks": blocks})
        self._first = [(_number(loss), _number(norm)) for loss, norm in body["first"]]
        self._losses = [_number(value) for value in body["losses"]]
        self._gradients = [_number(value) for value in body["gradients"]]
        self._warming = bool(body["warming"])
        self._finite = all(map(math.isfinite, (*self._losses, *self._gradients)))

    def _soon(self, step: int, rows: int) -> bool:
        """Whether the next check is so near that outputs of `rows` are kept for it."""
        return not self._past.blocks or (-step % self.every) * rows < OUTPUTS

    def _measured(self, step: int) -> Block:
        block = Block(
            step=step,
            steps=len(self._losses),
            loss=_median(self._losses),
            noise=_plain(statistics.pstdev(self._losses)) or 0.0 if self._finite else 0.0,
            gradient=_median(self._gradients),
            rate=self._rate,
            clipped=sum(norm > self.clip for norm in self._gradients) / len(self._gradients)
            if self.clip
            else 0.0,
            warming=self._warming,
            finite=self._finite,
            uniform=self._uniform,
            output_spread=_mean(self._spreads),
        )
        batches = [batch.float() for batch in self._vectors]
        if sum(len(batch) for batch in batches) > 1:
            together = torch.cat(batches)
            if bool(torch.isfinite(together).all()):
                found = collapse.ranks(together)
                block = replace(
                    block,
                    spread=_plain(collapse.spread(batches[-NEWEST:])),
                    count=found.count,
                    most=found.most,
                    rank=found.plain,
                    centred=found.centred,
                    held=found.held,
                    cliff=found.cliff,
                )
            else:
                block = replace(block, finite=False)
        if self._outputs:
            said = collapse.outputs(torch.cat(list(self._outputs)))
            block = replace(
                block,
                rows=said.count,
                each=_plain(said.each),
                all=_plain(said.all),
                ln_k=said.most,
            )
        return block

    def _remember(self, block: Block) -> None:
        past = self._past
        past.start_loss = _median([loss for loss, _ in self._first])
        past.start_gradient = _median([norm for _, norm in self._first])
        if block.loss is not None and block.steps > 1:
            past.best_loss = block.loss if past.best_loss is None else min(past.best_loss, block.loss)
        if past.first_loss is None and block.steps > 1:
            past.first_loss, past.first_noise = block.loss, block.noise
        past.widest = max(past.widest, block.spread or 0.0)
        past.widest_output = max(past.widest_output, block.output_spread or 0.0)
        if block.centred is not None and block.count > past.rank_count / symptoms.LIKE:
            past.best_rank, past.rank_count = block.centred, block.count
        elif block.centred is not None and block.count >= symptoms.LIKE * past.rank_count:
            past.best_rank = max(past.best_rank, block.centred)
        past.blocks = (*past.blocks, block)[-REMEMBERED:]
        self._losses, self._gradients = [], []
        self._warming, self._finite = False, True
        self._vectors.clear()
        self._outputs.clear()
        self._spreads.clear()


def _numbers(block: Block) -> dict[str, float]:
    found = {
        "feature_std": block.spread,
        "rank": block.rank,
        "rank_of": float(block.most) if block.most else None,
        "rank_centred": block.centred,
        "entropy": block.each,
    }
    return {name: value for name, value in found.items() if value is not None}


def _median(values: list[float]) -> float | None:
    """Of those that are finite; None where most aren't."""
    finite = [value for value in values if math.isfinite(value)]
    return statistics.median(finite) if 2 * len(finite) > len(values) else None


def _mean(values: deque[torch.Tensor | float]) -> float | None:
    if not values:
        return None
    return _plain(float(torch.stack([torch.as_tensor(value).float().cpu() for value in values]).mean()))


def _plain(value: float | None) -> float | None:
    """JSON has no NaN."""
    return value if value is not None and math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value
