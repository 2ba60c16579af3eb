"""The verbs that bring backbones to this machine: `fetch`, and `pack` for machines without a network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.headless import project_for, run_job
from workbench.records.jobs import FetchJob, JobConfig, PackJob
from workbench.records.text import data_size, printable
from workbench.verbs.common import add_verb, forget, local, print_json


def register(verbs: Any) -> None:
    verb = add_verb(verbs, "fetch", _fetch, "Download a backbone; what has arrived is kept for the next try.")
    verb.add_argument("backbone", help="Hugging Face id (org/name, org/name@revision) or timm name.")
    help_text = "Carry a backbone to a machine without a network, as a folder with hashes."
    packs = verbs.add_parser("pack", help=help_text, description=help_text).add_subparsers(
        metavar="ACTION", required=True
    )
    verb = add_verb(packs, "export", _export, "Write a backbone of this machine as a model pack.")
    verb.add_argument("backbone", help="Hugging Face id, timm name, or a local file or folder.")
    verb.add_argument("--out", required=True, help="Folder that the pack is written into.")
    verb = add_verb(packs, "import", _import, "Check a model pack and put its model on this machine.")
    verb.add_argument("pack", help="Folder of the pack.")
    verb = add_verb(packs, "verify", _verify, "Check every byte of a model pack.")
    verb.add_argument("pack", help="Folder of the pack.")


def _fetch(options: argparse.Namespace) -> int:
    title = f"Download {printable(options.backbone)}"
    document = _run(FetchJob(backbone=options.backbone), title, options)
    if options.json:
        return print_json(document)
    fetched = f"{data_size(document['bytes'])} fetched" if document["bytes"] else "it was here already"
    print(f"{printable(document['title'])} is on this machine; {fetched}.")
    return 0


def _export(options: argparse.Namespace) -> int:
    out = str(Path(options.out).expanduser().absolute())
    job = PackJob(action="export", folder=out, backbone=local(options.backbone))
    document = _run(job, f"Export {printable(options.backbone)}", options)
    if options.json:
        return print_json(document)
    print(f"{printable(document['pack'])}: {data_size(document['bytes'])}, {printable(document['licence'])}")
    return 0


def _import(options: argparse.Namespace) -> int:
    document = _run(PackJob(action="import", folder=_pack(options)), "Import a model pack", options)
    if options.json:
        return print_json(document)
    print(
        f"{printable(document['title'])} is on this machine: choose it as {printable(document['backbone'])}"
    )
    return 0


def _verify(options: argparse.Namespace) -> int:
    document = _run(PackJob(action="verify", folder=_pack(options)), "Check a model pack", options)
    if options.json:
        return print_json(document)
    print(f"{printable(document['title'])}: {len(document['files'])} files are as they were packed.")
    return 0


def _pack(options: argparse.Namespace) -> str:
    folder = Path(options.pack).expanduser().absolute()
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}. Name the folder of a model pack.")
    return str(folder)


def _run(job: JobConfig, title: str, options: argparse.Namespace) -> dict[str, Any]:
    run = run_job(project_for(Path("backbones"), options.project), job, title)
    document = run.status().result
    forget(run)
    return document
