"""The measurements of a run as TensorBoard reads them, beside metrics.jsonl, which stays the truth.

A record is its length (8 bytes), the length's masked CRC-32C (4), an `Event` message, and its masked CRC-32C (4).
tensorboardX knows both, but its writer hands the events to a thread through a queue of ten: where the disk is full
the thread dies, and the eleventh event would wait for ever. So records are written here and now.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import RecordWriter


class EventFile:
    """One file of events, begun whenever a run begins or goes on. It never stops a training: what can't be written is
    told once and dropped."""

    def __init__(
        self, folder: Path, purge_step: int | None = None, note: Callable[[str], None] = lambda text: None
    ) -> None:
        """
        Args:
            folder: made where it isn't there. The file's name holds no name of the machine.
            purge_step: points of earlier files at this step and later are taken back: the step after the
                checkpoint's, where a run goes on.
            note: is told, once, that no more can be written.
        """
        self._note = note
        self._writer: RecordWriter | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = RecordWriter(str(_free_name(folder)))
        except OSError as error:
            self._give_up(error)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        if purge_step is not None:
            start = SessionLog(status=SessionLog.START)
            self._write(Event(wall_time=time.time(), step=purge_step, session_log=start))
        self.flush()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Points of some curves at `step`; numbers that aren't finite are left out."""
        points = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in values.items()
            if math.isfinite(value)
        ]
        if points:
            self._write(Event(wall_time=time.time(), step=step, summary=Summary(value=points)))

    def flush(self) -> None:
        """To the disk itself."""
        if self._writer is not None:
            try:
                self._writer.flush()
            except OSError as error:
                self._give_up(error)

    def close(self) -> None:
        self.flush()
        if self._writer is not None:
            try:
                self._writer.close()
            except OSError as error:
                self._give_up(error)
            self._writer = None

    def _write(self, event: Event) -> None:
        if self._writer is not None:
            try:
                self._writer.write(event.SerializeToString())
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(OSError):  # closing writes what is left, and fails like what came before
                writer.close()
        self._note(
            f"TensorBoard's event file can't be written ({error.strerror or error}). Training goes on, and "
            "metrics.jsonl holds the same numbers."
        )


def _free_name(folder: Path) -> Path:
    """TensorBoard reads the files of a folder by name: the time first, so that a later one comes later."""
    now = f"{time.time():010.0f}"
    number = sum(1 for _ in folder.glob("events.out.tfevents.*"))
    while True:
        path = folder / f"events.out.tfevents.{now}.workbench.{number:05d}"
        if not path.exists():
            return path
        number += 1
