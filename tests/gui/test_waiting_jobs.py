"""Jobs that wait for others: none waits for ever for what failed and is out of sight, or was discarded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.gui.compare.run_command import why_it_waits, why_not_run
from workbench.gui.jobs import Jobs
from workbench.records.jobs import EmbedJob, EvaluateJob
from workbench.records.project import Project
from workbench.records.runs import RunFolder, Status
from workbench.supervisor import JobState


class Made:
    """A list of jobs whose supervisor only writes down what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.jobs = Jobs()
        self.project = Project.create(folder)
        self.jobs.open(self.project)
        self.asked: list[tuple[str, str]] = []
        self.submitted: list[str] = []
        self.known: list[JobState] = []
        self.jobs._bridge.supervisor.close()
        self.jobs._bridge.supervisor = SimpleNamespace(  # type: ignore[assignment]
            states=lambda: tuple(self.known),
            stop=lambda run_id: self.asked.append(("stop", run_id)),
            retry=lambda run_id: self.asked.append(("retry", run_id)),
            discard=lambda run_id: self.asked.append(("discard", run_id)),
            close=lambda: None,
        )
        self.jobs._bridge.submit = lambda run: self.submitted.append(run.id)  # type: ignore[method-assign]
        run = self.project.new_run(EmbedJob(index="i", backbone="random_vit"), title="Embed a")
        wait = self.project.new_run(EvaluateJob(files=("f",)), title="Compare", after=(run.id,))
        self.embed, self.compare = run.id, wait.id

    def tell(self, run_id: str, state: str, **more: object) -> None:
        run = self.project.run(run_id)
        document = run.document()
        status = Status(state=state)  # type: ignore[arg-type]
        run.write_status(status)
        told = JobState(id=run_id, kind=document["kind"], title=document["title"], status=status, **more)  # type: ignore[arg-type]
        self.known = [job for job in self.known if job.id != run_id] + [told]
        self.jobs._on_changed(told)


@pytest.fixture
def made(qtbot, tmp_path: Path) -> Iterator[Made]:  # type: ignore[no-untyped-def]
    jobs = Made(tmp_path / "project")
    jobs.tell(jobs.embed, "failed")
    jobs.tell(jobs.compare, "queued", waits_for="Embed a")
    yield jobs
    jobs.jobs.close()


def nothing(_: RunFolder) -> None:
    return None


def test_what_waits_for_a_job_sent_out_of_sight_is_stopped(made: Made) -> None:
    made.jobs.dismiss(made.embed)
    assert made.asked == [("stop", made.compare)]


def test_what_waits_for_a_discarded_job_is_stopped_and_says_why_it_cannot_be_retried(made: Made) -> None:
    made.tell(made.embed, "discarded")
    assert made.asked == [("stop", made.compare)]
    made.tell(made.compare, "stopped")
    with pytest.raises(ValueError, match="was discarded"):
        made.jobs.retry(made.compare, nothing)
    made.jobs.undo_discard()
    made.jobs.retry(made.compare, nothing)
    assert ("retry", made.compare) in made.asked


def test_a_retry_begins_with_what_is_needed(made: Made) -> None:
    made.jobs.dismiss(made.embed)
    made.tell(made.compare, "stopped")
    made.asked.clear()
    made.jobs.retry(made.compare, nothing)
    assert made.asked == [("retry", made.embed), ("retry", made.compare)]


@pytest.mark.parametrize("which", ["embed", "compare"])
def test_work_of_last_time_is_taken_up_whole_whichever_is_retried(made: Made, which: str) -> None:
    made.tell(made.compare, "stopped")
    made.known = []  # another start of the program: its supervisor knows none
    made.jobs.retry(getattr(made, which), nothing)
    assert made.submitted == [made.embed, made.compare]


def test_a_comparison_that_waits_for_a_failed_job_says_so(made: Made) -> None:
    session = SimpleNamespace(jobs=made.jobs.all(), why_not_compare=lambda: "")
    reason = why_not_run(session)  # type: ignore[arg-type]
    assert "waits for “Embed a”, which failed" in reason
    made.tell(made.embed, "running")
    session.jobs = made.jobs.all()
    assert "running already" in why_not_run(session)  # type: ignore[arg-type]
    assert why_it_waits(session, made.jobs.all()[-1]) == ""  # type: ignore[arg-type]
