"""The `workbench` command: the window by default, a verb for everything that a click can do.

With --json a verb prints one JSON document on stdout and nothing else there; progress goes to stderr.
Exit codes: 0 done, 1 the job failed, 2 the request was wrong.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.headless import JobFailed, project_for, run_job
from workbench.headless_data import DataOptions, indexed
from workbench.pixels.histogram import dim, saturated
from workbench.records.arrange import Arranged
from workbench.records.catalogue import load_catalogue
from workbench.records.dataset_findings import find, of_levels
from workbench.records.files import read_document, write_text
from workbench.records.index import ImageIndex
from workbench.records.jobs import DescribeJob, EmbedJob, EvaluateJob, ExportJob, IndexJob, JobConfig
from workbench.records.leaks import leaking_sets
from workbench.records.params import build, describe
from workbench.records.project import Project
from workbench.records.results import EvaluationResult
from workbench.records.runs import RunFolder
from workbench.records.safe_csv import refused_csv
from workbench.records.tables import as_text
from workbench.records.text import count, printable

# Parameters that a verb fills in itself.
_INTERNAL = {"index", "curation", "roots", "cache", "ledger", "previous", "files", "folders", "out"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line. Returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Undecodable bytes of a path must not stop the report of it.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    parser = _parser()
    if not words or (not words[0].startswith("-") and words[0] not in _VERBS):
        words = ["open", *words]
    options = parser.parse_args(words)
    try:
        return int(options.run(options) or 0)
    except JobFailed as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"workbench: {printable(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has gone; nothing is left to say
        return 0


def _open(options: argparse.Namespace) -> int:
    from workbench.gui.app import open_window

    return open_window(Path(options.project) if options.project else None)


def _demo(options: argparse.Namespace) -> int:
    from workbench.gui.demo import has_display, run_demo

    return run_demo(
        Path(options.out),
        headless=options.headless or not has_display(),
        labelled=options.labelled,
        unlabelled=options.unlabelled,
    )


def _index(options: argparse.Namespace) -> int:
    _, arranged, leaks = _indexed(options)
    index = arranged.index
    exact = _named(index, index.exact_duplicates())
    near = [members for members in _named(index, index.copy_sets()) if members not in exact]
    document: dict[str, Any] = {
        "images": len(index),
        "classes": {printable(name): n for name, n in index.class_counts().items()},
        "rejected": [{"path": printable(item.path), "reason": item.reason} for item in index.refused],
        "duplicates": exact + near,
        "near_duplicates": near,
        "leaks": [[printable(name) for name in members] for members in leaks],
        "leaks_left": len(leaking_sets(index)),
        "modes": index.mode_counts(),
        "groups": len(index.groups),
        "left_out": [printable(name) for name in arranged.left_out],
        "ignored": arranged.ignored,
        "unmatched": [
            {"line": row.line, "path": printable(row.path), "reason": printable(row.reason)}
            for row in arranged.unmatched
        ],
        "unlisted": arranged.unlisted,
        "window": index.reading.window,
        "channels": index.reading.channels,
        "saturated": [printable(index.name(int(i))) for i in np.flatnonzero(saturated(index))],
        "split": index.plan.told(),
        "other_files": index.others,
        "warnings": [
            finding.advice
            for finding in (
                *find(index),
                *of_levels(
                    int(saturated(index).sum()), int(dim(index).sum()), len(index), index.reading.window
                ),
            )
        ],
    }
    if options.rejected:
        write_text(Path(options.rejected), refused_csv(index.refused))
    if options.json:
        return _print_json(document)
    print("\n".join(_told(document)))
    return 0


def _named(index: ImageIndex, sets: list[list[int]]) -> list[list[str]]:
    return [[printable(index.name(position)) for position in members] for members in sets]


def _told(document: dict[str, Any]) -> list[str]:
    """The index in words, for a terminal."""
    lines = [f"{count(document['images'], 'image')} in {count(len(document['classes']), 'class', 'classes')}"]
    lines += [f"  {n:>8,}  {name}" for name, n in document["classes"].items()]
    if document["rejected"]:
        lines.append(f"{count(len(document['rejected']), 'file')} refused:")
        lines += [f"  {item['path']}: {item['reason']}" for item in document["rejected"]]
    if document["unmatched"]:
        lines.append(f"{count(len(document['unmatched']), 'row')} of the label table did not count:")
        lines += [
            f"  line {row['line']}, {row['path']}: {row['reason']}" for row in document["unmatched"][:20]
        ]
    if document["unlisted"]:
        lines.append(f"{count(document['unlisted'], 'image')} without a row in the label table")
    if document["duplicates"]:
        lines.append(f"{count(len(document['duplicates']), 'set')} of copies, exact or near")
    if document["leaks_left"]:
        lines.append(
            f"{count(document['leaks_left'], 'set')} of copies that a split can tear apart (leaks). "
            "--copies leave-out keeps one of each, --copies group keeps each together."
        )
    return lines + [f"Note: {sentence}" for sentence in document["warnings"]]


def _indexed(options: argparse.Namespace) -> tuple[Project, Arranged, list[list[str]]]:
    folders = [Path(name).expanduser().absolute() for name in options.folders]
    return indexed(
        folders,
        build(DataOptions, _values(DataOptions, options)),
        _values(IndexJob, options),
        options.project,
    )


def _embed(options: argparse.Namespace) -> int:
    out = Path(options.out)
    if out.suffix != ".h5ad":
        raise ValueError(f"--out {options.out} must end in .h5ad. `workbench export` writes other formats.")
    project, arranged, _ = _indexed(options)
    index = arranged.index
    if not len(index):
        dropped = arranged.ignored or arranged.left_out
        why = (
            "every image is left out or of an ignored class"
            if dropped
            else "there is no image that can be read"
        )
        raise ValueError(f"{', '.join(options.folders)}: {why}.")
    backbone = _local(options.backbone)
    job = _job(
        EmbedJob,
        options,
        index=str(project.resolve(project.settings.index)),
        curation=str(project.keep_curation()),
        cache=str(project.features_cache),
        backbone=backbone,
    )
    run = run_job(project, job, f"Embed with {printable(options.backbone)}")
    result = run.status().result
    refused = read_document(run.path / "refused.json", "refused", 1)["refused"]
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(run.path / "embeddings.h5ad", out)
    _forget(run)
    document = {**result, "out": str(out), "rejected": _rejected(index, refused)}
    document.pop("embeddings", None)
    if options.json:
        return _print_json(document)
    print(f"{count(result['images'], 'vector')} of {result['dimension']} numbers in {out}")
    if result["computed"] < result["images"]:
        print(f"{count(result['computed'], 'image')} computed now, the others were known already")
    return 0


def _rejected(index: ImageIndex, refused: list[dict[str, str]]) -> list[dict[str, str]]:
    early = [{"path": item.path, "reason": item.reason} for item in index.refused]
    return [{"path": printable(item["path"]), "reason": item["reason"]} for item in early + refused]


def _evaluate(options: argparse.Namespace) -> int:
    files = [Path(name).absolute() for name in options.files]
    for file in files:
        if not file.exists():
            raise ValueError(f"{file} does not exist. `workbench embed` makes one.")
    project = project_for(files[0].parent, options.project)
    job = _job(EvaluateJob, options, files=tuple(map(str, files)), ledger=str(project.ledger))
    run = run_job(project, job, "Compare")
    result = EvaluationResult.load(run.path / "result.json")
    if options.json:
        return _print_json(result.public_json())
    print(as_text(result, ""))
    return 0


def _export(options: argparse.Namespace) -> int:
    files = [Path(name).absolute() for name in options.files]
    project = project_for(files[0].parent, options.project)
    job = _job(ExportJob, options, files=tuple(map(str, files)), out=str(Path(options.out).absolute()))
    run = run_job(project, job, "Export")
    document = run.status().result
    _forget(run)
    if options.json:
        return _print_json(document)
    print("\n".join(document["files"]))
    return 0


def _backbones(options: argparse.Namespace) -> int:
    project = project_for(Path("backbones"), options.project)
    run = run_job(project, DescribeJob(), "Backbones")
    entries = load_catalogue(run.path / "catalogue.json")
    _forget(run)
    if options.json:
        return _print_json([entry.to_json() for entry in entries])
    for entry in entries:
        state = "here" if entry.available else "not on this machine"
        print(f"{entry.id:45} {entry.family:20} {state}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from workbench.doctor import examine

    checks = examine()
    if options.json:
        return _print_json({"checks": checks})
    for check in checks:
        print(f"{'ok  ' if check['ok'] else 'MEND'}  {check['name']}: {check['detail']}")
        if not check["ok"]:
            print(f"      {check['remedy']}")
    return 0


def _values(config: type[Any], options: argparse.Namespace) -> dict[str, Any]:
    """What the flags say of the parameters of `config`."""
    return {
        item.name: getattr(options, item.name)
        for item in describe(config)
        if item.name not in _INTERNAL and getattr(options, item.name, None) is not None
    }


def _job(config: type[Any], options: argparse.Namespace, **more: Any) -> JobConfig:
    made: JobConfig = build(config, {**_values(config, options), **more})
    return made


def _local(backbone: str) -> str:
    """A backbone that is a file or folder here is named by its whole path: the worker may stand elsewhere."""
    path = Path(backbone).expanduser()
    return str(path.absolute()) if path.exists() else backbone


def _forget(run: RunFolder) -> None:
    shutil.rmtree(run.path, ignore_errors=True)


def _print_json(document: Any) -> int:
    print(json.dumps(document, ensure_ascii=True, allow_nan=False))
    return 0


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return number


def _flags(parser: argparse.ArgumentParser, config: type[Any]) -> None:
    """A flag for every parameter that the job's form has."""
    types: dict[str, Callable[[str], Any]] = {"int": int, "float": _number}
    for item in describe(config):
        if item.name in _INTERNAL:
            continue
        name = "--" + item.name.replace("_", "-")
        unit = f" ({item.unit})" if item.unit else ""
        text = (item.help + unit).replace("%", "%%")
        if item.type == "bool":
            parser.add_argument(name, action="store_true", default=None, help=text)
        elif item.type == "list":
            parser.add_argument(name, action="append", help=text, metavar=item.name.upper())
        else:
            parser.add_argument(
                name,
                type=types.get(item.type, str),
                default=item.default,
                required=item.required,
                choices=item.choices or None,
                help=text,
                metavar=None if item.choices else item.name.upper(),
            )


def _verb(
    verbs: Any, name: str, run: Callable[[argparse.Namespace], int], help: str, *, json_flag: bool = True
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=help, description=help)
    parser.set_defaults(run=run)
    if json_flag:
        parser.add_argument("--json", action="store_true", help="Print one JSON document on stdout.")
        parser.add_argument("--project", default="", help="Project folder; default: one kept for the folder.")
    return parser


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workbench", description="Is a public vision backbone good enough for your images?"
    )
    verbs = parser.add_subparsers(metavar="VERB")
    verb = _verb(verbs, "open", _open, "Open the window (what happens without a verb).", json_flag=False)
    verb.add_argument("project", nargs="?", help="Project folder.")
    verb = _verb(
        verbs, "demo", _demo, "Build the sample project and compare backbones on it.", json_flag=False
    )
    verb.add_argument("--headless", action="store_true", help="No window: print the table, leave the files.")
    verb.add_argument("--out", default="build/demo", help="Folder of the sample project and its results.")
    verb.add_argument("--labelled", type=int, default=600, help="Labelled sample images.")
    verb.add_argument("--unlabelled", type=int, default=3000, help="Unlabelled sample images.")
    verb = _verb(verbs, "index", _index, "List a folder's images, their classes, and what was refused.")
    verb.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="Folder of images; several make one data set."
    )
    verb.add_argument(
        "--rejected", default="", metavar="CSV", help="Write the refused files and reasons to a CSV."
    )
    _flags(verb, DataOptions)
    _flags(verb, IndexJob)
    verb = _verb(verbs, "backbones", _backbones, "List the backbones and which are on this machine.")
    verb = _verb(verbs, "embed", _embed, "Turn a folder's images into vectors with a frozen backbone.")
    verb.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="Folder of images; several make one data set."
    )
    verb.add_argument("--out", required=True, help="File to write (.h5ad).")
    _flags(verb, DataOptions)
    _flags(verb, IndexJob)
    _flags(verb, EmbedJob)
    verb = _verb(verbs, "evaluate", _evaluate, "Compare embedded backbones by probe and k-NN.")
    verb.add_argument("files", nargs="+", help="Embedding files (.h5ad) of the same images.")
    _flags(verb, EvaluateJob)
    verb = _verb(verbs, "export", _export, "Write embeddings in a form that other programs read.")
    verb.add_argument("files", nargs="+", help="Embedding files (.h5ad) of the same images.")
    verb.add_argument("--out", required=True, help="File to write.")
    _flags(verb, ExportJob)
    _verb(verbs, "doctor", _doctor, "Check this machine and say how to mend what is wrong.")
    return parser


_VERBS = ("open", "demo", "index", "backbones", "embed", "evaluate", "export", "doctor")
