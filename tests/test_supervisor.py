"""The two doors: supervisor and worker, with real processes."""

from __future__ import annotations

import functools
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import slow_worker
from workbench import headless
from workbench.plugins import plugin_home
from workbench.records import plugin_state
from workbench.records.jobs import DescribeJob, EmbedJob
from workbench.records.plugins import Found
from workbench.records.runs import RunFolder, Status
from workbench.supervisor import JobState, Supervisor, lane_of

SLOW = Path(__file__).with_name("slow_worker.py")


class Heard:
    """Every state that the supervisor told, with the time."""

    def __init__(self) -> None:
        self.states: list[tuple[float, JobState]] = []

    def __call__(self, state: JobState) -> None:
        self.states.append((time.monotonic(), state))

    def until(self, wanted: Callable[[JobState], bool], timeout: float = 60) -> tuple[float, JobState]:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for entry in list(self.states):
                if wanted(entry[1]):
                    return entry
            time.sleep(0.005)
        raise AssertionError(f"never heard; last: {self.states[-1:]}")


@pytest.fixture
def slow_python(tmp_path: Path) -> str:
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{SLOW}" "$@"\n')
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def supervisor(heard: Heard, slow_python: str) -> Iterator[Supervisor]:
    supervisor = Supervisor(heard, python=slow_python)
    yield supervisor
    supervisor.close()


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", DescribeJob(), title="Slow")


def fastest(supervisor: Supervisor, heard: Heard, run: RunFolder) -> tuple[float, float]:
    """Seconds until a pause is in sight, and until the worker has heard it: the best of some, for a machine that
    others work on too. The job stays paused."""
    best = (float("inf"), float("inf"))
    for turn in range(8):
        if turn:
            supervisor.resume(run.id)
            heard.until(lambda state: state.status.state == "running")
        heard.states.clear()
        asked = time.monotonic()
        supervisor.pause(run.id)
        seen, _ = heard.until(lambda state: state.status.state == "paused")
        acknowledged, _ = heard.until(lambda state: state.status.detail == "Paused")
        best = min(best[0], seen - asked), min(best[1], acknowledged - asked)
        if max(best) < 0.2:
            break
    return best


def retried(supervisor: Supervisor, heard: Heard, run: RunFolder) -> Status:
    """How it ends this time."""
    heard.states.clear()
    supervisor.retry(run.id)
    heard.until(lambda state: state.status.state == "queued")
    return supervisor.wait(run.id, 60)


def running_at(step: int) -> Callable[[JobState], bool]:
    return lambda state: state.status.state == "running" and state.status.done >= step


def test_a_job_runs_and_a_library_that_prints_messages_is_not_believed(
    supervisor: Supervisor, run: RunFolder
) -> None:
    supervisor.submit(run)
    status = supervisor.wait(run.id, 60)
    assert (status.state, status.result["steps"]) == ("done", 60)
    assert "a library prints to stdout" in run.log_tail()
    assert "forged" in run.log_tail()
    assert run.document()["provenance"]["versions"]["torch"]


def test_pause_and_resume_are_acknowledged_at_once_and_the_work_waits(
    supervisor: Supervisor, run: RunFolder, heard: Heard
) -> None:
    supervisor.submit(run)
    heard.until(running_at(3))
    seen, acknowledged = fastest(supervisor, heard, run)
    assert seen < 0.2
    assert acknowledged < 0.2, "the worker itself must have heard within 200 ms"
    kept = len((run.path / "kept").read_text())
    time.sleep(0.4)
    assert len((run.path / "kept").read_text()) <= kept + 1, "a paused job ends its step and no more"
    assert run.status().state == "paused"
    supervisor.resume(run.id)
    assert supervisor.wait(run.id, 60).state == "done"


def test_stop_keeps_and_retry_goes_on_from_there(
    supervisor: Supervisor, run: RunFolder, heard: Heard
) -> None:
    supervisor.submit(run)
    heard.until(running_at(3))
    supervisor.stop(run.id)
    heard.until(lambda state: state.status.state == "stopping")
    assert supervisor.wait(run.id, 60).state == "stopped"
    kept = len((run.path / "kept").read_text())
    assert kept >= 3
    status = retried(supervisor, heard, run)
    assert (status.state, status.result["resumed_at"]) == ("done", kept)


def test_a_killed_worker_is_a_failed_job_that_says_so_and_can_be_retried(
    supervisor: Supervisor, run: RunFolder, heard: Heard
) -> None:
    supervisor.submit(run)
    heard.until(running_at(3))
    os.kill(int((run.path / "heartbeat").read_text().split()[0]), signal.SIGKILL)
    status = supervisor.wait(run.id, 60)
    assert status.state == "failed"
    assert "killed" in status.error
    assert run.status().state == "failed", "the folder must say it too"
    status = retried(supervisor, heard, run)
    assert status.state == "done"
    assert status.result["resumed_at"] >= 3


@pytest.mark.parametrize(
    ("fault", "said", "crashes"),
    [
        ("raise", "The moon is in the wrong house", 0),
        ("abort", "A worker that used the plugin mine ended by signal 6", 1),
        ("full", "The disk is full", 0),
        ("bus", "shared memory", 0),
    ],
)
def test_a_fault_is_told_in_a_sentence_and_a_plugin_is_blamed_where_the_worker_could_not_say_why(
    supervisor: Supervisor, run: RunFolder, fault: str, said: str, crashes: int
) -> None:
    mine = Found(name="mine", origin="file", place=Path(), stamp="stamp")
    (run.path.parent / "fault").write_text(fault)
    supervisor.submit(run)
    status = supervisor.wait(run.id, 60)
    assert status.state == "failed"
    assert said in status.error
    assert plugin_state.kept(plugin_home(), mine).crashes == crashes
    if fault == "raise":
        assert "Traceback" in run.log_tail()


def test_a_retry_that_cannot_be_written_down_fails_and_the_supervisor_lives(
    supervisor: Supervisor, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run.path.parent / "fault").write_text("raise")
    supervisor.submit(run)
    supervisor.wait(run.id, 30)
    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "write_status", lambda *_: slow_worker.no_room())
        supervisor.retry(run.id)
        deadline = time.monotonic() + 10
        while "disk" not in supervisor.states()[0].status.error and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "The disk is full" in supervisor.states()[0].status.error
    supervisor.retry(run.id)
    time.sleep(0.1)
    assert supervisor.wait(run.id, 30).state == "done"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_without_a_window_a_signal_of_the_system_stops_a_job_in_order(
    run: RunFolder, slow_python: str, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(headless, "Supervisor", functools.partial(Supervisor, python=slow_python))
    out = io.StringIO()

    def send() -> None:
        while not (run.path / "kept").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    threading.Thread(target=send, daemon=True).start()
    with pytest.raises(headless.JobFailed, match="goes on from what was kept"):
        headless.run_folder(run, "Slow", out=out)
    assert "Stopping; what is done is kept." in out.getvalue()
    assert run.status().state == "stopped" and (run.path / "kept").read_text()
    assert signal.getsignal(number) is before


def test_discard_ends_the_process_soon(supervisor: Supervisor, run: RunFolder, heard: Heard) -> None:
    supervisor.submit(run)
    heard.until(running_at(3))
    pid = int((run.path / "heartbeat").read_text().split()[0])
    supervisor.discard(run.id)
    assert supervisor.wait(run.id, 60).state == "discarded"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_one_job_a_lane_and_dependants_wait(
    supervisor: Supervisor, run: RunFolder, heard: Heard, tmp_path: Path
) -> None:
    second = RunFolder.create(
        tmp_path / "runs", DescribeJob(), title="Second", after=(run.id,), name="second"
    )
    third = RunFolder.create(tmp_path / "runs", DescribeJob(), title="Third", name="third")
    for each in (run, second, third):
        supervisor.submit(each)
    _, waiting = heard.until(lambda state: state.id == "second" and bool(state.waits_for))
    assert waiting.waits_for == "Slow"
    heard.until(lambda state: state.id == run.id and state.status.state == "running")
    assert sum(state.status.state == "running" for state in supervisor.states()) == 1
    supervisor.stop(run.id)
    supervisor.wait(run.id, 60)
    heard.until(lambda state: state.id == "third" and state.status.state == "running")
    assert second.status().state == "queued", "what depends on a stopped job must wait for its retry"
    supervisor.discard("second")
    assert supervisor.wait("second", 60).state == "discarded"


def test_lanes() -> None:
    def lane(device: str) -> str:
        return lane_of(EmbedJob(index="i", backbone="b", device=device))

    assert lane("auto") == lane("cuda") == lane("cuda:0") == lane("cpu") == "device:0"
    assert lane("cuda:1") == "device:1"
    assert lane_of(DescribeJob()) == "aside"


def test_a_parent_that_dies_takes_its_workers_along(tmp_path: Path, slow_python: str, run: RunFolder) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from workbench.records.runs import RunFolder\n"
        "from workbench.supervisor import Supervisor\n"
        f"supervisor = Supervisor(lambda state: None, python={slow_python!r})\n"
        f"supervisor.submit(RunFolder(Path({str(run.path)!r})))\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60
    while not (run.path / "kept").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    pid = int((run.path / "heartbeat").read_text().split()[0])
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and _lives(pid):
        time.sleep(0.02)
    assert not _lives(pid), "the worker outlived its parent by 30 s"
    assert run.status().state in ("stopped", "failed")


def test_a_run_whose_program_died_is_not_shown_as_running(run: RunFolder) -> None:
    from dataclasses import replace

    run.write_status(replace(run.status(), state="running"))
    (run.path / "heartbeat").write_text("999999999 elsewhere\n")
    os.utime(run.path / "heartbeat", (0, 0))
    assert run.status().state == "failed"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie of a parent that is gone is reaped by init; until then it is no process any more.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
