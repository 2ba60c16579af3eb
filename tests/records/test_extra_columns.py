"""What evaluations of plugins say: columns of every table that is written, by hand-made scores."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

from tests.records.test_tables import result
from workbench.records.evaluations import ExtraScore
from workbench.records.extra_columns import extra_columns, extra_lines
from workbench.records.results import EvaluationResult
from workbench.records.scores import Score
from workbench.records.tables import CSV_COLUMNS, as_csv, as_markdown, as_text, rows


def scored() -> EvaluationResult:
    """Of the first model by two evaluations, of the second by one."""
    made = result()
    first, second = (model.name for model in made.models[:2])
    few = {"title": "Class | mean", "plugin": "protos 0.1"}
    return replace(
        made,
        extra=(
            ExtraScore(
                evaluation="protos:shots=1",
                model=first,
                score=Score("macro_f1", (0.5, 0.7), (0.45, 0.75)),
                **few,
            ),
            ExtraScore(evaluation="protos:shots=1", model=second, score=Score("macro_f1", (0.2, 0.2)), **few),
            ExtraScore(evaluation="=protos", model=first, score=Score("macro_f1", (0.6,)), **few),
        ),
    )


def test_each_evaluation_is_a_column_in_the_order_of_asking() -> None:
    columns = extra_columns(scored())
    assert [column.told() for column in columns] == ["Class | mean, shots=1", "Class | mean"]
    assert {column.plugin for column in columns} == {"protos 0.1"}


def test_a_row_has_the_scores_of_its_model_for_the_shown_metric_only() -> None:
    found = scored()
    by_name = {row.name: row.extra for row in rows(found)}
    first, second = (model.name for model in found.models[:2])
    assert set(by_name[first]) == {"protos:shots=1", "=protos"} and set(by_name[second]) == {"protos:shots=1"}
    assert all(not row.extra for row in rows(found, metric="accuracy"))


def test_csv_has_full_numbers_behind_the_known_columns() -> None:
    found = scored()
    head, *lines = csv.reader(io.StringIO(as_csv(found)))
    ends = ("mean", "sd", "low", "high", "values")
    assert tuple(head[: len(CSV_COLUMNS)]) == CSV_COLUMNS
    extra = [f"protos:shots=1 {end}" for end in ends] + [f"'=protos {end}" for end in ends]
    assert head[len(CSV_COLUMNS) :] == extra
    body = {line[0]: line[len(CSV_COLUMNS) :] for line in lines}
    mean, sd, low, high, values, *rest = body[found.models[0].name]
    assert float(mean) == 0.6 and abs(float(sd) - 0.02**0.5) < 1e-12
    assert (low, high, values) == ("0.45", "0.75", "0.5 0.7")
    assert rest == ["0.6", "0.0", "", "", "0.6"]
    assert body[found.models[1].name][5:] == [""] * 5


def test_markdown_and_text_show_mean_and_spread() -> None:
    found = scored()
    lines = as_markdown(found).splitlines()
    assert lines[2].endswith(r"| Class \| mean, shots=1 | Class \| mean |")
    assert any(line.endswith("| 0.600 ± 0.141 | 0.600 |") for line in lines)
    assert any(line.endswith("| 0.200 ± 0.000 | — |") for line in lines)
    assert extra_lines(found)[0] in as_text(found)
    assert "0.600 ± 0.141, 0.450 to 0.750" in extra_lines(found)[0]


def test_what_was_written_is_read_again_also_without_a_plugin_told(tmp_path: Path) -> None:
    found = scored()
    found.save(tmp_path / "result.json")
    assert EvaluationResult.load(tmp_path / "result.json").extra == found.extra
    earlier = found.extra[0].to_json()
    del earlier["plugin"], earlier["error"]
    assert ExtraScore.from_json(earlier) == replace(found.extra[0], plugin="")


def test_one_that_failed_is_a_word_with_its_reason(tmp_path: Path) -> None:
    found = scored()
    broken = replace(found.extra[0], score=None, error="It\x1b crashed.")
    found = replace(found, extra=(broken, *found.extra[1:]))
    found.save(tmp_path / "result.json")
    assert EvaluationResult.load(tmp_path / "result.json").extra == found.extra
    first = next(row for row in rows(found) if row.name == found.models[0].name)
    assert first.failed == {"protos:shots=1": broken.error} and set(first.extra) == {"=protos"}
    assert [column.metric for column in extra_columns(found)] == ["macro_f1"] * 2
    assert any(line.endswith("| failed | 0.600 |") for line in as_markdown(found).splitlines())
    assert extra_lines(found)[0].endswith("(protos:shots=1)  failed. It\\x1b crashed.")
    assert [line[len(CSV_COLUMNS)] for line in csv.reader(io.StringIO(as_csv(found)))].count("") >= 1
