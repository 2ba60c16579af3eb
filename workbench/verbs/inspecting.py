"""The verb that looks into backbones: `inspect`, with a word for each thing that can be shown.

What embedding files hold nearest to a picture (`inspect neighbours`) stands in `neighbours.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workbench.headless import project_for, run_job
from workbench.pixels.boards import make_board, name_of
from workbench.pixels.cells import cells, error_top
from workbench.records.files import whole_file
from workbench.records.inspection import (
    FOR_LOOKING,
    PLUGGED,
    SETTABLE,
    SHOWN,
    InspectJob,
    InspectSettings,
    Sight,
    sight_file,
)
from workbench.records.params import build, config_of, describe
from workbench.records.sight_words import column_words, notes_of, reconstruction_errors
from workbench.records.text import count, printable
from workbench.verbs import neighbours
from workbench.verbs.common import add_flags, add_verb, forget, local, print_json, values
from workbench.verbs.pictures import add_most, out_folder, pictures_of

_SLUG = 40  # letters of a name in a file's name
_HELP = {
    "attention": "Where vision transformers look: attention of every layer and head, and rollout.",
    "reconstruction": "What masked autoencoders paint where patches are hidden, and how far off it is.",
    "patch-pca": "Principal components of the patches as colours.",
    "likeness": "How alike all patches are to one of them, or to a whole picture.",
    "segments": "Patches of all pictures in groups.",
    PLUGGED: "What a plugin's inspection says of each patch.",
}


def register(verbs: Any) -> None:
    text = (
        "Look into backbones: attention, reconstructions, patch maps, nearest images; several side by side."
    )
    parser: argparse.ArgumentParser = verbs.add_parser(
        "inspect", help=text, description=f"{text} {FOR_LOOKING}"
    )
    views = parser.add_subparsers(metavar="VIEW", required=True, dest="view")
    for show in (*SHOWN, PLUGGED):
        verb = add_verb(views, show, _inspect, _HELP[show])
        verb.add_argument(
            "images",
            nargs="+",
            metavar="IMG",
            help="Image files; of a folder its images in the order of their names, as many as --most says.",
        )
        verb.add_argument(
            "--backbone",
            action="append",
            required=True,
            metavar="NAME",
            help="Catalogue id, Hugging Face id, timm name, or a local file, folder or run; once for each model.",
        )
        verb.add_argument(
            "--out", required=True, metavar="DIR", help="Folder for the pictures, which is made."
        )
        verb.add_argument(
            "--board",
            choices=("png", "pdf", "svg"),
            default="png",
            help="What the board of all pictures and models is written as.",
        )
        verb.add_argument("--dark", action="store_true", help="Draw the board light on dark.")
        add_most(verb)
        add_flags(verb, _flags(show))
    neighbours.register(views)


def _flags(show: str) -> type[Any]:
    """The parameters that count for a view."""
    wanted = (*SETTABLE[show], "device")
    return config_of("Flags", [item for item in describe(InspectJob) if item.name in wanted])


def _inspect(options: argparse.Namespace) -> int:
    images = pictures_of([Path(name).expanduser().absolute() for name in options.images], options.most)
    out = out_folder(options.out)
    asked = values(_flags(options.view), options)
    project = project_for(images[0].parent, options.project)
    job = build(
        InspectJob,
        {
            **asked,
            "show": options.view,
            "models": tuple(local(name) for name in options.backbone),
            "images": tuple(map(str, images)),
            "curation": str(project.keep_curation()) if options.project else "",
        },
    )
    settings = InspectSettings(**{name: getattr(job, name) for name in InspectSettings.__dataclass_fields__})
    settings.place()
    settings.drawn_boxes()
    run = run_job(project, job, f"Look into {count(len(job.models), 'model')}")
    sights = [Sight.load(run.path / sight_file(place)) for place in range(len(job.models))]
    forget(run)
    shown = any(not sight.error for sight in sights)
    files = _write(out, sights, images, settings, options) if shown else []
    if options.json:
        print_json(_document(sights, images, settings, files))
    else:
        print("\n".join(_told(sights, images, settings, files, out)))
    return 0 if shown else 1


def _write(
    out: Path,
    sights: Sequence[Sight],
    images: Sequence[Path],
    settings: InspectSettings,
    options: argparse.Namespace,
) -> list[Path]:
    """A PNG for each picture and model, and panel of a reconstruction; then the board."""
    files = []
    top = error_top(sights)
    titles = _unlike([_slug(name_of(sight)) for sight in sights])
    names = _unlike([_slug(image.stem) for image in images])
    for row, name in enumerate(names):
        for sight, title in zip(sights, titles, strict=True):
            for cell in cells(sight, row, settings, top):
                if cell.pixels is None:
                    continue
                path = out / ("-".join(part for part in (name, title, cell.panel) if part) + ".png")
                with whole_file(path) as stream:
                    Image.fromarray(cell.pixels).save(stream, "PNG")
                files.append(path)
    try:
        from workbench.gui.board_sheet import save_headless

        board = make_board(sights, [image.name for image in images], settings)
        files.append(save_headless(out / f"board.{options.board}", board, dark=options.dark))
    except (
        ImportError,
        ValueError,
    ) as error:  # a server without the libraries that Qt needs, or too many pictures
        print(
            f"The board can't be drawn: {printable(str(error))} The single pictures are there.",
            file=sys.stderr,
        )
    return files


def _document(
    sights: Sequence[Sight], images: Sequence[Path], settings: InspectSettings, files: Sequence[Path]
) -> dict[str, Any]:
    """What `--json` prints; its keys are a contract."""
    return {
        "view": settings.show,
        "images": [printable(str(image)) for image in images],
        "unreadable": [
            {"image": printable(images[row].name), "reason": reason} for row, reason in _unreadable(sights)
        ],
        "models": [
            {
                "model": printable(sight.model),
                "title": printable(name_of(sight)),
                "depth": sight.depth,
                "heads": sight.heads,
                "grid": list(sight.grid),
                "notes": [printable(note) for note in notes_of(sight, settings)],
                "error": printable(sight.error),
                "artefact_patches": None if sight.artefacts is None else int(sight.artefacts.sum()),
                "reconstruction_errors": None
                if sight.picture_errors is None
                else [float(error) if np.isfinite(error) else None for error in sight.picture_errors],
            }
            for sight in sights
        ],
        "files": [printable(str(file)) for file in files],
    }


def _told(
    sights: Sequence[Sight],
    images: Sequence[Path],
    settings: InspectSettings,
    files: Sequence[Path],
    out: Path,
) -> list[str]:
    """The same in words, for a terminal."""
    lines = []
    for sight in sights:
        if sight.error:
            name = name_of(sight)
            lines.append(sight.error if name in sight.error else f"{name}: {sight.error}")
            continue
        lines.append(f"{name_of(sight)}: {column_words(sight, settings)}")
        lines += [f"  Note: {note}" for note in notes_of(sight, settings)]
    lines += [f"{images[row].name} can't be shown: {reason}" for row, reason in _unreadable(sights)]
    lines += _errors(sights, images)
    if files:
        board = files[-1].name if files[-1].stem == "board" else ""
        number = len(files) - bool(board)
        lines.append(
            f"{out}: {count(number, 'picture')}" + (f", and all of them on {board}" if board else "")
        )
        lines.append(FOR_LOOKING)
    return [printable(line) for line in lines]


def _errors(sights: Sequence[Sight], images: Sequence[Path]) -> list[str]:
    """Of reconstructions: each picture's error by each model, the oddest picture first."""
    painters = [sight for sight in sights if sight.picture_errors is not None]
    known = {row: found for row in range(len(images)) if (found := reconstruction_errors(sights, row))}
    order = sorted(known, key=lambda row: -sum(known[row]) / len(known[row]))
    if not order:
        return []
    models = f" by {', '.join(name_of(sight) for sight in painters)}" if len(painters) > 1 else ""
    lines = [f"Errors in levels of 0 to 255{models}, the oddest first:"]
    for row in order:
        errors = (float(sight.picture_errors[row]) for sight in painters if sight.picture_errors is not None)
        each = " ".join(f"{error:6.1f}" if np.isfinite(error) else "     –" for error in errors)
        lines.append(f"  {each}  {images[row].name}")
    return lines


def _unreadable(sights: Sequence[Sight]) -> list[tuple[int, str]]:
    """Rows of pictures that no model could be shown, with the reason."""
    reasons = next((sight.reasons for sight in sights if sight.reasons), ())
    return [(row, reason) for row, reason in enumerate(reasons) if reason]


def _slug(name: str) -> str:
    """A name as a part of a file's name on any system."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
    return "_".join(part for part in plain.split("_") if part)[:_SLUG] or "x"


def _unlike(names: Sequence[str]) -> list[str]:
    """The names, with a number where there are several of one."""
    made: list[str] = []
    for name in names:
        number, new = 1, name
        while new in made:
            number += 1
            new = f"{name}_{number}"
        made.append(new)
    return made
