"""A run folder: one job, what it was asked, how it stands, and everything that it made.

    run.json        what was asked, and - once a worker began - seeds, versions, device, input hashes
    status.json     state, progress, error; rewritten by the worker, by the supervisor after a crash
    metrics.jsonl   one line per measurement
    log.txt         everything that the worker and its libraries printed
    heartbeat       touched every two seconds while a worker lives
    ask.json        what a worker that stays is asked, rewritten by whoever asks
    ...             artefacts

Files are truth: a view rebuilds itself from here alone. The creator writes run.json, the worker
completes it once; nothing else in the folder is needed to start the job again.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.jobs import JobConfig, job_from_json, job_to_json

VERSION = 1
ASK = "ask.json"  # {"ask": number, and what is asked}; who answers says what that is
HEARTBEAT_SECONDS = 2.0
STALE_SECONDS = 15.0

State = Literal["queued", "running", "paused", "stopping", "done", "failed", "stopped", "discarded"]
ACTIVE: tuple[State, ...] = ("running", "paused", "stopping")
ENDED: tuple[State, ...] = ("done", "failed", "stopped", "discarded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a run stands. `error` is a sentence for the user; the traceback is in log.txt."""

    state: State = "queued"
    done: int = 0
    total: int = 0
    unit: str = "images"
    rate: float = 0.0  # units per second, over the last seconds
    eta: float | None = None  # seconds
    detail: str = ""
    error: str = ""
    device: str = ""
    memory: tuple[int, int] | None = None  # bytes used and total on the device
    notes: tuple[str, ...] = ()  # things that happened and that the user should know, oldest first
    started: float = 0.0  # Unix time
    ended: float = 0.0
    result: dict[str, Any] = field(default_factory=dict)  # small facts; the artefacts are files


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A handle on the folder; reads go to the disk each time."""

    path: Path

    @classmethod
    def create(
        cls, runs: Path, job: JobConfig, *, title: str = "", after: tuple[str, ...] = (), name: str = ""
    ) -> RunFolder:
        """Make a new run under `runs`. `after` names runs that must be done before this one starts."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = runs / (name or f"{stamp}-{job.kind}-{secrets.token_hex(2)}")
        path.mkdir(parents=True)
        body = {
            "kind": job.kind,
            "title": title or job.kind,
            "created": time.time(),
            "after": after,
            "config": job_to_json(job),
            "provenance": {},
        }
        write_document(path / "run.json", "run", VERSION, body)
        run = cls(path)
        run.write_status(Status())
        return run

    @property
    def id(self) -> str:
        return self.path.name

    def document(self) -> dict[str, Any]:
        return read_document(self.path / "run.json", "run", VERSION)

    def job(self) -> JobConfig:
        """Raises ValueError (DocumentError included) when run.json is damaged or of an unknown kind."""
        document = self.document()
        return job_from_json(document["kind"], document["config"])

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def ask_again(self, job: JobConfig) -> None:
        """Ask the run for something else than before, such as more epochs, and queue it. What it made stays."""
        document = self.document()
        body = {key: value for key, value in document.items() if key not in ("format", "version")}
        write_document(self.path / "run.json", "run", VERSION, {**body, "config": job_to_json(job)})
        self.write_status(Status())

    def add_provenance(self, facts: dict[str, Any]) -> None:
        """Complete run.json with seeds, versions, device and input hashes."""
        document = self.document()
        document["provenance"] = {**document.get("provenance", {}), **facts}
        body = {key: value for key, value in document.items() if key not in ("format", "version")}
        write_document(self.path / "run.json", "run", VERSION, body)

    def status(self) -> Status:
        """The status on disk; a run that says it lives while its heart has stopped is told as failed."""
        try:
            document = read_document(self.path / "status.json", "status", VERSION)
        except DocumentError as error:
            return Status(state="failed", error=str(error))
        known = Status.__dataclass_fields__
        values = {key: value for key, value in document.items() if key in known}
        values["notes"] = tuple(values.get("notes", ()))
        values["memory"] = tuple(values["memory"]) if values.get("memory") else None
        status = Status(**values)
        if status.state in ACTIVE and not self.alive():
            return replace(
                status,
                state="failed",
                error="The program ended while this ran. Retry goes on from what was kept.",
            )
        return status

    def write_status(self, status: Status) -> None:
        write_document(self.path / "status.json", "status", VERSION, asdict(status))

    def beat(self) -> None:
        """Say that this process works on the run. Called by the worker alone."""
        heartbeat = self.path / "heartbeat"
        heartbeat.write_text(f"{os.getpid()} {platform.node()}\n", encoding="utf-8")

    def alive(self) -> bool:
        """Whether a worker beat lately and, where it ran on this machine, is still there."""
        heartbeat = self.path / "heartbeat"
        try:
            fresh = time.time() - heartbeat.stat().st_mtime < STALE_SECONDS
            pid, _, node = heartbeat.read_text("utf-8").strip().partition(" ")
        except (OSError, UnicodeDecodeError):
            return False
        if not fresh or node != platform.node() or not pid.isdecimal() or sys.platform == "win32":
            return fresh
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def add_metric(self, values: dict[str, Any]) -> None:
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(values) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """Every whole line of metrics.jsonl; a line that a crash cut short is left out."""
        found = []
        try:
            lines = (self.path / "metrics.jsonl").read_text("utf-8").splitlines()
        except OSError:
            return []
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def log_tail(self, size: int = 20_000) -> str:
        """The end of the log, `size` bytes at most."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(0, os.SEEK_END)
                stream.seek(max(0, stream.tell() - size))
                return stream.read().decode("utf-8", "replace")
        except OSError:
            return ""


def list_runs(runs: Path) -> list[RunFolder]:
    """Every run below `runs`, oldest first; folders that are not runs are passed over."""
    if not runs.is_dir():
        return []
    found = [RunFolder(path) for path in runs.iterdir() if (path / "run.json").is_file()]
    return sorted(found, key=lambda run: (run.id[:15], _created(run)))


def _created(run: RunFolder) -> float:
    try:
        return float(run.document()["created"])
    except (DocumentError, KeyError, TypeError, ValueError):
        return 0.0
