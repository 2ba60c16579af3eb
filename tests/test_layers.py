"""The walls of the house: who may import whom, and that the check can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "torchvision", "timm", "transformers", "sklearn", "umap")


def test_the_contracts_hold_and_break_where_a_wall_is_broken(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "workbench", tmp_path / "workbench")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert _lint(tmp_path) == ""
    (tmp_path / "workbench/gui/views/bad.py").write_text("import torch\n")
    (tmp_path / "workbench/engine/bad.py").write_text("from PySide6 import QtCore\n")
    (tmp_path / "workbench/records/bad.py").write_text("import scipy.stats\n")
    broken = _lint(tmp_path)
    for wall in ("The window and what", "The engine never", "Records are plain"):
        assert f"{wall}" in broken


def _lint(folder: Path) -> str:
    """The names of the broken contracts."""
    program = str(Path(sys.executable).with_name("lint-imports"))
    done = subprocess.run(
        [program, "--no-cache"], cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(folder)}
    )
    return "\n".join(line for line in done.stdout.splitlines() if line.endswith("BROKEN"))


def _modules_after(program: str) -> set[str]:
    code = f"{program}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_the_window_loads_without_torch() -> None:
    loaded = _modules_after(
        "import workbench.gui.app\nfrom workbench.gui.places import find_places\nassert find_places()"
    )
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize(
    "module", ["workbench.cli", "workbench.engine.jobs.embed", "workbench.engine.jobs.index"]
)
def test_quick_paths_load_neither_torch_nor_qt(module: str) -> None:
    loaded = _modules_after(f"import {module}")
    assert not loaded & {"torch", "timm", "transformers", "sklearn", "PySide6"}


def test_a_worker_runs_where_there_is_no_qt(picture_folder: Path, tmp_path: Path) -> None:
    from tests.indices import counted
    from workbench.records.jobs import EmbedJob
    from workbench.records.runs import RunFolder

    counted(picture_folder).save(tmp_path / "index.npz")
    job = EmbedJob(
        index=str(tmp_path / "index.npz"),
        backbone="random_vit",
        image_size=64,
        cache=str(tmp_path / "cache"),
    )
    run = RunFolder.create(tmp_path / "runs", job)
    code = (
        "import sys\nfor name in ('PySide6', 'shiboken6', 'pyqtgraph'):\n    sys.modules[name] = None\n"
        f"from workbench import worker\nsys.exit(worker.main([{str(run.path)!r}]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.wait(120) == 0
    assert run.status().result["images"] == 36


def test_init_files_are_empty() -> None:
    for path in (ROOT / "workbench").rglob("__init__.py"):
        assert path.read_text() == "", path


def test_every_package_is_installed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for path in (ROOT / "workbench").rglob("__init__.py")
    }
    assert listed == there | {"workbench_resources"}


def test_files_fit_in_the_head() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("workbench", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 450
    }
    assert not long
