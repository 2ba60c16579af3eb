"""Wheels for tests, written by hand: no build backend, no network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

MANIFEST = """name = "{plugin}"
version = "{version}"
api = "1.0"
summary = "A plugin of a test."

[methods]
{plugin}_method = "A method of a test."
"""


def wheel(
    folder: Path,
    name: str,
    version: str,
    requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
) -> Path:
    """A wheel of the files, or of an empty package. `name` has no "-"."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    inside = dict(files if files is not None else {f"{name}/__init__.py": ""})
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    inside[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\n"
    inside[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = "".join(f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in inside.items())
    inside[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in inside.items():
            archive.writestr(inner, text)
    return path


def plugin_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    requires: Sequence[str] = (),
    *,
    manifest: str | None = None,
) -> Path:
    """Of a plugin `name` that brings the method NAME_method."""
    told = MANIFEST.format(plugin=name, version=version) if manifest is None else manifest
    return wheel(
        folder,
        name,
        version,
        requires,
        {
            f"{name}/__init__.py": "def register(house):\n    pass\n",
            f"{name}/workbench_plugin.toml": told,
            f"{name}-{version}.dist-info/entry_points.txt": f"[workbench.engine]\n{name} = {name}:register\n",
        },
    )


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
