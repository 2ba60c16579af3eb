"""What evaluations of plugins said of the models that were compared: a table of its own, of which no rule reads
anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.decide.memo.book import Book
from workbench.decide.memo.document import Block, Inline, Paragraph, Table
from workbench.decide.memo.sources import Origin, Sources
from workbench.records.evaluations import ExtraScore
from workbench.records.evidence import Rung
from workbench.records.extra_columns import ExtraColumn
from workbench.records.results import EvaluationResult
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import printable

_ASIDE = (
    "They are no part of the verdict: no rule reads them, and no threshold is held beside them. Each was measured on "
    "the vectors and splits of the comparison that the rung comes from, by code that is not the program's own."
)


@dataclass(frozen=True, slots=True)
class Extra:
    """A score of a plugin, with the rung that it is of and where it stands."""

    rung: Rung
    origin: Origin
    place: int  # in the result's list
    score: ExtraScore

    @property
    def where(self) -> str:
        return f"extra[{self.place}].score"

    @property
    def told(self) -> str:
        """ "Nearest class mean, shots=1"."""
        one = self.score
        return ExtraColumn(one.evaluation, one.title, one.score.metric, one.plugin).told()

    def key(self, book: Book) -> str:
        return f"{book.stem(self.rung.name)}.plugin.{book.stem(f'plugin {self.score.evaluation}')}"


def extras(sources: Sources) -> Iterator[Extra]:
    """In the order of the rungs, and of what was asked for."""
    for rung in sources.evidence.rungs:
        origin = sources.origin(rung)
        if origin is None or origin.model is None or not isinstance(origin.result, EvaluationResult):
            continue
        for place, score in enumerate(origin.result.extra):
            if score.model == origin.model.name:
                yield Extra(rung, origin, place, score)


def by_plugins(sources: Sources, book: Book) -> tuple[Block, ...]:
    """Empty where no comparison had one."""
    rows = tuple(_row(extra, book) for extra in extras(sources))
    if not rows:
        return ()
    table = Table(
        caption="Evaluations by plugins, beside the verdict",
        head=("Model", "Evaluation", "Plugin", "Score", "Mean", "95 % interval", "Seeds"),
        rows=rows,
        numeric=(False, False, False, False, True, True, True),
    )
    return table, Paragraph(text=(_ASIDE,), dim=True)


def _row(extra: Extra, book: Book) -> tuple[Inline, ...]:
    score, key = extra.score.score, extra.key(book)

    def bound(what: str, text: str, value: object, where: str, how: str = "") -> Inline:
        made = book.number(
            f"{key}.{what}", text, value, run=extra.origin.run, file=extra.origin.file, where=where, how=how
        )
        return (made,)

    entry = f"extra[{extra.place}]"
    interval: Inline = ("none: too few seeds",)
    if score.interval is not None:
        text = f"{score.interval[0]:.3f} to {score.interval[1]:.3f}"
        interval = bound("interval", text, list(score.interval), f"{extra.where}.interval", "as it was given")
    return (
        (printable(extra.rung.name),),
        bound("name", extra.told, [extra.score.title, extra.score.evaluation], f"{entry}.evaluation"),
        bound("by", printable(extra.score.plugin) or "not known", extra.score.plugin, f"{entry}.plugin"),
        (METRIC_NAMES[score.metric],),
        bound("mean", f"{score.mean:.3f}", score.mean, f"{extra.where}.values", "mean over the seeds"),
        interval,
        bound("seeds", f"{len(score.values):,}", len(score.values), f"{extra.where}.values", "how many"),
    )
