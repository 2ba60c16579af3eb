"""A public interface as lines of text, to be held against what was published."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from workbench.records.plugins import API


def told(module: ModuleType, names_only: Sequence[str] = ()) -> str:
    """A line for each public name, for each method and each field of it."""
    lines = [f"api {'.'.join(map(str, API))}"]
    for name in sorted(module.__all__):
        lines += [name] if name in names_only else _lines(name, getattr(module, name))
    return re.sub(r" at 0x[0-9a-f]+", "", "\n".join(lines)) + "\n"


def _lines(name: str, thing: Any) -> list[str]:
    if not callable(thing):
        return [name]
    if not isinstance(thing, type):
        return [f"{name}{inspect.signature(thing)}"]
    if dataclasses.is_dataclass(thing):
        fields = [f"{name}.{field.name}: {field.type}" for field in dataclasses.fields(thing)]
    else:
        fields = [f"{name}{inspect.signature(thing.__init__)}"]
        fields += [f"{name}.{key}: {kind}" for key, kind in inspect.get_annotations(thing).items()]
    functions = []
    for key, value in vars(thing).items():
        if key.startswith("_"):
            continue
        if isinstance(value, property):
            functions.append(f"{name}.{key} property")
        elif inspect.isfunction(value) or isinstance(value, classmethod | staticmethod):
            plain = value if inspect.isfunction(value) else value.__func__
            functions.append(f"{name}.{key}{inspect.signature(plain)}")
    return [*fields, *functions]
