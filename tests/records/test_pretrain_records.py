"""Asking a run for more, and a configuration made of parameters."""

from __future__ import annotations

import pytest

from workbench.records.jobs import IndexJob, PretrainJob
from workbench.records.params import build, config_of, describe
from workbench.records.pretraining import extend
from workbench.records.runs import RunFolder


def test_extend_changes_the_epochs_and_nothing_else(tmp_path) -> None:
    run = RunFolder.create(
        tmp_path, PretrainJob(index="i", method="mae", epochs=10), title="MAE", after=("a",)
    )
    run.add_provenance({"seed": 3})
    before = run.document()
    extend(run, 25)
    assert run.job() == PretrainJob(index="i", method="mae", epochs=25)
    assert run.document() == {**before, "config": {**before["config"], "epochs": 25}}


@pytest.mark.parametrize("epochs", [10, 3, 0])
def test_a_run_is_not_made_shorter(tmp_path, epochs) -> None:
    run = RunFolder.create(tmp_path, PretrainJob(index="i", method="mae", epochs=10))
    with pytest.raises(ValueError, match="planned for 10 epochs"):
        extend(run, epochs)
    assert run.job().epochs == 10


def test_what_the_job_does_not_take_leaves_the_file_as_it_was(tmp_path) -> None:
    run = RunFolder.create(tmp_path, PretrainJob(index="i", method="mae"))
    before = (run.path / "run.json").read_bytes()
    with pytest.raises(ValueError, match="epochs must be between"):
        extend(run, 10**9)
    assert (run.path / "run.json").read_bytes() == before
    other = RunFolder.create(tmp_path, IndexJob(folders=("a",)))
    with pytest.raises(ValueError, match="no pretraining run"):
        extend(other, 200)


def test_a_configuration_of_parameters_is_what_they_describe() -> None:
    params = describe(PretrainJob)
    made = config_of("again", params)
    assert set(describe(made)) == set(params)
    assert build(made, {"index": "i", "method": "mae"}).epochs == 100
    with pytest.raises(ValueError, match="epochs must be between 1"):
        build(made, {"index": "i", "method": "mae", "epochs": 0})
    with pytest.raises(ValueError, match="needs index, method"):
        build(made, {})
