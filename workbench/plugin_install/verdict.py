"""Whether a change of the environment may be made: what the program needs is neither lowered nor broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from workbench.plugin_install.environment import (
    PROGRAM,
    Package,
    Packages,
    conflicts,
    needed_by,
    needs,
    older,
    short,
    too_new,
    unmet,
)
from workbench.plugin_install.plan import Change
from workbench.records.plugins import PluginError
from workbench.records.text import printable

Hashes = Mapping[str, str]  # of a package the SHA-256 of its wheel, as hex digits


def read_report(body: Any) -> tuple[dict[str, Package], dict[str, str]]:
    """Of `pip install --dry-run --report`: the packages that would come, and the SHA-256 of each that has one.

    Raises:
        PluginError: it is no such report.
    """
    packages: dict[str, Package] = {}
    hashes: dict[str, str] = {}
    try:
        for item in body["install"]:
            facts = item["metadata"]
            name = canonicalize_name(str(facts["name"]))
            packages[name] = Package(
                name=name,
                version=str(facts["version"]),
                requires=tuple(str(one) for one in facts.get("requires_dist") or ()),
            )
            archive = item["download_info"].get("archive_info") or {}
            digest = (archive.get("hashes") or {}).get("sha256")
            if isinstance(digest, str):
                hashes[name] = digest
    except (KeyError, TypeError, AttributeError) as error:
        raise PluginError(f"pip's report can't be read: {printable(repr(error))}.") from None
    return packages, hashes


def changes_of(coming: Packages, here: Packages) -> tuple[Change, ...]:
    """Ordered by name, those of packages that are there first."""
    program = needed_by(PROGRAM, here)
    made = [
        Change(
            package=name,
            before=here[name].version if name in here else "",
            after=package.version,
            program=name in program,
        )
        for name, package in coming.items()
    ]
    return tuple(sorted(made, key=lambda change: (not change.before, change.package)))


def judge(changes: Sequence[Change], coming: Packages, here: Packages) -> str:
    """A sentence where the changes would downgrade, break or remove what the program or another package needs; else
    ""."""
    for change in changes:
        if change.package == PROGRAM and not change.same:
            return (
                f"It would {_does(change)}: the program itself can't be changed from here. Update it first."
            )
    for change in changes:
        if change.program and change.after and older(change.after, change.before):
            return (
                f"It would put {change.package} {change.after} in place of {change.before}, which the program "
                f"needs{_asked_for(change.package, here)}. Ask the plugin's author for one that works with "
                f"{change.package} {change.before}."
            )
    after = {name: package for name, package in here.items()}
    for change in changes:
        after.pop(change.package, None)
    after.update(coming)
    new = sorted(conflicts(after) - conflicts(here), key=lambda one: (one.package, one.needed))
    for conflict in new:
        if conflict.package in coming:
            continue  # pip has looked after those that come
        owner = f"{conflict.package} {after[conflict.package].version}"
        cause = next((change for change in changes if change.package == conflict.needed), None)
        what = _does(cause) if cause else "change what it needs"
        return f"It would {what}, and {owner} needs {conflict.requirement}. Nothing was changed."
    return ""


def hopeless(requirements: Sequence[Requirement], here: Packages) -> str:
    """A sentence where requirements can't be met without lowering what the program needs, which no network changes;
    else ""."""
    program = needed_by(PROGRAM, here)
    for one in unmet(requirements, here):
        name = canonicalize_name(one.name)
        if name not in here:
            continue
        version = here[name].version
        if name == PROGRAM:
            return f"It needs {short(one)}, and this is {version}. Update the program first."
        if name in program and too_new(one, version):
            return (
                f"It needs {short(one)}, and the program works with {name} {version}{_asked_for(name, here)}. Ask "
                f"the plugin's author for one that works with {name} {version}."
            )
    return ""


def _does(change: Change) -> str:
    if not change.after:
        return f"remove {change.package} {change.before}"
    if not change.before:
        return f"install {change.package} {change.after}"
    return f"put {change.package} {change.after} in place of {change.before}"


def _asked_for(name: str, here: Packages) -> str:
    """ " (torchvision needs torch==2.11.0)": the narrowest that is said of a package, where anything is."""
    program = needed_by(PROGRAM, here)
    said = []
    for owner in sorted(program):
        for one in needs(here[owner]):
            if canonicalize_name(one.name) == name and one.specifier:
                said.append((owner != PROGRAM, owner, short(one)))
    if not said:
        return ""
    _, owner, requirement = min(said)
    return f" ({requirement})" if owner == PROGRAM else f" ({owner} needs {requirement})"


def parsed(texts: Sequence[str]) -> tuple[Requirement, ...]:
    """Raises PluginError for what is no requirement."""
    try:
        return tuple(Requirement(text) for text in texts)
    except InvalidRequirement as error:
        raise PluginError(f"A requirement can't be read: {printable(str(error))[:200]}.") from None
