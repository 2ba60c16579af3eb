"""The `inspect` job: what each of some models sees in the same pictures, one sight-K.npz a model as it answers.

With `watch` it stays, models and pictures in memory, and answers whenever ask.json in its run folder changes. A newer
ask ends the answer to an older one at the next picture. What is asked wrongly is said in the sights.
"""

from __future__ import annotations

import json
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.engine.apart import Apart
from workbench.engine.control import Control, StopRequested
from workbench.engine.device import pick_device
from workbench.engine.inspect.looker import Looker
from workbench.engine.inspect.views import settled_on
from workbench.engine.watching import Check, Superseded, stamp_of, watch
from workbench.records.curation import Curation
from workbench.records.files import read_document
from workbench.records.inspection import InspectJob, Sight, sight_file
from workbench.records.params import build
from workbench.records.project import CURATION_VERSION
from workbench.records.runs import ASK, RunFolder
from workbench.records.spec import Reading
from workbench.records.text import printable


def run(job: InspectJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError, where it doesn't watch, for what can't be asked of any model."""
    with Apart(run.path / "apart") as apart:
        answerer = _Answerer(run, control, apart)
        if not job.watch:
            _check(job)
            run.add_provenance({"seeds": {"looking": job.seed}, "device": pick_device(job.device)})
            shown = answerer.answer(job, 0)
            return {"sights": [sight_file(place) for place in range(len(job.models))], "shown": shown}
        path = run.path / ASK
        answered = 0
        if stamp_of(path) is None and job.models:
            answerer.answer(job, 0)
            answered = 1
        return {"answered": answered + watch(path, control, lambda check: _answer(path, answerer, check))}


def _answer(path: Path, answerer: _Answerer, give_up: Check) -> None:
    number = 0
    models: list[str] = []
    try:
        body = json.loads(path.read_text("utf-8"))
        number, values = int(body.get("ask", 0)), dict(body["config"])
        models = [str(model) for model in values.get("models", ())]
        job = build(InspectJob, values)
        _check(job)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sentence = (
            str(error)
            if isinstance(error, ValueError) and models
            else f"What is asked can't be read ({error}). Ask again."
        )
        for place, model in enumerate(models or [""]):
            Sight(model=model, ask=number, error=sentence).save(answerer.run.path / sight_file(place))
        return
    answerer.answer(job, number, give_up)


def _check(job: InspectJob) -> None:
    """Raises ValueError for what no model can answer."""
    if not job.models:
        raise ValueError("Choose a model to look into.")
    if not job.images:
        raise ValueError("There is no picture to look at. Choose at least one.")
    if job.pages and len(job.pages) != len(job.images):
        raise ValueError(f"There are {len(job.images)} pictures and {len(job.pages)} pages.")
    job.place()
    job.drawn_boxes()


class _Answerer:
    """Keeps what answers have in common from one ask to the next."""

    def __init__(self, run: RunFolder, control: Control, apart: Apart) -> None:
        self.run, self._control, self._apart = run, control, apart
        self._looker: Looker | None = None

    def answer(self, job: InspectJob, number: int, give_up: Check = lambda: None) -> int:
        """Write a sight for each model. Returns how many can be shown.

        Raises:
            StopRequested, and what `give_up` raises: between two parts of the work.
        """
        shown, total = 0, len(job.models)
        failed: Exception | None = None
        looker = reading = None
        try:
            looker, reading = self._looker_on(job.device), _reading(job)
        except (ValueError, OSError) as error:
            failed = error

        def check() -> None:
            self._control.checkpoint()
            give_up()

        self._apart.check = check
        self._apart.forgive()
        for place, model in enumerate(job.models):
            check()
            self._control.progress(place, total, unit="models", detail=f"Looking with {printable(model)}")
            if looker is None or reading is None:
                sight = Sight(model=model, error=str(failed))
            else:
                looker.check = check
                sight = _sight(looker, job, model, reading)
            replace(sight, ask=number).save(self.run.path / sight_file(place))
            shown += not sight.error
        self._drop_from(total)
        self._control.progress(total, total, unit="models", detail="Looked")
        return shown

    def _looker_on(self, wanted: str) -> Looker:
        device = pick_device(wanted)
        if self._looker is None or self._looker.device != device:
            self._looker = Looker(device, self._apart)
        return self._looker

    def _drop_from(self, place: int) -> None:
        """Sights of models that an earlier ask named, and this one doesn't."""
        while (path := self.run.path / sight_file(place)).exists():
            path.unlink()
            place += 1


def _sight(looker: Looker, job: InspectJob, model: str, reading: Reading) -> Sight:
    """One model's answer; one that can't answer says so and stops no other."""
    try:
        return looker.look(job, model, reading)
    except (StopRequested, Superseded):
        raise
    except ValueError as error:
        return Sight(model=model, error=str(error))
    except Exception as error:  # a library's error on files that nobody vouches for
        traceback.print_exc()
        return Sight(
            model=model,
            error=f"{printable(model)} can't be looked into ({type(error).__name__}: {printable(str(error))}). "
            "Fetch it again, or choose another.",
        )


def _reading(job: InspectJob) -> Reading:
    """As the curation says, with the number of channels of these pictures."""
    decided = Reading()
    if job.curation:
        body = read_document(Path(job.curation), "curation", CURATION_VERSION)
        decided = Curation.from_json(body).reading
    return settled_on(decided, job.images, job.pages or (0,) * len(job.images))
