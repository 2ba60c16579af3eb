"""Reading measurements as they grow: whole lines, each byte once, the last value of a step, files written anew."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.gui.pretrain import made
from workbench.gui.pretrain.metrics_tail import FIRST_CAPACITY, Curves, MetricsTail, Series


def line(step: int, **values: object) -> str:
    return json.dumps({"step": step, "epoch": step / 10, **values}) + "\n"


def read_all(tail: MetricsTail, curves: Curves) -> int:
    """Read until there is no more; how many readings it took."""
    for number in range(1, 1000):
        chunk = tail.read()
        curves.add(chunk)
        if not chunk.more:
            return number
    raise AssertionError("it never ends")


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def test_a_line_that_is_not_whole_waits_and_every_byte_is_read_once(tmp_path) -> None:
    path = tmp_path / "metrics.jsonl"
    tail, curves = MetricsTail(path), Curves()
    assert not curves.add(tail.read()), "the file is not there yet"
    path.write_text(line(1, loss=3.0) + line(2, loss=2.5)[:9], "utf-8")
    assert curves.add(tail.read())
    assert curves.series["loss"].steps.tolist() == [1]
    append(path, line(2, loss=2.5)[9:])
    curves.add(tail.read())
    assert curves.series["loss"].values.tolist() == [3.0, 2.5]
    assert curves.last == (2, 0.2)
    assert tail.bytes_read == path.stat().st_size
    assert not curves.add(tail.read())
    assert tail.bytes_read == path.stat().st_size


def test_what_is_no_measurement_is_passed_over(tmp_path) -> None:
    path = tmp_path / "metrics.jsonl"
    bad = [
        "not json\n",
        "[1, 2]\n",
        '{"loss": 1}\n',
        '{"step": "3", "loss": 1}\n',
        '{"step": true, "loss": 1}\n',
    ]
    odd = '{"step": 4, "loss": NaN}\n{"step": 5, "loss": "much"}\n{"step": 6, "secret": 1.0, "loss": 2}\n'
    path.write_bytes("".join(bad).encode() + b"\xff\xfe{\n" + odd.encode())
    curves = Curves()
    curves.add(MetricsTail(path).read())
    assert set(curves.series) == {"loss"}
    assert curves.series["loss"].steps.tolist() == [6]
    assert np.isnan(curves.series["loss"].epochs[0])


def test_a_run_that_goes_back_keeps_the_last_value_of_each_step(tmp_path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(line(step, loss=step / 100) for step in range(1, 101)), "utf-8")
    tail, curves = MetricsTail(path), Curves()
    read_all(tail, curves)
    append(path, "".join(line(step, loss=9.0) for step in range(61, 81)))
    read_all(tail, curves)
    series = curves.series["loss"]
    assert series.steps.tolist() == list(range(1, 81)), "what lay beyond the checkpoint was undone"
    assert series.values[:60].tolist() == [step / 100 for step in range(1, 61)]
    assert set(series.values[60:]) == {9.0}


def test_a_step_told_twice_in_one_reading_keeps_the_second() -> None:
    series = Series()
    series.extend([(1, 0.1, 1.0), (2, 0.2, 2.0), (2, 0.2, 5.0), (1, 0.1, 7.0), (3, 0.3, 8.0)])
    assert series.steps.tolist() == [1, 3]
    assert series.values.tolist() == [7.0, 8.0]


def test_a_file_written_anew_is_read_from_the_start_whatever_its_length(tmp_path) -> None:
    path = tmp_path / "metrics.jsonl"
    tail, curves = MetricsTail(path), Curves()
    path.write_text("".join(line(step, loss=1.0) for step in range(1, 51)), "utf-8")
    read_all(tail, curves)
    path.write_text("".join(line(step, loss=2.0) for step in range(1, 11)), "utf-8")  # shorter
    read_all(tail, curves)
    assert curves.series["loss"].values.tolist() == [2.0] * 10
    path.write_text("".join(line(step, loss=3.0) for step in range(1, 91)), "utf-8")  # longer than was read
    read_all(tail, curves)
    assert curves.series["loss"].values.tolist() == [3.0] * 90
    path.unlink()
    assert curves.add(tail.read())
    assert not curves.series


def test_a_long_run_comes_in_pieces_and_room_is_doubled(tmp_path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(made.lines(12_000), "utf-8")
    tail, curves = MetricsTail(path), Curves()
    first = tail.read()
    assert first.more, "the first of it is shown before all is read"
    curves.add(first)
    assert read_all(tail, curves) > 1
    series = curves.series["loss"]
    assert series.steps.tolist() == list(range(1, 12_001))
    assert tail.bytes_read == path.stat().st_size
    assert len(series) <= series.capacity <= 2 * len(series)
    assert series.capacity > FIRST_CAPACITY
    told = [json.loads(text) for text in path.read_text("utf-8").splitlines()]
    assert series.values.tolist() == [item["loss"] for item in told if "loss" in item]
    assert curves.latest("knn") == [item["knn"] for item in told if "knn" in item][-1]
    assert curves.latest("nothing") is None
