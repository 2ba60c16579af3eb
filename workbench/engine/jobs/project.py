"""The `project` job: a map of each embedding file, written into it, and how alike files of the same items are."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from workbench.engine.control import Control
from workbench.engine.device import pick_device
from workbench.engine.maps.draw import Drawn, draw
from workbench.engine.maps.figures import overlap
from workbench.engine.maps.neighbours import exact_neighbours, map_neighbours
from workbench.records.embeddings import Embeddings, read_h5ad
from workbench.records.files import DocumentError
from workbench.records.map_file import Stamp, stamp, write_map
from workbench.records.projection import JUDGED, MapResult, PairOverlap, ProjectionResult, ProjectJob
from workbench.records.runs import RunFolder

RESULT = "projection.json"


@dataclass(slots=True)
class _Source:
    """A file with its map, and where the map goes."""

    file: Path
    target: Path
    read: Stamp
    embeddings: Embeddings
    drawn: Drawn
    seconds: float


def run(job: ProjectJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Every map is drawn before any is written, so that a job that is stopped or fails has changed nothing.

    Raises ValueError when a file can't be read, or no map can be drawn of what it holds.
    """
    files = [Path(name) for name in job.files]
    targets = _targets(files, job.out)
    device = pick_device(job.device)
    settings = job.settings()
    sources = []
    for number, (file, target) in enumerate(zip(files, targets, strict=True), start=1):
        which = f" ({number} of {len(files)})" if len(files) > 1 else ""
        control.progress(0, 1, unit="items", detail=f"Reading vectors{which}")
        read = stamp(file)
        embeddings = read_h5ad(file)
        began = time.monotonic()

        def report(done: int, total: int, unit: str, what: str, which: str = which) -> None:
            control.progress(done, total, unit=unit, detail=what + which)

        try:
            drawn = draw(embeddings.X, settings, ids=embeddings.ids, device=device, report=report)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
        sources.append(_Source(file, target, read, embeddings, drawn, time.monotonic() - began))
    pairs = tuple(_pair(one, other, job.metric, device, control) for one, other in combinations(sources, 2))
    results = []
    for source in sources:
        drawn = source.drawn
        made = MapResult(
            file=str(source.target),
            settings=settings,
            items=len(source.embeddings),
            judged_neighbours=drawn.trust.neighbours,
            judged_items=drawn.trust.judged,
            trustworthiness=drawn.trust.value,
            overlap=drawn.overlap,
            perplexity=drawn.perplexity,
            device=device,
            seconds=round(source.seconds, 3),
            versions=_versions(),
        )
        control.checkpoint()
        write_map(
            source.file,
            settings.key,
            drawn.positions,
            made.provenance(),
            read=source.read,
            target=source.target,
        )
        results.append(made)
    result = ProjectionResult(maps=tuple(results), pairs=pairs)
    result.save(run.path / RESULT)
    run.add_provenance(
        {
            "seeds": {"map": job.seed},
            "device": device,
            "inputs": {
                source.file.name: str(source.embeddings.provenance.get("fingerprint", ""))
                for source in sources
            },
        }
    )
    return {"maps": len(results), "files": [made.file for made in results], "result": RESULT}


def _targets(files: list[Path], out: str) -> list[Path]:
    """Where each file's map is written. Raises ValueError for files that aren't .h5ad, or that would meet in one."""
    if not files:
        raise ValueError("Name an embedding file (.h5ad) to draw a map of.")
    for file in files:
        if file.suffix.lower() != ".h5ad":
            raise DocumentError(
                f"{file} can't hold a map. Make an .h5ad of it first: workbench export {file.name} --format h5ad "
                "--out FILE.h5ad"
            )
    place = Path(out)
    if not out:
        targets = files
    elif place.suffix.lower() == ".h5ad" and len(files) == 1:
        targets = [place]
    elif place.suffix.lower() == ".h5ad":
        raise ValueError(f"{place} is one file, and {len(files)} are to be written. Name a folder.")
    else:
        targets = [place / file.name for file in files]
    if len({target.resolve() for target in targets}) < len(targets):
        raise ValueError(
            "Two of the files are the same, or would be written to the same place. Name each once, and give them "
            "different names where they go into one folder."
        )
    return targets


def _pair(one: _Source, other: _Source, metric: str, device: str, control: Control) -> PairOverlap:
    """Of the items in both, matched by id. Files of the same items have the neighbours already."""
    ids = set(one.embeddings.ids) & set(other.embeddings.ids)
    shared = [name for name in one.embeddings.ids if name in ids]
    facts = PairOverlap(
        one=str(one.target), other=str(other.target), items=len(shared), vectors=None, maps=None
    )
    if len(shared) < 2:
        return facts
    if one.embeddings.ids == other.embeddings.ids:
        return replace(
            facts,
            vectors=overlap(one.drawn.neighbours, other.drawn.neighbours, JUDGED),
            maps=overlap(one.drawn.shown, other.drawn.shown, JUDGED),
        )
    vectors, maps = [], []
    for source in (one, other):
        where = {name: row for row, name in enumerate(source.embeddings.ids)}
        rows = np.asarray([where[name] for name in shared])
        vectors.append(
            exact_neighbours(
                source.embeddings.X[rows],
                JUDGED,
                metric=metric,
                device=device,
                on_progress=lambda done, total: control.progress(
                    done, total, unit="items", detail="Comparing files"
                ),
            )
        )
        maps.append(map_neighbours(source.drawn.positions[rows], JUDGED))
    return replace(facts, vectors=overlap(*vectors), maps=overlap(*maps))


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("torch", "numpy", "scipy")}
