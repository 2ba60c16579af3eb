"""The `describe` job: which backbones and devices there are, for a window that can't import the engine."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.engine.backbones.catalogue import catalogue
from workbench.engine.backbones.found import found_here, pretrained_in, timm_names
from workbench.engine.control import Control
from workbench.engine.plugins import load
from workbench.plugins import facts_of, plugins
from workbench.records.brought import FILE, Brought, InspectionFacts, OpenBackbone
from workbench.records.catalogue import BackboneFacts, save_catalogue
from workbench.records.evaluations import EvaluationFacts
from workbench.records.jobs import DescribeJob
from workbench.records.methods import MethodFacts
from workbench.records.runs import RunFolder


def run(job: DescribeJob, run: RunFolder, control: Control) -> dict[str, Any]:
    listed = catalogue()
    own = pretrained_in(Path(job.runs)) if job.runs else []
    brought, opened = _plugin_backbones()
    entries = sorted([*own, *listed, *brought, *found_here(listed)], key=lambda facts: not facts.available)
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

        methods, others = _of_plugins(control)
        save_methods(run.path / "methods.json", [*all_facts(), *methods])
        replace(others, backbones=tuple(opened)).save(run.path / FILE)
    if job.devices:
        from workbench.engine.device import device_name, memory, pick_device

        device = pick_device("auto")
        result["devices"] = {"device": device, "name": device_name(device), "memory": memory(device)}
    return result


def _of_plugins(control: Control) -> tuple[list[MethodFacts], Brought]:
    """The methods, evaluations and inspections that plugins bring. A plugin that can't be loaded is left out;
    `workbench.plugins` keeps why."""
    methods: list[MethodFacts] = []
    evaluations: list[EvaluationFacts] = []
    inspections: list[InspectionFacts] = []
    for plugin in plugins():
        if not any(plugin.names(kind) for kind in ("methods", "evaluations", "inspections")):
            continue
        control.progress(0, 0, unit="plugins", detail=f"Asking the plugin {plugin.name}")
        facts = facts_of(plugin)
        if facts is None:
            continue
        by = {"plugin": plugin.name}
        methods += (MethodFacts.from_json(body) for body in facts["methods"])
        evaluations += (EvaluationFacts.from_json(body | by) for body in facts["evaluations"])
        inspections += (InspectionFacts.from_json(body | by) for body in facts["inspections"])
    return methods, Brought(evaluations=tuple(evaluations), inspections=tuple(inspections))


def _plugin_backbones() -> tuple[list[BackboneFacts], list[OpenBackbone]]:
    """The backbones that plugins bring: those that can be listed, and those that need more than a name."""
    found: list[BackboneFacts] = []
    opened: list[OpenBackbone] = []
    for plugin in plugins():
        if not plugin.names("backbones") or facts_of(plugin) is None:
            continue
        try:
            things = load(plugin)["backbones"]
            found += [things[name]().facts() for name in things if not things[name].takes_rest]
            told = plugin.manifest.provides["backbones"]
            opened += [
                OpenBackbone(name=name, summary=told[name], plugin=plugin.name)
                for name in things
                if things[name].takes_rest
            ]
        except Exception as error:  # whatever a plugin does, the others are listed
            print(f"The backbones of the plugin {plugin.name} can't be listed: {error}", file=sys.stderr)
    return found, opened
