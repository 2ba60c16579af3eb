"""The elements of AnnData's on-disk format (anndata 0.12), written and read with h5py alone.

Every element names its `encoding-type` and `encoding-version`, as anndata's page "On-disk format" says. Files come
from anywhere: text is escaped so that HDF5 can hold it, and nothing that points outside the file is followed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

from workbench.records.text import printable

# What UTF-8 text in HDF5 can't hold, and the escape character itself.
_UNSTORABLE = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(\\|u[0-9a-f]{4})")


def escape(text: str, also: str = "") -> str:
    """`text` as UTF-8 can hold it: backslashes doubled; NUL, lone surrogates and `also` as \\uXXXX."""
    pattern = re.compile(f"[{re.escape(also)}]|{_UNSTORABLE.pattern}") if also else _UNSTORABLE
    return pattern.sub(lambda m: "\\\\" if m[0] == "\\" else f"\\u{ord(m[0]):04x}", text)


def unescape(text: str) -> str:
    """The text that `escape` was given."""
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda m: "\\" if m[1] == "\\" else chr(int(m[1][1:], 16)), text)


def encode(item: Any, kind: str, version: str) -> None:
    """Mark an HDF5 item as an AnnData element."""
    item.attrs["encoding-type"], item.attrs["encoding-version"] = kind, version


def write_array(group: Any, name: str, values: np.ndarray, chunks: tuple[int, ...] | None) -> None:
    encode(group.create_dataset(name, data=values, chunks=chunks), "array", "0.2.0")


def write_strings(group: Any, name: str, texts: Sequence[str]) -> None:
    values = np.asarray(texts, dtype=object)
    encode(group.create_dataset(name, data=values, dtype=h5py.string_dtype()), "string-array", "0.2.0")


def write_categories(group: Any, name: str, texts: Sequence[str]) -> None:
    """A pandas categorical; "" is a missing value (code -1)."""
    names = sorted(set(texts) - {""})
    code = {text: number for number, text in enumerate(names)} | {"": -1}
    smallest = np.int8 if len(names) < 128 else np.int16 if len(names) < 32768 else np.int32
    column = group.create_group(name)
    encode(column, "categorical", "0.2.0")
    column.attrs["ordered"] = False
    write_array(column, "codes", np.asarray([code[text] for text in texts], dtype=smallest), None)
    write_strings(column, "categories", [escape(text) for text in names])


def write_frame(file: Any, name: str, index: Sequence[str]) -> Any:
    """A data frame with nothing but its index; the caller adds columns and `column-order`."""
    frame = file.create_group(name)
    encode(frame, "dataframe", "0.2.0")
    frame.attrs["_index"] = "_index"
    write_strings(frame, "_index", [escape(text) for text in index])
    return frame


def member(group: Any, name: str) -> Any:
    """The item at `name`, None if there is none. Links into other files and outside storage are not followed."""
    for part in name.split("/"):
        if not isinstance(group, h5py.Group) or part not in group.keys():  # noqa: SIM118 - `in` follows links
            return None
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"{printable(part)} is a link to somewhere else, which is not followed.")
        group = group[part]
    if isinstance(group, h5py.Dataset) and (group.external or group.is_virtual):
        raise ValueError(f"{printable(name)} keeps its numbers in another file, which is not read.")
    return group


def read_column(frame: Any, name: str) -> list[str]:
    """A column as text: strings, categories, nullable values or numbers; missing values are ""."""
    item = member(frame, name)
    if isinstance(item, h5py.Dataset):
        return _texts(item)
    if isinstance(item, h5py.Group) and {"codes", "categories"} <= set(item):
        names = [*_texts(member(item, "categories")), ""]
        return [
            names[code] if -1 <= code < len(names) - 1 else "" for code in member(item, "codes")[...].tolist()
        ]
    if isinstance(item, h5py.Group) and {"values", "mask"} <= set(item):
        missing = member(item, "mask")[...].tolist()
        return [
            "" if gone else text for gone, text in zip(missing, _texts(member(item, "values")), strict=True)
        ]
    raise ValueError(f"the column {printable(name)} of `obs` is missing or of a kind that is not known here.")


def _texts(dataset: Any) -> list[str]:
    if dataset.ndim != 1:
        raise ValueError(f"{printable(str(dataset.name))} is not a column.")
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return [str(text) for text in dataset.asstr("utf-8", errors="surrogateescape")[...]]
    if dataset.dtype.kind == "f":
        return ["" if np.isnan(value) else f"{value:g}" for value in dataset[...].tolist()]
    return [str(value) for value in dataset[...].tolist()]


def as_text(value: Any) -> str:
    """A scalar string or attribute, however h5py returned it."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
