"""What packages need of each other, held to pip and to a slow walk of the metadata."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workbench.plugin_install.environment import (
    PROGRAM,
    Package,
    conflicts,
    needed_by,
    needs,
    older,
    packages_here,
    too_new,
    unmet,
)


def packages(*listed: tuple[str, str, tuple[str, ...]]) -> dict[str, Package]:
    return {name: Package(name=name, version=version, requires=needs) for name, version, needs in listed}


def test_the_conflicts_of_this_environment_are_those_that_pip_finds() -> None:
    here = packages_here()
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, timeout=120)
    said = set(
        re.findall(r"^(\S+) \S+ (?:has requirement|requires) ([A-Za-z0-9._-]+)", done.stdout, re.MULTILINE)
    )
    of_pip = {(canonicalize_name(owner), canonicalize_name(needed)) for owner, needed in said}
    assert {(one.package, one.needed) for one in conflicts(here)} == of_pip


def test_what_the_program_needs_is_what_a_walk_of_the_metadata_finds() -> None:
    def walk(name: str, extra: str, seen: set[tuple[str, str]]) -> None:
        if (name, extra) in seen:
            return
        try:
            requires = metadata.distribution(name).requires or []
        except metadata.PackageNotFoundError:
            return
        seen.add((name, extra))
        for text in requires:
            one = Requirement(text)
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                for wanted in ("", *one.extras):
                    walk(canonicalize_name(one.name), wanted, seen)

    seen: set[tuple[str, str]] = set()
    walk(PROGRAM, "", seen)
    found = needed_by(PROGRAM, packages_here())
    assert found == {name for name, _ in seen}
    assert {"torch", "numpy", "pyside6-essentials", "sympy"} <= found  # sympy by way of torch
    assert "pytest" not in found and "pip" not in found


def test_an_extra_counts_where_somebody_asks_for_it() -> None:
    bare = packages(
        ("a", "1.0", ("b",)),
        ("b", "1.0", ('c>=2; extra == "big"', 'd; sys_platform == "nowhere"')),
        ("c", "1.0", ()),
    )
    assert not conflicts(bare) and needed_by("a", bare) == {"a", "b"}
    asking = {**bare, "a": Package(name="a", version="1.0", requires=("b[big]",))}
    assert [(one.package, one.requirement, one.found) for one in conflicts(asking)] == [("b", "c>=2", "1.0")]
    assert needed_by("a", asking) == {"a", "b", "c"}


def test_requirements_that_are_not_met() -> None:
    here = packages(("numpy", "2.3.5", ()), ("old", "not a version", ()))
    asked = ["numpy>=2", "NumPy<2", "old>3", "absent"]
    assert [str(one) for one in unmet(map(Requirement, asked), here)] == ["NumPy<2", "absent"]
    package = Package(name="p", version="1", requires=("numpy", "@@@", 'x; extra == "y"'))
    assert [str(one) for one in needs(package)] == ["numpy"]


def test_versions_are_compared_as_versions() -> None:
    assert (
        older("1.9", "1.10") and not older("1.10", "1.9") and not older("1.0", "1.0") and not older("x", "1")
    )
    too_high = ("numpy<2", "numpy==1.26.*", "numpy~=1.26", "numpy>=1,<2.3", "numpy<=2.3.4")
    assert all(too_new(Requirement(text), "2.3.5") for text in too_high)
    assert not any(
        too_new(Requirement(text), "2.3.5") for text in ("numpy>=2.4", "numpy!=2.3.5", "numpy", "numpy==3.0")
    )
