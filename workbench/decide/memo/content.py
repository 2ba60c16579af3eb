"""The memo of a decision: what is shown, in which order, and where each number of it comes from."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.decide.memo import data_section, verdict_sections
from workbench.decide.memo.appendix import appendix
from workbench.decide.memo.boards_section import boards
from workbench.decide.memo.book import Book
from workbench.decide.memo.document import Block, Bullets, Fact, Inline, Memo, Paragraph, Section
from workbench.decide.memo.prose import paragraphs
from workbench.decide.memo.results_section import Cells, results
from workbench.decide.memo.sources import Sources
from workbench.decide.memo.verdict_sections import RULES
from workbench.decide.standing import best
from workbench.records.case import FOLDER, SECTIONS, Case
from workbench.records.decision import Decision, Ruling
from workbench.records.evidence import Evidence
from workbench.records.memo import Bound
from workbench.records.project import Project
from workbench.records.text import duration, printable

APPENDIX = "appendix"
CASE_FILE = f"{FOLDER}/case.json"
TONES: dict[Ruling, str] = {
    "public backbone suffices": "good",
    "adapt selectively": "adapt",
    "pretraining justified": "pretrain",
    "undecided": "undecided",
    "not this tool": "none",
}
_ARCHITECTURES = {"vit": "a vision transformer", "cnn": "a convolutional network"}


def compose(project: Project, case: Case, evidence: Evidence, decision: Decision) -> Memo:
    """The memo of a decision that was made of `evidence`, with what the project's runs and images tell beside it.

    Raises:
        ValueError: the author's words name a number that the memo hasn't, or a board can't be shown.
    """
    book, sources = Book(), Sources(project, evidence)
    name = printable(project.settings.name)
    verdict = book.sentence("verdict", decision.title, how=RULES)
    advice = book.sentence("verdict.advice", decision.advice.advice, how=RULES)
    reason = decision.because[0] if decision.because else decision.advice.reason
    why = book.sentence("verdict.why", reason, how=RULES)
    blocks: dict[str, tuple[Block, ...]] = {
        "question": _question(case, name, book),
        "data": data_section.data(sources, book),
        "results": results(sources, decision, book),
        "boards": boards(project, case.boards, book),
        "findings": verdict_sections.findings(sources, decision, book),
        "verdict": verdict_sections.verdict(sources, decision, book),
        "next": verdict_sections.next_step(decision, book),
    }
    facts = _facts(sources, decision, book)
    last = appendix(sources, book)
    numbers = {number.key: number for number in book.entries()}
    sections = []
    for id_, title in SECTIONS.items():
        words = paragraphs(case.prose.get(id_, ""), numbers, id_)
        if words or blocks[id_]:
            sections.append(Section(id=id_, title=title, prose=words, blocks=blocks[id_]))
    sections.append(Section(id=APPENDIX, title="Appendix: where every number comes from", blocks=last))
    return Memo(
        title=printable(case.title) or f"{name}: is a public backbone good enough?",
        author=printable(case.author),
        date=sources.date(),
        project=name,
        tone=TONES[decision.verdict],
        verdict=verdict,
        why=why,
        advice=advice,
        facts=facts,
        sections=tuple(sections),
        numbers=book.entries(),
        sources=sources.listed(),
    )


def _question(case: Case, name: str, book: Book) -> tuple[Block, ...]:
    target = case.target
    asked = (
        f"Is a public vision backbone good enough for the images of {name}, should a part of it be adapted, or is it "
        "worth pretraining one on these images without labels?"
    )
    good_enough: Inline = (
        f"Scores are {target.metric_name}. No threshold was set, so that none can be called good enough.",
    )
    if target.threshold is not None:
        good_enough = (
            f"Good enough is a {target.metric_name} of ",
            _threshold(case.target.threshold, book),
            " or more on images that nothing was learnt from, with its whole 95 % interval and not just the mean.",
        )
    blocks: list[Block] = [Paragraph(text=(asked,)), Paragraph(text=good_enough)]
    said = (*_costs(case, book), *_kinds(case))
    if said:
        blocks.append(Bullets(title="What was said of the task", items=said))
    return tuple(blocks)


def _threshold(threshold: float | None, book: Book) -> Bound:
    return book.number("threshold", f"{threshold:.3f}", threshold, file=CASE_FILE, where="target.threshold")


def _costs(case: Case, book: Book) -> Iterable[Inline]:
    target = case.target
    unit = f" {printable(target.currency)}" if target.currency else ""
    for field, before, after in (
        ("labelling_hour_cost", "An hour of labelling costs ", f"{unit}."),
        ("labels_an_hour", "An hour of labelling gives ", " labels."),
        ("gpu_hour_cost", "An hour of a GPU costs ", f"{unit}."),
    ):
        value = getattr(target, field)
        if value is not None:
            key = field.replace("_", "-")
            yield (
                before,
                book.number(key, f"{value:,g}", value, file=CASE_FILE, where=f"target.{field}"),
                after,
            )


def _kinds(case: Case) -> Iterable[Inline]:
    if case.everyday is not None:
        yield (
            "These are photographs of everyday things."
            if case.everyday
            else "These are no photographs of everyday things.",
        )
    if case.colour_is_signal is not None:
        yield (
            "Colour tells classes apart." if case.colour_is_signal else "Colour does not tell classes apart.",
        )
    if case.architecture:
        yield (f"What is deployed must be {_ARCHITECTURES[case.architecture]}.",)


def _facts(sources: Sources, decision: Decision, book: Book) -> tuple[Fact, ...]:
    """What is asked for, the best score, what it cost, what comes next."""
    evidence, step = sources.evidence, decision.next_step
    target = evidence.target
    made: list[Fact] = []
    if target.threshold is not None:
        asked: Inline = (f"{target.metric_name} ", _threshold(target.threshold, book))
        made.append(Fact("Asked for", asked, ("with the whole interval",)))
    if evidence.rungs:
        cells, top = Cells(sources, book), best(evidence.rungs)
        interval = cells.interval(top)
        spread: Inline = ("95 % interval ", interval, ", ") if interval else ()
        made.append(Fact("Best score", (cells.mean(top),), (*spread, cells.name(top))))
    seconds = decision.standings[-1].cost_so_far if decision.standings else 0.0
    if seconds:
        how = "sum of the times that the rungs took"
        spent = book.number("cost", duration(max(seconds, 1.0)), seconds, how=how)
        made.append(Fact("Computed so far", (spent,), ("for all rungs",)))
    if step is not None:
        title = book.sentence("next.title", step.title, how=RULES)
        made.append(Fact("Next step", (title,)))
    elif decision.verdict != "not this tool":
        made.append(Fact("Next step", ("None here",), ("nothing is left to measure",)))
    return tuple(made)
