"""Plugins that answer in processes of their own: what a job keeps and says when one fails, hangs or is stopped."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from tests.engine import test_plugged
from tests.engine.pretrain.made import new_run
from tests.engine.test_plugged import CODE, embedded
from workbench import plugins
from workbench.engine import plugins as loading
from workbench.engine.control import StopRequested
from workbench.engine.jobs import evaluate, inspect
from workbench.records.inspection import InspectJob, Sight, sight_file
from workbench.records.jobs import EvaluateJob
from workbench.records.results import EvaluationResult, Predictions

lab = test_plugged.lab  # its fixture


@pytest.mark.usefixtures("warm_workers")
def test_an_evaluation_that_fails_takes_no_other_number_with_it(
    lab: Path, picture_folder: Path, tmp_path: Path
) -> None:
    lab.write_text(
        CODE.replace(
            "        means = np.stack", "        1 / (self.config.power - 1)\n        means = np.stack"
        )
    )
    file = embedded(picture_folder, tmp_path, "histogram")
    asked = ("lab_means:power=1", "lab_means")
    job = EvaluateJob(files=(str(file),), seeds=2, strengths=2, device="cpu", evaluation=asked)
    run, control = new_run(job, tmp_path / "runs", "compared")
    evaluate.run(job, run, control)
    result = EvaluationResult.load(run.path / "result.json")
    [failed, sound] = result.extra
    assert result.models[0].probe and sound.evaluation == "lab_means" and sound.score and not sound.error
    assert failed.score is None and failed.error.startswith("The plugin lab failed: ZeroDivisionError")
    [told] = [found.advice for found in result.findings if found.name == "evaluation failed"]
    assert told.startswith(f"lab_means:power=1 of the plugin lab 2.1 failed for 1 model: {failed.error}")
    [model] = result.public_json()["models"]
    assert [one["error"] for one in model["evaluations"]] == [failed.error, ""]
    assert loading.versions() == {"lab": "2.1"} and "workbench_plugin_lab" not in sys.modules


@pytest.mark.usefixtures("warm_workers")
def test_what_the_program_computes_itself_is_there_before_a_plugin_answers(
    lab: Path, picture_folder: Path, tmp_path: Path
) -> None:
    lab.write_text(
        CODE.replace(
            "        means = np.stack", "        import time; time.sleep(600)\n        means = np.stack"
        )
    )
    file = embedded(picture_folder, tmp_path, "histogram")
    job = EvaluateJob(files=(str(file),), seeds=1, strengths=2, device="cpu", evaluation=("lab_means",))
    run, control = new_run(job, tmp_path / "runs", "compared")

    def stop_then() -> None:
        while not list(run.path.glob("apart/ask-*.npz")):
            time.sleep(0.05)
        control.command("stop")

    stopping = threading.Thread(target=stop_then)
    stopping.start()
    with pytest.raises(StopRequested):
        evaluate.run(job, run, control)
    stopping.join()
    result = EvaluationResult.load(run.path / "result.json")
    assert result.models[0].probe and not result.extra
    assert Predictions.load(run.path / result.predictions).models
    assert not (run.path / "apart").exists() and not list(plugins.plugin_home().glob("*.mark"))
    assert plugins.plugin("lab").state == "enabled"  # who is stopped has not crashed


@pytest.mark.usefixtures("warm_workers")
@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("os.abort()", "A worker that used the plugin lab ended by signal 6."),
        ("time.sleep(600)", "The plugin lab gave no answer within 1 s, and its process was ended."),
    ],
)
def test_an_inspection_that_ends_its_process_is_told_of_each_model_and_counted_once(
    act: str, told: str, lab: Path, picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write_text(
        CODE.replace("        assert pictures", f"        import os, time; {act}\n        assert pictures")
    )
    monkeypatch.setenv("WORKBENCH_ANSWER_SECONDS", "1")
    picture = str(next(picture_folder.rglob("*.png")))
    models = {"models": ("random_vit", "random_vit"), "images": (picture,), "image_size": 64, "device": "cpu"}
    job = InspectJob(show="plugin", inspection="lab_lengths", **models)
    run, control = new_run(job, tmp_path / "runs")
    assert inspect.run(job, run, control)["shown"] == 0
    for place in range(2):
        assert Sight.load(run.path / sight_file(place)).error == told
    one = plugins.plugin("lab")
    assert (one.state, one.error) == ("broken", told)
    assert not list(plugins.plugin_home().glob("*.mark")) and not (run.path / "apart").exists()
    other = InspectJob(show="segments", **models)
    run, control = new_run(other, tmp_path / "runs", "other")
    assert inspect.run(other, run, control)["shown"] == 2
