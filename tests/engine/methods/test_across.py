"""Two processes with half a batch each come to the loss, the gradient and the queue of one with the whole."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import distributed, nn

from tests import warm
from tests.engine.methods.made import batch_of, method_of
from workbench.engine.methods import across
from workbench.engine.methods.base import Batch, Draw, Method

# Without batch norms, which the training loop synchronises and which torch can't on a CPU.
CASES = (
    ("simclr", "vit"),
    ("moco", "vit"),
    ("moco", "plain"),
    ("mae", "vit"),
    ("dino", "vit"),
    ("ibot", "vit"),
)
STEPS = 2


def without_norms(name: str, kind: str) -> Method:
    method = method_of(name, kind)
    for module in list(method.modules()):
        for child, layer in list(module.named_children()):
            if isinstance(layer, nn.BatchNorm1d):
                setattr(module, child, nn.Identity())
    return method


def shared_out(batch: Batch) -> Batch:
    """This process's rows."""
    whole = len(batch.views[0])
    each = whole // across.processes()
    rows = slice(across.rank() * each, (across.rank() + 1) * each)
    draw = Draw(batch.draw.seed, batch.step, whole, rows)
    return Batch(views=[view[rows] for view in batch.views], draw=draw, step=batch.step, plan=batch.plan)


def train(method: Method) -> dict[str, torch.Tensor]:
    """Two steps of plain gradient descent; the losses, the gradients and all that is remembered."""
    told: dict[str, torch.Tensor] = {}
    for step in range(STEPS):
        method.zero_grad(set_to_none=True)
        outcome = method(shared_out(batch_of(method, step, alike=0.5)))
        outcome.loss.backward()
        told[f"loss {step}"] = across.mean(outcome.loss)
        told[f"uniform {step}"] = across.mean(torch.tensor(outcome.uniform_loss or 0.0))
        for name, value in method.learning():
            value.grad = across.mean(value.grad)  # as DistributedDataParallel does
            told[f"gradient {step} {name}"] = value.grad.clone()
        with torch.no_grad():
            for _, value in method.learning():
                value -= 0.05 * value.grad
        method.after_step(step)
    return {**told, **{f"state {key}": value.clone() for key, value in method.state_dict().items()}}


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    own = torch.arange(4.0).view(2, 2) + 10 * rank
    told = {"gathered": across.gather(own), "mean": across.mean(own), "rank": torch.tensor(across.rank())}
    torch.save([told, *(train(without_norms(*case)) for case in CASES)], f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, torch.Tensor]]]:
    folder: Path = tmp_path_factory.mktemp("two")
    both = [warm.started("tests.engine.methods.test_across", str(rank), str(folder)) for rank in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def test_they_hear_of_each_other(two: list[list[dict[str, torch.Tensor]]]) -> None:
    for rank, (told, *_) in enumerate(two):
        assert int(told["rank"]) == rank
        assert told["gathered"].tolist() == [[0, 1], [2, 3], [10, 11], [12, 13]]
        assert told["mean"].tolist() == [[5, 6], [7, 8]]


def test_one_process_is_left_alone() -> None:
    values = torch.ones(2, 2, requires_grad=True)
    assert across.gather(values) is values and (across.processes(), across.rank()) == (1, 0)
    assert not across.mean(values).requires_grad


@pytest.mark.parametrize("case", range(len(CASES)), ids=["-".join(case) for case in CASES])
def test_half_the_batch_each_is_the_whole(case: int, two: list[list[dict[str, torch.Tensor]]]) -> None:
    whole = train(without_norms(*CASES[case]))
    for told in two:
        half = told[1 + case]
        assert half.keys() == whole.keys()
        for key, value in whole.items():
            torch.testing.assert_close(
                half[key], value, atol=1e-5, rtol=1e-5, msg=lambda text, k=key: f"{k}: {text}"
            )


if __name__ == "__main__":
    work(int(sys.argv[1]), sys.argv[2])
