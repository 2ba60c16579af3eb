"""Small indices of files, made by hand."""

from __future__ import annotations

import numpy as np

from workbench.records.index import ImageIndex, Strings


def files(
    paths: list[str],
    *,
    contents: list[int] | None = None,
    copies: list[int] | None = None,
    pages: list[int] | None = None,
    roots: dict[str, str] | None = None,
) -> ImageIndex:
    """An index of the files: image i holds `contents[i]`, by default something of its own."""
    num = len(paths)
    digest = np.zeros((num, 16), dtype=np.uint8)
    digest[:, :8] = np.asarray(contents or range(num), dtype=">u8").view(np.uint8).reshape(num, 8)
    return ImageIndex(
        roots=roots or {"": "/data"},
        paths=Strings.of(paths),
        file_size=np.full(num, 10, np.int64),
        mtime_ns=np.arange(num, dtype=np.int64),
        width=np.full(num, 64, np.int32),
        height=np.full(num, 48, np.int32),
        mode=np.zeros(num, np.int16),
        digest=digest,
        label=np.full(num, -1, np.int32),
        group=np.full(num, -1, np.int32),
        page=np.asarray(pages, np.int32) if pages else None,
        copies=np.asarray(copies, np.int32) if copies else None,
        modes=("RGB 8-bit",),
    )
