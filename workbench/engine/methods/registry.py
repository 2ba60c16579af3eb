"""Which methods there are. A method is added by a line here, and is then tested, offered and documented like all."""

from __future__ import annotations

import importlib

from workbench.engine.methods.base import Method
from workbench.records.methods import MethodFacts

# In the order in which they are offered.
_PLACES = {
    "simclr": "workbench.engine.methods.simclr:SimCLR",
    "moco": "workbench.engine.methods.moco:MoCo",
    "byol": "workbench.engine.methods.byol:BYOL",
    "simsiam": "workbench.engine.methods.simsiam:SimSiam",
    "mae": "workbench.engine.methods.mae:MAE",
    "dino": "workbench.engine.methods.dino:DINO",
    "ibot": "workbench.engine.methods.ibot:IBOT",
}


def method_names() -> tuple[str, ...]:
    return tuple(_PLACES)


def method_class(name: str) -> type[Method]:
    """Raises ValueError for a name that no method has."""
    if name not in _PLACES:
        raise ValueError(f"There is no method {name!r}. Choose one of {', '.join(_PLACES)}.")
    module, _, attribute = _PLACES[name].partition(":")
    found: type[Method] = getattr(importlib.import_module(module), attribute)
    return found


def all_facts() -> list[MethodFacts]:
    return [method_class(name).facts() for name in _PLACES]
