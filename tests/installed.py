"""Plugins as if they were installed, without pip: metadata in a folder on the path, which points to the sources."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from workbench.plugins import plugin_folder

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = """name = "{name}"
version = "1.0"
api = "1.0"

[methods]
{method} = "A method of a test."
"""


def install(monkeypatch: pytest.MonkeyPatch, site: Path, *sources: Path) -> None:
    """Put plugins, folders with a pyproject.toml, onto the path of this process and of those that it starts."""
    site.mkdir(parents=True, exist_ok=True)
    for source in sources:
        project = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["project"]
        info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir(exist_ok=True)
        facts = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(facts)
        groups = (
            f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
            for group, points in project.get("entry-points", {}).items()
        )
        (info / "entry_points.txt").write_text("\n".join(groups))
    added = [str(site), *(str(source) for source in sources)]
    for path in reversed(added):
        monkeypatch.syspath_prepend(path)
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*added, str(ROOT), *([before] if before else [])]))
    sites = os.environ.get("WORKBENCH_PLUGINS", "off")
    monkeypatch.setenv(
        "WORKBENCH_PLUGINS", str(site) if sites == "off" else os.pathsep.join([sites, str(site)])
    )


def only_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let single files of the user's folder be there, and no package, whatever is installed beside the program."""
    monkeypatch.setenv("WORKBENCH_PLUGINS", str(plugin_folder()))


def written(folder: Path, name: str, code: str, *, method: str = "", manifest: str | None = None) -> Path:
    """A small package with a plugin in `folder`, whose `__init__` is `code`; returns its source folder."""
    package = folder / name / f"{name}_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code, encoding="utf-8")
    told = MANIFEST.format(name=name, method=method or f"{name}_method") if manifest is None else manifest
    (package / "workbench_plugin.toml").write_text(told, encoding="utf-8")
    (folder / name / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1.0"\n\n[project.entry-points."workbench.engine"]\n'
        f'{name} = "{name}_package:register"\n'
    )
    return folder / name
