"""The settings of a method: the arguments of its loss, with lightly's defaults, and those of what stands around."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, NamedTuple

from torch import nn

from workbench.engine.api import param


class Told(NamedTuple):
    """What a form needs of an argument besides its default, which lightly knows."""

    help: str
    minimum: float | None = None
    maximum: float | None = None
    advanced: bool = False


def settings(loss: type[nn.Module], told: dict[str, Told], **own: Any) -> type:
    """A frozen dataclass: the arguments of `loss` that are `told`, then the fields `own`, made by `param(...)`.

    Its `of_loss` names the former. Raises KeyError for an argument that this version of lightly doesn't have.
    """
    known = inspect.signature(loss).parameters
    made: list[tuple[str, type, Any]] = []
    for name, words in told.items():
        default = known[name].default
        if known[name].annotation in (float, "float"):
            default = float(default)
        made.append((name, type(default), param(default, **words._asdict())))
    made += [(name, type(value.default), value) for name, value in own.items()]
    config: type = dataclasses.make_dataclass(
        "Config", made, frozen=True, slots=True, kw_only=True, namespace={"of_loss": tuple(told)}
    )
    return config


def hidden(default: int = 2048) -> Any:
    return param(
        default,
        help="Width of the inner layers behind the backbone.",
        minimum=16,
        maximum=65_536,
        advanced=True,
    )


def output(default: int) -> Any:
    return param(
        default, help="Width of the vectors that the loss compares.", minimum=8, maximum=65_536, advanced=True
    )


def momentum(default: float) -> Any:
    return param(
        default,
        help="How much of itself the slowly moving copy keeps at each step at first; it rises to 1.",
        minimum=0,
        maximum=1,
    )


def hidden_share(default: float, what: str = "it isn't shown") -> Any:
    return param(default, help=f"Share of a view's patches that {what}.", minimum=0.05, maximum=0.9)
