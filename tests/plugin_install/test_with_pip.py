"""The whole way with the real pip, in an environment of the test's own that sees this one's packages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.plugin_install.made_environment import Environment
from tests.plugin_install.made_wheels import plugin_wheel, wheel

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "venv")


def test_a_wheel_with_what_it_needs_beside_it(environment: Environment, tmp_path: Path) -> None:
    made = plugin_wheel(tmp_path / "wheels", "good_one", "1.0", ["beside_it>=2", "numpy"])
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(made, alone)
    wheel(tmp_path / "wheels", "beside_it", "2.5")
    code, told = environment.workbench("install", str(alone / made.name), "--yes")
    assert (code, told["missing"], told["done"]) == (2, ["beside_it>=2"], False)
    assert environment.own() == set()

    changes = [
        {"package": name, "before": "", "after": version, "program": False}
        for name, version in (("beside-it", "2.5"), ("good-one", "1.0"))
    ]
    code, told = environment.workbench("install", str(made))
    assert (code, told["done"], told["changes"]) == (0, False, changes) and environment.own() == set()
    code, told = environment.workbench("install", str(made), "--yes")
    assert (code, told["done"], told["error"], told["changes"]) == (0, True, "", changes)
    assert {"good_one", "beside_it"} < environment.own()

    plugin_wheel(tmp_path / "wheels", "good_one", "1.1", ["beside_it>=2"])
    code, told = environment.workbench(
        "install", str(made.with_name(made.name.replace("1.0", "1.1"))), "--yes"
    )
    assert told["changes"] == [{"package": "good-one", "before": "1.0", "after": "1.1", "program": False}], (
        told
    )
    code, told = environment.workbench("remove", "good_one", "--yes")
    assert (code, told["done"]) == (0, True) and "What it needed stays: beside-it." in told["notes"]
    assert "good_one" not in environment.own() and "beside_it" in environment.own()


def test_a_folder_is_built_in_a_copy_and_installed_as_it_was_previewed(
    environment: Environment, tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    package = folder / "own_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def register(house):\n    pass\n")
    (package / "workbench_plugin.toml").write_text(
        'name = "own"\nversion = "0.3"\napi = "1.0"\n\n[methods]\nown_method = "It."\n'
    )
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"\n\n'
        '[project]\nname = "own-plugin"\nversion = "0.3"\n\n[project.entry-points."workbench.engine"]\n'
        'own = "own_package:register"\n\n[tool.setuptools]\npackages = ["own_package"]\n\n'
        '[tool.setuptools.package-data]\nown_package = ["*.toml"]\n'
    )
    before = sorted(folder.rglob("*"))
    code, told = environment.workbench("install", str(folder), "--yes")
    assert (code, told["done"], told["name"], told["version"]) == (0, True, "own", "0.3"), told
    assert sorted(folder.rglob("*")) == before
    assert {"own_package", "own_plugin-0.3.dist-info"} <= environment.own()

    (folder / "pyproject.toml").write_text('[build-system]\nrequires = ["hatchling-of-nowhere>=1"]\n')
    code, told = environment.workbench("install", str(folder), "--yes")
    assert (code, told["missing"]) == (2, ["hatchling-of-nowhere>=1"])


def test_a_change_that_lowers_what_the_program_needs_is_refused(
    environment: Environment, tmp_path: Path
) -> None:
    made = plugin_wheel(tmp_path, "lowers", "1.0", ["middle"])
    wheel(tmp_path, "middle", "1.0", ["numpy<2"])  # not said by the plugin itself
    wheel(tmp_path, "numpy", "1.26.4")
    code, told = environment.workbench("install", str(made), "--yes")
    assert code == 2 and "numpy 1.26.4 in place of" in told["refused"] and not told["done"], told
    assert environment.own() == set()


def test_an_installation_that_fails_takes_back_what_was_new(environment: Environment, tmp_path: Path) -> None:
    made = plugin_wheel(tmp_path, "wont_go", "1.0", ["goes_first"])
    wheel(tmp_path, "goes_first", "1.0")
    (environment.packages / "wont_go").write_text("a file where its folder should go")
    code, told = environment.workbench("install", str(made), "--yes")
    assert code == 1 and not told["done"] and told["error"], told
    assert environment.own() == {"wont_go"}
