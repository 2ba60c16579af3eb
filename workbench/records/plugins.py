"""What a plugin says of itself, read without importing any of it. Whoever wrote it is not trusted here.

A plugin is an installed package or a single file. A package names its functions in the entry-point groups
`workbench.engine` (called in workers only) and `workbench.views` (called in the window only), and carries its
manifest, `workbench_plugin.toml`, inside the package:

    name = "my_method"
    version = "0.1.0"
    api = "1.0"
    summary = "One sentence."
    needs = ["lightly"]          # other distributions; which versions is said in pyproject.toml

    [methods]
    my_method = "One sentence."

A single file has the same as a literal dictionary `PLUGIN`, and the functions `register` and `register_views`.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench.records.text import printable

API = (1, 1)  # raise the first number when a plugin must change, the second when something is added
MANIFEST = "workbench_plugin.toml"
LITERAL = "PLUGIN"
ENGINE_GROUP, VIEWS_GROUP = "workbench.engine", "workbench.views"
ENGINE_KINDS = ("methods", "backbones", "evaluations", "inspections")
KINDS = (*ENGINE_KINDS, "views")
ONE = {kind: kind[:-1] for kind in KINDS}  # "methods" -> "method"
TOLD_KINDS = ("methods", "backbones", "evaluations", "views")  # of `workbench plugins --json`

LARGEST_MANIFEST = 64 << 10  # bytes
LARGEST_FILE = 1 << 20  # bytes, of a single file
MOST = 200  # things that one plugin provides
LONGEST = 300  # characters of a sentence
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]{0,39}")
_NEED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_FIELDS = frozenset({"name", "version", "api", "summary", "needs", *KINDS})

State = Literal["enabled", "off", "broken", "incompatible"]


class PluginError(ValueError):
    """A plugin that can't be used; the message is a sentence for whoever installed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`provides`: of each of KINDS the names, each with a sentence."""

    name: str
    version: str
    api: tuple[int, int]
    summary: str = ""
    needs: tuple[str, ...] = ()
    provides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def names(self, kind: str) -> tuple[str, ...]:
        return tuple(self.provides.get(kind, ()))

    @property
    def for_engine(self) -> bool:
        return any(self.names(kind) for kind in ENGINE_KINDS)

    @property
    def for_views(self) -> bool:
        return bool(self.names("views"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A plugin that is there, before anybody asks whether it may be used.

    Attributes:
        name: of the manifest, or of the package or file where there is none that can be read.
        origin: "package" or "file".
        place: folder of the package, or the file.
        engine, views: what is called, "module:function"; "" where there is nothing. Of a single file the function.
        error: why it can't be used, in a sentence; "" where nothing is known against it.
        incompatible: whether that is because it was written for another version of the program.
        stamp: another one as soon as a file of it changes.
        distribution: what pip calls the package.
    """

    name: str
    origin: Literal["package", "file"]
    place: Path
    manifest: Manifest | None = None
    engine: str = ""
    views: str = ""
    error: str = ""
    incompatible: bool = False
    stamp: str = ""
    distribution: str = ""


def is_name(text: object) -> bool:
    """Whether it may name a plugin or something that one provides: letters, digits, "_" and "-" inside."""
    return isinstance(text, str) and len(text) <= 40 and _NAME.fullmatch(text) is not None


def read_manifest(path: Path) -> Manifest:
    """Of a `workbench_plugin.toml`. Raises PluginError."""
    text = _text(path, LARGEST_MANIFEST)
    try:
        body = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PluginError(
            f"{_shown(path)} is not TOML: {_cut(str(error) or 'it is nested too deep')}."
        ) from None
    return manifest_of(body, path)


def read_literal(path: Path) -> tuple[Manifest, frozenset[str]]:
    """Of a single file: its manifest, and the functions that stand at its top. Nothing of it runs.

    Raises:
        PluginError: no dictionary `PLUGIN` of literals, or not Python.
    """
    text = _text(path, LARGEST_FILE)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise PluginError(f"{_shown(path)} is not Python: {_cut(str(error) or 'too deep')}.") from None
    functions = frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not (isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name)):
            continue
        if target.id != LITERAL or node.value is None:
            continue
        try:
            body = ast.literal_eval(node.value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            raise PluginError(
                f"{LITERAL} in {_shown(path)} must be written out: only texts, numbers, lists and dictionaries."
            ) from None
        return manifest_of(body, path), functions
    raise PluginError(f"{_shown(path)} is no plugin: it has no dictionary {LITERAL} at its top.")


def manifest_of(body: Any, path: Path) -> Manifest:
    """Raises PluginError for what is missing, of a wrong type, too long or too much."""
    shown = _shown(path)
    if not isinstance(body, dict):
        raise PluginError(f"The manifest in {shown} must be a dictionary.")
    unknown = [key for key in body if key not in _FIELDS]
    if unknown:
        raise PluginError(
            f"The manifest in {shown} has an entry {_cut(str(unknown[0]), 40)!r} that nobody knows. "
            f"Known are {', '.join(sorted(_FIELDS))}."
        )
    name = body.get("name")
    if not is_name(name):
        raise PluginError(
            f"The manifest in {shown} needs a name of small letters, digits, _ and -, 40 at most; "
            f"not {_cut(repr(name), 60)}."
        )
    version = body.get("version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise PluginError(
            f'The manifest in {shown} needs a version such as "0.1.0"; not {_cut(repr(version), 60)}.'
        )
    needs = body.get("needs", [])
    if not isinstance(needs, list) or len(needs) > MOST or not all(_is_need(item) for item in needs):
        raise PluginError(
            f"needs in {shown} must list names of packages, without versions: those stand in pyproject.toml."
        )
    summary = body.get("summary", "")
    if not isinstance(summary, str):
        raise PluginError(f"summary in {shown} must be a sentence.")
    provides = {kind: _things(body.get(kind, {}), kind, shown) for kind in KINDS}
    if not any(provides.values()):
        raise PluginError(f"The manifest in {shown} provides nothing: it needs one of {', '.join(KINDS)}.")
    return Manifest(
        name=str(name),
        version=version,
        api=_api(body.get("api"), shown),
        summary=_cut(summary),
        needs=tuple(needs),
        provides=provides,
    )


def why_incompatible(api: tuple[int, int]) -> str:
    """A sentence where a plugin written for `api` can't be used by this program; else ""."""
    if api[0] == API[0] and api[1] <= API[1]:
        return ""
    wanted, here = (".".join(map(str, version)) for version in (api, API))
    mend = "Update the workbench." if api > API else "Ask its author for a newer version."
    return (
        f"It was written for version {wanted} of the plugins' interface, and this program has {here}. {mend}"
    )


def as_json(found: Found, state: State, error: str) -> dict[str, Any]:
    """One entry of `workbench plugins --json`; its keys are a contract."""
    manifest = found.manifest
    return {
        "name": printable(found.name),
        "version": manifest.version if manifest else "",
        "provides": {kind: list(manifest.names(kind)) if manifest else [] for kind in TOLD_KINDS},
        "state": state,
        "error": error,
    }


def _text(path: Path, largest: int) -> str:
    shown = _shown(path)
    try:
        if not path.is_file():  # a pipe would be waited for
            raise PluginError(f"{shown} is not a file.")
        with path.open("rb") as stream:
            data = stream.read(largest + 1)
    except OSError as error:
        raise PluginError(f"{shown} can't be read: {error.strerror}.") from None
    if len(data) > largest:
        raise PluginError(f"{shown} is too large: more than {largest >> 10} kB.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise PluginError(f"{shown} is not text (UTF-8).") from None


def _things(body: Any, kind: str, shown: str) -> dict[str, str]:
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise PluginError(f'{kind} in {shown} must be a table of names and sentences: NAME = "What it is.".')
    if len(body) > MOST:
        raise PluginError(f"{kind} in {shown} names more than {MOST} things.")
    wrong = [name for name in body if not is_name(name)]
    if wrong:
        raise PluginError(
            f"{kind} in {shown} has the name {_cut(repr(wrong[0]), 60)}. Take small letters, digits, _ and -."
        )
    return {name: _cut(sentence) for name, sentence in body.items()}


def _api(value: Any, shown: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})", value) if isinstance(value, str) else None
    if match is None:
        here = ".".join(map(str, API))
        raise PluginError(
            f'The manifest in {shown} needs the version of the interface that it was written for: api = "{here}".'
        )
    return int(match[1]), int(match[2])


def _is_need(item: Any) -> bool:
    return isinstance(item, str) and _NEED.fullmatch(item) is not None


def _cut(text: str, longest: int = LONGEST) -> str:
    """Printable, and no longer than a line or two."""
    text = printable(" ".join(text[: 4 * longest].split()))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _shown(path: Path) -> str:
    return printable(str(path))
