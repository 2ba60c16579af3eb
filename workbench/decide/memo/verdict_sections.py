"""What the rules made of the evidence: findings, verdict with what speaks for and against it, and the next step."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.decide.memo.book import Book
from workbench.decide.memo.document import Block, Bullets, Notice, Paragraph
from workbench.decide.memo.sources import Sources
from workbench.records.decision import Decision
from workbench.records.text import printable

RULES = "a rule, from the evidence"
_NOTED = {"bad": 0, "warn": 1, "info": 2}
_SAME = {"leak": "leaks left in"}  # what a comparison calls a thing that a guard rail says too


def findings(sources: Sources, decision: Decision, book: Book) -> tuple[Block, ...]:
    """Guard rails first, then what the comparison noted by itself, the gravest first."""
    blocks: list[Block] = [
        Notice(
            name=printable(finding.name),
            severity=finding.severity,
            advice=book.sentence(
                f"finding.{book.stem(f'finding {finding.name}').removeprefix('finding-')}",
                finding.advice,
                sources.runs(),
                how=RULES,
            ),
        )
        for finding in decision.findings
    ]
    found = sources.comparison()
    noted = sorted(found[1].findings, key=lambda item: _NOTED[item.severity]) if found else []
    said = {finding.name for finding in decision.findings}
    for place, finding in enumerate(noted):
        if found and _SAME.get(finding.name, finding.name) not in said:
            advice = book.sentence(
                f"noted.{place + 1}", finding.advice, (found[0],), how=f"{sources.file(found[0])}, findings"
            )
            blocks.append(Notice(name=printable(finding.name), severity=finding.severity, advice=advice))
    if not blocks:
        blocks.append(Paragraph(text=("No rule found anything that makes these numbers doubtful.",)))
    notes = sources.evidence.notes
    if notes:
        items = tuple(
            (book.sentence(f"note.{place + 1}", note, how="runs of the project"),)
            for place, note in enumerate(notes)
        )
        blocks.append(Bullets(title="What took no part", items=items))
    return tuple(blocks)


def verdict(sources: Sources, decision: Decision, book: Book) -> tuple[Block, ...]:
    parts = (
        ("because", "Why", decision.because),
        ("against", "What speaks against it", decision.against),
        ("change", "What would change it", decision.would_change_it),
        (
            "escalation",
            "What would justify escalating to pretraining: MAE, DINO or MoCo",
            decision.escalation,
        ),
    )
    against = "What speaks against it" if decision.verdict != "undecided" else "What is known so far"
    blocks: list[Block] = [
        Paragraph(
            text=(
                book.sentence("verdict", decision.title, how=RULES),
                ". ",
                book.sentence("verdict.advice", decision.advice.advice, how=RULES),
            )
        )
    ]
    for key, title, sentences in parts:
        blocks += _bullets(sources, book, key, against if key == "against" else title, sentences)
    if decision.proposal is not None and decision.proposal.method:
        proposal = decision.proposal
        blocks += _bullets(
            sources, book, "proposal", f"If it comes to pretraining: {proposal.title}", proposal.why
        )
    row = book.sentence("verdict.row", decision.advice.row, how=RULES)
    blocks.append(Paragraph(text=("Row of the regime table that holds: ", row, "."), dim=True))
    return tuple(blocks)


def next_step(decision: Decision, book: Book) -> tuple[Block, ...]:
    step = decision.next_step
    if step is None:
        said = decision.advice.advice
        return (
            Paragraph(
                text=("Nothing is left to measure here. ", book.sentence("next.advice", said, how=RULES))
            ),
        )
    return (
        Paragraph(
            text=(
                book.sentence("next.title", step.title, how=RULES),
                ". ",
                book.sentence("next.why", step.why, how=RULES),
            )
        ),
        Paragraph(text=("Expected cost: ", book.sentence("next.cost", step.cost, how=RULES), ".")),
    )


def _bullets(sources: Sources, book: Book, key: str, title: str, sentences: Sequence[str]) -> list[Block]:
    """Each sentence with the runs of the rungs that it names; of one that names none, those of all."""
    if not sentences:
        return []
    items = []
    for place, said in enumerate(sentences):
        runs = [
            sources.name(rung.run)
            for rung in sources.evidence.rungs
            if rung.run and printable(rung.name).removesuffix(", frozen") in said
        ]
        items.append((book.sentence(f"{key}.{place + 1}", said, runs or sources.runs(), how=RULES),))
    return [Bullets(title=title, items=tuple(items))]
