"""One step of pretraining: views, loss, gradients, update. What surrounds the steps is in `loop.py`."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from workbench.engine.augment.augmenter import Augmenter
from workbench.engine.methods import across
from workbench.engine.methods.base import Batch, Draw, Method, Outcome, Plan, Recipe
from workbench.engine.pretrain import together
from workbench.engine.pretrain.optimise import make_optimiser, set_rates

Upcoming = Callable[[], tuple[torch.Tensor, np.ndarray]]

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
        # On a GPU the next step's views are drawn while this one is computed; a processor has no such idle time.
        self.ahead = device.type == "cuda"
        self._drawn: tuple[int, _Views] | None = None

    @property
    def together(self) -> int:
        """Images that pass through as one, on all processes: of the whole batch, or of its largest part."""
        share = self.plan.batch_size // across.processes()
        return across.processes() * -(-share // self.accumulate)

    def step(
        self,
        step: int,
        pixels: torch.Tensor,
        shapes: np.ndarray,
        rows: slice,
        stop: bool = False,
        upcoming: Upcoming | None = None,
    ) -> Stepped:
        """One update, counted from 0, on this process's rows of the batch.

        Args:
            upcoming: pixels and shapes of the step after it. With `ahead` their views are asked for before the
                numbers of this one are waited for, so that a GPU never has nothing to do.

        Raises:
            NotFinite: before anything was changed, on every process alike.
        """
        rate, decay = set_rates(self.optimiser, self.recipe, step, self.plan.steps)
        self.method.train()
        self.optimiser.zero_grad(set_to_none=True)
        drawn = None
        if self._drawn is not None and self._drawn[0] == step and self.accumulate == 1:
            drawn = self._drawn[1]
        self._drawn = None
        augment_seconds: list[Callable[[], float]] = []
        outcome: Outcome | None = None
        total: torch.Tensor | None = None
        for part in self._parts(len(pixels)):
            own = slice(rows.start + part.start, rows.start + part.stop)
            weight = (part.stop - part.start) / len(pixels)
            views = drawn if drawn is not None else self._views(step, pixels[part], shapes[part], own)
            drawn = None
            found = self._gradients(step, views, weight)
            augment_seconds.append(views.seconds)
            del views
            scaled = found.loss.detach() * weight
            total = scaled if total is None else total + scaled
            outcome = found if outcome is None else outcome
        assert outcome is not None and total is not None
        self.method.after_backward(step)
        together.average_gradients(self._parameters)
        numbers = self._leaving(torch.stack([total.float(), *self._clip()]))
        if upcoming is not None and self.ahead and self.accumulate == 1:
            self._drawn = step + 1, self._views(step + 1, *upcoming(), rows)
        own_loss, norm, lowest = numbers()
        loss, stopping = together.agreed([own_loss, float(stop)], self.device)
        if not math.isfinite(loss):
            raise NotFinite(step, "loss")
        if not math.isfinite(norm):
            raise NotFinite(step, "gradient")
        self.optimiser.step()
        self.method.after_step(step)
        return Stepped(
            loss=loss,
            gradient_norm=norm,
            clipped=lowest < 1,
            learning_rate=rate,
            weight_decay=decay,
            outcome=outcome,
            stop=stopping > 0,
            augment_seconds=sum(seconds() for seconds in augment_seconds),
        )

    def _views(self, step: int, pixels: torch.Tensor, shapes: np.ndarray, own: slice) -> _Views:
        draw = Draw(self._seed, step, self.plan.batch_size, own)
        stop = _clock(self.device)
        with torch.no_grad():
            views = self.augmenter.views(pixels, shapes, draw)
        return _Views(views, draw, stop())

    def _gradients(self, step: int, views: _Views, weight: float) -> Outcome:
        batch = Batch(views=views.views, draw=views.draw, step=step, plan=self.plan)
        with self.autocast():
            outcome: Outcome = self.method(batch)
        (outcome.loss * weight).backward()  # type: ignore[no-untyped-call]
        return outcome

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        if self._precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def _parts(self, num: int) -> list[slice]:
        each = -(-num // self.accumulate)
        return [slice(start, min(start + each, num)) for start in range(0, num, each)]

    def _clip(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The norm of the whole gradient before clipping, and the smallest factor that was applied: 1 where nothing
        was clipped."""
        limit = self.recipe.clip
        gradients = [value.grad for value in self._parameters if value.grad is not None]
        norms = torch.stack(torch._foreach_norm(gradients)).float()
        whole = torch.linalg.vector_norm(norms)
        if limit and self.recipe.clip_each:
            factors = (limit / (norms + _TINY)).clamp(max=1.0)
            torch._foreach_mul_(gradients, list(factors.unbind()))
            return whole, factors.min()
        if limit:
            nn.utils.clip_grads_with_norm_(self._parameters, limit, whole)
            return whole, limit / whole
        return whole, torch.ones_like(whole)

    def _leaving(self, numbers: torch.Tensor) -> Callable[[], list[float]]:
        """Send them to the processor; call what is returned to wait for them, and not for what is asked for later."""
        if self.device.type != "cuda":
            return numbers.tolist
        here = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
        here.copy_(numbers, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()

        def wait() -> list[float]:
            arrived.synchronize()
            found: list[float] = here.tolist()
            return found

        return wait


@dataclass(slots=True)
class _Views:
    """What a step or a part of it is shown."""

    views: list[torch.Tensor]
    draw: Draw
    seconds: Callable[[], float]  # that it took to draw them; to be called when they have been waited for


def _clock(device: torch.device) -> Callable[[], Callable[[], float]]:
    """Start a clock; call what is returned to stop it, and what that returns to read it. On a GPU nothing waits, and
    seconds are the device's."""
    if device.type != "cuda":
        began = time.perf_counter()

        def stop() -> Callable[[], float]:
            took = time.perf_counter() - began
            return lambda: took

        return stop
    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    first.record()

    def stop_there() -> Callable[[], float]:
        last.record()
        return lambda: first.elapsed_time(last) / 1000

    return stop_there
