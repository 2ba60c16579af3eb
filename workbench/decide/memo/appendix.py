"""The appendix: the runs, every seed of every rung, and each number with its run, its file and its place there."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.decide.memo.book import Book
from workbench.decide.memo.document import Block, Inline, Link, Paragraph, Table
from workbench.decide.memo.plugins_section import extras
from workbench.decide.memo.sources import Sources
from workbench.records.finetunes import FinetuneResult
from workbench.records.memo import Bound
from workbench.records.scores import METRIC_NAMES, Score
from workbench.records.text import printable

_NUMBERED = (
    "Every number above, by the key that the author's words may name in double braces. A sentence that rules made is "
    "followed by the runs that it speaks of. The command workbench memo PROJECT --check derives all of them anew and "
    "tells each that differs."
)


def appendix(sources: Sources, book: Book) -> tuple[Block, ...]:
    blocks: list[Block] = [_runs(sources)] if sources.listed() else []
    blocks += _seeds(sources, book)
    blocks += _hashes(sources, book)
    shown = [number for number in book.entries() if not number.sentence]
    blocks.append(Paragraph(text=(_NUMBERED,), dim=True))
    blocks.append(
        Table(
            caption="Numbers",
            head=("Key", "Number", "Run", "File", "Where in it, and how"),
            rows=tuple(_row(sources, number) for number in shown),
            numeric=(False,) * 5,
            wide=True,
            anchors=tuple(f"n-{number.key}" for number in shown),
        )
    )
    return tuple(blocks)


def _runs(sources: Sources) -> Table:
    return Table(
        caption="Runs",
        head=("", "Run", "Kind", "Title", "Begun", "Device"),
        rows=tuple(
            (
                (source.label,),
                (Link(source.run, source.run, file=True),),
                (printable(source.kind),),
                (printable(source.title),),
                (source.date or "not known",),
                (printable(source.device) or "not told",),
            )
            for source in sources.listed()
        ),
        numeric=(False,) * 6,
        wide=True,
        anchors=tuple(source.label for source in sources.listed()),
    )


def _seeds(sources: Sources, book: Book) -> list[Block]:
    target = sources.evidence.target
    blocks: list[Block] = []
    rows: list[tuple[Inline, ...]] = []
    for rung in sources.evidence.rungs:
        origin = sources.origin(rung)
        run, file = (origin.run, origin.file) if origin else (sources.name(rung.run), "")
        where = f"{origin.where}.{rung.score.metric}" if origin else ""
        numbers = _of_each(book, book.stem(rung.name), rung.score, rung.seeds, (run, file, where))
        rows.append(((printable(rung.name),), numbers))
    if rows:
        head = ("Rung", f"{target.metric_name} of each seed")
        blocks.append(Table(caption="Seeds", head=head, rows=tuple(rows), numeric=(False, False)))
    beside = tuple(
        (
            (printable(extra.rung.name),),
            (f"{extra.told}, {METRIC_NAMES[extra.score.score.metric]}",),
            _of_each(
                book,
                extra.key(book),
                extra.score.score,
                extra.rung.seeds,
                (extra.origin.run, extra.origin.file, extra.where),
            ),
        )
        for extra in extras(sources)
    )
    if beside:
        head = ("Model", "Evaluation", "Each seed")
        caption = "Seeds of evaluations by plugins"
        blocks.append(Table(caption=caption, head=head, rows=beside, numeric=(False, False, False)))
    return blocks


def _of_each(book: Book, key: str, score: Score, seeds: Sequence[int], place: tuple[str, str, str]) -> Inline:
    """The score of every seed, with commas between. `place`: run, file, and where the score stands in it."""
    run, file, where = place
    numbers: list[str | Bound | Link] = []
    for number, value in enumerate(score.values):
        seed = seeds[number] if number < len(seeds) else number
        numbers += [", "] if numbers else []
        numbers.append(
            book.number(
                f"{key}.seed.{seed}",
                f"{value:.4f}",
                value,
                run=run,
                file=file,
                where=f"{where}.values[{number}]" if where else "",
                how=f"seed {seed}",
            )
        )
    return tuple(numbers)


def _hashes(sources: Sources, book: Book) -> list[Block]:
    rows: list[tuple[Inline, ...]] = []
    known: set[str] = set()
    for run in sources.runs():
        result = sources.result(run)
        if result is None:
            continue
        seeds = (
            [tuned.seed for tuned in result.seeds]
            if isinstance(result, FinetuneResult)
            else list(result.seeds)
        )
        label = next(source.label for source in sources.listed() if source.run == run)
        for place, (seed, hash_) in enumerate(zip(seeds, result.split_hashes, strict=False)):
            where = (
                f"seeds[{place}].split" if isinstance(result, FinetuneResult) else f"split_hashes[{place}]"
            )
            bound = book.number(
                f"{label.lower()}.split.{seed}", hash_, hash_, run=run, file=sources.file(run), where=where
            )
            if f"{seed} {hash_}" not in known:
                rows.append(((f"{label}, seed {seed}",), (bound,)))
            known.add(f"{seed} {hash_}")
    if not rows:
        return []
    return [Table(caption="Splits", head=("Seed", "Split hash"), rows=tuple(rows), numeric=(False, False))]


def _row(sources: Sources, number: Bound) -> tuple[Inline, ...]:
    label = next((source.label for source in sources.listed() if source.run == number.run), "")
    shown = printable(number.file.removeprefix(f"{number.run}/") if number.run else number.file)
    place = " · ".join(part for part in (number.where, number.how) if part)
    return (
        (number.key,),
        (number.text,),
        (Link(label, label) if label else "",),
        (Link(shown, number.file, file=True) if number.file else "",),
        (printable(place),),
    )
