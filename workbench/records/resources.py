"""Where the files of `resources/` lie: icons, and the backbones that the program brings along."""

from __future__ import annotations

import importlib.util
from functools import cache
from importlib import resources
from pathlib import Path

PACKAGE = "workbench_resources"


@cache
def resources_folder() -> Path:
    """Installed as a package, or beside `workbench`."""
    if importlib.util.find_spec(PACKAGE) is not None:
        installed = Path(str(resources.files(PACKAGE)))
        if (installed / "icons").is_dir():
            return installed
    return Path(__file__).resolve().parents[2] / "resources"


def resource(name: str) -> Path:
    """A file or folder of `resources/` by its path there.

    Raises:
        FileNotFoundError: it is not there, so that the installation is incomplete.
    """
    path = resources_folder() / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: the installation is incomplete. Install the workbench again."
        )
    return path
