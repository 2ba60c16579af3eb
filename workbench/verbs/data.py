"""The verbs that begin with a folder of images: `index` and `embed`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from workbench.headless import run_job
from workbench.headless_data import DataOptions, indexed
from workbench.pixels.decode import EXTENSIONS
from workbench.pixels.histogram import dim, saturated
from workbench.records.arrange import Arranged
from workbench.records.dataset_findings import find, of_levels
from workbench.records.files import read_document, write_text
from workbench.records.index import ImageIndex
from workbench.records.jobs import EmbedJob, IndexJob
from workbench.records.leaks import leaking_sets
from workbench.records.params import build
from workbench.records.project import Project
from workbench.records.safe_csv import refused_csv
from workbench.records.text import count, printable
from workbench.verbs.common import (
    add_flags,
    add_verb,
    check_place,
    deliver,
    forget,
    local,
    make_job,
    print_json,
    values,
)

_KINDS = 5  # endings of other files that are named


def register(verbs: Any) -> None:
    verb = add_verb(verbs, "index", _index, "List a folder's images, their classes, and what was refused.")
    add_folders(verb)
    verb.add_argument(
        "--rejected", default="", metavar="CSV", help="Write the refused files and reasons to a CSV."
    )
    verb = add_verb(verbs, "embed", _embed, "Turn a folder's images into vectors with a frozen backbone.")
    add_folders(verb)
    verb.add_argument("--out", required=True, help="File to write (.h5ad).")
    add_flags(verb, EmbedJob)


def add_folders(verb: argparse.ArgumentParser) -> None:
    """The images, and what is decided about them; `indexed_from` reads them."""
    verb.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="Folder of images; several make one data set."
    )
    add_flags(verb, DataOptions)
    add_flags(verb, IndexJob)


def _index(options: argparse.Namespace) -> int:
    if options.rejected:
        check_place(Path(options.rejected))
    _, arranged, leaks = indexed_from(options)
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
        return print_json(document)
    print("\n".join(_told(document)))
    return 0


def none_there(arranged: Arranged) -> str:
    """Why no image is left, in sentences: what the folder holds instead."""
    index = arranged.index
    if arranged.ignored or arranged.left_out:
        return "every image is left out or of an ignored class."
    said = ["there is no image that can be read."]
    if index.refused:
        first = index.refused[0]
        number = count(len(index.refused), "file was", "files were")
        said.append(f"{number} refused, such as {printable(first.path)}: {first.reason}")
    if index.others:
        said.append(f"{_passed_over(index.others)} Images end in {', '.join(sorted(EXTENSIONS))}.")
    return " ".join(said)


def _passed_over(others: dict[str, int]) -> str:
    """ "5 files of other kinds were passed over: 4 .heic, 1 .txt.", the most frequent first."""
    most = sorted(others.items(), key=lambda item: (-item[1], item[0]))
    kinds = [f"{number:,} {printable(ending) or 'without an ending'}" for ending, number in most]
    if len(kinds) > _KINDS:
        kinds[_KINDS:] = ["..."]
    number = count(sum(others.values()), "file of another kind was", "files of other kinds were")
    return f"{number} passed over: {', '.join(kinds)}."


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
    if document["other_files"]:
        lines.append(_passed_over(document["other_files"]))
    if document["duplicates"]:
        lines.append(f"{count(len(document['duplicates']), 'set')} of copies, exact or near")
    if document["leaks_left"]:
        lines.append(
            f"{count(document['leaks_left'], 'set')} of copies that a split can tear apart (leaks). "
            "--copies leave-out keeps one of each, --copies group keeps each together."
        )
    return lines + [f"Note: {sentence}" for sentence in document["warnings"]]


def indexed_from(options: argparse.Namespace) -> tuple[Project, Arranged, list[list[str]]]:
    """The project, what counts of its images, and the copies that leak."""
    folders = [Path(name).expanduser().absolute() for name in options.folders]
    return indexed(
        folders,
        build(DataOptions, values(DataOptions, options)),
        values(IndexJob, options),
        options.project,
    )


def _embed(options: argparse.Namespace) -> int:
    out = Path(options.out)
    if out.suffix != ".h5ad":
        raise ValueError(f"--out {options.out} must end in .h5ad. `workbench export` writes other formats.")
    check_place(out)
    project, arranged, _ = indexed_from(options)
    index = arranged.index
    if not len(index):
        raise ValueError(f"{', '.join(options.folders)}: {none_there(arranged)}")
    backbone = local(options.backbone)
    job = make_job(
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
    deliver(run.path / "embeddings.h5ad", out)
    forget(run)
    document = {**result, "out": str(out), "rejected": _rejected(index, refused)}
    document.pop("embeddings", None)
    if options.json:
        return print_json(document)
    print(f"{count(result['images'], 'vector')} of {result['dimension']} numbers in {out}")
    if result["computed"] < result["images"]:
        print(f"{count(result['computed'], 'image')} computed now, the others were known already")
    return 0


def _rejected(index: ImageIndex, refused: list[dict[str, str]]) -> list[dict[str, str]]:
    early = [{"path": item.path, "reason": item.reason} for item in index.refused]
    return [{"path": printable(item["path"]), "reason": item["reason"]} for item in early + refused]
