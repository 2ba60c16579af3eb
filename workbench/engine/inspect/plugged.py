"""What another way to look at a model's patches is: one number a patch, laid over the picture as a map."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from workbench.engine.apart import Apart
from workbench.engine.registries import Registry
from workbench.records.brought import InspectionFacts
from workbench.records.inspection import BUILT_IN
from workbench.records.methods import asked_by_name, parse_settings
from workbench.records.params import build, describe
from workbench.records.text import printable

SECONDS = 120.0  # that an inspection may take for the pictures of one model


@dataclass(frozen=True, slots=True)
class NothingToSet:
    """The configuration of what has no parameters."""


class Inspection(ABC):
    """Base of every inspection that a plugin brings. Subclasses set the class variables and implement `values`.

    It looks; it doesn't judge: a map shows where something is, not whether a model separates classes.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]  # one sentence: what is light
    Config: ClassVar[type] = NothingToSet  # a frozen dataclass of `param(...)` fields
    config: Any  # what was asked for, of type Config; there when `values` is called

    @abstractmethod
    def values(self, tokens: np.ndarray, pictures: np.ndarray) -> np.ndarray:
        """One number a patch, light where it is large, on one scale for all pictures.

        Args:
            tokens: (G, h, w, D) float32, the patches of G pictures at the layer that is looked at.
            pictures: (G, S, S, 3) uint8, as the model sees them.

        Returns:
            (G, h, w) finite numbers. Must be the same for the same patches.
        """

    @classmethod
    def facts(cls) -> InspectionFacts:
        return InspectionFacts(
            name=cls.name, title=cls.title, summary=cls.summary, params=describe(cls.Config)
        )


# The program's own are names here and no entries: they read the model itself (queries, keys, what a masked
# autoencoder paints) in the worker's process, and answer with arrays of many kinds (records.inspection.Sight), where
# a plugin gets patches and gives a number for each, in a process of its own. They are entries of
# records.inspection.SHOWN, by which the sweeps go.
INSPECTIONS: Registry[type[Inspection]] = Registry(
    "inspections", {}, {name: f"`workbench inspect {name}` shows it." for name in sorted(BUILT_IN)}
)


def looked(text: str, tokens: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """(G, h, w) float32 of an inspection, asked for as NAME or NAME:SETTING=VALUE,... and loaded into this process.
    Other arguments as `Inspection.values`.

    Raises:
        ValueError: no plugin brings it, its plugin can't be used, it has no such setting, or what `checked` raises.
    """
    name, settings = asked_by_name(text)
    kind = INSPECTIONS.get(name)
    made = kind()
    made.config = build(kind.Config, parse_settings(describe(kind.Config), settings))
    return checked(name, made.values(tokens.copy(), pictures.copy()), tokens.shape)


def looked_apart(apart: Apart, text: str, tokens: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """The same from the plugin's own process.

    Raises:
        ValueError: no plugin brings it; or, whatever the plugin does, a sentence about that.
    """
    name, _ = asked_by_name(text)
    by = INSPECTIONS.bringer(name)
    assert by is not None
    arrays = {"tokens": tokens, "pictures": pictures}
    return checked(name, apart.ask(by, "inspections", text, arrays, SECONDS), tokens.shape)


def checked(name: str, values: object, shape: tuple[int, ...]) -> np.ndarray:
    """(G, h, w) float32. Raises ValueError for what isn't a finite number for each patch of tokens of a `shape`."""
    found = np.asarray(values)
    if found.shape != shape[:3] or found.dtype.kind not in "fiu" or not np.isfinite(found).all():
        raise ValueError(
            f"The inspection {printable(name)} must give a finite number for each of {shape[:3]} patches; it "
            f"gave {found.dtype} of shape {found.shape}."
        )
    return found.astype(np.float32)
