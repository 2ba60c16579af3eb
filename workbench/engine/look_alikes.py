"""After embedding: which images a model finds alike, kept beside the run and with the cached vectors."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from workbench.records.alike import Alike
from workbench.records.embeddings import Embeddings

NAME = "alike.npz"
WORK = {"cpu": 4e12, "cuda": 4e15}  # multiplications that the search may take: half a minute or so


def find_look_alikes(
    embeddings: Embeddings,
    folder: Path,
    cache: Path,
    device: str,
    on_progress: Callable[[int, int], None],
) -> bool:
    """Write the look-alikes among `embeddings` to `folder`; False where there are too many images to compare.

    Args:
        cache: folder of the cached vectors, where the answer for the same images is kept too.
        device: "cpu", "cuda", "cuda:1" or "mps".
    """
    rows, width = embeddings.X.shape
    if float(rows) ** 2 * width > WORK.get(device.partition(":")[0], WORK["cpu"]):
        return False
    state = hashlib.blake2b("\n".join(embeddings.ids).encode(), digest_size=8)
    state.update(str(embeddings.provenance.get("fingerprint", "")).encode())
    kept = cache / f"alike-{state.hexdigest()}.npz"
    if not kept.exists():
        # Here, because torch takes seconds and what is cached needs none.
        from workbench.engine.evals.alike import NEIGHBOURS, THRESHOLD, alike

        pairs, cosine = alike(embeddings.X, device=device, on_progress=on_progress)
        Alike.of(
            embeddings.ids,
            pairs,
            cosine,
            fingerprint=str(embeddings.provenance.get("fingerprint", "")),
            threshold=THRESHOLD,
            neighbours=NEIGHBOURS,
        ).save(kept)
    shutil.copyfile(kept, folder / NAME)
    return True
