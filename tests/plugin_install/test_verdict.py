"""Which changes of the environment are refused, and that the sentence names packages and versions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from workbench.plugin_install.environment import PROGRAM, Package
from workbench.plugin_install.plan import Change
from workbench.plugin_install.verdict import changes_of, hopeless, judge, read_report
from workbench.records.plugins import PluginError

REPORT = Path(__file__).parent / "report.json"


def package(name: str, version: str, *requires: str) -> Package:
    return Package(name=name, version=version, requires=requires)


HERE = {
    one.name: one
    for one in (
        package(PROGRAM, "0.1.0", "numpy>=2.1", "torch>=2.11", "torchvision"),
        package("numpy", "2.3.5"),
        package("torch", "2.11.0"),
        package("torchvision", "0.26.0", "torch==2.11.0"),
        package("my-plugin", "1.0", "helper<2", "numpy"),
        package("helper", "1.4"),
        package("unrelated", "3.0"),
    )
}


def verdict(*coming: Package) -> str:
    packages = {one.name: one for one in coming}
    return judge(changes_of(packages, HERE), packages, HERE)


def test_new_packages_and_harmless_changes_pass() -> None:
    assert verdict(package("new", "1.0", "numpy")) == ""
    assert verdict(package("unrelated", "2.0")) == ""  # nobody needs it
    assert verdict(package("numpy", "2.4.0")) == ""  # upwards, and nobody minds
    assert verdict(package("my-plugin", "1.0", "helper<2")) == ""  # once more


@pytest.mark.parametrize(
    ("coming", "told"),
    [
        (package("numpy", "1.26.4"), ("numpy 1.26.4 in place of 2.3.5", "(numpy>=2.1)")),
        (package("numpy", "2.2.0"), ("numpy 2.2.0 in place of 2.3.5",)),  # lower, though it would do
        (
            package("torch", "2.12.0"),
            ("torch 2.12.0 in place of 2.11.0", "torchvision 0.26.0 needs torch==2.11.0"),
        ),
        (package("helper", "2.0"), ("helper 2.0 in place of 1.4", "my-plugin 1.0 needs helper<2")),
        (package(PROGRAM, "0.2.0"), ("ssl-workbench 0.2.0 in place of 0.1.0", "Update it first")),
    ],
)
def test_what_lowers_or_breaks_is_refused(coming: Package, told: tuple[str, ...]) -> None:
    sentence = verdict(coming)
    assert all(part in sentence for part in told), sentence


def test_upgrading_both_together_passes() -> None:
    both = verdict(package("torch", "2.12.0"), package("torchvision", "0.27.0", "torch==2.12.0"))
    assert both == ""


def test_removing_what_is_needed_is_refused() -> None:
    def removed(name: str) -> str:
        return judge((Change(package=name, before=HERE[name].version, after=""),), {}, HERE)

    assert "remove helper 1.4" in removed("helper") and "my-plugin 1.0 needs helper<2" in removed("helper")
    assert "remove numpy 2.3.5" in removed("numpy")
    assert "ssl-workbench" in removed(PROGRAM)
    assert removed("my-plugin") == ""


def test_what_no_network_mends_is_said_at_once() -> None:
    lower = hopeless([Requirement("numpy<2")], HERE)
    assert "numpy<2" in lower and "2.3.5" in lower and "(numpy>=2.1)" in lower
    assert "this is 0.1.0" in hopeless([Requirement("ssl-workbench>=7")], HERE)
    assert (
        hopeless([Requirement("numpy>=2.4"), Requirement("absent"), Requirement("unrelated<3")], HERE) == ""
    )


def test_a_report_of_pip_is_read() -> None:
    """Canned: what pip 23.2 wrote of a wheel with one dependency beside it."""
    coming, hashes = read_report(json.loads(REPORT.read_text("utf-8")))
    assert {name: one.version for name, one in coming.items()} == {"good-one": "1.0", "beside-it": "2.5"}
    assert coming["good-one"].requires == ("beside_it>=2", "numpy")
    assert all(len(digest) == 64 for digest in hashes.values()) and set(hashes) == set(coming)
    for body in ({}, {"install": [{}]}, [], {"install": [{"metadata": None}]}):
        with pytest.raises(PluginError, match="can't be read"):
            read_report(body)
