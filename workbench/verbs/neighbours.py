"""`inspect neighbours`: what embedding files hold nearest to pictures, as a sheet and as a document."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.headless import project_for, run_job
from workbench.pixels.nearest_board import name_of, nearest_board
from workbench.records.embeddings import Embeddings, read_h5ad
from workbench.records.files import DocumentError, write_text
from workbench.records.index import path_and_page
from workbench.records.neighbours_job import (
    FOR_LOOKING,
    RESULT,
    NeighboursJob,
    NeighboursResult,
)
from workbench.records.params import config_of, describe
from workbench.records.spec import FeatureSpec, Reading
from workbench.records.text import printable
from workbench.verbs.common import add_flags, add_verb, forget, make_job, print_json
from workbench.verbs.pictures import add_most, out_folder, pictures_of

_TRIED = 20  # items whose files are looked for, to find the folder of the images


def register(views: Any) -> None:
    verb = add_verb(
        views,
        "neighbours",
        _neighbours,
        "What embedding files hold nearest to pictures, from wherever they are.",
    )
    verb.add_argument(
        "images",
        nargs="+",
        metavar="IMG",
        help="Image files, which are embedded just as the items were, and of a folder its images in the order of "
        "their names, as many as --most says; or ids or paths of items of the files.",
    )
    verb.add_argument(
        "--files",
        nargs="+",
        required=True,
        metavar="FILE",
        help="Embedding files (.h5ad), one for each model.",
    )
    verb.add_argument(
        "--folder",
        action="append",
        default=[],
        metavar="FOLDER",
        help="Folder of the items' images, once for each as they were indexed; by default looked for above the "
        "pictures and the embedding files.",
    )
    verb.add_argument(
        "--out", required=True, metavar="DIR", help="Folder for the sheet and the document, which is made."
    )
    add_most(verb)
    verb.add_argument("--dark", action="store_true", help="Draw the sheet light on dark.")
    add_flags(
        verb, config_of("Flags", [item for item in describe(NeighboursJob) if item.name in ("k", "device")])
    )


def _neighbours(options: argparse.Namespace) -> int:
    files = [Path(name).expanduser().absolute() for name in options.files]
    for file in files:
        if not file.exists():
            raise DocumentError(f"{file} does not exist. `workbench embed` makes one.")
    images = tuple(dict.fromkeys(each for name in options.images for each in _images(name, options.most)))
    out = out_folder(options.out)
    items = read_h5ad(files[0], maps_only=True)
    folders = tuple(str(Path(name).expanduser().absolute()) for name in options.folder)
    folders = folders or _found(items, [*(Path(name) for name in images if Path(name).is_absolute()), *files])
    job = make_job(NeighboursJob, options, images=images, files=tuple(map(str, files)), folders=folders)
    run = run_job(project_for(files[0].parent, options.project), job, "Look up the neighbours")
    result = NeighboursResult.load(run.path / RESULT)
    forget(run)
    written = _write(out, result, folders, items, dark=options.dark)
    answered = any(answer.nearest for image in result.images for answer in image.answers)
    if options.json:
        print_json({**result.public_json(), "written": [printable(str(path)) for path in written]})
    else:
        print("\n".join(printable(line) for line in _told(result, out, written)))
    return 0 if answered else 1


def _images(name: str, most: int) -> list[str]:
    """Whole paths of files that are there; an item's name as it is."""
    path = Path(name).expanduser().absolute()
    if path.exists() or Path(name).is_absolute():
        return [str(file) for file in pictures_of([path], most)]
    return [name]


def _found(items: Embeddings, beside: Sequence[Path]) -> tuple[str, ...]:
    """The folder that the items' paths start from, where it lies above one of some files or is the present one."""
    step = max(len(items) // _TRIED, 1)
    some = [path_and_page(path)[0] for path in items.paths[::step] if not Path(path).is_absolute()]
    above = dict.fromkeys(folder for file in beside for folder in file.parents)
    for folder in (*above, Path.cwd()):
        if any((folder / path).is_file() for path in some):
            return (str(folder),)
    print(
        "The folder of the items' images was not found, so that none can be shown: name it with --folder.",
        file=sys.stderr,
    )
    return ()


def _write(
    out: Path, result: NeighboursResult, folders: Sequence[str], items: Embeddings, *, dark: bool
) -> list[Path]:
    """The document, and the sheet where there is something to show."""
    document = out / RESULT
    write_text(document, json.dumps(result.public_json(), indent=1, ensure_ascii=True) + "\n")
    try:
        from workbench.gui.board_sheet import save_headless

        board = nearest_board(result, folders, _reading(items))
        return [document, save_headless(out / "sheet.png", board, dark=dark)]
    except (
        ImportError,
        ValueError,
    ) as error:  # a server without the libraries that Qt needs, or nothing found
        print(f"The sheet can't be drawn: {printable(str(error))}", file=sys.stderr)
        return [document]


def _reading(items: Embeddings) -> Reading:
    """How the models were shown the images."""
    try:
        return FeatureSpec.from_json(items.provenance["spec"]).reading
    except (KeyError, TypeError, ValueError):
        return Reading()


def _told(result: NeighboursResult, out: Path, written: Sequence[Path]) -> list[str]:
    """The same in words, for a terminal."""
    lines = []
    for image in result.images:
        errors = {answer.error for answer in image.answers}
        if len(errors) == 1 and (error := errors.pop()):
            lines.append(f"{name_of(image)} can't be asked about: {error}")
            continue
        lines.append(f"{name_of(image)}: {image.told()}")
        for file, answer in zip(result.files, image.answers, strict=True):
            if answer.error:
                lines.append(f"  {file.title}: {answer.error}")
                continue
            words = image.agree(answer.nearest)
            lines.append(f"  {file.title}: {words}" if words else f"  {file.title}")
            lines += [
                f"    {item.distance:.4f}  {item.label or 'no label'}  {item.path}" for item in answer.nearest
            ]
    return [*lines, f"{out}: {' and '.join(path.name for path in written)}", FOR_LOOKING]
