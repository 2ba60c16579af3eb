"""What another way to look at a model's patches is: one number a patch, laid over the picture as a map."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from workbench.engine.registries import Registry
from workbench.records.text import printable


class Inspection(ABC):
    """Base of every inspection that a plugin brings. Subclasses set the class variables and implement `values`.

    It looks; it doesn't judge: a map shows where something is, not whether a model separates classes.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]  # one sentence: what is light

    @abstractmethod
    def values(self, tokens: np.ndarray, pictures: np.ndarray) -> np.ndarray:
        """One number a patch, light where it is large, on one scale for all pictures.

        Args:
            tokens: (G, h, w, D) float32, the patches of G pictures at the layer that is looked at.
            pictures: (G, S, S, 3) uint8, as the model sees them.

        Returns:
            (G, h, w) finite numbers. Must be the same for the same patches.
        """


INSPECTIONS: Registry[type[Inspection]] = Registry("inspections", {})


def looked(name: str, tokens: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """(G, h, w) float32 of the inspection `name`. Arguments as `Inspection.values`.

    Raises:
        ValueError: no plugin brings it, its plugin can't be used, or it gives something else.
    """
    found = np.asarray(INSPECTIONS.get(name)().values(tokens.copy(), pictures.copy()))
    if found.shape != tokens.shape[:3] or found.dtype.kind not in "fiu" or not np.isfinite(found).all():
        raise ValueError(
            f"The inspection {printable(name)} must give a finite number for each of {tokens.shape[:3]} patches; it "
            f"gave {found.dtype} of shape {found.shape}."
        )
    return found.astype(np.float32)
