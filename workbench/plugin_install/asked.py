"""What somebody wants installed: a wheel, a folder, a single file, or the name of a package."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from workbench.plugin_install.plan import Kind
from workbench.records.plugins import PluginError
from workbench.records.text import printable

_PATH = re.compile(r"[/\\~.]|[A-Za-z]:[\\/]")
BUILD_FILE = "pyproject.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`path` of a wheel, folder or file, whole; `name` is a requirement as pip takes it, "my-plugin>=1"."""

    kind: Kind
    path: Path = Path()
    name: str = ""

    @property
    def shown(self) -> str:
        return printable(self.name or str(self.path))


def read_asked(text: str) -> Asked:
    """What is there is taken for a path, anything else for a name.

    Raises:
        PluginError: nothing that can be installed; a sentence.
    """
    text = text.strip()
    if not text:
        raise PluginError("Name a wheel, a folder, a Python file, or a package.")
    path = Path(text).expanduser()
    shown = printable(text)
    if path.is_dir():
        if not (path / BUILD_FILE).is_file():
            raise PluginError(
                f"{shown} has no {BUILD_FILE}, so it is no package. Choose the folder that holds one; "
                "`workbench new-plugin NAME` makes one."
            )
        return Asked(kind="folder", path=path.absolute())
    if path.is_file():
        kinds: dict[str, Kind] = {".whl": "wheel", ".py": "file"}
        kind = kinds.get(path.suffix.lower())
        if kind is None:
            raise PluginError(
                f"{shown} is neither a wheel (.whl) nor a Python file (.py). Unpack it, and choose its folder."
            )
        return Asked(kind=kind, path=path.absolute())
    if "://" in text:
        raise PluginError(
            f"{shown} is an address, and those are not taken: download the wheel and choose it."
        )
    if _PATH.match(text) or text.lower().endswith((".whl", ".py")):
        raise PluginError(f"{shown} does not exist.")
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        requirement = None
    if requirement is None or requirement.url or requirement.marker:
        raise PluginError(
            f"{shown} is neither a path that exists nor the name of a package, such as my-plugin or my-plugin==1.2."
        )
    return Asked(kind="name", name=text)
