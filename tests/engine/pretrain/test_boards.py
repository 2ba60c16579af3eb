"""TensorBoard's files, read back by a reader written here: frames, checksums and messages."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog

from workbench.engine.pretrain import boards
from workbench.engine.pretrain.boards import EventFile


def crc32c(data: bytes) -> int:
    """Castagnoli's CRC, bit by bit (RFC 3720, appendix B.4)."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def events(path: Path) -> list[Event]:
    """Raises AssertionError where a frame is not as it must be."""
    body, found = path.read_bytes(), []
    while body:
        length = body[:8]
        size = struct.unpack("<Q", length)[0]
        assert body[8:12] == masked(length)
        data = body[12 : 12 + size]
        assert len(data) == size and body[12 + size : 16 + size] == masked(data)
        found.append(Event.FromString(data))
        body = body[16 + size :]
    return found


def shown(folder: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard shows: file after file, a start with a step taking back all points from that step on."""
    curves: dict[str, dict[int, float]] = {}
    for path in sorted(folder.iterdir()):
        for event in events(path):
            if event.session_log.status == SessionLog.START:
                curves = {
                    tag: {step: value for step, value in points.items() if step < event.step}
                    for tag, points in curves.items()
                }
            for value in event.summary.value:
                curves.setdefault(value.tag, {})[event.step] = value.simple_value
    return curves


def test_the_reader_knows_a_published_checksum() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C


def test_points_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    board = EventFile(tmp_path / "board")
    board.add(0, {"loss": 5.5, "learning_rate": 0.0})
    board.add(1_000_000, {"loss": 0.25, "images_per_second": 2_140})
    board.add(1_000_001, {"loss": float("nan"), "knn": float("inf")})
    board.close()
    [path] = (tmp_path / "board").iterdir()
    first, *rest = events(path)
    assert "tfevents" in path.name and first.file_version == "brain.Event:2"
    assert [event.step for event in rest] == [0, 1_000_000]
    assert shown(tmp_path / "board") == {
        "loss": {0: 5.5, 1_000_000: 0.25},
        "learning_rate": {0: 0.0},
        "images_per_second": {1_000_000: 2140.0},
    }


def test_a_run_that_goes_on_takes_back_the_points_after_its_checkpoint(tmp_path: Path) -> None:
    board = EventFile(tmp_path)
    for step in range(1, 9):
        board.add(step, {"loss": float(step)})
    board.flush()  # and then the process was killed, having kept a checkpoint at step 5
    again = EventFile(tmp_path, purge_step=6)
    again.add(6, {"loss": 60.0})
    again.close()
    assert len(list(tmp_path.iterdir())) == 2  # within the same second, and nothing was overwritten
    assert shown(tmp_path) == {"loss": {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 60}}


def test_flushed_points_are_on_the_disk_before_the_file_is_closed(tmp_path: Path) -> None:
    board = EventFile(tmp_path)
    board.add(3, {"loss": 1.5})
    board.flush()
    assert shown(tmp_path) == {"loss": {3: 1.5}}
    board.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_told_once_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "_free_name", lambda folder: Path("/dev/full"))
    told: list[str] = []
    board = EventFile(tmp_path, note=told.append)
    for step in range(5_000):
        board.add(step, {"loss": 1.0})
    board.flush()
    board.close()
    assert len(told) == 1 and "No space left" in told[0] and "metrics.jsonl" in told[0]


def test_a_folder_that_can_not_be_made_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told: list[str] = []
    board = EventFile(tmp_path / "file" / "board", purge_step=3, note=told.append)
    board.add(1, {"loss": 1.0})
    board.close()
    assert len(told) == 1
