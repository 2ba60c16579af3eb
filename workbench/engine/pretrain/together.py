"""Several processes that share a batch: how they find each other, average their gradients and stop together.

The processes come from `torchrun` (also over several machines), or are started by the job itself when it was asked
for more than one (`others.py`). Rank 0 writes the run folder and speaks with the window; the others are silent. The
gradients are averaged in one piece after the backward pass.

They join within minutes, or it is said who is missing. Afterwards they wait for each other as long as it takes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta

import timm
import torch
from torch import distributed, nn

from workbench.engine.methods import across
from workbench.engine.methods.across import SyncedBatchNorm

JOIN_SECONDS = 300.0  # for all to start: Python and torch, from a slow disk perhaps
PATIENCE_DAYS = 30  # a run may be paused over a weekend, and the others wait for rank 0
_POLL_SECONDS = 0.2


def join(device: str, lost: Callable[[], str] = str) -> str:
    """Join the group that the environment names, if it does. Returns this process's device.

    Args:
        lost: a sentence, as soon as it is known that another process won't come; it is asked while this one waits,
            and what it raises ends the waiting.

    Raises:
        ValueError: a process is missing; the sentence says which.
    """
    number = int(os.environ.get("WORLD_SIZE", "1"))
    if number == 1:
        return device
    kind = device.partition(":")[0]
    if kind == "cuda":
        device = f"cuda:{int(os.environ.get('LOCAL_RANK', '0'))}"
        torch.cuda.set_device(torch.device(device))
    if not distributed.is_initialized():
        backend = "nccl" if kind == "cuda" else "gloo"
        own, patience = int(os.environ["RANK"]), timedelta(days=PATIENCE_DAYS)
        store = _met(own, number, lost)
        store.set_timeout(patience)
        distributed.init_process_group(backend, store=store, rank=own, world_size=number, timeout=patience)
    return device


def _met(own: int, number: int, lost: Callable[[], str]) -> distributed.Store:
    """What all processes read and write, when all of them do."""
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    from_torchrun = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"  # it keeps the store itself
    deadline = time.monotonic() + JOIN_SECONDS
    try:
        every = distributed.TCPStore(
            address,
            port,
            number,
            is_master=own == 0 and not from_torchrun,
            timeout=timedelta(seconds=JOIN_SECONDS),
            wait_for_workers=False,
        )
    except RuntimeError as error:
        raise ValueError(
            f"Process {own} of {number} could not reach process 0 at {address}:{port} within {JOIN_SECONDS:.0f} "
            f"seconds ({str(error).splitlines()[0]}). Has it started, and does a firewall let it be reached?"
        ) from None
    store = distributed.PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", every)
    store.set(f"process {own}", "here")
    missing = list(range(number))
    while missing := [other for other in missing if not store.check([f"process {other}"])]:
        if sentence := lost():
            raise ValueError(sentence)
        if time.monotonic() > deadline:
            names = ", ".join(map(str, missing))
            raise ValueError(
                f"Of {number} processes, counted from 0, {names} did not join within {JOIN_SECONDS:.0f} seconds, so "
                "nothing was trained. Its own log says why; start all of them again."
            )
        time.sleep(_POLL_SECONDS)
    return store


def leave() -> None:
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def share_of(batch_size: int) -> slice:
    """The rows of a batch that this process computes. Raises ValueError where they can't be equal."""
    number = across.processes()
    if batch_size % number:
        raise ValueError(
            f"A batch of {batch_size} images can't be shared equally by {number} processes. Take a multiple of "
            f"{number}."
        )
    each = batch_size // number
    return slice(across.rank() * each, (across.rank() + 1) * each)


def synchronise_norms(module: nn.Module, device: torch.device) -> nn.Module:
    """Batch statistics of the whole batch: torch's own on a GPU; on a CPU, which it doesn't serve, ours. Raises
    ValueError for norms of other makes on a CPU."""
    if across.processes() == 1:
        return module
    if device.type == "cuda":
        converted: nn.Module = timm.layers.convert_sync_batchnorm(module)
        return converted
    for name, child in module.named_children():
        if type(child) in (nn.BatchNorm1d, nn.BatchNorm2d):
            setattr(module, name, SyncedBatchNorm.like(child))
        elif isinstance(child, nn.modules.batchnorm._BatchNorm):
            raise ValueError(
                f"Several processes on a CPU can't share the {type(child).__name__} of this network. Use one."
            )
        else:
            synchronise_norms(child, device)
    return module


def average_gradients(parameters: list[nn.Parameter]) -> None:
    if across.processes() == 1:
        return
    gradients = [value.grad for value in parameters if value.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= across.processes()
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


def agreed(values: list[float], device: torch.device) -> list[float]:
    """The mean of each value over the processes; what every process then decides by."""
    if across.processes() == 1:
        return values
    table = torch.tensor(
        values, dtype=torch.float64 if device.type != "mps" else torch.float32, device=device
    )
    distributed.all_reduce(table)
    found: list[float] = (table / across.processes()).tolist()
    return found
