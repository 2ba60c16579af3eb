"""What a job about a pretraining is asked: a file with the values that the pretraining would be given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.records.params import build
from workbench.records.pretrain_job import PretrainJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    values: dict[str, Any]
    ask: int = 0  # number of the request
    draw: int | None = None  # number of the draw, where one is asked for

    @classmethod
    def read(cls, path: Path) -> Asked:
        """Of {"ask": number, "draw": number, "config": values}. Raises ValueError where that can't be read."""
        try:
            body = json.loads(path.read_text("utf-8"))
            draw = body.get("draw")
            return cls(
                values=dict(body["config"]),
                ask=int(body.get("ask", 0)),
                draw=None if draw is None else int(draw),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} does not hold the values of a pretraining ({error}). Ask again."
            ) from None

    def job(self) -> PretrainJob:
        """Raises ValueError for values that no pretraining can have."""
        return build(PretrainJob, self.values)
