"""Installing and removing plugins: what would change in the environment, told before anything does.

pip says what it would do (`--dry-run --report`); what would downgrade a package that the program needs, or leave one
of its requirements unmet, is refused. A single file is copied into the user's plugin folder and touches nothing else.
A folder is built by its own build backend for the preview already, as pip has to: ask before a strange one is shown.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from workbench.plugins import Plugin, plugin_folder
from workbench.records.plugins import (
    LARGEST_MANIFEST,
    MANIFEST,
    Manifest,
    PluginError,
    manifest_of,
    read_literal,
    read_manifest,
)
from workbench.records.text import printable

PROGRAM = "ssl-workbench"
SECONDS = 600.0  # that pip may take
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?(?:==[0-9A-Za-z.+!_-]{1,40})?")
_DEEP = 3  # folders below a project in which its manifest is looked for

Kind = Literal["new", "newer", "older", "again", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One package of the environment. `before` and `after` are versions, "" where it is not there."""

    name: str
    before: str
    after: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would change. `refused`: why it must not, in a sentence; "" where it may. `manifest`: what the plugin says
    of itself, where that can be read before it is installed."""

    what: str
    changes: tuple[Change, ...] = ()
    refused: str = ""
    manifest: Manifest | None = None


def preview_install(what: str, *, seconds: float = SECONDS) -> Preview:
    """What installing a wheel, a folder, a single file or a name (of an index, which takes the network) would change.

    Takes seconds to minutes. Raises PluginError where it can't be installed at all, with pip's reason.
    """
    path = _path(what)
    if path is not None and path.suffix == ".py":
        manifest, _ = read_literal(path)
        target = plugin_folder() / path.name
        change = Change(
            name=manifest.name, before="", after=manifest.version, kind="again" if target.exists() else "new"
        )
        return Preview(what=what, changes=(change,), manifest=manifest)
    report = _report(what if path is None else str(path), seconds)
    changes = _changes(report)
    return Preview(
        what=what,
        changes=changes,
        refused=_against(changes, _requirements_of(report)),
        manifest=None if path is None else _manifest_in(path),
    )


def install(what: str, *, seconds: float = SECONDS) -> Preview:
    """Install what `preview_install` shows; returns that. Raises PluginError where it is refused or fails."""
    preview = preview_install(what, seconds=seconds)
    if preview.refused:
        raise PluginError(preview.refused)
    path = _path(what)
    if path is not None and path.suffix == ".py":
        plugin_folder().mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(shutil.SameFileError):
            shutil.copyfile(path, plugin_folder() / path.name)
        return preview
    # Exactly the versions that were shown, even if the index has newer ones by now.
    pins = [f"{change.name}=={change.after}" for change in preview.changes if change.kind != "again"]
    with _constraints(pins) as constraints:
        _pip("install", "-c", constraints, what if path is None else str(path), seconds=seconds)
    importlib.invalidate_caches()
    return preview


def preview_removal(one: Plugin) -> Preview:
    """What removing a plugin would change: it alone. Refused where another package needs it."""
    if one.found.origin == "file":
        change = Change(name=one.name, before=_version_told(one), after="", kind="gone")
        return Preview(what=one.name, changes=(change,), manifest=one.found.manifest)
    name = canonicalize_name(one.found.distribution)
    needed = sorted(
        other for other, needs in _needs().items() if name in {n for n, _ in needs} and other != name
    )
    refused = ""
    if name == PROGRAM or name in _closure(_needs()):
        refused = f"{printable(one.name)} is a part of the program and can't be removed."
    elif needed:
        refused = f"{', '.join(needed)} needs {printable(one.name)}. Remove that first."
    change = Change(name=name, before=_version_told(one), after="", kind="gone")
    return Preview(what=one.name, changes=(change,), refused=refused, manifest=one.found.manifest)


def remove(one: Plugin, *, seconds: float = SECONDS) -> None:
    """Remove a plugin. What it brought along stays, for others may use it. Raises PluginError where it is refused."""
    refused = preview_removal(one).refused
    if refused:
        raise PluginError(refused)
    if one.found.origin == "file":
        one.found.place.unlink(missing_ok=True)
    else:
        _pip("uninstall", "--yes", one.found.distribution, seconds=seconds)
        importlib.invalidate_caches()


def _path(what: str) -> Path | None:
    """Of a wheel, a folder or a single file that is there; None for a name. Raises PluginError for anything else."""
    text = what.strip()
    path = Path(text).expanduser()
    looks = any(mark in text for mark in (os.sep, "/", "\\")) or path.suffix in (".whl", ".py")
    if not looks and _NAME.fullmatch(text):
        return None
    if not text or "://" in text or text.startswith("-"):
        raise PluginError("Only a wheel, a folder, a single .py file or a plain name can be installed.")
    if path.is_dir() and (path / "pyproject.toml").is_file():
        return path.absolute()
    if path.is_dir():
        raise PluginError(f"{printable(text)} has no pyproject.toml, so it is no package.")
    if path.suffix in (".whl", ".py") and path.is_file():
        return path.absolute()
    raise PluginError(f"There is no wheel, folder or .py file {printable(text)!r}.")


def _report(what: str, seconds: float) -> list[Mapping[str, Any]]:
    done = _pip("install", "--dry-run", "--quiet", "--report", "-", what, seconds=seconds)
    try:
        found = json.loads(done)["install"]
        return [dict(one) for one in found]
    except (ValueError, KeyError, TypeError):
        raise PluginError("pip did not say what it would change. Update it: pip install -U pip") from None


def _changes(report: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    made = []
    for one in report:
        facts = one["metadata"]
        name, after = canonicalize_name(str(facts["name"])), str(facts["version"])
        before = _installed(name)
        made.append(Change(name=name, before=before, after=after, kind=_kind(before, after)))
    return tuple(sorted(made, key=lambda change: change.name))


def _kind(before: str, after: str) -> Kind:
    if not before:
        return "new"
    try:
        old, new = Version(before), Version(after)
    except InvalidVersion:
        return "again" if before == after else "older"  # what can't be compared is not trusted
    return "again" if old == new else "newer" if new > old else "older"


def _requirements_of(report: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Of each package that would be installed, what it would need."""
    return {
        canonicalize_name(str(one["metadata"]["name"])): list(one["metadata"].get("requires_dist") or ())
        for one in report
    }


def _against(changes: tuple[Change, ...], requires: Mapping[str, list[str]]) -> str:
    """Why the changes must not be made; "" where they may."""
    needs = _needs()
    mine = _closure(needs)
    older = [change for change in changes if change.kind == "older" and change.name in mine]
    if older:
        told = ", ".join(f"{change.name} {change.before} to {change.after}" for change in older)
        return f"It would take packages that the program needs back to earlier versions: {told}. Nothing was changed."
    if any(change.name == PROGRAM and change.kind != "again" for change in changes):
        return "It would replace the program itself. Nothing was changed."
    after = {change.name: change.after for change in changes}
    needs |= {name: _parsed(texts) for name, texts in requires.items()}
    broken = [
        f"{name} needs {requirement}, and {needed} {after[needed]} would be there"
        for name in sorted(mine)
        for needed, requirement in needs.get(name, ())
        if needed in after and not requirement.specifier.contains(after[needed], prereleases=True)
    ]
    if broken:
        return f"It would break the program: {'; '.join(broken)}. Nothing was changed."
    return ""


def _needs() -> dict[str, list[tuple[str, Requirement]]]:
    """Of every installed package what it needs here, without extras."""
    found: dict[str, list[tuple[str, Requirement]]] = {}
    for distribution in metadata.distributions():
        with contextlib.suppress(Exception):  # a half-removed package needs nothing
            name = canonicalize_name(str(distribution.metadata["Name"]))
            found.setdefault(name, _parsed(distribution.requires or ()))
    return found


def _parsed(texts: Iterable[str]) -> list[tuple[str, Requirement]]:
    made: list[tuple[str, Requirement]] = []
    for text in texts:
        with contextlib.suppress(InvalidRequirement):
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                made.append((canonicalize_name(requirement.name), requirement))
    return made


def _closure(needs: Mapping[str, list[tuple[str, Requirement]]]) -> frozenset[str]:
    """The program, all that it needs, and what that needs in turn."""
    found: set[str] = set()
    ahead: list[str] = [PROGRAM]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += [needed for needed, _ in needs.get(name, ())]
    return frozenset(found)


def _manifest_in(path: Path) -> Manifest | None:
    """Of a folder or a wheel, without building or importing it; None where there is none that can be read."""
    try:
        if path.is_dir():
            places = (
                place for place in path.glob("**/" + MANIFEST) if len(place.relative_to(path).parts) <= _DEEP
            )
            place = min(places, key=lambda place: len(place.parts), default=None)
            return None if place is None else read_manifest(place)
        with zipfile.ZipFile(path) as wheel:
            inside = [item for item in wheel.infolist() if item.filename.endswith("/" + MANIFEST)]
            if not inside or inside[0].file_size > LARGEST_MANIFEST:
                return None
            with wheel.open(inside[0]) as stream:
                text = stream.read(LARGEST_MANIFEST).decode("utf-8")
        return manifest_of(tomllib.loads(text), path)
    except (OSError, ValueError, zipfile.BadZipFile, RecursionError):
        return None


def _pip(*words: str, seconds: float) -> str:
    """What pip prints on stdout. Raises PluginError with its reason."""
    command = [sys.executable, "-m", "pip", words[0], "--disable-pip-version-check", "--no-input", *words[1:]]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise PluginError(
            f"pip was not done within {seconds:g} s. Try again, or look at the network."
        ) from None
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        said = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")] or lines[-1:]
        raise PluginError(f"pip refused: {printable(' '.join(said)[:600]) or f'exit code {done.returncode}'}")
    return done.stdout


@contextlib.contextmanager
def _constraints(pins: list[str]) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="workbench-pins-") as folder:
        path = Path(folder) / "pins.txt"
        path.write_text("\n".join(pins) + "\n", encoding="utf-8")
        yield str(path)


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _version_told(one: Plugin) -> str:
    return one.found.manifest.version if one.found.manifest else ""
