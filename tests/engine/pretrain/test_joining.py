"""Who is missing is said within minutes, who dies is noticed at once, and who is slow is waited for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.engine.pretrain.made import new_run, pretrain_job
from workbench.engine.control import StopRequested
from workbench.engine.pretrain import together
from workbench.engine.pretrain.assemble import assemble
from workbench.records.runs import RunFolder


def started(own: int, folder: Path, expected: int, port: int) -> Any:
    return warm.started(
        "tests.engine.pretrain.joiner",
        *map(str, (own, folder, expected)),
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            **{"WORLD_SIZE": "2", "RANK": str(own), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
            "OMP_NUM_THREADS": "1",
        },
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_shared(
    pictures: Path, tmp_path: Path, *how: str
) -> tuple[RunFolder, subprocess.CompletedProcess[str]]:
    job = pretrain_job(pictures, tmp_path / "work", "mae", processes=2, epochs=50)
    run, _ = new_run(replace(job, evaluate_every=1000), tmp_path / "runs", "shared")
    return run, warm.run("tests.engine.pretrain.sharing", str(run.path), *how, OMP_NUM_THREADS="1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "said"), [(0, "2 processes, counted from 0, 1 did not join"), (1, "reach process 0")]
)
def test_who_is_missing_is_said(own: int, said: str, tmp_path: Path) -> None:
    alone = started(own, tmp_path, 1, free_port())
    told, _ = alone.communicate(timeout=180)
    assert alone.returncode == 1 and said in told and "within 3 seconds" in told


def test_a_stop_ends_the_waiting_for_others(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(free_port()))
    job = pretrain_job(picture_folder, tmp_path / "work", "mae")
    _, control = new_run(job, tmp_path / "runs", "alone")
    threading.Timer(0.5, control.command, ["stop"]).start()
    began = time.monotonic()
    with pytest.raises(StopRequested):
        assemble(job, control)
    assert time.monotonic() - began < 10 < together.JOIN_SECONDS


@pytest.mark.slow
def test_who_is_slow_after_joining_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    both = [started(own, tmp_path, 2, port) for own in range(2)]
    assert [process.communicate(timeout=180)[0].strip() for process in both] == ["[0.5]", "[0.5]"]
    assert [process.returncode for process in both] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        (("absent",), "with exit code 1", "Its last words: 'no room on the card'"),
        (("kill", "3"), "by signal 9", "log-1.txt in the run folder"),
    ],
)
def test_a_dead_process_ends_the_run_at_once(
    how: tuple[str, ...], code: str, words: str, picture_folder: Path, tmp_path: Path
) -> None:
    _, done = run_shared(picture_folder, tmp_path, *how)
    assert done.returncode == 0, done.stderr[-3000:]
    codes, error = json.loads(done.stdout.splitlines()[-1])
    assert codes == [1 if how == ("absent",) else -9]
    assert (
        error.startswith(f"Process 1 of 2, counted from 0, ended {code} before the run did")
        and words in error
    )


@pytest.mark.slow
def test_a_first_process_that_hangs_on_a_dead_one_is_ended(picture_folder: Path, tmp_path: Path) -> None:
    run, done = run_shared(picture_folder, tmp_path, "freeze", "3")
    assert done.returncode == 1
    assert run.status().state == "failed" and "ended by signal 9" in run.status().error
