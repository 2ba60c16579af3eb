"""The sample project, from nothing to a comparison, by the same session, workers and views as a user's.

Without a display it ends by itself: the table is printed, and embeddings, results and a picture of
every view are left in the folder.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

from workbench.records.asked import BUDGETS
from workbench.records.evidence import Target
from workbench.records.files import write_text
from workbench.records.project import Project
from workbench.records.results import EvaluationResult
from workbench.records.tables import as_text
from workbench.records.text import printable

BACKBONES = ("efficientnet_lite0", "random_vit", "histogram")
BASELINE = "histogram"
THRESHOLD = 0.9  # macro-F1 that is good enough for the sample
SIZES = ((1280, 800), (2560, 1440))
LIMIT_SECONDS = 1800


def run_demo(out: Path, *, headless: bool, labelled: int = 600, unlabelled: int = 3000) -> int:
    """Build, compare and show the sample project in `out`. Returns the exit code.

    A demo that is complete already is shown at once.
    """
    out = out.absolute()
    recipe = {"version": metadata.version("ssl-workbench"), "labelled": labelled, "unlabelled": unlabelled}
    if headless and _is_complete(out, recipe):
        print(_table(Project.open(out / "project"), out))
        return 0
    if headless:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"

    from workbench.gui import app as gui

    app = gui.application()
    session, window = gui.build_window()
    demo = _Demo(session, window, out, labelled, unlabelled, headless)
    window.resize(*SIZES[0])
    window.show()
    demo.begin()
    code = gui.run(app, session)
    if headless and not code:
        write_text(out / "demo.json", json.dumps(recipe))
        print(_table(Project.open(out / "project"), out))
    return code


def has_display() -> bool:
    """Whether a window could be shown."""
    return sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


class _Demo:
    """The steps, each started by what the one before it left."""

    def __init__(self, session, window, out: Path, labelled: int, unlabelled: int, headless: bool) -> None:  # type: ignore[no-untyped-def]
        from PySide6.QtCore import QTimer

        self.session, self.window, self.out = session, window, out
        self.counts = (labelled, unlabelled)
        self.headless = headless
        self.asked = False
        self._limit = QTimer(singleShot=True, interval=LIMIT_SECONDS * 1000)
        if headless:
            self._limit.timeout.connect(lambda: self._fail("The demo took too long."))
            self._limit.start()
            session.message.connect(self._say)
        session.dataset_changed.connect(self._compare)
        session.jobs_changed.connect(self._watch)
        session.result_changed.connect(self._finish)

    def begin(self) -> None:
        folder = self.out / "project"
        if (folder / "project.json").exists():
            self.session.open_project(folder)
        else:
            self.session.create_project(folder, "Sample: rolled steel")
        if not self.session.settings.index:
            for backbone in BACKBONES:
                self.session.choose(backbone)
            self.session.set_budgets(BUDGETS)
            self.session.decisions.say(target=Target(threshold=THRESHOLD), everyday=False)
            self.session.dataset.draw_sample(
                self.out / "images", labelled=self.counts[0], unlabelled=self.counts[1]
            )

    def _compare(self) -> None:
        """Once the labelled images are there: compare, unless that was done."""
        session = self.session
        if self.asked or session.settings.result or session.index is None or session.split is None:
            return
        if self.headless and session.pool_index is None:
            return
        self.asked = True
        session.run_comparison()

    def _watch(self) -> None:
        if not self.headless:
            return
        for job in self.session.jobs:
            if job.status.state == "failed":
                self._fail(f"{job.title}: {job.status.error}\n{self.session.log(job.id)}")

    def _finish(self) -> None:
        session = self.session
        if session.result is None:
            return
        if not session.baseline:
            floor = next((m.name for m in session.result.models if m.backbone == BASELINE), "")
            session.pin_baseline(floor)
        if self.headless:
            from workbench.gui.pictures import save_pictures

            _leave_files(self.out, session.project, session.result)
            session.result_changed.disconnect(self._finish)
            save_pictures(
                self.window,
                self.out / "pictures",
                SIZES,
                self._end,
                busy=lambda: (
                    session.pretraining.previewer.waiting
                    or session.inspection.waiting
                    or session.decisions.deciding
                ),
            )

    def _end(self) -> None:
        from PySide6.QtWidgets import QApplication

        QApplication.exit(0)

    def _fail(self, sentence: str) -> None:
        from PySide6.QtWidgets import QApplication

        print(f"workbench: {printable(sentence)}", file=sys.stderr)
        QApplication.exit(1)

    def _say(self, severity: str, sentence: str) -> None:
        print(f"{severity}: {printable(sentence)}", file=sys.stderr)


def _leave_files(out: Path, project: Project, result: EvaluationResult) -> None:
    for model in result.models:
        source = project.run(project.settings.result).path / model.source
        shutil.copy2(source, out / f"{model.backbone}.h5ad")
    write_text(out / "comparison.json", json.dumps(result.public_json(), indent=1) + "\n")
    write_text(out / "comparison.txt", as_text(result, project.settings.baseline) + "\n")


def _is_complete(out: Path, recipe: dict[str, object]) -> bool:
    try:
        return bool(json.loads((out / "demo.json").read_text("utf-8")) == recipe)
    except (OSError, ValueError):
        return False


def _table(project: Project, out: Path) -> str:
    result = EvaluationResult.load(project.run(project.settings.result).path / "result.json")
    return f"{as_text(result, project.settings.baseline)}\n\nEmbeddings, results and pictures: {printable(str(out))}"
