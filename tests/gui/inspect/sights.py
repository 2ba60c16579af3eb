"""Answers of models that were never built: every array has its shape, and colours that tell where they come from."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.records.inspection import InspectJob, Sight


def sight(job: InspectJob, model: str, ask: int, *, side: int = 32, grid: int = 4, **more: Any) -> Sight:
    """What `model` might answer; its first head looks at patch 0 alone, the others everywhere alike."""
    number, depth, heads = len(job.images), 3, 2
    rng = np.random.default_rng(len(model))
    pictures = rng.integers(0, 256, (number, side, side, 3), dtype=np.uint8)
    made: dict[str, Any] = {
        "model": model,
        "title": model,
        "ask": ask,
        "reasons": ("",) * number,
        "grid": (grid, grid),
        "depth": depth,
        "heads": heads,
        "pictures": pictures,
        "seen": np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (number, 1)),
    }
    patches = grid * grid
    if job.show == "attention":
        attention = np.full((number, depth, heads, patches), 0.9 / patches, np.float16)
        attention[:, :, 0] = 0
        attention[:, :, 0, 0] = 0.9
        made |= {
            "attention": attention,
            "beside": np.full((number, depth, heads), 0.1, np.float32),
            "artefacts": np.zeros((number, grid, grid), bool),
        }
        if job.rollout:
            made["rollout"] = np.full((number, patches), 1 / patches, np.float32)
    elif job.show == "reconstruction":
        hidden = rng.random((number, grid, grid)) < job.mask_ratio
        hidden[:, 0, 0] = True
        errors = np.full((number, grid, grid), 5.0, np.float32) * (1 + np.arange(number))[:, None, None]
        made |= {
            "painted": 255 - pictures,
            "hidden": hidden,
            "errors": errors,
            "picture_errors": 5.0 * (1 + np.arange(number, dtype=np.float32)),
            "statistics": "pixels",
        }
    elif job.show == "patch-pca":
        made |= {
            "colours": rng.random((number, grid, grid, 3)).astype(np.float32),
            "foreground": np.ones((number, grid, grid), bool),
            "shares": np.array([0.5, 0.3, 0.1]),
        }
    elif job.show in ("likeness", "plugin"):
        made["values"] = rng.random((number, grid, grid)).astype(np.float32)
    else:
        made["groups"] = rng.integers(0, job.groups, (number, grid, grid))
    return Sight(**{**made, **more})


def settle(qtbot, page) -> None:
    """Wait until everything in sight is drawn."""
    page.grab()
    qtbot.waitUntil(lambda: page.look.composer.idle and not page.board.choosing)
    page.grab()
