"""What every verb of the command line needs: its parser, flags out of a job's parameters, one JSON document."""

from __future__ import annotations

import argparse
import errno
import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.records.files import whole_file
from workbench.records.jobs import JobConfig
from workbench.records.params import build, describe
from workbench.records.runs import RunFolder

# Parameters that a verb fills in itself.
_INTERNAL = {
    "index",
    "curation",
    "roots",
    "cache",
    "ledger",
    "previous",
    "files",
    "folders",
    "out",
    "pool_index",
    "pool_roots",
}


def add_verb(
    verbs: Any, name: str, run: Callable[[argparse.Namespace], int], help: str, *, json_flag: bool = True
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=help, description=help)
    parser.set_defaults(run=run)
    if json_flag:
        parser.add_argument("--json", action="store_true", help="Print one JSON document on stdout.")
        parser.add_argument("--project", default="", help="Project folder; default: one kept for the folder.")
    return parser


def add_flags(parser: argparse.ArgumentParser, config: type[Any]) -> None:
    """A flag for every parameter that the job's form has."""
    types: dict[str, Callable[[str], Any]] = {"int": int, "float": _number}
    for item in describe(config):
        if item.name in _INTERNAL:
            continue
        name = "--" + item.name.replace("_", "-")
        more = [item.unit, f"default: {item.default_word}" if item.default_word else ""]
        aside = "; ".join(part for part in more if part)
        text = (f"{item.help} ({aside})" if aside else item.help).replace("%", "%%")
        if item.type == "bool" and item.default:
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=True, help=text)
        elif item.type == "bool":
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


def values(config: type[Any], options: argparse.Namespace) -> dict[str, Any]:
    """What the flags say of the parameters of `config`."""
    return {
        item.name: getattr(options, item.name)
        for item in describe(config)
        if item.name not in _INTERNAL and getattr(options, item.name, None) is not None
    }


def make_job(config: type[Any], options: argparse.Namespace, **more: Any) -> JobConfig:
    made: JobConfig = build(config, {**values(config, options), **more})
    return made


def local(backbone: str) -> str:
    """A backbone that is a file or folder here is named by its whole path: the worker may stand elsewhere.

    Raises ValueError for an empty name, as a shell makes of a variable that isn't set; it would mean this folder.
    """
    if not backbone.strip():
        raise ValueError(
            "the name of the backbone is empty. `workbench backbones` lists those that there are."
        )
    path = Path(backbone).expanduser()
    return str(path.absolute()) if path.exists() else backbone


def check_place(out: Path) -> None:
    """Raises ValueError where a file can't be written, before hours of work go into it."""
    out = out.expanduser().absolute()
    if out.is_dir():
        raise ValueError(f"{out} is a folder. Name a file in it.")
    folder = next(parent for parent in out.parents if parent.exists())
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, so that {out} can't be written. Choose another place.")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"You may not write into {folder}. Choose another place, or change its permissions.")


def deliver(made: Path, out: Path) -> None:
    """Put what a job made where the user wants it: whole, or not at all, also across disks. Raises OSError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        made.replace(out)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with made.open("rb") as source, whole_file(out) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        made.unlink()


def forget(run: RunFolder) -> None:
    shutil.rmtree(run.path, ignore_errors=True)


def print_json(document: Any) -> int:
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
