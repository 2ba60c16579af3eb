"""Several processes that share a batch: how they find each other, average their gradients and stop together.

The processes come from `torchrun` (also over several machines), or are started by the job itself when it was asked
for more than one. Rank 0 writes the run folder and speaks with the window; the others are silent. The gradients are
averaged in one piece after the backward pass.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import timm
import torch
from torch import distributed, nn

from workbench.engine.methods import across
from workbench.engine.methods.across import SyncedBatchNorm

CHILD = "WORKBENCH_CHILD"  # set for processes that end when their stdin does
PATIENCE_SECONDS = 5.0  # for the others to end after rank 0
_NAMES = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
PATIENCE_DAYS = 30  # a run may be paused over a weekend, and the others wait for rank 0


def join(device: str) -> str:
    """Join the group that the environment names, if it does. Returns this process's device."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return device
    kind = device.partition(":")[0]
    if kind == "cuda":
        device = f"cuda:{int(os.environ.get('LOCAL_RANK', '0'))}"
        torch.cuda.set_device(torch.device(device))
    if not distributed.is_initialized():
        backend = "nccl" if kind == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=timedelta(days=PATIENCE_DAYS))
    return device


def leave() -> None:
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def start_others(processes: int, run: Path) -> list[subprocess.Popen[bytes]]:
    """Start ranks 1 and up on this machine, and make this process rank 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    others = []
    for number in range(1, processes):
        with (run / f"log-{number}.txt").open("ab") as log:
            others.append(
                subprocess.Popen(
                    [sys.executable, "-m", "workbench.engine.pretrain.rank", str(run)],
                    stdin=subprocess.PIPE,  # its end tells them that this process is gone
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **common, CHILD: "1", "RANK": str(number), "LOCAL_RANK": str(number)},
                )
            )
    os.environ |= {**common, "RANK": "0", "LOCAL_RANK": "0"}
    return others


def end_others(others: list[subprocess.Popen[bytes]]) -> None:
    """Let them end by themselves, for a moment; then end them. This process is alone again."""
    for other in others:
        with contextlib.suppress(subprocess.TimeoutExpired):
            other.wait(PATIENCE_SECONDS)
        with contextlib.suppress(OSError):
            if other.stdin is not None:
                other.stdin.close()
        other.wait()
    if others:
        for name in _NAMES:
            os.environ.pop(name, None)


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
