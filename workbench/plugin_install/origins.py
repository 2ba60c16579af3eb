"""Where plugins came from: what was asked for when they were installed."""

from __future__ import annotations

import contextlib
import json
import time
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from workbench.plugins import plugin_home
from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.plugins import Found
from workbench.records.text import printable

VERSION = 1


def remember_origin(name: str, what: str) -> None:
    """Of a distribution, or of a single file's plugin; "" forgets it."""
    known = _known()
    known.pop(name, None)
    if what:
        known[name] = {"what": what, "when": time.strftime("%Y-%m-%d")}
    with contextlib.suppress(OSError):  # it is only a convenience
        write_document(_file(), "plugin-origins", VERSION, {"origins": known})


def origin_of(found: Found) -> str:
    """A sentence without a full stop."""
    told = _known().get(found.distribution or found.name)
    if isinstance(told, dict) and isinstance(told.get("what"), str):
        return f"Installed from {printable(told['what'])} on {printable(str(told.get('when', '')))}"
    if found.origin == "file":
        return "A single file in the plugin folder"
    try:
        body: Any = json.loads(metadata.distribution(found.distribution).read_text("direct_url.json") or "{}")
        path = unquote(urlparse(str(body.get("url", ""))).path)
        editable = bool(body.get("dir_info", {}).get("editable"))
    except (metadata.PackageNotFoundError, ValueError, AttributeError):
        return "Installed outside of this program"
    if path and editable:
        return f"Runs from {printable(path)}: what is changed there counts at once"
    return f"Installed by pip from {printable(path)}" if path else "Installed by pip"


def _known() -> dict[str, Any]:
    try:
        found = read_document(_file(), "plugin-origins", VERSION).get("origins")
    except DocumentError:
        return {}
    return found if isinstance(found, dict) else {}


def _file() -> Path:
    return plugin_home() / "_origins.json"  # no plugin has such a name
