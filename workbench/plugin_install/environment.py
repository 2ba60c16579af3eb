"""The environment that the program runs in: which packages there are, and what each needs of the others."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

PROGRAM = "ssl-workbench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """`name` is canonical (PEP 503); `requires` are requirements as the package's metadata has them (PEP 508)."""

    name: str
    version: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """`package` needs `requirement`, and `found` is the version that is there; "" for none."""

    package: str
    requirement: str
    needed: str  # canonical name of what is needed
    found: str


Packages = Mapping[str, Package]


def packages_here() -> dict[str, Package]:
    """Of this process's environment, by canonical name. Reads some hundred small files."""
    importlib.invalidate_caches()
    found: dict[str, Package] = {}
    for distribution in metadata.distributions():
        try:
            name = canonicalize_name(str(distribution.metadata["Name"] or ""))
            version, requires = str(distribution.version), tuple(distribution.requires or ())
        except Exception:  # half-removed packages; pip reports them
            continue
        if name and name not in found:  # the first on the path is the one that is imported
            found[name] = Package(name=name, version=version, requires=requires)
    return found


def needs(package: Package, extras: Collection[str] = ()) -> Iterator[Requirement]:
    """What a package requires here, with these extras of it; what can't be read is left out."""
    for text in package.requires:
        try:
            one = Requirement(text)
        except InvalidRequirement:
            continue
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield one


def needed_by(name: str, packages: Packages) -> frozenset[str]:
    """Names of all packages that `name` requires, directly or not, and `name` itself."""
    wanted: dict[str, set[str]] = {}
    left: list[tuple[str, frozenset[str]]] = [(name, frozenset())]
    while left:
        current, extras = left.pop()
        known = wanted.get(current)
        if known is not None and extras <= known:
            continue
        wanted[current] = (known or set()) | extras
        if current in packages:
            left += [
                (canonicalize_name(one.name), frozenset(one.extras))
                for one in needs(packages[current], wanted[current])
            ]
    return frozenset(known for known in wanted if known in packages)


def conflicts(packages: Packages) -> frozenset[Conflict]:
    """Every requirement of a package that the others don't meet."""
    extras = _extras_in_use(packages)
    found = set()
    for package in packages.values():
        for one in unmet(needs(package, extras.get(package.name, ())), packages):
            needed = canonicalize_name(one.name)
            there = packages.get(needed)
            found.add(
                Conflict(
                    package=package.name,
                    requirement=short(one),
                    needed=needed,
                    found=there.version if there else "",
                )
            )
    return frozenset(found)


def unmet(requirements: Iterable[Requirement], packages: Packages) -> tuple[Requirement, ...]:
    """Those that no package meets as it is."""
    return tuple(one for one in requirements if not _met(one, packages.get(canonicalize_name(one.name))))


def older(one: str, other: str) -> bool:
    """Whether version `one` comes before `other`; False where either is no version."""
    try:
        return Version(one) < Version(other)
    except InvalidVersion:
        return False


def too_new(requirement: Requirement, version: str) -> bool:
    """Whether nothing that meets `requirement` can be as new as `version`."""
    try:
        here = Version(version)
        bounds = [
            (one.operator, Version(one.version.removesuffix(".*")))
            for one in requirement.specifier
            if one.operator in ("<", "<=", "==", "===", "~=")
        ]
    except InvalidVersion:
        return False
    specifier = requirement.specifier
    return any(bound <= here for _, bound in bounds) and not specifier.contains(here, prereleases=True)


def short(requirement: Requirement) -> str:
    """ "numpy<2" of 'numpy<2; python_version < "3.13"'."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _met(requirement: Requirement, package: Package | None) -> bool:
    if package is None:
        return False
    try:
        return requirement.specifier.contains(Version(package.version), prereleases=True)
    except InvalidVersion:
        return True  # older than versions were agreed on; pip takes such for what they are


def _extras_in_use(packages: Packages) -> dict[str, frozenset[str]]:
    """Of each package the extras that another one asks for."""
    known: dict[str, frozenset[str]] = {}
    while True:
        found: dict[str, frozenset[str]] = {}
        for package in packages.values():
            for one in needs(package, known.get(package.name, ())):
                if one.extras:
                    name = canonicalize_name(one.name)
                    found[name] = found.get(name, frozenset()) | frozenset(one.extras)
        if found == known:
            return known
        known = found
