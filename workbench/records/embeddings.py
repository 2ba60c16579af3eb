"""Embeddings with what they belong to, and the .h5ad file that carries them to other programs.

The file is a valid AnnData file (on-disk format of anndata 0.12: `encoding-type` / `encoding-version` on every
element) written and read with h5py alone:

    X (N, D) float32            the vectors
    obs   _index                id of each item; path (text), label, split, group (categories), content_hash;
                                copies (which set of exact or near copies), official (part that was given, not drawn),
                                pretrained (bool: whether the backbone learnt from it, where it learnt from any)
    obsm  X_umap, X_<model>...  (N, d) float32: projections, further models of the same items
    uns   workbench             format_version, provenance (JSON), spec (JSON), fingerprint

Nothing else lies at the root: anndata refuses a file with a dataset that it doesn't know.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from workbench.records.anndata_elements import (
    as_text,
    encode,
    escape,
    member,
    read_column,
    unescape,
    write_array,
    write_categories,
    write_frame,
    write_strings,
)
from workbench.records.files import DocumentError, whole_path
from workbench.records.splits import PARTS
from workbench.records.text import count, printable

FORMAT_VERSION = 1
PROJECTIONS = ("X_pca", "X_tsne", "X_umap")  # obsm entries that are pictures of vectors, not vectors
_COLUMNS = {  # ours first; then what other programs call it
    "path": ("path", "file_path", "filepath", "filename", "image_path", "file", "image"),
    "label": ("label", "labels", "class", "target"),
    "split": ("split", "subset"),
    "group": ("group", "groups", "lot", "patient", "slide"),
    "copies": ("copies",),
    "official": ("official",),
    "content_hash": ("content_hash",),
    "pretrained": ("pretrained",),
}
_LISTS = (
    "paths",
    "labels",
    "splits",
    "groups",
    "copies",
    "official",
)  # text for each item, "" where there is none
_SPLIT_NAMES = {"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"}


@dataclass(eq=False, slots=True)
class Embeddings:
    """N items with a D-dimensional vector each.

    Raises:
        ValueError: the columns don't have N entries, an id comes twice, or a split has an unknown name.
    """

    X: np.ndarray  # (N, D) float32
    ids: list[str]  # unique
    paths: list[str] = field(default_factory=list)  # relative to the data root, "/" between parts; "" unknown
    labels: list[str] = field(default_factory=list)  # "" none
    splits: list[str] = field(default_factory=list)  # one of PARTS, or ""
    groups: list[str] = field(default_factory=list)  # "" none
    copies: list[str] = field(default_factory=list)  # name of the set of copies that the item is in; "" none
    official: list[str] = field(default_factory=list)  # the part that an official split gives it, or ""
    provenance: dict[str, Any] = field(default_factory=dict)  # JSON-able; "spec" is a FeatureSpec's JSON
    obsm: dict[str, np.ndarray] = field(default_factory=dict)  # name: (N, d) float32
    hashes: list[str] | None = None  # content hash of each file, where ids are something else
    # (N,) bool: whether the backbone has learnt from it, without its label; None where nobody says, as of every
    # public backbone.
    pretrained: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.X = np.ascontiguousarray(self.X, dtype=np.float32)
        if self.X.ndim != 2:
            raise ValueError(
                f"Embeddings need one row of numbers per item, not an array of shape {self.X.shape}."
            )
        rows = len(self.X)
        self.ids = [str(name) for name in self.ids]
        for name in _LISTS:
            setattr(self, name, [str(text) for text in getattr(self, name)] or [""] * rows)
        if self.pretrained is not None:
            self.pretrained = np.asarray(self.pretrained, dtype=bool)
        for name in ("ids", *_LISTS, "hashes", "pretrained"):
            column = getattr(self, name)
            if column is not None and len(column) != rows:
                raise ValueError(
                    f"{count(len(column), 'entry', 'entries')} in {name} for {count(rows, 'vector')}."
                )
        if len(set(self.ids)) != rows:
            twice = next(name for name, times in _tally(self.ids).items() if times > 1)
            raise ValueError(f"The id {printable(twice)!r} comes more than once; every item needs its own.")
        unknown = {*self.splits, *self.official} - {*PARTS, ""}
        if unknown:
            raise ValueError(
                f"A split is one of {', '.join(PARTS)} or empty, not {printable(min(unknown))!r}."
            )
        for key, value in self.obsm.items():
            if key in ("", ".", "..") or "/" in key or "\x00" in key:
                raise ValueError(
                    f"{printable(key)!r} can't name an array in the file: no '/' and not empty, please."
                )
            self.obsm[key] = np.ascontiguousarray(value, dtype=np.float32)
            if self.obsm[key].ndim != 2 or len(self.obsm[key]) != rows:
                raise ValueError(f"{printable(key)} has shape {np.shape(value)}; {rows} rows are wanted.")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int]) -> Embeddings:
        """The items at `rows`, in that order."""
        at = np.asarray(rows, dtype=np.int64)
        where = at.tolist()
        return Embeddings(
            X=self.X[at],
            ids=[self.ids[i] for i in where],
            provenance=self.provenance,
            obsm={key: value[at] for key, value in self.obsm.items()},
            hashes=[self.hashes[i] for i in where] if self.hashes is not None else None,
            pretrained=self.pretrained[at] if self.pretrained is not None else None,
            **{name: [getattr(self, name)[i] for i in where] for name in _LISTS},
        )


def merge(parts: Sequence[Embeddings], names: Sequence[str] | None = None) -> Embeddings:
    """The items that all `parts` hold, in the first one's order; obsm has one entry per model, X the first's.

    `names[i]` names model i's entry; by default its title and feature. Splits survive where all agree; an item counts
    as learnt from where any of the backbones has.

    Raises:
        ValueError: nothing in common, or two parts label the same item differently.
    """
    if not parts:
        raise ValueError("There are no embeddings to merge.")
    shared = set.intersection(*(set(part.ids) for part in parts))
    order = [name for name in parts[0].ids if name in shared]
    if not order:
        raise ValueError("The files have no image in common. Embed the same folder with every backbone.")
    aligned = []
    for part in parts:
        where = {name: row for row, name in enumerate(part.ids)}
        aligned.append(part.take([where[name] for name in order]))
    merged = aligned[0]
    keys = _keys(parts, names)
    obsm: dict[str, np.ndarray] = {}
    for key, part in zip(keys, aligned, strict=True):
        for name, left, right in zip(order, merged.labels, part.labels, strict=True):
            if left and right and left != right:
                raise ValueError(
                    f"{printable(name)} is labelled {printable(left)!r} in one file and {printable(right)!r} in "
                    "another. Index the folder again and embed it anew with every backbone."
                )
        merged.labels = [left or right for left, right in zip(merged.labels, part.labels, strict=True)]
        merged.groups = [left or right for left, right in zip(merged.groups, part.groups, strict=True)]
        obsm[key] = part.X
        for name, value in part.obsm.items():
            obsm[f"{name}_{key.removeprefix('X_')}"] = value
    if any(part.splits != merged.splits for part in aligned):
        merged.splits = [""] * len(order)
    known = [part.pretrained for part in aligned if part.pretrained is not None]
    models = {key: part.provenance for key, part in zip(keys, parts, strict=True)}
    return Embeddings(
        X=merged.X,
        ids=merged.ids,
        paths=merged.paths,
        labels=merged.labels,
        splits=merged.splits,
        groups=merged.groups,
        copies=merged.copies,
        official=merged.official,
        provenance={**merged.provenance, "models": models},
        obsm=obsm,
        hashes=merged.hashes,
        pretrained=np.any(known, axis=0) if known else None,
    )


def write_h5ad(path: Path, embeddings: Embeddings, *, chunk: int | None = None) -> None:
    """Write `embeddings` as an AnnData file that appears whole or not at all.

    `chunk`: rows of X per HDF5 chunk, for readers that stream; by default X lies in one piece.

    Raises:
        ValueError: the provenance is not JSON.
    """
    try:
        provenance = json.dumps(embeddings.provenance, allow_nan=False)
    except TypeError as error:
        raise ValueError(f"The provenance of {path.name} can't be written as JSON: {error}.") from None
    with whole_path(path) as temporary, h5py.File(temporary, "w") as file:
        encode(file, "anndata", "0.1.0")
        rows, width = embeddings.X.shape
        chunks = (min(chunk, rows), width) if chunk and rows and width else None
        write_array(file, "X", embeddings.X, chunks)
        columns = ["path", "label", "split", "group"]
        obs = write_frame(file, "obs", embeddings.ids)
        write_strings(obs, "path", [escape(text) for text in embeddings.paths])
        for name, column in (
            ("label", embeddings.labels),
            ("split", embeddings.splits),
            ("group", embeddings.groups),
            ("copies", embeddings.copies),
            ("official", embeddings.official),
        ):
            if name in columns or any(column):
                columns += [] if name in columns else [name]
                write_categories(obs, name, column)
        if embeddings.hashes is not None:
            columns.append("content_hash")
            write_strings(obs, "content_hash", [escape(text) for text in embeddings.hashes])
        if embeddings.pretrained is not None:
            columns.append("pretrained")
            write_array(obs, "pretrained", embeddings.pretrained, None)
        obs.attrs["column-order"] = np.asarray(columns, dtype=object)
        var = write_frame(file, "var", [str(number) for number in range(width)])
        var.attrs["column-order"] = np.asarray([], dtype=np.float64)  # as anndata writes an empty list
        for name in ("layers", "obsm", "obsp", "uns", "varm", "varp"):
            encode(file.create_group(name), "dict", "0.1.0")
        for key, value in embeddings.obsm.items():
            write_array(file["obsm"], escape(key), value, None)
        ours = file["uns"].create_group("workbench")
        encode(ours, "dict", "0.1.0")
        ours["format_version"] = FORMAT_VERSION
        encode(ours["format_version"], "numeric-scalar", "0.2.0")
        texts = {
            "provenance": provenance,
            "spec": json.dumps(embeddings.provenance.get("spec")),
            "fingerprint": escape(str(embeddings.provenance.get("fingerprint", ""))),
        }
        for key, text in texts.items():
            ours.create_dataset(key, data=text, dtype=h5py.string_dtype())
            encode(ours[key], "string", "0.2.0")


def read_h5ad(path: Path, *, vectors: str | None = None, maps_only: bool = False) -> Embeddings:
    """Read an .h5ad file, ours or anybody's.

    `vectors` names the obsm entry to take as X. Without it X is taken, or the only obsm entry that isn't a
    projection where the file has no X. A missing column reads as empty strings, a missing path as the id. With
    `maps_only` no vectors are read: X is (N, 0), and obsm holds what is in `PROJECTIONS`.

    Raises:
        DocumentError: no such file, not HDF5, not AnnData, damaged, or nothing in it can serve as vectors.
    """
    path = Path(path)
    with _plainly(path), h5py.File(path, "r") as file:
        kind = as_text(file.attrs.get("encoding-type", ""))
        obs = member(file, "obs")
        if not isinstance(obs, h5py.Group) or (kind and kind != "anndata") or "__categories" in obs:
            raise DocumentError(
                f"{path} is HDF5 but not an AnnData file of anndata 0.8 or newer (no table `obs` "
                "of today's form). Write it again with a current anndata, or import it as another format."
            )
        ours = member(file, "uns/workbench")
        # A file of another program that holds no more of ours than a map (`map_file.py`) stays another program's.
        foreign = not isinstance(ours, h5py.Group) or set(ours) == {"maps"}
        provenance = None if foreign else _provenance(ours)
        decode = unescape if provenance is not None else str
        index = as_text(obs.attrs.get("_index", "_index"))
        ids = [decode(text) for text in read_column(obs, index)]
        found: dict[str, list[str]] = {}
        for name, aliases in _COLUMNS.items():
            present = next((alias for alias in aliases if alias != index and alias in obs), None)
            found[name] = [decode(text) for text in read_column(obs, present)] if present else []
        obsm = {}
        group = member(file, "obsm")
        for key in group if isinstance(group, h5py.Group) else ():
            entry = member(group, key) if not maps_only or key in PROJECTIONS else None
            if isinstance(entry, h5py.Dataset) and entry.ndim == 2 and entry.dtype.kind in "fiu":
                obsm[decode(key)] = entry.astype(np.float32)[...]
        x = obsm.get(vectors) if vectors is not None else None if maps_only else _vectors(file, obsm)
        if maps_only and x is None:
            x = np.zeros((len(ids), 0), np.float32)
        if x is None:
            raise DocumentError(
                f"{path} has no dense X to take as vectors. Choose one of its arrays: "
                f"{', '.join(map(printable, obsm)) or 'it has none, so set adata.X to a dense array and save again'}."
            )
        return Embeddings(
            X=x,
            ids=ids if provenance is not None else distinct(ids),
            paths=found["path"] or list(ids),
            labels=found["label"],
            splits=[split_name(text) for text in found["split"]],
            groups=found["group"],
            copies=found["copies"],
            official=[split_name(text) for text in found["official"]],
            provenance={"imported": printable(path.name)} if provenance is None else provenance,
            obsm=obsm,
            hashes=found["content_hash"] or None,
            pretrained=np.asarray([text == "True" for text in found["pretrained"]])
            if found["pretrained"]
            else None,
        )


def read_provenance(path: Path) -> dict[str, Any]:
    """What the file says of how its vectors were made, without reading one; {} for a file of another program.

    Raises:
        DocumentError: no such file, or damaged.
    """
    path = Path(path)
    with _plainly(path), h5py.File(path, "r") as file:
        ours = member(file, "uns/workbench")
        foreign = not isinstance(ours, h5py.Group) or set(ours) == {"maps"}
        return {} if foreign else _provenance(ours)


def split_name(text: str) -> str:
    """The part that `text` means, "" for what isn't the name of a part."""
    name = text.strip().lower()
    name = _SPLIT_NAMES.get(name, name)
    return name if name in PARTS else ""


def distinct(ids: Sequence[str]) -> list[str]:
    """`ids` with "#2", "#3" ... behind those that come again, for files whose names are not unique."""
    taken, next_number = set(ids), dict.fromkeys(ids, 1)
    out = []
    for name in ids:
        unique = name
        if next_number[name] > 1:
            while unique in taken:
                unique = f"{name}#{next_number[name]}"
                next_number[name] += 1
        else:
            next_number[name] = 2
        taken.add(unique)
        out.append(unique)
    return out


def _keys(parts: Sequence[Embeddings], names: Sequence[str] | None) -> list[str]:
    if names is None:
        names = [
            " ".join(str(part.provenance.get(key, "")) for key in ("title", "feature")).strip()
            or f"model {number}"
            for number, part in enumerate(parts, start=1)
        ]
    return distinct([f"X_{re.sub(r'[^A-Za-z0-9+-]+', '_', name).strip('_')}" for name in names])


def _tally(ids: Sequence[str]) -> dict[str, int]:
    times: dict[str, int] = {}
    for name in ids:
        times[name] = times.get(name, 0) + 1
    return times


@contextlib.contextmanager
def _plainly(path: Path) -> Iterator[None]:
    """Every way in which h5py can stumble over a file, as one sentence."""
    try:
        yield
    except DocumentError:
        raise
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, IndexError, MemoryError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> DocumentError:
    """What is wrong with a file of vectors that h5py stumbled over, as a sentence."""
    if path.is_dir():
        return DocumentError(f"{path} is a folder. Choose an .h5ad file.")
    if not path.exists():
        return DocumentError(f"{path} does not exist.")
    if not h5py.is_hdf5(path):
        return DocumentError(
            f"{path} can't be read as embeddings: it is damaged, or not an HDF5 file. Make it anew with "
            "`workbench embed`, or choose another .h5ad file."
        )
    reason = printable(str(error)).rstrip(".") or type(error).__name__
    if "truncated" in reason:
        return DocumentError(
            f"{path} can't be read as embeddings: it is cut off, and a part of it is missing. Copy it again, or make "
            "it anew with `workbench embed`."
        )
    return DocumentError(f"{path} can't be read as embeddings: {reason}.")


def _vectors(file: Any, obsm: dict[str, np.ndarray]) -> np.ndarray | None:
    x = member(file, "X")
    if isinstance(x, h5py.Dataset) and x.ndim == 2 and x.dtype.kind in "fiu":
        return np.asarray(x.astype(np.float32)[...])
    candidates = [key for key in obsm if key not in PROJECTIONS]
    return obsm[candidates[0]] if len(candidates) == 1 else None


def _provenance(ours: Any) -> dict[str, Any]:
    text = member(ours, "provenance")
    body = json.loads(as_text(text[()])) if isinstance(text, h5py.Dataset) else None
    version = member(ours, "format_version")
    if not isinstance(body, dict) or not isinstance(version, h5py.Dataset):
        raise ValueError("its entry uns/workbench is not one that this program wrote.")
    if int(version[()]) > FORMAT_VERSION:
        raise ValueError("it was written by a newer program. Update the workbench to open it.")
    spec = body.get("spec")
    if not (isinstance(spec, dict) and isinstance(spec.get("preprocess"), dict)):
        body.pop("spec", None)
    return body
