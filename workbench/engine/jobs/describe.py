"""The `describe` job: which backbones and devices there are, for a window that can't import the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.engine.backbones.catalogue import catalogue
from workbench.engine.backbones.found import found_here, pretrained_in, timm_names
from workbench.engine.control import Control
from workbench.records.catalogue import save_catalogue
from workbench.records.jobs import DescribeJob
from workbench.records.runs import RunFolder


def run(job: DescribeJob, run: RunFolder, control: Control) -> dict[str, Any]:
    listed = catalogue()
    own = pretrained_in(Path(job.runs)) if job.runs else []
    entries = sorted([*own, *listed, *found_here(listed)], key=lambda facts: not facts.available)
    save_catalogue(run.path / "catalogue.json", entries)
    result: dict[str, Any] = {
        "backbones": len(entries),
        "available": sum(entry.available for entry in entries),
    }
    if job.names:
        names = timm_names({facts.id for facts in entries})
        save_catalogue(run.path / "names.json", names)
        result["names"] = len(names)
    if job.methods:
        from workbench.engine.methods.registry import all_facts
        from workbench.records.methods import save_methods

        save_methods(run.path / "methods.json", all_facts())
    if job.devices:
        from workbench.engine.device import device_name, memory, pick_device

        device = pick_device("auto")
        result["devices"] = {"device": device, "name": device_name(device), "memory": memory(device)}
    return result
