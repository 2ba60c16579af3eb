"""What a wheel says of itself, read without installing or importing any of it."""

from __future__ import annotations

import configparser
import hashlib
import tomllib
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

from packaging.utils import canonicalize_name

from workbench.plugin_install.environment import Package
from workbench.records.plugins import (
    ENGINE_GROUP,
    LARGEST_MANIFEST,
    MANIFEST,
    VIEWS_GROUP,
    Manifest,
    PluginError,
    manifest_of,
)
from workbench.records.text import printable

_LARGEST = 4 << 20  # bytes of a part that is read
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """`manifest` is None for a package that is no plugin."""

    path: Path
    package: Package
    manifest: Manifest | None


def read_wheel(path: Path) -> Wheel:
    """Raises PluginError for what is no wheel, or has a manifest that can't be read."""
    shown = printable(path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if damaged := archive.testzip():
                raise PluginError(f"{shown} is damaged at {printable(damaged)}. Copy or download it again.")
            if any(name.startswith("/") or ".." in name.split("/") for name in names):
                raise PluginError(f"{shown} would write outside of its own folder, and is not opened.")
            info = _only([name for name in names if _at(name, ".dist-info/METADATA")], shown)
            head = Parser().parsestr(_read(archive, info, _LARGEST), headersonly=True)
            points = info.replace("METADATA", "entry_points.txt")
            groups = _groups(_read(archive, points, _LARGEST)) if points in names else frozenset()
            manifest = _manifest(archive, names, shown) if groups & {ENGINE_GROUP, VIEWS_GROUP} else None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, configparser.Error, RuntimeError) as error:
        if isinstance(error, PluginError):
            raise
        raise PluginError(f"{shown} is no wheel that can be read: {printable(str(error))[:200]}.") from None
    package = Package(
        name=canonicalize_name(str(head["Name"] or "")),
        version=str(head["Version"] or ""),
        requires=tuple(str(value) for value in head.get_all("Requires-Dist") or ()),
    )
    return Wheel(path=path, package=package, manifest=manifest)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _manifest(archive: zipfile.ZipFile, names: list[str], shown: str) -> Manifest:
    found = [name for name in names if name.count("/") == 1 and name.endswith(f"/{MANIFEST}")]
    if not found:
        raise PluginError(f"{shown} calls itself a plugin, but has no {MANIFEST} in its package.")
    where = Path(shown) / found[0]
    try:
        body = tomllib.loads(_read(archive, found[0], LARGEST_MANIFEST))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PluginError(f"{printable(str(where))} is not TOML: {printable(str(error))[:200]}.") from None
    return manifest_of(body, where)


def _groups(text: str) -> frozenset[str]:
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.read_string(text)
    return frozenset(section.strip() for section in parser.sections())


def _read(archive: zipfile.ZipFile, name: str, largest: int) -> str:
    with archive.open(name) as stream:
        data = stream.read(largest + 1)
    if len(data) > largest:
        raise PluginError(f"{printable(name)} is too large: more than {largest >> 10} kB.")
    return data.decode("utf-8")


def _at(name: str, end: str) -> bool:
    return name.endswith(end) and name.count("/") == 1


def _only(names: list[str], shown: str) -> str:
    if len(names) != 1:
        raise PluginError(f"{shown} is no wheel: it has {len(names)} descriptions (METADATA) and not one.")
    return names[0]
