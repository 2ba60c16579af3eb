"""Runs fine-tune jobs on one folder, as the other tests run embed jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import timm
from safetensors.torch import save_file

from tests.engine.backbones.conftest import fill
from tests.indices import counted
from workbench.engine.control import Control
from workbench.engine.jobs import finetune
from workbench.records.finetunes import FinetuneResult
from workbench.records.jobs import FinetuneJob
from workbench.records.runs import RunFolder

QUICK: dict[str, Any] = {
    "image_size": 32,
    "blocks": "1",
    "seeds": 1,
    "epochs": 2,
    "batch_size": 8,
    "device": "cpu",
}


def small_vit(folder: Path) -> Path:
    """A ViT of three narrow blocks with random weights, in timm's own layout."""
    arguments = {"depth": 3, "embed_dim": 32, "num_heads": 2, "patch_size": 8}
    module = fill(timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=32, **arguments))
    config = {
        "architecture": "vit_tiny_patch16_224",
        "model_args": arguments,
        "pretrained_cfg": {
            "input_size": [3, 32, 32],
            "fixed_input_size": True,
            "interpolation": "bicubic",
            "crop_pct": 0.9,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
    }
    folder.mkdir(exist_ok=True)
    save_file(module.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


class Tuning:
    def __init__(self, tmp_path: Path, root: Path, group_by: str = "") -> None:
        self.root, self.cache, self.runs = root, tmp_path / "cache", tmp_path / "runs"
        tmp_path.mkdir(exist_ok=True)
        self.index = tmp_path / "index.npz"
        self.ledger = tmp_path / "ledger.jsonl"
        self.number = 0
        self.backbone = small_vit(tmp_path / "small-vit")
        counted(root, group_by=group_by).save(self.index)

    def job(self, **more: object) -> FinetuneJob:
        places = {"index": str(self.index), "cache": str(self.cache), "ledger": str(self.ledger)}
        places["backbone"] = str(self.backbone)
        return FinetuneJob(**{**QUICK, **places, **more})  # type: ignore[arg-type]

    def run(self, control_type: type[Control] = Control, **more: object) -> tuple[RunFolder, FinetuneResult]:
        self.number += 1
        run = RunFolder.create(self.runs, self.job(**more), name=f"run-{self.number}")
        finetune.run(self.job(**more), run, control_type(run))
        return run, FinetuneResult.load(run.path / "finetune.json")
