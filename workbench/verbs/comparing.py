"""The verbs about embedding files: `evaluate` and `export`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.headless import project_for, run_job
from workbench.records.asked import parse_budgets
from workbench.records.jobs import EvaluateJob, ExportJob
from workbench.records.results import EvaluationResult
from workbench.records.tables import as_text
from workbench.verbs.common import add_flags, add_verb, forget, make_job, print_json


def register(verbs: Any) -> None:
    verb = add_verb(verbs, "evaluate", _evaluate, "Compare embedded backbones by probe and k-NN.")
    verb.add_argument("files", nargs="+", help="Embedding files (.h5ad) of the same images.")
    add_flags(verb, EvaluateJob)
    verb = add_verb(verbs, "export", _export, "Write embeddings in a form that other programs read.")
    verb.add_argument("files", nargs="+", help="Embedding files (.h5ad) of the same images.")
    verb.add_argument("--out", required=True, help="File to write.")
    add_flags(verb, ExportJob)


def _evaluate(options: argparse.Namespace) -> int:
    files = [Path(name).absolute() for name in options.files]
    for file in files:
        if not file.exists():
            raise ValueError(f"{file} does not exist. `workbench embed` makes one.")
    parse_budgets(options.budgets)
    project = project_for(files[0].parent, options.project)
    job = make_job(EvaluateJob, options, files=tuple(map(str, files)), ledger=str(project.ledger))
    run = run_job(project, job, "Compare")
    result = EvaluationResult.load(run.path / "result.json")
    if options.json:
        return print_json(result.public_json())
    print(as_text(result, ""))
    return 0


def _export(options: argparse.Namespace) -> int:
    files = [Path(name).absolute() for name in options.files]
    project = project_for(files[0].parent, options.project)
    job = make_job(ExportJob, options, files=tuple(map(str, files)), out=str(Path(options.out).absolute()))
    run = run_job(project, job, "Export")
    document = run.status().result
    forget(run)
    if options.json:
        return print_json(document)
    print("\n".join(document["files"]))
    return 0
