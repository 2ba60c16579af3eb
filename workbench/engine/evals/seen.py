"""Test images that a backbone had learnt from, without their labels, before it was tested: told of every model.

No label was seen, so the comparison stays one; but the features have been fitted to these very pictures, and those of
the next batch will not have been. The comparison's own protocol can't mend that, so it is said.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.engine.evals.inputs import ModelFeatures
from workbench.records.results import SEEN, Finding
from workbench.records.text import count, printable

UNSEEN = "unseen in pretraining"


def of_pretraining(
    models: Sequence[ModelFeatures], parts: Sequence[np.ndarray], copies: Sequence[str] = ()
) -> list[Finding]:
    """A finding for every model whose backbone was pretrained here.

    Args:
        parts: per seed (N,) 0 train, 1 validation, 2 test, -1 unused.
        copies: (N,) name of the set of copies that each item is in, "" for none; a copy of what was learnt from
            counts as learnt from. Empty where none were looked for.
    """
    found = []
    for model in models:
        if model.provenance.get("pretrained"):
            found.append(of_model(printable(model.name), model.pretrained, parts, copies))
    return found


def of_model(
    name: str, learnt: np.ndarray | None, parts: Sequence[np.ndarray], copies: Sequence[str]
) -> Finding:
    """The finding of one backbone that was pretrained here; the rest as `of_pretraining` takes it.

    Args:
        learnt: (N,) bool; None where it isn't known.
    """
    tested = np.any([part == 2 for part in parts], axis=0)
    over = "" if len(parts) == 1 else f" over {count(len(parts), 'split')}"
    if learnt is None:
        return Finding(
            name=SEEN,
            severity="warn",
            advice=f"{name} was pretrained here, and its file doesn't say on which images: whether test images were "
            "among them can't be told. Embed again with the backbone's whole folder, pool.npz included, and compare "
            "the .h5ad files.",
        )
    seen = learnt | _copies_of(learnt, copies)
    number, total = int((seen & tested).sum()), int(tested.sum())
    if not number:
        return Finding(
            name=UNSEEN,
            severity="info",
            advice=f"{name} was pretrained on images of which none was tested, neither itself nor as a copy: "
            f"not one of {count(total, 'test image')}{over}.",
        )
    as_copies = int((seen & ~learnt & tested).sum())
    among = f", {as_copies:,} of them as copies" if as_copies else ""
    return Finding(
        name=SEEN,
        severity="warn",
        advice=f"{name} had learnt, without labels, from {number:,} of {count(total, 'test image')}{over}{among}. "
        "Its features are fitted to these very pictures, so its scores may be higher than on new ones. Pretrain on "
        "unlabelled images alone, or give the data set one official split and pretrain on its training part.",
    )


def _copies_of(learnt: np.ndarray, copies: Sequence[str]) -> np.ndarray:
    """(N,) bool: whether an item is in one set of copies with one that was learnt from."""
    sets = {name for name, known in zip(copies, learnt.tolist(), strict=False) if name and known}
    if not sets:
        return np.zeros(len(learnt), dtype=bool)
    return np.asarray([name in sets for name in copies], dtype=bool)
