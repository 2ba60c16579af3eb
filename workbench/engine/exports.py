"""Embeddings for other programs, and theirs for us: one registry of what can be written, one door to read them back.

Text columns are untrusted: what a format can't hold is written as \\uXXXX and read back as it was; a cell that a
spreadsheet would run as a formula starts with an apostrophe.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from workbench.records.anndata_elements import as_text, escape, member, read_column, unescape
from workbench.records.embeddings import (
    FORMAT_VERSION,
    Embeddings,
    distinct,
    read_h5ad,
    split_name,
    write_h5ad,
)
from workbench.records.files import DocumentError, whole_file, whole_path
from workbench.records.text import count, printable, spreadsheet_safe

_COLUMNS = ("path", "label", "split", "group")
_VECTORS = ("embedding", "X", "embeddings", "features", "vector", "arr_0")  # what programs call the vectors
_LINE = "".join(
    map(chr, [*range(1, 32), 127, 0x85, 0x2028, 0x2029])
)  # what would break or hide a line of text
_FORMULA = re.compile(r"'*[=+\-@]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class Exporter(NamedTuple):
    """A form that embeddings can be written in. `write` returns the files it made."""

    title: str
    suffix: str
    write: Callable[[Embeddings, Path], list[Path]]


def export(embeddings: Embeddings, path: Path, kind: str) -> list[Path]:
    """Write `embeddings` to `path` as `kind`, a key of EXPORTERS; returns the files made, each whole.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in EXPORTERS:
        raise ValueError(f"There is no export named {kind!r}. Choose one of {', '.join(EXPORTERS)}.")
    return EXPORTERS[kind].write(embeddings, Path(path))


def import_embeddings(path: Path) -> Embeddings:
    """Read vectors from .h5ad, CLAM or TRIDENT .h5, Parquet, .npz, or a Projector pair (either of its files).

    Raises:
        DocumentError: the file is missing or damaged, holds no vectors, or is of a kind that isn't known.
    """
    path = Path(path)
    readers = {
        ".h5ad": read_h5ad,
        ".h5": _read_hdf5,
        ".hdf5": _read_hdf5,
        ".parquet": _read_parquet,
        ".npz": _read_npz,
        ".tsv": _read_projector,
    }
    if path.suffix.lower() == ".csv":
        raise DocumentError(
            f"{path} is a table without vectors. Choose the .h5ad, .parquet, .npz or .tsv beside it."
        )
    if path.suffix.lower() not in readers:
        raise DocumentError(f"{path} is not a known embedding file. Known are {', '.join(readers)}.")
    if not path.is_file():
        raise DocumentError(f"{path} does not exist.")
    try:
        return readers[path.suffix.lower()](path)
    except DocumentError:
        raise
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
        EOFError,
        BadZipFile,
        zlib.error,
        MemoryError,
    ) as error:
        raise DocumentError(f"{path} can't be read as embeddings: {printable(str(error))}") from None


def _write_h5ad(embeddings: Embeddings, path: Path) -> list[Path]:
    write_h5ad(path, embeddings)
    return [path]


def _write_parquet(embeddings: Embeddings, path: Path) -> list[Path]:
    """One row per item; vectors as fixed-size lists of float32, provenance in the schema's metadata."""
    columns: dict[str, pa.Array] = {"id": _text_array(embeddings.ids)}
    columns |= {name: _text_array(getattr(embeddings, f"{name}s")) for name in _COLUMNS}
    columns["embedding"] = _vector_array(embeddings.X)
    columns |= {escape(key): _vector_array(value) for key, value in embeddings.obsm.items()}
    table = pa.table(columns).replace_schema_metadata({"workbench": _header(embeddings)})
    with whole_path(path) as temporary:
        pa.parquet.write_table(table, temporary, compression="zstd")
    return [path]


def _read_parquet(path: Path) -> Embeddings:
    table = pa.parquet.ParquetFile(path).read()
    header = (table.schema.metadata or {}).get(b"workbench")
    lists = [field.name for field in table.schema if _is_vector(field.type)]
    if not lists:
        raise DocumentError(f"{path} has no column of vectors (a list of numbers per row).")
    chosen = next(name for name in (*_VECTORS, *lists) if name in lists)
    columns = {
        name: [text or "" for text in table[name].cast(pa.string()).to_pylist()]
        for name in ("id", *_COLUMNS)
        if name in table.column_names
    }
    obsm = {}
    if header is not None:
        obsm = {unescape(name): _matrix(table[name]) for name in lists if name != chosen}
    return _assemble(path, _matrix(table[chosen]), columns, header, obsm)


def _write_projector(embeddings: Embeddings, path: Path) -> list[Path]:
    """TensorBoard Projector: vectors without a header, and beside them `<name>.metadata.tsv` with one."""
    vectors = pa.table({str(number): embeddings.X[:, number] for number in range(embeddings.X.shape[1])})
    options = pa.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    with whole_path(path) as temporary:
        pa.csv.write_csv(vectors, temporary, write_options=options)
    beside = _metadata_path(path)
    rows = [("id", *_COLUMNS), *_rows(embeddings)]
    with whole_file(beside) as stream:
        for row in rows:
            stream.write(("\t".join(_cell(text) for text in row) + "\n").encode())
    return [path, beside]


def _read_projector(path: Path) -> Embeddings:
    if path.name.endswith(".metadata.tsv"):
        path = path.with_name(path.name.removesuffix(".metadata.tsv") + ".tsv")
    read = pa.csv.ReadOptions(autogenerate_column_names=True)
    parse = pa.csv.ParseOptions(delimiter="\t", quote_char=False)
    if path.stat().st_size == 0:
        x = np.zeros((0, 0), dtype=np.float32)
    else:
        table = pa.csv.read_csv(path, read_options=read, parse_options=parse)
        numbers = [
            column.cast(pa.float32(), safe=False).fill_null(np.nan).to_numpy() for column in table.columns
        ]
        x = np.stack(numbers, axis=1)
    beside = next(
        (file for file in (_metadata_path(path), path.with_name("metadata.tsv")) if file.is_file()), None
    )
    columns: dict[str, list[str]] = {}
    if beside is not None:
        lines = beside.read_bytes().decode("utf-8", "surrogateescape").split("\n")
        rows = [line.removesuffix("\r").split("\t") for line in lines if line]
        if rows and rows[0] == ["id", *_COLUMNS]:  # ours
            names, rows = rows[0], [[_uncell(text) for text in row] for row in rows[1:]]
        elif len(rows) == len(x) and all(
            len(row) == 1 for row in rows
        ):  # a single column has no header, says the Projector
            names = ["label"]
        else:
            names, rows = [name.strip().lower() for name in rows[0]], rows[1:]
        columns = {name: [row[at] if at < len(row) else "" for row in rows] for at, name in enumerate(names)}
    return _assemble(path, x, columns, None)


def _write_npz(embeddings: Embeddings, path: Path) -> list[Path]:
    """numpy arrays, none of them pickled: X, ids, paths, labels, splits, groups, provenance and obsm_<name>."""
    arrays: dict[str, np.ndarray] = {"X": embeddings.X, "workbench": np.asarray(_header(embeddings))}
    for name in ("ids", *(f"{column}s" for column in _COLUMNS)):
        arrays[name] = np.asarray([escape(text) for text in getattr(embeddings, name)], dtype=np.str_)
    arrays |= {f"obsm_{escape(key)}": value for key, value in embeddings.obsm.items()}
    with whole_file(path) as stream:
        np.savez(stream, **arrays)
    return [path]


def _read_npz(path: Path) -> Embeddings:
    with np.load(path, allow_pickle=False) as file:
        chosen = next((name for name in _VECTORS if name in file.files and file[name].ndim == 2), None)
        if chosen is None:
            raise DocumentError(f"{path} has no two-dimensional array named {', '.join(_VECTORS[:-1])}.")
        header = str(file["workbench"]) if "workbench" in file.files else None
        columns = {}
        for name in ("id", *_COLUMNS):
            key = next((key for key in (f"{name}s", name) if key in file.files and file[key].ndim == 1), None)
            if key is not None:
                columns[name] = [as_text(text) for text in file[key].tolist()]
        obsm = {unescape(key[5:]): file[key] for key in file.files if key.startswith("obsm_") and header}
        return _assemble(path, file[chosen], columns, header, obsm)


def _write_clam(embeddings: Embeddings, path: Path) -> list[Path]:
    """CLAM's bag of patches: `features` (N, D) and `coords` (N, 2).

    CLAM and TRIDENT read both, so `coords` is there; whole images lie nowhere on a slide, so it is all zero and says
    so. What the rows are stands in a group of its own, which those programs leave alone.
    """
    with whole_path(path) as temporary, h5py.File(temporary, "w") as file:
        file["features"] = embeddings.X
        file["coords"] = np.zeros((len(embeddings), 2), dtype=np.int64)
        file["coords"].attrs["note"] = "placeholder: the items are whole images without a place on a slide"
        items = file.create_group("workbench")
        items["header"] = _header(embeddings)
        for name in ("ids", *(f"{column}s" for column in _COLUMNS)):
            texts = np.asarray([escape(text) for text in getattr(embeddings, name)], dtype=object)
            items.create_dataset(name, data=texts, dtype=h5py.string_dtype())
    return [path]


def _read_hdf5(path: Path) -> Embeddings:
    if not h5py.is_hdf5(path):
        raise DocumentError(f"{path} is not an HDF5 file.")
    with h5py.File(path, "r") as file:
        features = member(file, "features")
        if isinstance(features, h5py.Dataset):
            if features.ndim == 3 and features.shape[0] == 1:  # some extractors keep a batch axis
                x = features[0].astype(np.float32)
            else:
                x = features.astype(np.float32)[...]
            items = member(file, "workbench")
            if not isinstance(items, h5py.Group):
                return _assemble(path, x, {}, None)
            columns = {name: read_column(items, f"{name}s") for name in ("id", *_COLUMNS)}
            return _assemble(path, x, columns, as_text(member(items, "header")[()]))
    return read_h5ad(path)


def _write_csv(embeddings: Embeddings, path: Path) -> list[Path]:
    """The items without their vectors, for a spreadsheet."""
    names = ("id", *_COLUMNS)
    lines = [names, *([spreadsheet_safe(text) for text in row] for row in _rows(embeddings))]
    with whole_file(path) as stream:
        for line in lines:
            stream.write((",".join('"' + text.replace('"', '""') + '"' for text in line) + "\r\n").encode())
    return [path]


EXPORTERS: dict[str, Exporter] = {
    "h5ad": Exporter("AnnData (HDF5) for scanpy, squidpy, Vitessce", ".h5ad", _write_h5ad),
    "parquet": Exporter("Parquet for Embedding Atlas, pandas, DuckDB", ".parquet", _write_parquet),
    "projector": Exporter("TensorBoard Projector, a pair of TSV files", ".tsv", _write_projector),
    "npz": Exporter("numpy archive for scripts", ".npz", _write_npz),
    "clam": Exporter("CLAM / TRIDENT bag (HDF5)", ".h5", _write_clam),
    "csv": Exporter("List of the images as CSV, without vectors", ".csv", _write_csv),
}


def _rows(embeddings: Embeddings) -> list[tuple[str, ...]]:
    columns = (embeddings.paths, embeddings.labels, embeddings.splits, embeddings.groups)
    return list(zip(embeddings.ids, *columns, strict=True))


def _header(embeddings: Embeddings) -> str:
    return json.dumps(
        {"format_version": FORMAT_VERSION, "provenance": embeddings.provenance}, allow_nan=False
    )


def _assemble(
    path: Path,
    x: np.ndarray,
    columns: dict[str, list[str]],
    header: str | bytes | None,
    obsm: dict[str, np.ndarray] | None = None,
) -> Embeddings:
    """Embeddings from columns as they lay in the file; with a `header` the file is ours and its text escaped."""
    ours = json.loads(header) if header is not None else None
    if ours is not None and not (isinstance(ours, dict) and isinstance(ours.get("provenance"), dict)):
        raise DocumentError(f"{path} has a header that this program did not write.")
    if ours is not None and int(ours.get("format_version", 0)) > FORMAT_VERSION:
        raise DocumentError(f"{path} was written by a newer program. Update the workbench to open it.")
    if ours is not None:
        columns = {name: [unescape(text) for text in column] for name, column in columns.items()}
    wrong = next((name for name, column in columns.items() if len(column) != len(x)), None)
    if wrong is not None:
        raise DocumentError(
            f"{path} has {count(len(x), 'vector')}, but {count(len(columns[wrong]), 'entry', 'entries')} "
            f"in {printable(wrong)}."
        )
    ids = columns.get("id") or columns.get("path") or [f"row {number}" for number in range(1, len(x) + 1)]
    return Embeddings(
        X=x,
        ids=distinct(ids),
        paths=columns.get("path", []),
        labels=columns.get("label", []),
        splits=[split_name(text) for text in columns.get("split", [])],
        groups=columns.get("group", []),
        provenance={"imported": printable(path.name)} if ours is None else ours["provenance"],
        obsm=obsm or {},
    )


def _metadata_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}.metadata.tsv")


def _cell(text: str) -> str:
    """A cell of a TSV file: one line, no tab, no formula. `_uncell` takes it back."""
    text = escape(text, _LINE)
    return "'" + text if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _uncell(text: str) -> str:
    return unescape(text[1:] if text.startswith("'") and _FORMULA.match(text) else text)


def _text_array(texts: list[str]) -> pa.Array:
    return pa.array([escape(text) for text in texts], type=pa.string())


def _vector_array(x: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(x.ravel(), type=pa.float32()), x.shape[1])


def _is_vector(kind: Any) -> bool:
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return listed and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))


def _matrix(column: pa.ChunkedArray) -> np.ndarray:
    """(N, D) float32 of a list column; every row must have the same length."""
    if column.null_count:
        raise ValueError(f"{column.null_count} rows have no vector.")
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
    else:
        widths = np.unique(pa.compute.list_value_length(column).to_numpy())
        if len(widths) > 1:
            raise ValueError(f"the vectors have different lengths, {widths.min()} to {widths.max()}.")
        width = int(widths[0]) if len(widths) else 0
    flat = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    values = np.concatenate(flat) if flat else np.zeros(0)
    return values.astype(np.float32).reshape(len(column), width)
