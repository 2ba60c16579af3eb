"""Which methods there are. One is added by a line here, or by a plugin, and is then offered and documented alike."""

from __future__ import annotations

from workbench.engine.methods.base import Method
from workbench.engine.registries import Registry
from workbench.records.methods import MethodFacts

# In the order in which they are offered; no plugin may take these names (records.methods.BUILT_IN).
METHODS: Registry[type[Method]] = Registry(
    "methods",
    {
        "simclr": "workbench.engine.methods.simclr:SimCLR",
        "moco": "workbench.engine.methods.moco:MoCo",
        "byol": "workbench.engine.methods.byol:BYOL",
        "simsiam": "workbench.engine.methods.simsiam:SimSiam",
        "mae": "workbench.engine.methods.mae:MAE",
        "dino": "workbench.engine.methods.dino:DINO",
        "ibot": "workbench.engine.methods.ibot:IBOT",
    },
)


def method_names() -> tuple[str, ...]:
    """Of the program's own methods."""
    return METHODS.built_in()


def method_class(name: str) -> type[Method]:
    """Raises ValueError for a name that no method has, or whose plugin can't be used."""
    return METHODS.get(name)


def all_facts() -> list[MethodFacts]:
    """Of the program's own methods; those of plugins are asked for in processes of their own."""
    return [method_class(name).facts() for name in method_names()]
