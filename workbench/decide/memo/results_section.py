"""What was measured: the table of rungs, the plots of them, and the rungs that were not climbed."""

from __future__ import annotations

from functools import partial

import numpy as np

from workbench.decide.memo.book import Book
from workbench.decide.memo.charts import Curve, Spread, budget_curves, confusion, seed_spread
from workbench.decide.memo.document import Block, Chart, Inline, Paragraph, Table
from workbench.decide.memo.map_chart import COLOURED, draw_map, thinned
from workbench.decide.memo.plugins_section import by_plugins
from workbench.decide.memo.sources import Origin, Sources
from workbench.decide.memo.verdict_sections import RULES
from workbench.decide.standing import best, judged_interval, only_with_leaks
from workbench.records.decision import Decision, Standing
from workbench.records.embeddings import read_h5ad
from workbench.records.evidence import Rung
from workbench.records.files import DocumentError
from workbench.records.memo import Bound
from workbench.records.results import EvaluationResult
from workbench.records.text import count, duration, printable

COST = "its share of how long its runs took, the embedding with it"
UMAP = "X_umap"
MOST_DRAWN = 200  # classes of a confusion matrix
MOST_CONFUSED = 3  # pairs of classes that are named
_PLACES = {"above": "passes", "below": "falls short", "open": "not told yet", None: "no threshold"}
_STAY = "\u00a0"  # a space that no line is broken at


class Cells:
    """The bound numbers of a rung; each is made once, whoever asks."""

    def __init__(self, sources: Sources, book: Book) -> None:
        self._sources, self._book = sources, book
        self._origins: dict[str, Origin | None] = {}

    def origin(self, rung: Rung) -> Origin | None:
        if rung.name not in self._origins:
            self._origins[rung.name] = self._sources.origin(rung)
        return self._origins[rung.name]

    def name(self, rung: Rung) -> Bound:
        return self._make(
            rung, "name", printable(rung.name), rung.name, rung.score.metric, "the model's title"
        )

    def mean(self, rung: Rung) -> Bound:
        mean = rung.score.mean
        return self._make(
            rung, "mean", f"{mean:.3f}", mean, f"{rung.score.metric}.values", "mean over the seeds"
        )

    def interval(self, rung: Rung) -> Bound | None:
        interval = judged_interval(rung)
        if interval is None:
            return None
        text, how = f"{interval[0]:.3f} to {interval[1]:.3f}", "95 % interval that the rung is judged by"
        return self._make(rung, "interval", text, list(interval), f"{rung.score.metric}.values", how)

    def seeds(self, rung: Rung) -> Bound:
        number = rung.num_seeds
        return self._make(rung, "seeds", f"{number:,}", number, f"{rung.score.metric}.values", "how many")

    def place(self, rung: Rung, standing: Standing) -> Bound:
        with_leaks = only_with_leaks(self._sources.evidence, rung)
        text = "passes only with its leaks" if with_leaks else _PLACES[standing.place]
        return self._make(
            rung, "place", text, standing.place, f"{rung.score.metric}.values", "interval beside threshold"
        )

    def cost(self, rung: Rung) -> Bound | None:
        if rung.seconds is None:
            return None
        text = duration(max(rung.seconds, 1.0))
        return self._make(rung, "cost", text, rung.seconds, how=COST)

    def cost_so_far(self, rung: Rung, standing: Standing) -> Bound:
        text = duration(max(standing.cost_so_far, 1.0)) if standing.cost_so_far else "not known"
        return self._make(rung, "cost-so-far", text, standing.cost_so_far, how="this rung and all before it")

    def _make(self, rung: Rung, what: str, text: str, value: object, where: str = "", how: str = "") -> Bound:
        """`where` is in the rung's scores; without it the number comes from how long the run took."""
        origin = self.origin(rung)
        run = origin.run if origin else self._sources.name(rung.run)
        file = origin.file if origin and where else f"{run}/status.json" if run else ""
        place = f"{origin.where}.{where}" if origin and where else ""
        key = f"{self._book.stem(rung.name)}.{what}"
        return self._book.number(key, text, value, run=run, file=file, where=place, how=how)


def results(sources: Sources, decision: Decision, book: Book) -> tuple[Block, ...]:
    evidence = sources.evidence
    if not evidence.rungs:
        return (Paragraph(text=("Nothing was measured yet.",)), *_ahead(decision, book))
    cells = Cells(sources, book)
    blocks: list[Block] = [_table(sources, decision, cells)]
    if decision.stopped:
        blocks.append(
            Paragraph(text=(book.sentence("stopped", decision.stopped, sources.runs(), how=RULES),))
        )
    blocks.append(_spread(sources, book))
    blocks += _ahead(decision, book)
    blocks += _budgets(sources, book)
    top = best(evidence.rungs)
    origin = cells.origin(top)
    if origin is not None:
        blocks += _confusion(top, origin, book)
        blocks += _map(sources, top, origin, book)
    blocks += by_plugins(sources, book)
    return tuple(blocks)


def _table(sources: Sources, decision: Decision, cells: Cells) -> Table:
    rows: list[tuple[Inline, ...]] = []
    for standing in decision.standings:
        rung = sources.evidence.rung(standing.name)
        interval, cost = cells.interval(rung), cells.cost(rung)
        rows.append(
            (
                (cells.name(rung),),
                (cells.mean(rung),),
                (interval or "none: too few seeds",),
                (cells.seeds(rung),),
                (cells.place(rung, standing),),
                (cost or "not known",),
                (cells.cost_so_far(rung, standing),),
            )
        )
    return Table(
        caption="Every rung that was climbed, in its order, on images that it did not learn from",
        head=(
            "Rung",
            sources.evidence.target.metric_name,
            "95 % interval",
            "Seeds",
            "Beside the threshold",
            "Cost",
            "Cost so far",
        ),
        rows=tuple(rows),
        numeric=(False, True, True, True, False, True, True),
    )


def _ahead(decision: Decision, book: Book) -> list[Block]:
    if not decision.ahead:
        return []
    rows: list[tuple[Inline, ...]] = []
    for item in decision.ahead:
        key = f"ahead.{book.stem(item.step.title)}"
        rows.append(
            (
                (book.sentence(key, item.step.title, how=RULES),),
                (item.state.replace(" ", _STAY),),
                (book.sentence(f"{key}.cost", item.step.cost, how=RULES),),
            )
        )
    return [
        Table(
            caption="Rungs that were not climbed",
            head=("Rung", "State", "Expected cost"),
            rows=tuple(rows),
            numeric=(False, False, False),
        )
    ]


def _spread(sources: Sources, book: Book) -> Chart:
    evidence = sources.evidence
    name, threshold = evidence.target.metric_name, evidence.target.threshold
    shown, told = [], []
    for rung in evidence.rungs:
        interval = judged_interval(rung)
        value = f"{rung.score.mean:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")
        shown.append(
            Spread(
                name=printable(rung.name),
                values=rung.score.values,
                mean=rung.score.mean,
                interval=interval,
                value=value,
            )
        )
        low, high = min(rung.score.values), max(rung.score.values)
        told.append(
            f"{printable(rung.name)}: {value} over {count(rung.num_seeds, 'seed')}, which lie between {low:.3f} and "
            f"{high:.3f}."
        )
    if threshold is not None:
        told.append(f"The threshold is {threshold:.3f}.")
    words = " ".join(told)
    return Chart(
        key="seeds",
        title=f"How far the seeds of each rung spread ({name})",
        caption="Points are seeds: the same images, divided anew. The thick stroke is their mean, the line its 95 % "
        "interval. A rung passes where the whole line is at or right of the threshold. Seeds share images, so that "
        "points close together do not make a score sure by themselves.",
        alt=book.sentence("chart.seeds", words, sources.runs(), how="scores of every seed"),
        draw=partial(seed_spread, tuple(shown), threshold, name, words),
    )


def _budgets(sources: Sources, book: Book) -> list[Block]:
    evidence = sources.evidence
    metric, name, threshold = evidence.target.metric, evidence.target.metric_name, evidence.target.threshold
    curves, told, runs = [], [], []
    for rung in evidence.rungs:
        # Budgets that hold no more labels than the one before say the same again.
        rising = {budget.labels: budget for budget in reversed(rung.budgets) if metric in budget.scores}
        if len(rising) < 2:
            continue
        ordered = [rising[labels] for labels in sorted(rising)]
        scores = [budget.scores[metric] for budget in ordered]
        curves.append(
            Curve(
                name=printable(rung.name),
                labels=tuple(budget.labels for budget in ordered),
                means=tuple(score.mean for score in scores),
                intervals=tuple(score.interval for score in scores),
            )
        )
        steps = ", ".join(
            f"{score.mean:.3f} with {count(budget.labels, 'label')}"
            for budget, score in zip(ordered, scores, strict=True)
        )
        told.append(f"{printable(rung.name)}: {steps}.")
        runs.append(sources.name(rung.run))
    if not curves:
        return []
    words = " ".join(told)
    return [
        Chart(
            key="budget",
            title=f"What more labels bring ({name})",
            caption="Each point is the mean over the seeds with a share of the labels; upright lines are 95 % "
            "intervals. A curve that still rises at its end speaks for labels; where it goes beyond its end nobody "
            "has measured.",
            alt=book.sentence("chart.budget", words, runs, how="scores of every label budget"),
            draw=partial(budget_curves, tuple(curves), threshold, name, words),
        )
    ]


def _confusion(rung: Rung, origin: Origin, book: Book) -> list[Block]:
    counts, classes = origin.confusion, tuple(printable(name) for name in origin.result.classes)
    if not counts or len(counts) != len(classes):
        return []
    total, right = sum(map(sum, counts)), sum(counts[place][place] for place in range(len(counts)))
    pairs = sorted(
        (
            (-number, row, column)
            for row, line in enumerate(counts)
            for column, number in enumerate(line)
            if row != column and number
        )
    )[:MOST_CONFUSED]
    words = f"{right:,} of {count(total, 'test answer')} are right, over all seeds."
    if pairs:
        most = ", ".join(
            f"{classes[row]} called {classes[column]} ({count(-number, 'time')})"
            for number, row, column in pairs
        )
        words += f" Most often confused: {most}."
    title = f"What is taken for what: {printable(rung.name)}"
    if len(classes) > MOST_DRAWN:
        told = book.sentence("confusion", words, (origin.run,), how=f"{origin.file}, confusion")
        return [Paragraph(text=(f"{title}. ", told))]
    return [
        Chart(
            key="confusion",
            title=title,
            caption="The best rung, test answers of all seeds together. The darker a cell, the larger its share of "
            "the true class. A class with few images fills few cells: read the counts.",
            alt=book.sentence("chart.confusion", words, (origin.run,), how=f"{origin.file}, confusion"),
            draw=partial(confusion, classes, counts, title, words),
        )
    ]


def _map(sources: Sources, rung: Rung, origin: Origin, book: Book) -> list[Block]:
    """Of the embedding file that the best rung was probed from, where a map lies in it."""
    if origin.model is None or not isinstance(origin.result, EvaluationResult):
        return []
    path = origin.result.files(sources.project.folder / origin.run)[origin.model.name]
    try:
        read = read_h5ad(path, maps_only=True)
    except DocumentError:
        return []
    places = read.obsm.get(UMAP)
    if places is None or len(places) < 2 or not np.isfinite(places[:, :2]).all(axis=1).any():
        return []
    points = thinned(places, [printable(label) for label in read.labels] or [""] * len(places))
    shown = f"{len(points.code):,} of {count(points.total, 'image')}"
    named = ", ".join(points.names[:COLOURED])
    crowded = f" Only the {COLOURED} largest classes have a colour." if len(points.names) > COLOURED else ""
    words = f"{shown}, as their vectors lie; classes with a colour of their own: {named or 'none'}."
    title = f"Map of the vectors (UMAP): {printable(rung.name)}"
    return [
        Chart(
            key="map",
            title=title,
            caption="A map is no evidence: it was drawn from neighbours alone, its distances and gaps mean little, "
            f"and a class that looks apart here may not be. The probe above decides.{crowded}",
            alt=book.sentence("chart.map", words, (origin.run,), how=f"{UMAP} of the embedding file"),
            draw=partial(draw_map, points, title, words),
        )
    ]
