"""Which function runs which kind of job. A module is imported when its job runs: a quick job stays quick."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from workbench.engine.control import Control
from workbench.records.runs import RunFolder

JobFunction = Callable[[Any, RunFolder, Control], dict[str, Any]]

_MODULES = {
    "sample": "workbench.engine.jobs.sample",
    "index": "workbench.engine.jobs.index",
    "embed": "workbench.engine.jobs.embed",
    "evaluate": "workbench.engine.jobs.evaluate",
    "finetune": "workbench.engine.jobs.finetune",
    "pretrain": "workbench.engine.jobs.pretrain",
    "preview": "workbench.engine.jobs.preview",
    "estimate": "workbench.engine.jobs.estimate",
    "audit": "workbench.engine.jobs.audit",
    "project": "workbench.engine.jobs.project",
    "inspect": "workbench.engine.jobs.inspect",
    "neighbours": "workbench.engine.jobs.neighbours",
    "export": "workbench.engine.jobs.export",
    "describe": "workbench.engine.jobs.describe",
    "fetch": "workbench.engine.jobs.fetch",
    "pack": "workbench.engine.jobs.pack",
}


def job_function(kind: str) -> JobFunction:
    """The `run(job, run_folder, control) -> result` of a kind. Raises ValueError for an unknown kind."""
    if kind not in _MODULES:
        raise ValueError(f"there is no job of kind {kind!r}; known are {', '.join(_MODULES)}.")
    function: JobFunction = importlib.import_module(_MODULES[kind]).run
    return function
