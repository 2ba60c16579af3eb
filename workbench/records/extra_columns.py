"""What evaluations of plugins say of the models, as columns beside the table's own and as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.records.evaluations import BUILT_IN, ExtraScore
from workbench.records.methods import asked_by_name
from workbench.records.results import EvaluationResult
from workbench.records.scores import METRIC_NAMES, Score, score_text, spread_text
from workbench.records.text import printable

FAILED = "failed"  # instead of a number


@dataclass(frozen=True, slots=True)
class ExtraColumn:
    """One evaluation as it was asked for. All is untrusted text."""

    evaluation: str  # "prototypes:shots=1"
    title: str  # "Nearest class mean"
    metric: str  # that its scores are of
    plugin: str  # name and version; "" for one of the program's own, and where nobody knows

    @property
    def settings(self) -> str:
        """ "shots=1, distance=cosine", "" where nothing was set."""
        return ", ".join(asked_by_name(self.evaluation)[1])

    @property
    def by(self) -> str:
        """ "by the plugin prototypes 0.1"."""
        if self.plugin:
            return f"by the plugin {self.plugin}"
        own = asked_by_name(self.evaluation)[0] in BUILT_IN
        return "by the program itself" if own else "by a plugin"

    def told(self) -> str:
        """ "Nearest class mean, shots=1"."""
        return printable(f"{self.title}, {self.settings}" if self.settings else self.title)


def extra_columns(result: EvaluationResult) -> tuple[ExtraColumn, ...]:
    """In the order in which they were asked for."""
    found = {one.evaluation: one for one in result.extra}
    return tuple(
        ExtraColumn(name, one.title, one.score.metric if one.score else result.metric, one.plugin)
        for name, one in found.items()
    )


def extra_text(column: ExtraColumn, scores: Mapping[str, Score], failed: Mapping[str, str]) -> str:
    """Of one model: "0.712 ± 0.013", "failed", or "—" under another metric than the column's."""
    return FAILED if column.evaluation in failed else spread_text(scores.get(column.evaluation))


def csv_heads(columns: Sequence[ExtraColumn]) -> list[str]:
    """Five for each: mean, SD, the ends of the 95 % interval, and the value of every seed."""
    ends = ("mean", "sd", "low", "high", "values")
    return [f"{column.evaluation} {end}" for column in columns for end in ends]


def csv_cells(columns: Sequence[ExtraColumn], scores: Mapping[str, Score]) -> list[object]:
    """Of one model, with full precision; None where it has no score."""
    cells: list[object] = []
    for column in columns:
        score = scores.get(column.evaluation)
        if score is None:
            cells += [None] * 5
            continue
        low, high = score.interval or (None, None)
        cells += [score.mean, score.sd, low, high, " ".join(f"{value:.6g}" for value in score.values)]
    return cells


def extra_lines(result: EvaluationResult) -> list[str]:
    """A line each:
    "DINOv2 small  Nearest class mean (prototypes)  balanced accuracy 0.712 ± 0.013, 0.690 to 0.734"."""
    return [_line(one) for one in result.extra]


def _line(one: ExtraScore) -> str:
    score = one.score
    if score is None:
        named = f"{printable(one.model)}  {printable(one.title)} ({printable(one.evaluation)})"
        return f"{named}  {FAILED}. {printable(one.error)}"
    interval = f", {score.interval[0]:.3f} to {score.interval[1]:.3f}" if score.interval else ""
    return (
        f"{printable(one.model)}  {printable(one.title)} ({printable(one.evaluation)})  "
        f"{METRIC_NAMES[score.metric]} {score_text(score.mean)} ± {score_text(score.sd)}{interval}"
    )
