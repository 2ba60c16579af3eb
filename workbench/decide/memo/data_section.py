"""What the memo says of the images: counts, classes, groups, splits, leaks, and what was refused."""

from __future__ import annotations

from collections import Counter

from workbench.decide.memo.book import Book
from workbench.decide.memo.document import Block, Bullets, Inline, Link, Paragraph, Table
from workbench.decide.memo.sources import Sources
from workbench.records.index import ImageIndex
from workbench.records.memo import Bound
from workbench.records.regime import Regime
from workbench.records.text import count, percent, printable

MOST_CLASSES = 24  # that are listed with their counts: the largest and the smallest
MOST_REFUSED = 5  # that are named
_INDEX = "counted, with what was decided about the images"


def data(sources: Sources, book: Book) -> tuple[Block, ...]:
    regime, images = sources.evidence.regime, sources.images()
    file = sources.project.settings.index
    blocks: list[Block] = [_counts(regime, file, book)]
    if images is not None:
        index, left_out = images
        blocks += _classes(index, file, book)
        blocks += _refused(index, left_out, file, book)
    blocks += _splits(sources, book)
    blocks += _leaks(sources, book)
    blocks += _domain(sources, book)
    return tuple(blocks)


def _counts(regime: Regime, file: str, book: Book) -> Table:
    def number(key: str, value: int, text: str = "", how: str = _INDEX) -> Inline:
        return (book.number(f"data.{key}", text or f"{value:,}", value, file=file, how=how),)

    rows: list[tuple[Inline, ...]] = [
        (("Images",), number("images", regime.images)),
        (("Labelled",), number("labelled", regime.labelled)),
        (("Unlabelled, in the data set",), number("unlabelled", regime.unlabelled)),
        (("Unlabelled, in the pool",), number("pool", regime.pool, how="counted in the index of the pool")),
        (("Classes",), number("classes", regime.classes)),
        (
            ("Labelled images of a class: smallest, median, largest",),
            (
                book.number("data.smallest", f"{regime.smallest:,}", regime.smallest, file=file, how=_INDEX),
                " · ",
                book.number("data.median", f"{regime.median:,}", regime.median, file=file, how=_INDEX),
                " · ",
                book.number("data.largest", f"{regime.largest:,}", regime.largest, file=file, how=_INDEX),
            ),
        ),
        (("Groups",), number("groups", regime.groups, "" if regime.groups else "none")),
        (("Kind",), (book.number("data.kind", _kind(regime), _kind(regime), file=file, how=_INDEX),)),
        (
            ("Sets of copies that a split can tear apart",),
            number("leaks", regime.leaks, "" if regime.leaks else "none"),
        ),
    ]
    if regime.groups:
        rows.insert(7, (("Labelled images without a group",), number("ungrouped", regime.ungrouped)))
    return Table(caption="What there is", head=("", "Number"), rows=tuple(rows), numeric=(False, True))


def _kind(regime: Regime) -> str:
    colours = {
        "grey": "grey",
        "colour": "colour",
        "many channels": "many channels",
        "mixed": "of mixed colours",
    }
    parts = [colours.get(regime.colours, "")]
    if regime.bits:
        parts.append(f"{regime.bits}-bit" + (" and others" if regime.bits_mixed else ""))
    if regime.side:
        parts.append(f"shorter side {regime.side:,} px")
    return ", ".join(part for part in parts if part) or "not known"


def _classes(index: ImageIndex, file: str, book: Book) -> list[Block]:
    counts = sorted(index.class_counts().items(), key=lambda item: (-item[1], item[0]))
    if not counts:
        return []
    half = MOST_CLASSES // 2
    between = max(len(counts) - MOST_CLASSES, 0)
    text: list[str | Bound | Link] = []
    for name, images in [*counts[:half], *counts[half + between :]]:
        if between and len(text) == 3 * half - 1:
            rest = book.number("data.classes.others", f"{between:,}", between, file=file, how=_INDEX)
            text += [" · … ", rest, " classes between …"]
        key = f"data.class.{book.stem(f'class {name}').removeprefix('class-')}"
        text += [" · "] if text else []
        text += [f"{printable(name)} ", book.number(key, f"{images:,}", images, file=file, how=_INDEX)]
    return [Paragraph(text=("Labelled images by class: ", *text, "."))]


def _refused(index: ImageIndex, left_out: int, file: str, book: Book) -> list[Block]:
    blocks: list[Block] = []
    if left_out:
        number = book.number(
            "data.left-out", count(left_out, "image"), left_out, file="project.json", where="curation"
        )
        blocks.append(Paragraph(text=("The author left out ", number, ".")))
    if not index.refused:
        none = book.number("data.refused", "No file was refused.", 0, file=file, where="refused")
        return [*blocks, Paragraph(text=(none,))]
    reasons = Counter(printable(refused.reason) for refused in index.refused)
    total = book.number(
        "data.refused", count(len(index.refused), "file"), len(index.refused), file=file, where="refused"
    )
    items: list[Inline] = []
    for place, (reason, times) in enumerate(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))):
        names = [printable(refused.path) for refused in index.refused if printable(refused.reason) == reason]
        told = ", ".join(names[:MOST_REFUSED]) + (" and others" if times > MOST_REFUSED else "")
        text = f"{reason} ({times:,}): {told}"
        items.append((book.number(f"data.refused.{place + 1}", text, times, file=file, where="refused"),))
    return [
        *blocks,
        Paragraph(text=(total, " could not be used, and took no part:")),
        Bullets(title="", items=tuple(items)),
    ]


def _splits(sources: Sources, book: Book) -> list[Block]:
    found = sources.comparison()
    if found is None:
        return []
    run, result = found
    where = {"run": run, "file": sources.file(run)}
    seeds = book.number(
        "split.seeds", count(len(result.seeds), "split"), len(result.seeds), where="seeds", **where
    )
    parts = [
        book.number(f"split.{part}", f"{number:,}", number, where="split_counts", **where)
        for part, number in zip(("train", "validation", "test"), result.split_counts, strict=True)
    ]
    kept = "groups are kept whole" if result.grouped else "there are no groups to keep whole"
    plan = printable(result.plan) or "drawn by shares, each class alike"
    first = result.split_hashes[0] if result.split_hashes else ""
    hash_: Inline = (
        (
            " Split hash of the first: ",
            book.number("split.hash", first, first, where="split_hashes[0]", **where),
            ".",
        )
        if first
        else ()
    )
    return [
        Paragraph(
            text=(
                seeds,
                f", {plan}, into ",
                parts[0],
                " images to learn from, ",
                parts[1],
                " to choose on and ",
                parts[2],
                f" to test; {kept}.",
                *hash_,
            )
        )
    ]


def _leaks(sources: Sources, book: Book) -> list[Block]:
    found = sources.comparison()
    blocks: list[Block] = []
    if found is not None and found[1].leaks is not None:
        run, result = found
        assert result.leaks is not None
        told = book.number(
            "split.leaks",
            result.leaks.told(),
            result.leaks.test_images,
            run=run,
            file=sources.file(run),
            where="leaks",
        )
        blocks.append(Paragraph(text=("In the worst of these splits: ", told, ".")))
    openings = sources.evidence.openings
    text = (
        "The test part was opened once." if openings == 1 else f"The test part was opened {openings:,} times."
    )
    opened = book.number("openings", text, openings, file="ledger.jsonl", how="lines")
    return [*blocks, Paragraph(text=(opened,))]


def _domain(sources: Sources, book: Book) -> list[Block]:
    domain = sources.evidence.domain
    origins = [origin for rung in sources.evidence.rungs if (origin := sources.origin(rung))]

    def number(key: str, text: str, value: float, field: str) -> Bound:
        """From the first row whose `field` says `value`, or whose neighbours the other number is of."""
        owner = "purity" if field.startswith("purity") else field
        wanted = domain.purity if owner == "purity" else value
        of = next((each for each in origins if each.model and getattr(each.model, owner) == wanted), None)
        where = f"{of.where.partition('.')[0]}.{field}" if of else ""
        run, file = (of.run, of.file) if of else ("", "")
        return book.number(f"domain.{key}", text, value, run=run, file=file, where=where)

    told: list[Inline] = []
    if domain.purity is not None:
        pure, chance = domain.purity, domain.purity_by_chance
        by_chance: Inline = ()
        if chance is not None:
            by_chance = (
                ", where chance gives ",
                number("chance", percent(chance), chance, "purity_by_chance"),
            )
        share = number("purity", percent(pure), pure, "purity")
        by = f" in the features of {printable(domain.backbone)}" if domain.backbone else ""
        told.append((share, f" of an image's ten nearest neighbours{by} have its label", *by_chance, "."))
    if domain.distance is not None:
        far = number("distance", f"{domain.distance:.2f}", domain.distance, "distance")
        who = printable(domain.distance_backbone) or "a public backbone"
        told.append(
            (
                f"What these images call up in {who} lies ",
                far,
                " times as far from what its training images did as everyday photographs lie: means and spreads of "
                "the channels before its batch normalisations, which it remembers of its training. It says how "
                "unusual the images are for it, not whether it tells their classes apart.",
            )
        )
    return [Bullets(title="Before any training", items=tuple(told))] if told else []
