"""Checkpoints: everything that the next step depends on, in one file that is there whole or not at all.

Tensors (network, teacher, queue, centre, optimiser, states of the random number generators) and, in the file's own
header, plain values as JSON. Never a pickle. The order of the pictures, the views and the masks need no state: they
are functions of the seed and the step.
"""

from __future__ import annotations

import errno
import json
import os
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from workbench.records.disk_faults import is_full
from workbench.records.files import whole_path
from workbench.records.text import printable

VERSION = 1
LATEST = 2  # checkpoints that are kept, besides those at quarters of the run
QUARTERS = (0.25, 0.5, 0.75)
_NAME = re.compile(r"step-(\d{9})\.safetensors")
Tensors = dict[str, torch.Tensor]


def checkpoint_path(folder: Path, step: int) -> Path:
    """`step`: updates that are done."""
    return folder / f"step-{step:09d}.safetensors"


def step_of(path: Path) -> int:
    """Raises ValueError for a file that is no checkpoint."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        raise ValueError(
            f"{printable(str(path))} is no checkpoint of a pretraining run: those are called step-NUMBER.safetensors."
        )
    return int(found[1])


def checkpoints(folder: Path) -> list[Path]:
    """The oldest first."""
    return sorted(path for path in folder.glob("step-*.safetensors") if _NAME.fullmatch(path.name))


def save(
    folder: Path, step: int, facts: dict[str, Any], method: nn.Module, optimiser: torch.optim.Optimizer
) -> Path:
    """Write what is needed to go on after `step` updates. Raises OSError; what was there before stays."""
    tensors = {f"method.{name}": value for name, value in method.state_dict().items()}
    tensors |= _optimiser_tensors(optimiser)
    generators, plain = _random_state()
    tensors |= generators
    body = {"version": VERSION, "step": step, "random": plain, **facts}
    own = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    path = checkpoint_path(folder, step)
    with whole_path(path) as temporary:
        try:
            save_file(
                own, temporary, metadata={"format": "pt", "workbench": json.dumps(body, allow_nan=False)}
            )
        except SafetensorError as error:
            # safetensors has the system's words as text only. A disk that is full must not end the training.
            code = errno.ENOSPC if is_full(error) else errno.EIO
            raise OSError(
                code, os.strerror(code) if code == errno.ENOSPC else str(error), str(path)
            ) from error
    return path


def read_facts(path: Path) -> dict[str, Any]:
    """The plain values of a checkpoint, without its tensors. Raises ValueError when it can't be read."""
    try:
        with safe_open(path, framework="pt") as stream:
            facts = json.loads((stream.metadata() or {})["workbench"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{printable(str(path))} can't be read as a checkpoint ({error}). Take an earlier one of that folder."
        ) from None
    if not isinstance(facts, dict) or facts.get("version") != VERSION:
        raise ValueError(f"{printable(str(path))} was written by another version of this program.")
    return facts


def restore(path: Path, method: nn.Module, optimiser: torch.optim.Optimizer, device: torch.device) -> None:
    """Put everything back as it was. Raises ValueError when the checkpoint is of another network."""
    plain = read_facts(path)["random"]
    with safe_open(path, framework="pt") as stream:
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    own = {name.removeprefix("method."): t for name, t in tensors.items() if name.startswith("method.")}
    try:
        method.load_state_dict(own)
        _restore_optimiser(optimiser, tensors, device)
    except (RuntimeError, KeyError) as error:
        raise ValueError(f"{printable(str(path))} belongs to another network: {error}") from None
    _restore_random(tensors, plain)


def latest(folder: Path) -> Path | None:
    """The newest checkpoint that can be read; damaged ones are passed over."""
    for path in reversed(checkpoints(folder)):
        try:
            read_facts(path)
        except ValueError:
            continue
        return path
    return None


def forget_old(folder: Path, steps: int) -> None:
    """Keep the newest few and the first at or after each quarter of the run."""
    found = checkpoints(folder)
    keep = set(found[-LATEST:])
    for share in QUARTERS:
        after = [path for path in found if step_of(path) >= share * steps]
        keep.update(after[:1])
    for path in found:
        if path not in keep:
            path.unlink(missing_ok=True)


def _optimiser_tensors(optimiser: torch.optim.Optimizer) -> Tensors:
    states = optimiser.state_dict()["state"]
    return {
        f"optimiser.{number}.{key}": value if torch.is_tensor(value) else torch.tensor(value)
        for number, state in states.items()
        for key, value in state.items()
        if value is not None
    }


def _restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Tensors, device: torch.device) -> None:
    body = optimiser.state_dict()
    body["state"] = {}
    for name, value in tensors.items():
        head, _, rest = name.partition(".")
        if head == "optimiser":
            number, _, key = rest.partition(".")
            body["state"].setdefault(int(number), {})[key] = value
    optimiser.load_state_dict(body)  # moves the tensors to their parameters' device


def _random_state() -> tuple[Tensors, dict[str, Any]]:
    """torch's generators and numpy's as tensors, Python's as plain numbers."""
    tensors: Tensors = {"random.torch": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        for number, state in enumerate(torch.cuda.get_rng_state_all()):
            tensors[f"random.cuda.{number}"] = state
    name, keys, place, has_gauss, gauss = np.random.get_state()
    tensors["random.numpy"] = torch.from_numpy(np.asarray(keys).astype(np.int64))
    version, numbers, after = random.getstate()
    plain = {
        "numpy": [str(name), int(place), int(has_gauss), float(gauss)],
        "python": [version, list(numbers), after],
    }
    return tensors, plain


def _restore_random(tensors: Tensors, plain: dict[str, Any]) -> None:
    torch.set_rng_state(tensors["random.torch"])
    if torch.cuda.is_available():
        states: Iterable[int] = range(torch.cuda.device_count())
        for number in states:
            if f"random.cuda.{number}" in tensors:
                torch.cuda.set_rng_state(tensors[f"random.cuda.{number}"], number)
    name, place, has_gauss, gauss = plain["numpy"]
    keys = tensors["random.numpy"].numpy().astype(np.uint32)
    np.random.set_state((name, keys, place, has_gauss, gauss))
    version, numbers, after = plain["python"]
    random.setstate((version, tuple(numbers), after))
