"""Rows, signs, headings and escapes. Expected numbers are computed by hand in the tests."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from workbench.records.results import Comparison, EvaluationResult, Finding
from workbench.records.scores import CalibrationScore, ModelResult, Score
from workbench.records.tables import (
    CSV_COLUMNS,
    as_csv,
    as_markdown,
    as_text,
    baseline_of,
    difference_text,
    headline,
    points,
    protocol_sentence,
    rows,
)


def model(name: str, values: tuple[float, ...], k: tuple[int, ...] = (5, 10), **other) -> ModelResult:
    facts = {
        "backbone": name,
        "feature": "cls",
        "fingerprint": "f" * 16,
        "image_size": 224,
        "dimension": 384,
        "source": f"{name}.h5ad",
        "strengths": (1.0,) * len(values),
        "confusion": ((3, 1), (0, 4)),
        **other,
    }
    scores = {
        "macro_f1": Score("macro_f1", values, (values[0] - 0.05, values[0] + 0.05)),
        "accuracy": Score("accuracy", tuple(1 - value for value in values)),
    }
    return ModelResult(name=name, probe=scores, knn={"macro_f1": scores["macro_f1"]}, neighbours=k, **facts)


def pair(a: str, b: str, verdict: str, difference: float = 0.062) -> Comparison:
    return Comparison(
        a=a,
        b=b,
        metric="macro_f1",
        difference=difference,
        interval=(difference - 0.021, difference + 0.022),
        verdict=verdict,
        reason=f"{a} and {b}.",
    )


def result(**changes) -> EvaluationResult:
    base = EvaluationResult(
        protocol="0123456789abcdef",
        kind="frozen probe",
        metric="macro_f1",
        margin=1.0,
        seeds=(0, 1),
        classes=("a", "b"),
        split_hashes=("x", "y"),
        split_counts=(6, 2, 2),
        grouped=True,
        models=(model("low", (0.5, 0.6)), model("high", (0.9, 0.94)), model("mid", (0.8, 0.8))),
        comparisons=(
            pair("high", "low", "better"),
            pair("high", "mid", "undecided", 0.012),
            pair("mid", "low", "better", 0.25),
        ),
    )
    return replace(base, **changes)


def test_rows_are_best_first_and_seen_from_the_baseline() -> None:
    found = rows(result(), "mid")
    assert [row.name for row in found] == ["high", "mid", "low"]
    assert [row.verdict for row in found] == ["undecided", "baseline", "worse"]
    assert found[0].difference == pytest.approx(0.012)
    assert found[2].difference == pytest.approx(-0.25)
    assert found[2].interval == pytest.approx((-0.272, -0.229))
    assert found[2].neighbours == "5–10"


def test_another_baseline_flips_the_sign_and_the_word() -> None:
    seen = {
        base: {row.name: (row.verdict, row.difference) for row in rows(result(), base)}
        for base in ("high", "low")
    }
    assert seen["low"]["high"] == ("better", pytest.approx(0.062))
    assert seen["high"]["low"] == ("worse", pytest.approx(-0.062))


def test_without_a_pin_or_with_one_that_is_gone_the_best_is_the_baseline() -> None:
    assert baseline_of(result()) == baseline_of(result(), "gone") == "high"
    assert baseline_of(replace(result(), models=())) == ""


def test_a_verdict_is_not_borrowed_for_another_metric() -> None:
    found = rows(result(), "high", "accuracy")
    assert [row.name for row in found] == ["low", "mid", "high"]
    assert [row.verdict for row in found] == ["", "", "baseline"]
    assert found[0].knn is None and difference_text(found[0]) == "—"


@pytest.mark.parametrize(
    ("difference", "text"), [(0.062, "+6.2"), (-0.0284, "−2.8"), (0.0004, "0.0"), (-0.0004, "0.0")]
)
def test_points_have_one_decimal_and_no_negative_zero(difference: float, text: str) -> None:
    assert points(difference) == text


def test_differences_as_text() -> None:
    found = rows(result(), "mid")
    assert [difference_text(row) for row in found] == ["+1.2 [−0.9, 3.4]", "pinned", "−25.0 [−27.2, −22.9]"]


@pytest.mark.parametrize(
    ("verdicts", "heading"),
    [
        (("better", "better"), "high separates the classes best"),
        (("better", "undecided"), "Undecided between high and mid"),
        (("undecided", "equivalent"), "Undecided between high, mid and low"),
        (("better", "equivalent"), "high and mid separate the classes equally well"),
    ],
)
def test_the_heading_names_a_winner_only_where_there_is_one(verdicts: tuple[str, str], heading: str) -> None:
    low, mid = verdicts
    pairs = (pair("high", "low", low), pair("high", "mid", mid))
    assert headline(result(comparisons=pairs)) == heading


def test_headings_of_odd_results() -> None:
    assert headline(result(models=())) == "Which backbone separates the classes"
    assert headline(result(models=(model("only", (0.9, 0.94)),))) == "only reaches macro-F1 0.920"
    assert headline(result(), "accuracy") == "low has the highest accuracy, 0.450"
    many = tuple(model(f"m{i}", (0.9 - i / 100, 0.9 - i / 100)) for i in range(5))
    pairs = tuple(pair("m0", f"m{i}", "undecided") for i in range(1, 5))
    assert headline(result(models=many, comparisons=pairs)) == "Undecided between m0 and 4 others"


def test_the_protocol_in_words() -> None:
    assert protocol_sentence(result()) == (
        "Frozen linear probe, macro-F1 on the sealed test part, 2 resampled splits, groups kept whole. "
        "Strength and k chosen on validation only."
    )
    assert "1 split." in protocol_sentence(result(seeds=(0,), grouped=False))


def test_csv_reads_back_with_full_precision() -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv(result(), "mid"))))
    assert tuple(lines[0]) == CSV_COLUMNS
    first = lines[0]
    assert float(first["probe_mean"]) == (0.9 + 0.94) / 2
    assert float(first["probe_sd"]) == pytest.approx(0.04 / 2**0.5, rel=1e-12)
    assert [float(value) for value in first["probe_values"].split()] == [0.9, 0.94]
    assert (first["baseline"], first["verdict"], first["difference_points"]) == ("mid", "undecided", "1.2")
    assert float(lines[2]["difference_low"]) == pytest.approx(-27.2)


def test_no_cell_is_run_by_a_spreadsheet() -> None:
    evil = '=HYPERLINK("http://x")\nnext'
    bad = result(models=(model(evil, (0.9, 0.9)),), comparisons=())
    line = next(csv.DictReader(io.StringIO(as_csv(bad))))
    for column in ("model", "backbone", "baseline"):
        assert line[column] == '\'=HYPERLINK("http://x")\\nnext'


def test_markdown_shows_names_literally() -> None:
    evil = "a|b\n<script>*x* [l](http://h) \x1b[31m"
    text = as_markdown(result(models=(model(evil, (0.9, 0.9)),), comparisons=()))
    table = text.splitlines()[2:]
    assert len(table) == 3
    assert r"a\|b\\n\<script\>\*x\* \[l\](http:\//h) \\x1b\[31m" in table[2]
    unescaped = table[2].replace(r"\|", "")
    assert unescaped.count("|") == table[0].count("|")


def test_the_terminal_table_is_aligned_and_tells_the_findings() -> None:
    careful = Finding(name="few seeds", severity="warn", advice="Two seeds say little.\nMore do.")
    wide = model("宽\x1b[0m", (0.4, 0.4), k=())
    lines = as_text(result(models=(*result().models, wide), findings=(careful,)), "mid").splitlines()
    assert lines[0] == "high has the highest macro-F1, 0.920"  # the wide one is compared with nobody
    ends = [line.index(" ± ") for line in lines[5:9]]
    assert ends[:3] == [ends[0]] * 3
    assert ends[3] == ends[0] - 1  # its wide letter takes two columns of the terminal
    assert "\x1b" not in "".join(lines) and "宽\\x1b[0m" in lines[8]
    assert lines[-1] == "Few seeds. Two seeds say little.\\nMore do."


def test_what_is_not_ranked_is_neither_better_nor_worse() -> None:
    pairs = (
        pair("high", "low", "not ranked"),
        pair("high", "mid", "not ranked"),
        pair("mid", "low", "better", 0.25),
    )
    odd = result(comparisons=pairs)
    found = {row.name: row for row in rows(odd, "mid")}
    assert (found["high"].verdict, found["high"].difference, found["high"].interval) == (
        "not ranked",
        None,
        None,
    )
    assert difference_text(found["high"]) == "—" and found["low"].verdict == "worse"
    assert headline(odd) == "mid separates the classes best; high is not ranked"
    everything = tuple(replace(one, verdict="not ranked") for one in pairs)
    assert headline(result(comparisons=everything)).startswith("No ranking")
    tied = (pairs[0], pair("high", "mid", "equivalent"), pair("mid", "low", "not ranked"))
    assert (
        headline(result(comparisons=tied))
        == "high and mid separate the classes equally well; low is not ranked"
    )


def test_a_csv_row_ends_with_every_metric_and_the_calibration_error() -> None:
    calibration = CalibrationScore(values=(0.02, 0.04), mass=0.03, by_chance=0.01, bins=())
    models = (replace(result().models[1], calibration=calibration), result().models[0])
    first, second = csv.DictReader(io.StringIO(as_csv(result(models=models))))
    assert float(first["macro_f1_mean"]) == pytest.approx(0.92)
    assert float(first["accuracy_mean"]) == pytest.approx(0.08)
    assert first["balanced_accuracy_mean"] == ""
    assert float(first["ece"]) == pytest.approx(0.03) and second["ece"] == ""
