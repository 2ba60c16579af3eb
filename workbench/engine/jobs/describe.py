"""The `describe` job: which backbones and devices there are, for a window that can't import the engine."""

from __future__ import annotations

from typing import Any

from workbench.engine.backbones.catalogue import catalogue
from workbench.engine.control import Control
from workbench.records.catalogue import save_catalogue
from workbench.records.jobs import DescribeJob
from workbench.records.runs import RunFolder


def run(job: DescribeJob, run: RunFolder, control: Control) -> dict[str, Any]:
    entries = catalogue()
    save_catalogue(run.path / "catalogue.json", entries)
    result: dict[str, Any] = {
        "backbones": len(entries),
        "available": sum(entry.available for entry in entries),
    }
    if job.devices:
        from workbench.engine.device import device_name, memory, pick_device

        device = pick_device("auto")
        result["devices"] = {"device": device, "name": device_name(device), "memory": memory(device)}
    return result
