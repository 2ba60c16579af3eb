"""One step of pretraining: views, loss, gradients, update. What surrounds the steps is in `loop.py`."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from workbench.engine.augment.augmenter import Augmenter
from workbench.engine.methods import across
from workbench.engine.methods.base import Batch, Draw, Method, Outcome, Plan, Recipe
from workbench.engine.pretrain import together
from workbench.engine.pretrain.optimise import make_optimiser, set_rates

_TINY = 1e-6  # as torch and the DINO code have it, so that a gradient of zeros is left


class NotFinite(ArithmeticError):
    """Loss or gradient is not a finite number; nothing was changed by the step."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"The {what} of step {step + 1} is no finite number.")
        self.step, self.what = step, what


@dataclass(slots=True, kw_only=True)
class Stepped:
    """What a step did."""

    loss: float
    gradient_norm: float
    clipped: bool
    learning_rate: float
    weight_decay: float
    outcome: Outcome
    stop: bool  # whether any process wants to stop
    augment_seconds: float  # of the device where it can be told, else of the processor


class Trainer:
    """The network, its optimiser, and how they change in a step."""

    def __init__(
        self,
        method: Method,
        recipe: Recipe,
        augmenter: Augmenter,
        plan: Plan,
        *,
        device: torch.device,
        precision: str,
        accumulate: int,
        seed: int,
    ) -> None:
        self.method, self.recipe, self.plan, self.device = method, recipe, plan, device
        self.augmenter = augmenter
        self.optimiser = make_optimiser(recipe, method.groups(), device)
        self.accumulate = accumulate
        self._precision, self._seed = precision, seed
        self._parameters = [value for group in self.optimiser.param_groups for value in group["params"]]
        self._clock = _Clock(device)

    @property
    def together(self) -> int:
        """Images that pass through as one, on all processes: of the whole batch, or of its largest part."""
        share = self.plan.batch_size // across.processes()
        return across.processes() * -(-share // self.accumulate)

    def step(
        self, step: int, pixels: torch.Tensor, shapes: np.ndarray, rows: slice, stop: bool = False
    ) -> Stepped:
        """One update, counted from 0, on this process's rows of the batch.

        Raises:
            NotFinite: before anything was changed, on every process alike.
        """
        rate, decay = set_rates(self.optimiser, self.recipe, step, self.plan.steps)
        self.method.train()
        self.optimiser.zero_grad(set_to_none=True)
        self._clock.start()
        loss, outcome = 0.0, None
        total: torch.Tensor | None = None
        for part in self._parts(len(pixels)):
            own = slice(rows.start + part.start, rows.start + part.stop)
            weight = (part.stop - part.start) / len(pixels)
            found = self._gradients(step, pixels[part], shapes[part], own, weight)
            scaled = found.loss.detach() * weight
            total = scaled if total is None else total + scaled
            outcome = found if outcome is None else outcome
        assert outcome is not None and total is not None
        self.method.after_backward(step)
        together.average_gradients(self._parameters)
        norm, clipped = self._clip()
        loss, stopping = together.agreed([float(total), float(stop)], self.device)
        if not math.isfinite(loss):
            raise NotFinite(step, "loss")
        if not math.isfinite(norm):
            raise NotFinite(step, "gradient")
        self.optimiser.step()
        self.method.after_step(step)
        return Stepped(
            loss=loss,
            gradient_norm=norm,
            clipped=clipped,
            learning_rate=rate,
            weight_decay=decay,
            outcome=outcome,
            stop=stopping > 0,
            augment_seconds=self._clock.read(),
        )

    def _gradients(
        self, step: int, pixels: torch.Tensor, shapes: np.ndarray, own: slice, weight: float
    ) -> Outcome:
        draw = Draw(self._seed, step, self.plan.batch_size, own)
        self._clock.begin()
        with torch.no_grad():
            views = self.augmenter.views(pixels, shapes, draw)
        self._clock.end()
        with self.autocast():
            outcome: Outcome = self.method(Batch(views=views, draw=draw, step=step, plan=self.plan))
        (outcome.loss * weight).backward()  # type: ignore[no-untyped-call]
        return outcome

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        if self._precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def _parts(self, num: int) -> list[slice]:
        each = -(-num // self.accumulate)
        return [slice(start, min(start + each, num)) for start in range(0, num, each)]

    def _clip(self) -> tuple[float, bool]:
        """The norm of the whole gradient before clipping, and whether anything was clipped."""
        limit = self.recipe.clip
        gradients = [value.grad for value in self._parameters if value.grad is not None]
        norms = torch.stack(torch._foreach_norm(gradients))
        whole = torch.linalg.vector_norm(norms)
        if limit and self.recipe.clip_each:
            factors = (limit / (norms + _TINY)).clamp(max=1.0)
            torch._foreach_mul_(gradients, list(factors.unbind()))
            norm, lowest = torch.stack([whole, factors.min()]).tolist()
            return norm, lowest < 1
        if limit:
            nn.utils.clip_grads_with_norm_(self._parameters, limit, whole)
        norm = float(whole)
        return norm, 0 < limit < norm


class _Clock:
    """How long the augmentation takes, without waiting for the device: events on a GPU, the clock elsewhere."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._seconds = 0.0
        self._began = 0.0

    def start(self) -> None:
        self._events, self._seconds = [], 0.0

    def begin(self) -> None:
        if self._cuda:
            pair = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            pair[0].record()
            self._events.append(pair)
        else:
            self._began = time.perf_counter()

    def end(self) -> None:
        if self._cuda:
            self._events[-1][1].record()
        else:
            self._seconds += time.perf_counter() - self._began

    def read(self) -> float:
        """Seconds; call it when the step has been waited for."""
        if not self._cuda:
            return self._seconds
        return sum(first.elapsed_time(last) for first, last in self._events) / 1000
