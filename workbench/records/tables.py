"""An evaluation as rows and as text: the one place that says how a comparison is put into words.

The window's table, the clipboard, the command line and the headless demo all take their rows from
`rows`, so that a number, a sign or a verdict can't differ between them. Names are untrusted text:
they are escaped for what they are written into.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.records.budget_text import budget_lines
from workbench.records.extra_columns import csv_cells, csv_heads, extra_columns, extra_lines, extra_text
from workbench.records.results import EvaluationResult
from workbench.records.scores import (
    METRIC_NAMES,
    METRICS,
    NONE,
    ModelResult,
    Score,
    score_text,
    spread_text,
)
from workbench.records.text import count, printable, spreadsheet_safe

MINUS = "−"

CSV_COLUMNS = (
    "model",
    "backbone",
    "feature",
    "input_px",
    "dimension",
    "metric",
    "probe_mean",
    "probe_sd",
    "probe_low",
    "probe_high",
    "knn_mean",
    "knn_sd",
    "knn_k",
    "seeds",
    "baseline",
    "verdict",
    "difference_points",
    "difference_low",
    "difference_high",
    "fingerprint",
    "protocol",
    "probe_values",
    "macro_f1_mean",
    "accuracy_mean",
    "balanced_accuracy_mean",
    "ece",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model as the table shows it. Scores are 0 to 1, differences too: baseline subtracted."""

    model: ModelResult
    title: str  # untrusted; `printable`
    probe: Score | None  # None where this metric was not computed
    knn: Score | None
    verdict: str  # "baseline", "better", "worse", "equivalent", "undecided", "not ranked"; "" where nothing is known
    difference: float | None  # None also for "not ranked": it would be no difference between backbones
    interval: tuple[float, float] | None
    reason: str
    # Of plugins' evaluations, as they were asked for: what they say, and why those say nothing that failed.
    extra: Mapping[str, Score] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def neighbours(self) -> str:
        """The k chosen on validation: "10", or "5-20" where the seeds chose differently."""
        found = sorted(set(self.model.neighbours))
        if not found:
            return NONE
        return str(found[0]) if len(found) == 1 else f"{found[0]}–{found[-1]}"


def best_first(result: EvaluationResult, metric: str = "") -> list[ModelResult]:
    """The models by their probe's mean, highest first; those without this metric at the end."""
    wanted = metric or result.metric
    return sorted(
        result.models,
        key=lambda model: (-model.probe[wanted].mean if wanted in model.probe else 1.0, model.name),
    )


def baseline_of(result: EvaluationResult, pinned: str = "", metric: str = "") -> str:
    """The name that the others are seen against: the pinned one where it takes part, else the best."""
    if any(model.name == pinned for model in result.models):
        return pinned
    ranked = best_first(result, metric)
    return ranked[0].name if ranked else ""


def rows(
    result: EvaluationResult, baseline: str = "", metric: str = "", titles: Mapping[str, str] | None = None
) -> list[Row]:
    """The table, best first.

    Args:
        baseline: name of the pinned model; "" takes the best.
        metric: one of METRICS; "" takes the result's own. Verdicts are stored for the result's own
            metric only: under another one they are left empty rather than borrowed.
        titles: what a model is called, by its name; the name itself where there is none.
    """
    wanted = metric or result.metric
    against = baseline_of(result, baseline, wanted)
    made = []
    for model in best_first(result, wanted):
        verdict, difference, interval, reason = "", None, None, ""
        pair = result.comparison(model.name, against)
        if model.name == against:
            verdict, reason = "baseline", "The others are compared with this one."
        elif pair is not None and pair.metric == wanted:
            difference, interval, verdict = pair.seen_from(model.name)
            reason = pair.reason
            if verdict == "not ranked":
                difference = interval = None
        made.append(
            Row(
                model=model,
                title=(titles or {}).get(model.name, model.name),
                probe=model.probe.get(wanted),
                knn=model.knn.get(wanted),
                verdict=verdict,
                difference=difference,
                interval=interval,
                reason=reason,
                extra={
                    one.evaluation: one.score
                    for one in result.extra
                    if one.model == model.name and one.score and one.score.metric == wanted
                },
                failed={
                    one.evaluation: one.error
                    for one in result.extra
                    if one.model == model.name and not one.score
                },
            )
        )
    return made


# -- numbers as text ----------------------------------------------------------------------------------


def points(difference: float, *, sign: bool = True) -> str:
    """A difference of scores in points, one decimal, with a true minus sign: "+6.2", "−0.4", "0.0"."""
    value = round(100 * difference, 1) + 0.0  # no negative zero
    if value < 0:
        return f"{MINUS}{-value:.1f}"
    return f"+{value:.1f}" if sign and value > 0 else f"{value:.1f}"


def difference_text(row: Row) -> str:
    """ "+6.2 [4.1, 8.4]", "pinned" for the baseline, a dash where nothing is known."""
    if row.verdict == "baseline":
        return "pinned"
    if row.difference is None:
        return NONE
    if row.interval is None:
        return points(row.difference)
    low, high = (points(edge, sign=False) for edge in row.interval)
    return f"{points(row.difference)} [{low}, {high}]"


# -- sentences ----------------------------------------------------------------------------------------


def headline(result: EvaluationResult, metric: str = "", titles: Mapping[str, str] | None = None) -> str:
    """What the comparison says, as a heading. It never names a winner that the interval doesn't."""
    wanted = metric or result.metric
    ranked = [model for model in best_first(result, wanted) if wanted in model.probe]
    if not ranked:
        return "Which backbone separates the classes"

    def called(name: str) -> str:
        return printable((titles or {}).get(name, name))

    if len(ranked) == 1:
        mean = ranked[0].probe[wanted].mean
        return f"{called(ranked[0].name)} reaches {METRIC_NAMES.get(wanted, wanted)} {mean:.3f}"
    best, apart = _ranked_with(result, [model.name for model in ranked])
    if not best:
        return "No ranking: the features of these models were not made alike"
    beside = ""
    if apart:
        beside = (
            f"; {_list([called(name) for name in apart])} {'is' if len(apart) == 1 else 'are'} not ranked"
        )
    open_, equal = [], []
    for other in ranked:
        if other.name == best or other.name in apart:
            continue
        pair = result.comparison(best, other.name)
        if pair is None or pair.metric != wanted:
            mean = ranked[0].probe[wanted].mean
            return f"{called(ranked[0].name)} has the highest {METRIC_NAMES.get(wanted, wanted)}, {mean:.3f}"
        _, _, verdict = pair.seen_from(best)
        if verdict == "undecided":
            open_.append(other.name)
        elif verdict != "better":
            equal.append(other.name)
    if open_:
        together = [model.name for model in ranked if model.name in (best, *open_, *equal)]
        return f"Undecided between {_list([called(name) for name in together])}{beside}"
    if equal:
        together = [best, *equal]
        return f"{_list([called(name) for name in together])} separate the classes equally well{beside}"
    return f"{called(best)} separates the classes best{beside}"


def _ranked_with(result: EvaluationResult, names: Sequence[str]) -> tuple[str, list[str]]:
    """The first of `names` that is ranked with another one ("" without any), and those not ranked with it."""
    for name in names:
        pairs = {other: result.comparison(name, other) for other in names if other != name}
        apart = [other for other, pair in pairs.items() if pair is not None and pair.verdict == "not ranked"]
        if len(apart) < len(pairs):
            return name, apart
    return "", list(names)


def protocol_sentence(result: EvaluationResult, metric: str = "") -> str:
    """How the numbers came about, in one line."""
    name = METRIC_NAMES.get(metric or result.metric, metric or result.metric)
    kind = "Frozen linear probe" if result.kind == "frozen probe" else printable(result.kind).capitalize()
    splits = (
        count(len(result.seeds), "split")
        if len(result.seeds) == 1
        else f"{len(result.seeds)} resampled splits"
    )
    if result.plan not in ("", "shares") and len(result.seeds) > 1:
        splits = f"{count(len(result.seeds), 'split')} by {result.plan}"
    groups = ", groups kept whole" if result.grouped else ""
    leaks = f", {result.leaks.told()}" if result.leaks is not None else ""
    return (
        f"{kind}, {name} on the sealed test part, {splits}{groups}{leaks}. "
        "Strength and k chosen on validation only."
    )


# -- tables as text -----------------------------------------------------------------------------------

HEADS = (
    "Model",
    "Feature",
    "Input px",
    "Probe, mean ± SD",
    "95 % interval",
    "k-NN",
    "k",
    "Seeds",
    "Verdict",
    "Difference, points",
)
_RIGHT = frozenset({2, 3, 4, 5, 6, 7})


def as_csv(
    result: EvaluationResult, baseline: str = "", metric: str = "", titles: Mapping[str, str] | None = None
) -> str:
    """The table with full-precision numbers for a spreadsheet or a script; see CSV_COLUMNS. What evaluations of
    plugins say follows, some columns each (`extra_columns.csv_heads`).

    Text cells that a spreadsheet would run as a formula get a leading apostrophe.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    extra = extra_columns(result)
    writer.writerow([*CSV_COLUMNS, *(spreadsheet_safe(head) for head in csv_heads(extra))])
    against = baseline_of(result, baseline, metric)
    for row in rows(result, baseline, metric, titles):
        model, probe, knn = row.model, row.probe, row.knn
        low, high = (probe.interval if probe else None) or (None, None)
        below, above = row.interval or (None, None)
        values: tuple[object, ...] = (
            spreadsheet_safe(row.title),
            spreadsheet_safe(model.backbone),
            spreadsheet_safe(model.feature),
            model.image_size,
            model.dimension,
            metric or result.metric,
            probe.mean if probe else None,
            probe.sd if probe else None,
            low,
            high,
            knn.mean if knn else None,
            knn.sd if knn else None,
            row.neighbours if row.neighbours != NONE else None,
            len(probe.values) if probe else 0,
            spreadsheet_safe(against),
            row.verdict,
            _times_100(row.difference),
            _times_100(below),
            _times_100(above),
            model.fingerprint,
            result.protocol,
            " ".join(f"{value:.6g}" for value in probe.values) if probe else "",
            *(model.probe[name].mean if name in model.probe else None for name in METRICS),
            model.calibration.ece if model.calibration else None,
            *csv_cells(extra, row.extra),
        )
        writer.writerow(["" if value is None else value for value in values])
    return stream.getvalue()


def as_markdown(
    result: EvaluationResult, baseline: str = "", metric: str = "", titles: Mapping[str, str] | None = None
) -> str:
    """A GitHub-flavoured table under the sentence that says how it was measured."""
    lines = [_markdown(protocol_sentence(result, metric)), ""]
    extra = extra_columns(result)
    lines.append("| " + " | ".join([*HEADS, *(_markdown(column.told()) for column in extra)]) + " |")
    sides = ["---:" if column in _RIGHT else "---" for column in range(len(HEADS))] + ["---:"] * len(extra)
    lines.append("|" + "|".join(sides) + "|")
    for row in rows(result, baseline, metric, titles):
        cells = [*_cells(row), *(extra_text(column, row.extra, row.failed) for column in extra)]
        lines.append("| " + " | ".join(_markdown(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def as_text(
    result: EvaluationResult, baseline: str = "", metric: str = "", titles: Mapping[str, str] | None = None
) -> str:
    """Heading, protocol, aligned table and findings, for a terminal; no newline at the end."""
    body = [[printable(cell) for cell in _cells(row)] for row in rows(result, baseline, metric, titles)]
    widths = [max(_width(line[i]) for line in [list(HEADS), *body]) for i in range(len(HEADS))]
    lines = [headline(result, metric, titles), protocol_sentence(result, metric), ""]
    lines.append(_aligned(HEADS, widths))
    lines.append("  ".join("-" * width for width in widths))
    lines += [_aligned(line, widths) for line in body]
    budgets = budget_lines(result, metric or result.metric, titles or {})
    lines += ["", *budgets] if budgets else []
    lines += ["", *extra_lines(result)] if result.extra else []
    if result.findings:
        lines.append("")
        lines += [
            f"{printable(found.name[:1].upper() + found.name[1:])}. {printable(found.advice)}"
            for found in result.findings
        ]
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    probe = row.probe
    interval = f"{probe.interval[0]:.3f} to {probe.interval[1]:.3f}" if probe and probe.interval else NONE
    return [
        row.title,
        row.model.feature or NONE,
        str(row.model.image_size) if row.model.image_size else NONE,
        spread_text(probe),
        interval,
        score_text(row.knn.mean if row.knn else None),
        row.neighbours,
        str(len(probe.values)) if probe else NONE,
        row.verdict or NONE,
        difference_text(row),
    ]


def _times_100(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 4)


def _list(names: Sequence[str]) -> str:
    if len(names) > 3:
        return f"{names[0]} and {len(names) - 1} others"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _markdown(text: str) -> str:
    """`text` as Markdown that shows it literally: no markup, cell border, HTML, entity, link or mention."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~!&@])", r"\\\1", printable(text))
    return escaped.replace("://", ":\\//").replace("www.", "www\\.")


def _width(text: str) -> int:
    """Terminal columns that `text` takes: wide letters two, combining marks none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = []
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (width - _width(cell))
        padded.append(space + cell if column in _RIGHT else cell + space)
    return "  ".join(padded).rstrip()
