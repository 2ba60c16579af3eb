"""`new-plugin` writes a plugin that does what the check asks."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import warm
from tests.installed import ROOT, install
from workbench import plugins
from workbench.cli import main
from workbench.new_plugin import new_plugin
from workbench.plugin_checks import check
from workbench.records.plugins import API, PluginError, read_manifest

pytestmark = pytest.mark.usefixtures("warm_workers")


@pytest.mark.parametrize(
    "name", ["", "../up", "Upper", "with space", "1st", "a" * 41, "x\n", "simclr", "ünï"]
)
def test_names_that_no_plugin_can_have_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name"):
        new_plugin(name, tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_what_is_written_is_a_whole_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-plugin", "two-words", "--into", str(tmp_path), "--json"]) == 0
    folder = Path(json.loads(capsys.readouterr().out)["folder"])
    assert folder == tmp_path / "two-words"
    written = {
        str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()
    }
    package = "ssl_workbench_two_words"
    assert set(written) == {
        "pyproject.toml",
        "README.md",
        "tests/test_plugin.py",
        *(f"{package}/{name}" for name in ("__init__.py", "method.py", "workbench_plugin.toml")),
    }
    assert not any("{{" in text for text in written.values())
    project = tomllib.loads(written["pyproject.toml"])["project"]
    assert project["entry-points"]["workbench.engine"] == {"two-words": f"{package}:register"}
    manifest = read_manifest(folder / package / "workbench_plugin.toml")
    assert (manifest.name, manifest.api, manifest.names("methods")) == ("two-words", API, ("two-words",))
    for name, text in written.items():
        if name.endswith(".py"):
            compile(text, name, "exec")
    assert main(["new-plugin", "two-words", "--into", str(tmp_path)]) == 2  # it is there
    lint = [sys.executable, "-m", "ruff", "--config", str(ROOT / "pyproject.toml")]
    for verb in (["check", "--ignore", "I001"], ["format", "--check"]):
        done = subprocess.run(
            [*lint[:3], verb[0], *lint[3:], *verb[1:], str(folder)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow  # trains
def test_the_template_passes_the_check_and_its_own_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_plugin("my_method", tmp_path)
    install(monkeypatch, tmp_path / "site", folder)
    monkeypatch.chdir(folder)
    done = warm.run("pytest", "-q", "-p", "no:cacheprovider", str(folder / "tests"))
    assert done.returncode == 0 and "3 passed" in done.stdout, done.stdout


def test_a_step_that_takes_the_process_with_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_plugin("my_method", tmp_path)
    package = folder / "ssl_workbench_my_method"
    code = (package / "__init__.py").read_text()
    (package / "__init__.py").write_text(code + "    import os\n    os.abort()\n")
    install(monkeypatch, tmp_path / "site", folder)
    [only] = check(plugins.plugin("my_method"))
    assert only.outcome == "failed" and only.why == "The process ended by signal 6."
    assert plugins.plugin("my_method").state == "broken"
    plugins.switch("my_method", False)
    with pytest.raises(PluginError, match="switched off"):
        check(plugins.plugin("my_method"))
