"""The worker that draws views, as the window asks for them.

ask.json            {"ask": number, "draw": number, "config": the pretraining job's values}
preview.npz         the answer, with the number that it answers
preview-error.json  {"ask": number, "error": a sentence}, where there is none
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from workbench.gui.ask_file import AskFile, Read
from workbench.gui.background import Background
from workbench.gui.jobs import Jobs
from workbench.records.pretrain_job import PreviewJob
from workbench.records.pretrain_plans import PREVIEW, PREVIEW_ERROR, Preview
from workbench.records.project import Project


class Previewer(AskFile):
    """`came` brings a `Preview`."""

    came = Signal(object)

    def __init__(
        self,
        jobs: Jobs,
        background: Background,
        project: Callable[[], Project],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(jobs, background, project, "preview", "Draw views", parent)

    def ask(self, config: Mapping[str, Any], draw: int = 0) -> None:
        """Draw the views of these values; `draw` is the number of the draw."""
        self._want({"draw": draw, "config": dict(config)})

    def _job(self, ask: Path) -> PreviewJob:
        return PreviewJob(pretrain=str(ask), watch=True)

    def _answers(self) -> Iterable[tuple[str, Read]]:
        return (PREVIEW, Preview.load), (PREVIEW_ERROR, _read_error)

    def _take(self, answer: Preview | tuple[int, str]) -> None:
        number = answer.ask if isinstance(answer, Preview) else answer[0]
        if number >= self._ask:
            self._settle()
        if isinstance(answer, Preview):
            self.came.emit(answer)
        elif number >= self._ask:
            self.failed.emit(answer[1])


def _read_error(path: Path) -> tuple[int, str]:
    """Raises ValueError for a file that is none."""
    body = json.loads(path.read_text("utf-8"))
    try:
        return int(body["ask"]), str(body["error"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no error ({error}).") from None
