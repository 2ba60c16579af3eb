"""The verbs about this machine: `backbones` and `doctor`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.headless import project_for, run_job
from workbench.records.catalogue import load_catalogue, search
from workbench.records.jobs import DescribeJob
from workbench.records.text import printable
from workbench.verbs.common import add_verb, forget, print_json


def register(verbs: Any) -> None:
    verb = add_verb(verbs, "backbones", _backbones, "List the backbones and which are on this machine.")
    verb.add_argument(
        "--search", default="", metavar="TEXT", help="Look in every timm name as well; all words count."
    )
    add_verb(verbs, "doctor", _doctor, "Check this machine and say how to mend what is wrong.")


def _backbones(options: argparse.Namespace) -> int:
    project = project_for(Path("backbones"), options.project)
    job = DescribeJob(names=bool(options.search), runs=str(project.runs_folder))
    run = run_job(project, job, "Backbones")
    entries = load_catalogue(run.path / "catalogue.json")
    if options.search:
        entries = tuple(search((*entries, *load_catalogue(run.path / "names.json")), options.search))
    forget(run)
    if options.json:
        return print_json([entry.to_json() for entry in entries])
    for entry in entries:
        state = "here" if entry.available else "not on this machine"
        print(f"{printable(entry.id):45} {printable(entry.family):20} {state}")
    if options.search and not entries:
        print("Nothing holds all of these words. Any Hugging Face id can be fetched without being listed.")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from workbench.doctor import examine

    checks = examine()
    if options.json:
        return print_json({"checks": checks})
    for check in checks:
        print(f"{'ok  ' if check['ok'] else 'MEND'}  {check['name']}: {check['detail']}")
        if not check["ok"]:
            print(f"      {check['remedy']}")
    return 0
