"""What an interrupted fine-tune goes on from: one folder for each exact configuration, gone when it is done.

    inputs.*, filled.json   what training reads (see inputs.py)
    seed-S-last.safetensors everything after the last whole epoch of seed S: weights that learn, optimiser, curve
    seed-S-best-E.safetensors the weights of its best epoch so far, E
    seed-S.json             a finished seed, tested

Random numbers need no state: every epoch begins a generator of its own from seed and epoch. A file of tensors carries
its plain values in its own header, so that both appear together or not at all.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from workbench.records.files import DocumentError, read_document, whole_path, write_document

_DONE = "finetune-seed"
Tensors = dict[str, torch.Tensor]


class Keeper:
    """Reads and writes the folder. What can't be read counts as not there: it is computed again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def finished(self, seed: int) -> dict[str, Any] | None:
        try:
            return read_document(self.folder / f"seed-{seed}.json", _DONE, 1)
        except DocumentError:
            return None

    def finish(self, seed: int, body: dict[str, Any]) -> None:
        write_document(self.folder / f"seed-{seed}.json", _DONE, 1, body)
        (self.folder / f"seed-{seed}-last.safetensors").unlink(missing_ok=True)

    def save_last(self, seed: int, facts: dict[str, Any], tensors: Tensors) -> None:
        self._write(self.folder / f"seed-{seed}-last.safetensors", tensors, facts)

    def last(self, seed: int) -> tuple[dict[str, Any], Tensors] | None:
        return self._read(self.folder / f"seed-{seed}-last.safetensors")

    def save_best(self, seed: int, epoch: int, tensors: Tensors) -> None:
        """Earlier ones stay until `forget_bests`: `last` may still name one of them."""
        self._write(self.folder / f"seed-{seed}-best-{epoch}.safetensors", tensors, {"epoch": epoch})

    def forget_bests(self, seed: int, but: int) -> None:
        for path in self.folder.glob(f"seed-{seed}-best-*.safetensors"):
            if path.stem != f"seed-{seed}-best-{but}":
                path.unlink(missing_ok=True)

    def best(self, seed: int, epoch: int) -> Tensors | None:
        found = self._read(self.folder / f"seed-{seed}-best-{epoch}.safetensors")
        return found[1] if found else None

    def save_table(self, name: str, tensor: torch.Tensor) -> None:
        self._write(self.folder / f"{name}.safetensors", {"values": tensor}, {})

    def table(self, name: str) -> torch.Tensor | None:
        found = self._read(self.folder / f"{name}.safetensors")
        return found[1]["values"] if found else None

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, path: Path, tensors: Tensors, facts: dict[str, Any]) -> None:
        plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        with whole_path(path) as temporary:
            save_file(plain, temporary, metadata={"facts": json.dumps(facts)})

    def _read(self, path: Path) -> tuple[dict[str, Any], Tensors] | None:
        try:
            with safe_open(path, framework="pt") as stream:
                facts = json.loads(stream.metadata()["facts"])
                return facts, {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            return None
