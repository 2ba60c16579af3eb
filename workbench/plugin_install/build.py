"""A wheel out of a folder, built in a copy, so that nothing is left in the folder."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from workbench.plugin_install.asked import BUILD_FILE
from workbench.plugin_install.environment import Packages, unmet
from workbench.plugin_install.pip_runs import PipError, Stop, complaint, run_pip
from workbench.plugin_install.verdict import parsed
from workbench.records.plugins import PluginError
from workbench.records.text import data_size, printable

LARGEST = 200_000_000  # bytes of a folder: a plugin is code, not data
_LEFT_OUT = shutil.ignore_patterns(
    ".venv", "venv", "__pycache__", "*.pyc", "*.egg-info", "build", "dist", ".*_cache"
)
_DEFAULT = ("setuptools", "wheel")  # what pip takes where nothing is said (PEP 518)


def build_needs(folder: Path) -> tuple[Requirement, ...]:
    """What building it requires. Raises PluginError where that can't be read."""
    path = folder / BUILD_FILE
    try:
        body: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        said = body.get("build-system", {}).get("requires", _DEFAULT)
        texts = [str(item) for item in said]
    except (
        OSError,
        UnicodeDecodeError,
        tomllib.TOMLDecodeError,
        RecursionError,
        AttributeError,
        TypeError,
    ) as error:
        raise PluginError(f"{printable(str(path))} can't be read: {printable(str(error))[:200]}.") from None
    return parsed(texts)


def build_wheel(folder: Path, staging: Path, here: Packages, *, network: bool, stop: Stop) -> Path:
    """The wheel of `folder`, in `staging`. What building needs is taken from this environment where it is there,
    else, where the network may be asked, from there.

    Raises:
        PluginError: it can't be built, or it was stopped.
    """
    source = staging / "source" / "plugin"  # pip would take a name that ends in "[1]" for an extra
    size = _copy(folder, source, stop)
    if size > LARGEST:
        raise PluginError(
            f"{printable(str(folder))} holds more than {data_size(LARGEST)}. A plugin is code: keep data elsewhere."
        )
    alone = not unmet(build_needs(folder), here)
    arguments = ["wheel", "--no-deps", "--wheel-dir", str(staging), str(source)]
    arguments += ["--no-build-isolation", "--no-index"] if alone or not network else []
    ran = run_pip(arguments, staging, network=network and not alone, stop=stop)
    made = sorted(staging.glob("*.whl"))
    if ran.code or len(made) != 1:
        raise PipError(f"No wheel could be built of {printable(str(folder))}. {complaint(ran)}", ran.log)
    return made[0]


def _copy(folder: Path, source: Path, stop: Stop) -> int:
    """Copy until it is too much. Returns the bytes copied."""
    size = 0

    def one(origin: str, target: str) -> str:
        nonlocal size
        stop.obey()
        size += Path(origin).stat().st_size
        return target if size > LARGEST else str(shutil.copy2(origin, target))

    try:
        shutil.copytree(folder, source, symlinks=True, ignore=_LEFT_OUT, copy_function=one)
    except (OSError, shutil.Error) as error:
        raise PluginError(
            f"{printable(str(folder))} can't be copied: {printable(str(error))[:300]}."
        ) from None
    return size
