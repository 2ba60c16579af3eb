"""The verb about maps of embeddings: `project`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.headless import project_for, run_job
from workbench.records.files import DocumentError
from workbench.records.jobs import ProjectJob
from workbench.records.projection import JUDGED, MAPS, MapResult, PairOverlap, ProjectionResult
from workbench.records.text import count, duration, printable
from workbench.verbs.common import add_flags, add_verb, forget, make_job, print_json


def register(verbs: Any) -> None:
    verb = add_verb(
        verbs,
        "project",
        _project,
        "Draw a map of embeddings (UMAP, PCA or t-SNE) and write it into their file.",
    )
    verb.add_argument(
        "files", nargs="+", help="Embedding files (.h5ad); of several it is said how alike they are."
    )
    verb.add_argument(
        "--out", default="", help="File to write instead (.h5ad), or for several files a folder to write to."
    )
    add_flags(verb, ProjectJob)


def _project(options: argparse.Namespace) -> int:
    files = [Path(name).absolute() for name in options.files]
    for file in files:
        if not file.exists():
            raise DocumentError(f"{file} does not exist. `workbench embed` makes one.")
    out = str(Path(options.out).absolute()) if options.out else ""
    job = make_job(ProjectJob, options, files=tuple(map(str, files)), out=out)
    run = run_job(project_for(files[0].parent, options.project), job, f"Draw a map ({MAPS[options.map]})")
    result = ProjectionResult.load(run.path / "projection.json")
    forget(run)
    if options.json:
        return print_json(result.public_json())
    for made in result.maps:
        print("\n".join(_told(made)))
    for pair in result.pairs:
        print(_compared(pair))
    return 0


def _told(made: MapResult) -> list[str]:
    """A map in words, for a terminal."""
    if made.trustworthiness is None:
        trust = "trustworthiness: none, too few items"
    else:
        of = f" of {made.judged_items:,} items drawn at random" if made.judged_items < made.items else ""
        trust = (
            f"trustworthiness {made.trustworthiness:.4f} ({count(made.judged_neighbours, 'neighbour')}{of})"
        )
    kept = "none" if made.overlap is None else f"{made.overlap:.1%}"
    return [
        f"{printable(made.file)}: {MAPS[made.settings.map]} of {count(made.items, 'item')} in "
        f"{made.settings.dimensions} dimensions as obsm[{made.settings.key!r}], {duration(made.seconds)}",
        f"  {trust}, {kept} of the {JUDGED} nearest vectors are nearest on the map",
    ]


def _compared(pair: PairOverlap) -> str:
    names = f"{printable(Path(pair.one).name)} and {printable(Path(pair.other).name)}"
    if pair.vectors is None or pair.maps is None:
        return f"{names} have no two items in common."
    return (
        f"{names}: of the {JUDGED} nearest, {pair.vectors:.1%} are the same by their vectors and {pair.maps:.1%} on "
        f"their maps ({count(pair.items, 'item')} in both)"
    )
