"""What keeps a GPU busy changes no number: views that are drawn before they are needed, and compiled blocks. Neither
needs a GPU to be tested."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.engine.pretrain.made import new_run, pretrain_job
from workbench.engine.jobs.pretrain import run as pretrain
from workbench.engine.pretrain import compiling
from workbench.engine.pretrain.assemble import assemble
from workbench.engine.pretrain.loop import Batches
from workbench.engine.pretrain.train import Trainer
from workbench.records.pretraining import RESULT, PretrainResult


def losses(folder: Path, work: Path, name: str, **values: Any) -> list[float]:
    job = pretrain_job(folder, work, **values)
    run, control = new_run(job, work / "runs", name)
    pretrain(job, run, control)
    return list(PretrainResult.load(run.path / RESULT).loss)


@pytest.mark.parametrize("method", ["dino", "mae"])
def test_views_that_are_drawn_ahead_are_those_of_their_step(
    method: str, picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = losses(picture_folder, tmp_path, "plain", method=method)
    inner, drawn, asked = Trainer.__init__, [], []

    def made(self: Trainer, *rest: Any, **more: Any) -> None:
        inner(self, *rest, **more)
        self.ahead = True

    views, keep = Trainer._views, Batches._keep
    monkeypatch.setattr(Trainer, "__init__", made)
    monkeypatch.setattr(
        Trainer, "_views", lambda self, step, *rest: (drawn.append(step), views(self, step, *rest))[1]
    )
    monkeypatch.setattr(Batches, "_keep", lambda self, step: (asked.append(step), keep(self, step))[1])
    assert losses(picture_folder, tmp_path, "ahead", method=method) == expected
    assert drawn == list(range(len(expected))) and asked == drawn[1:]


def test_views_drawn_ahead_are_not_shown_to_another_step(picture_folder: Path, tmp_path: Path) -> None:
    """As when a run goes back to its last checkpoint, or computes its batches in more parts from now on."""

    def loss_of(*steps: int, parts: int = 1) -> float:
        job = pretrain_job(picture_folder, tmp_path, seed=3)
        ready = assemble(job, new_run(job, tmp_path / "runs", f"{steps} {parts}")[1])
        ready.trainer.ahead = True
        before = {name: value.clone() for name, value in ready.method.state_dict().items()}
        found = 0.0
        for step in steps:
            ready.method.load_state_dict(before)
            places = ready.order.batch(step)
            batch = ready.store.take(places), ready.pool.shapes[places]
            found = ready.trainer.step(step, *batch, ready.rows, upcoming=lambda batch=batch: batch).loss
            ready.trainer.accumulate = parts
        return found

    assert loss_of(0, 0) == loss_of(0)
    assert loss_of(0, 1, parts=2) == pytest.approx(loss_of(3, 1, parts=2))


@pytest.mark.parametrize("method", ["byol", "mae", "ibot"])
def test_compiled_blocks_compute_the_same(
    method: str, picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traced, and then run by torch's own operations: without the compiler that needs a GPU's time. All blocks
    are traced as one, with gradients and without, and for each number of tokens."""
    values: dict[str, Any] = {"method": method, "epochs": 1, "max_steps": 2}
    expected = losses(picture_folder, tmp_path, "plain", **values)
    traced: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        traced.append(graph)
        return graph.forward

    torch._dynamo.reset()
    monkeypatch.setattr(compiling, "pays", lambda ready, steps: True)
    monkeypatch.setattr(compiling, "compile_blocks", partial(compiling.compile_blocks, backend=backend))
    try:
        assert losses(picture_folder, tmp_path, "compiled", **values) == pytest.approx(expected, rel=1e-5)
    finally:
        torch.compiler.set_stance("default")
        torch._dynamo.reset()
    assert 1 <= len(traced) <= 3


def test_what_is_compiled() -> None:
    def pays(
        device: str, steps: int, *, tokens: bool = True, method: bool = True, asked: bool = True
    ) -> bool:
        ready: Any = SimpleNamespace(
            job=SimpleNamespace(compile=asked),
            device=torch.device(device),
            built=SimpleNamespace(encoder=SimpleNamespace(tokens=tokens)),
            method=SimpleNamespace(compiles=method),
        )
        return compiling.pays(ready, steps)

    assert pays("cuda", compiling.PAYS)
    assert not pays("cpu", compiling.PAYS)
    assert not pays("cuda", compiling.PAYS - 1)
    assert not pays("cuda", compiling.PAYS, tokens=False)
    assert not pays("cuda", compiling.PAYS, method=False)
    assert not pays("cuda", compiling.PAYS, asked=False)
