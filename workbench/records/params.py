"""Parameters as data: one declaration makes the form, the command-line flag, the check and the help."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

_KEY = "workbench.param"
Config = TypeVar("Config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One field of a job's or a method's configuration, as a form or a command line needs it."""

    name: str
    type: str  # "int", "float", "bool", "str", "path", "list"
    label: str
    help: str  # one sentence
    default: Any
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False
    required: bool = False
    at_minimum: str = (
        ""  # what the smallest value stands for, where it is no number but a choice: "as published"
    )

    @property
    def default_word(self) -> str:
        """What the default stands for, where it is no number; else ""."""
        return self.at_minimum if self.default == self.minimum else ""


def param(
    default: Any = dataclasses.MISSING,
    *,
    help: str,
    label: str = "",
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    advanced: bool = False,
    path: bool = False,
    at_minimum: str = "",
) -> Any:
    """A dataclass field that carries what `describe` and `validate` need; see `Param`."""
    assert not at_minimum or minimum is not None
    facts = {
        "help": help,
        "label": label,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "advanced": advanced,
        "path": path,
        "at_minimum": at_minimum,
    }
    if default is dataclasses.MISSING:
        return field(metadata={_KEY: facts})
    if isinstance(default, list | tuple) and not default:
        return field(default_factory=type(default), metadata={_KEY: facts})
    return field(default=default, metadata={_KEY: facts})


def describe(config: type) -> tuple[Param, ...]:
    """The parameters of a configuration dataclass, in the order of their declaration."""
    hints = typing.get_type_hints(config)
    described = []
    for item in dataclasses.fields(config):
        facts = item.metadata.get(_KEY)
        if facts is None:
            continue
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if item.default_factory is not dataclasses.MISSING:
            default = item.default_factory()
        else:
            default = None if required else item.default
        described.append(
            Param(
                name=item.name,
                type="path"
                if facts["path"] and _plain(hints[item.name]) == "str"
                else _plain(hints[item.name]),
                label=facts["label"] or item.name.replace("_", " ").capitalize(),
                help=facts["help"],
                default=default,
                unit=facts["unit"],
                minimum=facts["minimum"],
                maximum=facts["maximum"],
                choices=facts["choices"],
                advanced=facts["advanced"],
                required=required,
                at_minimum=facts["at_minimum"],
            )
        )
    return tuple(described)


def config_of(name: str, params: Sequence[Param]) -> type:
    """A configuration dataclass that has these parameters: the inverse of `describe`, for a form or a check where the
    dataclass itself is out of reach."""
    types_of: dict[str, Any] = {"int": int, "float": float, "bool": bool, "list": tuple[str, ...]}
    made = []
    for item in sorted(params, key=lambda item: not item.required):
        default = item.default
        made_of = param(
            dataclasses.MISSING if item.required else tuple(default) if item.type == "list" else default,
            help=item.help,
            label=item.label,
            unit=item.unit,
            minimum=item.minimum,
            maximum=item.maximum,
            choices=item.choices,
            advanced=item.advanced,
            path=item.type == "path",
            at_minimum=item.at_minimum,
        )
        made.append((item.name, types_of.get(item.type, str), made_of))
    return dataclasses.make_dataclass(name, made, frozen=True, slots=True, kw_only=True)


def validate(config: Any) -> None:
    """Check types, ranges and choices.

    Raises:
        ValueError: one sentence that names the parameter, what it was and what it may be.
    """
    for item in describe(type(config)):
        value = getattr(config, item.name)
        name = item.name.replace("_", "-")
        if value is None:
            continue
        if item.type in ("int", "float"):
            wrong = isinstance(value, bool) or not isinstance(
                value, int if item.type == "int" else (int, float)
            )
            if wrong:
                raise ValueError(f"{name} must be a number, not {value!r}.")
            low, high = item.minimum, item.maximum
            if (low is not None and value < low) or (high is not None and value > high):
                bounds = f"at least {low:g}" if high is None else f"between {low or 0:g} and {high:g}"
                raise ValueError(f"{name} must be {bounds}, not {value}.")
        if item.required and item.type in ("str", "path") and not value:
            raise ValueError(f"{name} is missing: {item.help}")
        if item.choices and value not in item.choices:
            raise ValueError(f"{name} must be one of {', '.join(item.choices)}, not {value!r}.")


def build(config: type[Config], values: Mapping[str, Any]) -> Config:
    """A validated configuration from plain values.

    Raises:
        ValueError: a name that `config` doesn't have, one that is missing, or a value out of range.
    """
    known = {item.name for item in describe(config)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{config.__name__} has no parameter {', '.join(unknown)}.")
    missing = sorted(item.name for item in describe(config) if item.required and item.name not in values)
    if missing:
        raise ValueError(f"{config.__name__} needs {', '.join(missing)}.")
    made = config(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
    validate(made)
    return made


def _plain(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [argument for argument in typing.get_args(hint) if argument is not type(None)]
        return _plain(inner[0])
    if origin in (tuple, list):
        return "list"
    names: dict[Any, str] = {int: "int", float: "float", bool: "bool", str: "str"}
    return names.get(origin or hint, "str")
