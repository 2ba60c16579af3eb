"""Which plugins are there: installed packages and single files. Nothing of them is imported."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from workbench.records.plugins import (
    ENGINE_GROUP,
    KINDS,
    MANIFEST,
    ONE,
    VIEWS_GROUP,
    Found,
    PluginError,
    read_literal,
    read_manifest,
    why_incompatible,
)
from workbench.records.text import printable

_PLACE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*:\s*([A-Za-z_]\w*)")
_MOST_FILES = 5000  # of a package, that its stamp looks at


def find_plugins(
    folder: Path | None,
    taken: dict[str, frozenset[str]] | None = None,
    sites: list[str] | None = None,
) -> tuple[Found, ...]:
    """Every plugin, by name; of each why it can't be used, where that can be known without importing it.

    Args:
        folder: that of single files.
        taken: of each kind the names that the program itself uses.
        sites: folders in which packages are looked for; None: wherever Python finds them.
    """
    found = sorted([*_packages(sites), *_files(folder)], key=lambda one: (one.name, str(one.place)))
    known: dict[tuple[str, str], str] = {
        (kind, name): "the program" for kind, names in (taken or {}).items() for name in names
    }
    names: set[str] = set()
    checked = []
    for one in found:
        if not one.error:
            one = replace(one, error=_against(one, names, known))
        if not one.error and one.manifest is not None:
            for kind in KINDS:
                known |= {(kind, name): f"the plugin {one.name}" for name in one.manifest.names(kind)}
        names.add(one.name)
        checked.append(one)
    return tuple(checked)


def _against(one: Found, names: set[str], known: dict[tuple[str, str], str]) -> str:
    """What speaks against a plugin besides its manifest; a sentence or ""."""
    assert one.manifest is not None
    if one.name in names:
        return f"There is another plugin called {one.name}. Remove one of them."
    for kind in KINDS:
        for name in one.manifest.names(kind):
            owner = known.get((kind, name))
            if owner:
                return f"It brings the {ONE[kind]} {name}, and {owner} has one of that name already."
    absent = [need for need in one.manifest.needs if not _installed(need)]
    if absent:
        return f"It needs {', '.join(absent)}, which is not installed. Run: pip install {' '.join(absent)}"
    if one.manifest.for_engine and not one.engine:
        return _missing(one, "engine", ENGINE_GROUP, "register")
    if one.manifest.for_views and not one.views:
        return _missing(one, "window", VIEWS_GROUP, "register_views")
    return ""


def _missing(one: Found, part: str, group: str, function: str) -> str:
    where = f"function {function}" if one.origin == "file" else f"entry point in the group {group}"
    return f"Its manifest promises something for the {part}, but it has no {where}."


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):
        return False
    return True


def _packages(sites: list[str] | None) -> Iterable[Found]:
    seen: set[str] = set()
    found = metadata.distributions() if sites is None else metadata.distributions(path=sites)
    for distribution in found:
        try:
            points = [
                point for point in distribution.entry_points if point.group in (ENGINE_GROUP, VIEWS_GROUP)
            ]
            name = str(distribution.metadata["Name"] or "") if points else ""
        except Exception:  # half-removed packages; pip reports them
            continue
        normal = re.sub(r"[-_.]+", "-", name).lower()
        if not points or normal in seen:
            continue
        seen.add(normal)
        yield _package(distribution, normal, points)


def _package(distribution: metadata.Distribution, name: str, points: list[metadata.EntryPoint]) -> Found:
    found = Found(name=printable(name)[:80], origin="package", place=Path(), distribution=name)
    try:
        calls = {group: _call(points, group) for group in (ENGINE_GROUP, VIEWS_GROUP)}
        packages = {call.partition(".")[0].partition(":")[0] for call in calls.values() if call}
        path = _manifest_path(distribution, sorted(packages))
        found = replace(found, place=path.parent, stamp=_stamp(path.parent))
        manifest = read_manifest(path)
    except PluginError as error:
        return replace(found, error=str(error))
    against = why_incompatible(manifest.api)
    return replace(
        found,
        name=manifest.name,
        manifest=manifest,
        engine=calls[ENGINE_GROUP],
        views=calls[VIEWS_GROUP],
        error=against,
        incompatible=bool(against),
    )


def _call(points: list[metadata.EntryPoint], group: str) -> str:
    own = [point.value for point in points if point.group == group]
    if len(own) > 1:
        raise PluginError(f"It has {len(own)} entry points in the group {group}; one is called.")
    match = _PLACE.fullmatch(own[0].strip()) if own else None
    if own and match is None:
        raise PluginError(f'Its entry point in the group {group} must be "module:function".')
    return f"{match[1]}:{match[2]}" if match else ""


def _manifest_path(distribution: metadata.Distribution, packages: list[str]) -> Path:
    """Among the distribution's files; of an editable installation beside the package that it points to."""
    try:
        listed = distribution.files or ()
    except Exception:  # a damaged RECORD
        listed = ()
    for package in packages:
        for file in listed:
            if file.name == MANIFEST and file.parts == (package, MANIFEST):
                path = Path(str(distribution.locate_file(file)))
                if path.exists():
                    return path
        try:
            spec = find_spec(package)
        except Exception:  # a finder of somebody else's
            continue
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if (Path(folder) / MANIFEST).exists():
                return Path(folder) / MANIFEST
    raise PluginError(
        f"The package calls itself a plugin, but has no {MANIFEST} in {' or '.join(packages) or 'it'}. "
        "Add it, and list it as package data."
    )


def _files(folder: Path | None) -> Iterable[Found]:
    """Single files of the user's plugin folder."""
    try:
        paths = sorted(folder.iterdir()) if folder is not None else []
    except OSError:
        return
    for path in paths:
        if path.suffix != ".py" or path.name.startswith((".", "_")):
            continue
        found = Found(name=printable(path.stem)[:80], origin="file", place=path)
        try:
            manifest, functions = read_literal(path)
        except PluginError as error:
            yield replace(found, error=str(error))
            continue
        against = why_incompatible(manifest.api)
        yield replace(
            found,
            name=manifest.name,
            manifest=manifest,
            engine="register" if "register" in functions else "",
            views="register_views" if "register_views" in functions else "",
            error=against,
            incompatible=bool(against),
            stamp=_stamp(path),
        )


def _stamp(place: Path) -> str:
    """16 hex digits of the sizes and times of a plugin's files."""
    digest = hashlib.blake2b(digest_size=8)
    paths = [place] if place.is_file() else [*sorted(place.rglob("*.py"))[:_MOST_FILES], place / MANIFEST]
    for path in paths:
        try:
            facts = path.stat()
        except OSError:
            continue
        digest.update(f"{path}|{facts.st_size}|{facts.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
