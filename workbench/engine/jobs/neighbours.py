"""The `neighbours` job: what embedding files hold nearest to some pictures (neighbours.json).

A picture from anywhere is embedded as the items of each file were: by the backbone that the file's own spec names,
through the very loop that an embedding runs. Where that backbone isn't the same any more, distances would mean
nothing, and the file has no answer.

With `watch` it stays, models and lists of items in memory, and answers whenever ask.json in its run folder changes.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.engine.backbones.resolve import resolve
from workbench.engine.control import Control, StopRequested
from workbench.engine.device import is_out_of_memory, likely_device
from workbench.engine.indexing import index_files
from workbench.engine.kept import Kept, room_for_models
from workbench.engine.watching import Check, Stamp, Superseded, stamp_of, watch
from workbench.records.embeddings import Embeddings, read_h5ad
from workbench.records.features import FeatureStore
from workbench.records.index import ImageIndex, may_be
from workbench.records.jobs import EmbedJob
from workbench.records.layers import counted_from_1
from workbench.records.nearest import Nearest, nearest, nearest_to_item
from workbench.records.neighbours_job import (
    RESULT,
    AskedFile,
    AskedImage,
    FileAnswer,
    ListedItem,
    NeighboursJob,
    NeighboursResult,
    item_file,
)
from workbench.records.params import build
from workbench.records.roots import locate
from workbench.records.runs import ASK, RunFolder
from workbench.records.spec import FeatureSpec
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.engine.backbones.base import Backbone

STORE = "features"  # folder of the run with the vectors of the pictures
COMPARED = 5  # nearest items of each file whose looks are compared with a picture's


@dataclass(slots=True)
class _Source:
    """An embedding file without its vectors."""

    path: Path
    items: Embeddings
    rows: np.ndarray  # (N,) int32, 0 to N-1: here an item is its row
    where: dict[str, int] = field(default_factory=dict)  # id, and path: its row

    @property
    def title(self) -> str:
        return str(self.items.provenance.get("title", "")) or self.path.stem

    def listed(self, row: int, distance: float | None = None) -> ListedItem:
        items = self.items
        return ListedItem(
            id=items.ids[row], path=items.paths[row], label=items.labels[row], distance=distance
        )

    def answer(self, found: Nearest) -> FileAnswer:
        pairs = zip(found.items.tolist(), found.distance.tolist(), strict=True)
        return FileAnswer(nearest=tuple(self.listed(row, distance) for row, distance in pairs))


def run(job: NeighboursJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError, where it doesn't watch, for what `answer` raises it for."""
    answerer = _Answerer(run, control)
    if job.watch:
        path = run.path / ASK
        return {"answered": watch(path, control, lambda check: _answer_file(path, answerer, check))}
    result = answerer.answer(job)
    result.save(run.path / RESULT)
    run.add_provenance({"inputs": answerer.fingerprints(job)})
    return {"images": len(result.images), "result": RESULT}


def _answer_file(path: Path, answerer: _Answerer, check: Check) -> None:
    number = 0
    try:
        body = json.loads(path.read_text("utf-8"))
        number = int(body.get("ask", 0))
        result = answerer.answer(build(NeighboursJob, dict(body["config"])), check)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        said = isinstance(error, ValueError) and not isinstance(error, json.JSONDecodeError)
        result = NeighboursResult(
            k=0, error=str(error) if said else f"What is asked can't be read ({error}). Ask again."
        )
    replace(result, ask=number).save(answerer.run.path / RESULT)


class _Answerer:
    """Keeps what answers have in common from one request to the next."""

    def __init__(self, run: RunFolder, control: Control) -> None:
        self.run, self.control = run, control
        self._sources: dict[str, tuple[Stamp | None, _Source]] = {}
        self._models: Kept[Backbone] | None = None

    def answer(self, job: NeighboursJob, check: Check = lambda: None) -> NeighboursResult:
        """`check` is called between two parts of the work, and what it raises passes.

        Raises:
            ValueError: a file can't be read, or what is asked about is neither a picture nor an item of any file.
            StopRequested: the job is to end.
        """
        if not job.images or not job.files:
            raise ValueError("Name a picture, and an embedding file (.h5ad) to look for its neighbours in.")
        sources = [self._source(name) for name in job.files]
        pictures = [Path(image) for image in job.images if Path(image).is_absolute()]
        items = {image: _item(image, sources) for image in job.images if not Path(image).is_absolute()}
        outside = _Outside(pictures, job, self)
        columns = []
        for number, source in enumerate(sources):
            check()
            self.control.checkpoint()
            self.control.progress(
                number, len(sources), unit="files", detail=f"Asking {printable(source.title)}"
            )
            vectors = outside.vectors(source)
            columns.append([_answer(source, image, vectors, job.k) for image in job.images])
        check()
        images = []
        for place, image in enumerate(job.images):
            answers = tuple(column[place] for column in columns)
            images.append(AskedImage(image=image, item=items.get(image), answers=answers))
        images = outside.with_copies(images, sources)
        self.control.progress(len(sources), len(sources), unit="files")
        return NeighboursResult(k=job.k, files=tuple(map(_told, sources)), images=tuple(images))

    def fingerprints(self, job: NeighboursJob) -> dict[str, str]:
        """Of the features in the files, by file name."""
        asked = [self._source(name) for name in job.files]
        return {each.path.name: str(each.items.provenance.get("fingerprint", "")) for each in asked}

    def _source(self, name: str) -> _Source:
        stamp = stamp_of(Path(name))
        known = self._sources.get(name)
        if known is None or known[0] != stamp:
            known = self._sources[name] = stamp, _read(Path(name))
        return known[1]

    def loaded(self, spec: FeatureSpec, device: str) -> Backbone:
        """As `load_backbone`, and kept."""
        from workbench.engine.backbones.load import load_backbone

        if self._models is None:
            self._models = Kept(room_for_models(device), _parameter_bytes, newest=True)
        models, key = self._models, (spec.fingerprint(), device)
        try:
            return models.get(key, lambda: load_backbone(spec, device))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        models.forget()  # outside the except block, which holds what filled the memory
        return models.get(key, lambda: load_backbone(spec, device))


def _parameter_bytes(backbone: Backbone) -> int:
    module = getattr(backbone, "module", None)  # a floor has none
    parameters = module.parameters() if module is not None else ()
    return sum(value.numel() * value.element_size() for value in parameters)


def _read(path: Path) -> _Source:
    items = read_h5ad(path, maps_only=True)
    where = {name: row for row, name in reversed(list(enumerate(items.paths)))}
    where |= {name: row for row, name in enumerate(items.ids)}
    return _Source(path, items, np.arange(len(items), dtype=np.int32), where)


def _told(source: _Source) -> AskedFile:
    return AskedFile(
        file=str(source.path),
        title=source.title,
        feature=str(source.items.provenance.get("spec", {}).get("feature", "")),
        items=len(source.items),
    )


def _item(image: str, sources: Sequence[_Source]) -> ListedItem:
    for source in sources:
        if image in source.where:
            return source.listed(source.where[image])
    raise ValueError(
        f"{printable(image)} is neither a file that is there nor the id or path of an item of "
        f"{', '.join(source.path.name for source in sources)}. Check the spelling."
    )


def _answer(source: _Source, image: str, vectors: dict[Path, np.ndarray | str], k: int) -> FileAnswer:
    """`vectors`: of each picture from outside, or why it has none."""
    if Path(image).is_absolute():
        vector = vectors[Path(image)]
        if isinstance(vector, str):
            return FileAnswer(error=vector)
        return source.answer(nearest(source.path, source.rows, vector, k))
    row = source.where.get(image, -1)
    found = nearest_to_item(source.path, source.rows, row, k)
    return source.answer(found) if found is not None else FileAnswer(error="This image is not in its file.")


class _Outside:
    """Pictures that are no items by their names, embedded into a store of the run."""

    def __init__(self, files: Sequence[Path], job: NeighboursJob, answerer: _Answerer) -> None:
        self._files, self._job, self._answerer = list(dict.fromkeys(files)), job, answerer
        self._indices: dict[str, ImageIndex] = {}  # by what becomes of pages

    def _index(self, pages: str) -> ImageIndex:
        """Of several pages the first is asked about, unless pages are channels."""
        pages = "channels" if pages == "channels" else "first"
        if pages not in self._indices:
            self._indices[pages] = index_files(self._files, pages=pages)
        return self._indices[pages]

    def vectors(self, source: _Source) -> dict[Path, np.ndarray | str]:
        """(D,) for each picture, as the file's own vectors were made; or a sentence that says why there is none."""
        if not self._files:
            return {}
        try:
            spec = _same_feature(source, likely_device(self._job.device))
            return self._embedded(self._index(spec.reading.pages), spec)
        except (StopRequested, Superseded):
            raise
        except ValueError as error:
            why = str(error)
        except Exception as error:  # a library's error on files that nobody vouches for
            traceback.print_exc()
            why = (
                f"{printable(source.title)} can't embed the picture ({type(error).__name__}: "
                f"{printable(str(error))})."
            )
        return dict.fromkeys(self._files, why)

    def _embedded(self, index: ImageIndex, spec: FeatureSpec) -> dict[Path, np.ndarray | str]:
        answerer = self._answerer
        store = FeatureStore(answerer.run.path / STORE / spec.extraction_fingerprint())
        missing = store.missing(index.digest)
        reasons: dict[int, str] = {}
        if len(missing):
            from workbench.engine.extract import extract

            how = EmbedJob(index="", backbone=spec.backbone, device=self._job.device)
            _, reasons = extract(
                index, missing, spec, how, store, answerer.run, answerer.control, answerer.loaded
            )
        answers: dict[Path, np.ndarray | str] = {index.file(row): why for row, why in reasons.items()}
        refused = {locate(item.path, index.roots): item.reason for item in index.refused}
        for row in range(len(index)):
            if row not in reasons:
                answers[index.file(row)] = store.rows(index.digest[row : row + 1], spec.feature.split("+"))[0]
        return {**refused, **answers}

    # Copies

    def with_copies(self, images: Sequence[AskedImage], sources: Sequence[_Source]) -> list[AskedImage]:
        """The same with the items that hold the same bytes, and those among the nearest that look the same."""
        if not self._files:
            return list(images)
        near = {
            item.id: item
            for image in images
            for answer in image.answers
            for item in answer.nearest[:COMPARED]
        }
        places = {
            item.id: place for item in near.values() if (place := item_file(item.path, self._job.folders))
        }
        own = self._index("first")
        digests = {own.file(row): own.digest[row].tobytes() for row in range(len(own))}
        looks = self._looks(near, places)
        made = []
        for image in images:
            digest = digests.get(Path(image.image)) if image.item is None else None
            same = _same_bytes(digest, sources) if digest is not None else {}
            alike = {name: near[name] for name in looks.get(Path(image.image), ()) if name not in same}
            made.append(
                replace(
                    image,
                    same=tuple(same.values()),
                    copies=tuple(replace(item, distance=None) for item in alike.values()),
                )
            )
        return made

    def _looks(
        self, near: dict[str, ListedItem], places: dict[str, tuple[Path, int]]
    ) -> dict[Path, list[str]]:
        """Ids of the items that each picture looks like; an item whose file holds other bytes by now is left out."""
        if not places:
            return {}
        pages = "each" if any(page for _, page in places.values()) else "first"
        index = index_files([*self._files, *(file for file, _ in places.values())], pages=pages)
        rows = {(index.file(row), int(index.page[row])): row for row in range(len(index))}
        found: dict[Path, list[str]] = {}
        for file in self._files:
            own = rows.get((file, 0))
            if own is None or index.copies[own] < 0:
                continue
            for name, place in places.items():
                row = rows.get(place)
                if row is None or index.copies[row] != index.copies[own]:
                    continue
                if may_be(name, index.digest[row].tobytes()):
                    found.setdefault(file, []).append(name)
        return found


def _same_bytes(digest: bytes, sources: Sequence[_Source]) -> dict[str, ListedItem]:
    """Items of the files, by id, whose image has just these bytes."""
    name, whole = digest[:8].hex(), digest.hex()
    found: dict[str, ListedItem] = {}
    for source in sources:
        items = source.items
        for row, identifier in enumerate(items.ids):
            hashed = items.hashes is not None and items.hashes[row] == whole
            if hashed or (identifier.startswith(name) and may_be(identifier, digest)):
                found.setdefault(identifier, source.listed(row))
    return found


def _same_feature(source: _Source, device: str) -> FeatureSpec:
    """Raises ValueError where no picture can be embedded as the items of the file were."""
    name, title = printable(source.path.name), printable(source.title)
    body = source.items.provenance.get("spec")
    if not body:
        raise ValueError(
            f"{name} doesn't say how its vectors were made, so that a picture can't be embedded alike. Embed the "
            "images with this program, or ask for an item of the file."
        )
    try:
        spec = FeatureSpec.from_json(body)
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"{name} says what its vectors are in a way that can't be read. Embed the images again."
        ) from None
    layers = counted_from_1(spec.layer)
    try:
        found = resolve(
            spec.backbone,
            image_size=spec.preprocess.size,
            feature=spec.feature,
            layers=layers if isinstance(layers, str) else ",".join(map(str, layers)),
            precision=spec.precision,
            device=device,
            decode=spec.decode,
            reading=spec.reading,
        )
    except ValueError as error:
        raise ValueError(f"{title} made the vectors of {name} and can't be used: {error}") from None
    if found.spec.fingerprint() != source.items.provenance.get("fingerprint", spec.fingerprint()):
        what = "its weights are others" if found.spec.weights != spec.weights else "it is read in another way"
        raise ValueError(
            f"{title} is not what made the vectors of {name} any more: {what} by now. Embed the images again."
        )
    return found.spec
