"""Whatever a plugin does when it is loaded becomes a listed error, and the others and the jobs go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.installed import install, written
from workbench import plugins
from workbench.records.plugin_state import MOST_CRASHES
from workbench.records.plugins import API

EVALUATION = """
from dataclasses import dataclass
import numpy as np
from workbench.engine.evals.plugged import Evaluation

class First(Evaluation):
    name, title, summary, source = "{name}_first", "First class", "Says the first class of everything.", "none"

    @dataclass(frozen=True)
    class Config:
        pass

    def predict(self, task):
        return np.zeros(len(task.test), dtype=np.int64)

def register(house):
    house.add_evaluation(First)
"""
MANIFEST = """name = "{name}"
version = "1.0"
api = "1.0"

[evaluations]
{name}_first = "Says the first class of everything."
"""
# What it does when it is imported, and a word that the listed error must hold.
AT_IMPORT = {
    "raises": (
        "raise RuntimeError('no <licence>\\x1b[31m found')",
        "RuntimeError: no <licence>\\x1b[31m found",
    ),
    "leaves": ("import sys\nsys.exit(0)", "SystemExit: 0"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "aborts": ("import os\nos.abort()", "by signal 6 while it was being loaded"),
    "quits": ("import os\nos._exit(0)", "with exit code 0 while it was being loaded"),
    "segfaults": ("import ctypes\nctypes.string_at(0)", "by signal 11 while it was being loaded"),
    "promises": (
        "def register(house):\n    pass",
        "promises the evaluations promises_first, and it registers none",
    ),
    "misnames": ("", "there is no function misnames_package:register"),
    "hands": (
        "def register(house):\n    house.add_evaluation(int)",
        "a evaluation must be a class derived from",
    ),
    "registers": ("def register(house):\n    raise OSError('no licence')", "OSError: no licence"),
    "untitled": (
        EVALUATION.replace('"First class"', "None").replace("{name}", "untitled"),
        "TypeError: title of First must be a text, not NoneType.",
    ),
    "endless": (
        EVALUATION.replace('"First class"', '"x" * 10**7').replace("{name}", "endless"),
        "ValueError: title of First is longer than 2000 letters.",
    ),
}

HANG = {
    "sleeps": "import time\ntime.sleep(600)",
    "locks": "import re\nre.match('(a+)+b', 'a' * 60)",  # holds the interpreter
}


def plugin(folder: Path, name: str, code: str, manifest: str = MANIFEST) -> Path:
    return written(folder, name, code, manifest=manifest.format(name=name))


def listed() -> dict[str, plugins.Plugin]:
    return {one.name: one for one in plugins.tried()}


@pytest.mark.slow
def test_what_goes_wrong_at_the_import_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [plugin(tmp_path, name, code) for name, (code, _) in AT_IMPORT.items()]
    sources.append(plugin(tmp_path, "sound", EVALUATION.format(name="sound")))
    install(monkeypatch, tmp_path / "site", *sources)
    found = listed()
    assert (found["sound"].state, found["sound"].error) == ("enabled", "")
    for name, (_, told) in AT_IMPORT.items():
        one = found[name]
        assert one.state == "broken" and told in one.error and one.error.isprintable(), (name, one.error)
        assert "File " in one.traceback or name == "quits", name
    assert not list(plugins.plugin_home().glob("*.mark"))

    for name in ("raises", "aborts"):
        plugins.facts_of(found[name])  # it is tried again, and that was the second time
        again = plugins.plugin(name)
        assert again.state == "off" and f"after {MOST_CRASHES} crashes" in again.error
        assert again.to_json()["error"] == again.error
    tries: list[str] = []
    monkeypatch.setattr(plugins, "try_out", lambda one, part, path: tries.append(one.name))
    assert plugins.facts_of(plugins.plugin("aborts")) is None and not tries
    assert plugins.switch("aborts", True).state == "enabled"
    plugins.facts_of(plugins.plugin("aborts"))
    assert tries == ["aborts"]


def test_what_hangs_at_the_import_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [plugin(tmp_path, name, code) for name, code in HANG.items()]
    install(monkeypatch, tmp_path / "site", *sources)
    monkeypatch.setenv("WORKBENCH_PLUGIN_SECONDS", "1")
    found = listed()
    for name in HANG:
        one = found[name]
        assert one.state == "broken" and "was not loaded within 1 s" in one.error and "File " in one.traceback
    assert not list(plugins.plugin_home().glob("*.mark"))


def test_what_is_printed_corrupts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = 'import os, sys\nprint("{\\"kind\\": \\"done\\"}")\nos.write(1, b"\\xff\\x00noise\\n" * 1000)\n'
    source = plugin(tmp_path, "loud", noise + EVALUATION.format(name="loud"))
    install(monkeypatch, tmp_path / "site", source)
    assert (listed()["loud"].state, listed()["loud"].error) == ("enabled", "")


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("name = ", "is not TOML"),
        ("a = " + "[" * 5000, "is not TOML"),
        ("#" * (70 << 10), "is too large: more than 64 kB"),
        ('name = "../../etc"\nversion = "1"\napi = "1.0"', "needs a name of small letters"),
        ('name = "odd"\nversion = "1"\napi = "1.0"\n[methods]\n"a\\u202eb" = "x"', "\\u202e"),
        ('name = "odd"\nversion = "1"\n[methods]\na = "x"', f'api = "{API[0]}.{API[1]}"'),
        ('name = "odd"\nversion = "1"\napi = "1.0"', "provides nothing"),
        (
            'name = "odd"\nversion = "1"\napi = "1.0"\nevil = 1\n[methods]\na = "x"',
            "'evil' that nobody knows",
        ),
        (
            'name = "odd"\nversion = "1"\napi = "1.0"\n[methods]\nsimclr = "x"',
            "the program has one of that name",
        ),
        (
            'name = "odd"\nversion = "1"\napi = "1.0"\nneeds = ["nowhere-to-be-found"]\n[methods]\na = "x"',
            "pip install",
        ),
        (
            'name = "odd"\nversion = "1"\napi = "1.0"\n[views]\na = "x"',
            "no entry point in the group workbench.views",
        ),
    ],
)
def test_a_manifest_that_is_wrong_is_listed(
    manifest: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "raise AssertionError('nobody may import this')"
    source = written(tmp_path, "odd", code, manifest=manifest)
    install(
        monkeypatch, tmp_path / "site", source, plugin(tmp_path, "sound", EVALUATION.format(name="sound"))
    )
    found = {one.name: one for one in plugins.plugins()}
    assert found["odd"].state == "broken" and told in found["odd"].error, found["odd"].error
    assert found["odd"].error.isprintable() and found["sound"].state == "enabled"


def test_another_version_of_the_interface_is_incompatible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [
        plugin(tmp_path, name, "raise AssertionError", MANIFEST.replace('"1.0"\n\n', f'"{api}"\n\n'))
        for name, api in (("older", "0.9"), ("newer", "2.0"), ("later", "1.9"))
    ]
    install(monkeypatch, tmp_path / "site", *sources)
    found = {one.name: one for one in plugins.plugins()}
    assert {found[name].state for name in ("older", "newer", "later")} == {"incompatible"}
    assert "Update the workbench" in found["later"].error and "newer version" in found["older"].error
