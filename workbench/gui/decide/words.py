"""What a decision says in the window: verdicts and their colours, target, counts, where a step leads. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workbench.records.case import SECTIONS, Case
from workbench.records.decision import Ahead, Decision, NextStep, Place, Ruling, Standing
from workbench.records.evidence import RUNG_KINDS, Domain, Evidence, Problem, Target
from workbench.records.regime import Regime
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import count, data_size, duration, percent, printable

# Colour and word of each verdict; the word says it where colours can't be told.
VERDICTS: dict[Ruling, tuple[str, str]] = {
    "public backbone suffices": ("good", "suffices"),
    "adapt selectively": ("warn", "adapt"),
    "pretraining justified": ("bad", "justified"),
    "undecided": ("undecided", "undecided"),
    "not this tool": ("neutral", "not this tool"),
}
PLACES: dict[Place | None, tuple[str, str, str]] = {
    "above": ("above", "good", "The whole interval is at or above the threshold."),
    "below": ("below", "warn", "The whole interval is under the threshold."),
    "open": ("open", "undecided", "The interval holds the threshold: neither shown to meet nor to miss it."),
    None: ("no threshold", "neutral", "No threshold is set, so that nobody can say whether this suffices."),
}
STATES = {
    "next": ("next", "info", "The step that would tell most for its price."),
    "later": ("later", "neutral", "It may be needed once what is cheaper has been measured."),
    "not needed": ("not needed", "neutral", "What was measured suffices without it."),
    "not justified": (
        "not justified",
        "neutral",
        "What would justify it was not shown. See below what would.",
    ),
}
PROBLEMS: dict[Problem, str] = {
    "images": "images",
    "table": "a table of numbers",
    "sequence": "measurements over time, or text",
    "policy": "actions with later rewards",
}
LEARNS = ("last block", "pretrain")  # steps in which a network learns
NOT_MEASURED = "not known before it is measured"  # how decide.costs begins then
ARCHITECTURES = {"": "either", "vit": "a transformer", "cnn": "a convolutional network"}


class Lead(NamedTuple):
    """What the button of a step that only a person can do says, and the place and command that it opens."""

    word: str
    place: str
    command: str = ""


# Steps that no job does. "threshold" leads to a field of this place.
LEADS = {
    "threshold": Lead("Set the threshold", "decide"),
    "label": Lead("Label in Data", "data", "data.label"),
    "labels": Lead("See the images in Data", "data"),
    "leaks": Lead("Mend the copies in Data", "data", "data.copies"),
    "bring": Lead("Bring it in Models", "models"),
}
PRETRAIN = Lead("Estimate it in Pretrain", "pretrain", "pretrain.new")
# Where what a finding complains of can be mended, by its rule.
MENDED = {
    "leaks decide": Lead("Mend in Data", "data", "data.copies"),
    "leaks left in": Lead("Mend in Data", "data", "data.copies"),
    "pictures under two labels": Lead("Mend in Data", "data", "data.copies"),
    "no better than guessing": Lead("See the images in Data", "data"),
    "classes that are hardly tested": Lead("See Data", "data"),
    "label destroyed by the views": Lead("See Pretrain", "pretrain"),
    "SimCLR at a small batch": Lead("See Pretrain", "pretrain"),
    "tested on what it learnt from": Lead("See Pretrain", "pretrain"),
    "an unsteady pretraining": Lead("See Pretrain", "pretrain"),
    "attention maps as proof": Lead("Choose in Models", "models"),
    "fine-tunes confound": Lead("Choose in Models", "models"),
    "single seed": Lead("Set the splits in Models", "models"),
    "gap inside the seed spread": Lead("See Compare", "compare"),
    "features before and behind the projection": Lead("See Models", "models"),
    "probe and k-NN at odds": Lead("See Compare", "compare"),
    "fine-tuning hides differences": Lead("See Compare", "compare"),
    "fine-tune against probe": Lead("See Compare", "compare"),
    "no supervised baseline": Lead("Choose in Models", "models"),
}


def lead_of(step: NextStep, at_hand: bool) -> Lead | None:
    """Where a step leads that only a person can do; None where a job does it.

    Args:
        at_hand: whether the step's backbone is on this machine.
    """
    if step.step == "public" and step.backbone and not at_hand:
        return LEADS["bring"]
    return LEADS.get(step.step)


# The heading


def headline(decision: Decision | None) -> str:
    """The verdict; the question before there is one."""
    return decision.title if decision is not None else "Is a public backbone good enough?"


def caption(decision: Decision, evidence: Evidence) -> str:
    """ "Target: macro-F1 0.900 · best: DINOv2 small, frozen 0.912, 95 % interval 0.901 to 0.924, 10 splits" """
    if evidence.problem != "images":
        return ""
    parts = [f"Target: {target_words(evidence.target)}"]
    best = best_standing(decision)
    if best is None:
        parts.append("nothing measured yet" if evidence.regime.labelled else "no image is labelled yet")
        return " · ".join(parts)
    seeds = evidence.rung(best.name).num_seeds
    spread = f", 95 % interval {interval_words(best.interval)}" if best.interval else ""
    parts.append(f"best: {printable(best.name)} {best.mean:.3f}{spread}, {count(seeds, 'split')}")
    return " · ".join(parts)


def best_standing(decision: Decision) -> Standing | None:
    """The rung that the heading names: of those that pass the cheapest, else the highest; floors only where there is
    nothing else."""
    real = [standing for standing in decision.standings if standing.kind != "floor"] or decision.standings
    passed = [standing for standing in real if standing.place == "above"]
    if passed:
        return passed[0]
    return max(real, key=lambda standing: standing.mean, default=None)


def interval_words(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def target_words(target: Target) -> str:
    """ "macro-F1 0.900", or that none is set."""
    name = METRIC_NAMES[target.metric]
    return f"{name}, no threshold set" if target.threshold is None else f"{name} {target.threshold:.3f}"


# What was asked


def is_filled(case: Case) -> bool:
    """Whether the expert has said the least that a verdict needs."""
    return case.problem != "images" or case.target.threshold is not None


def case_line(case: Case) -> str:
    """Everything that was said, in one line."""
    if case.problem != "images":
        return f"This is about {PROBLEMS[case.problem]}."
    target = case.target
    least = "at least " if target.threshold is not None else ""
    name = METRIC_NAMES[target.metric]
    parts = [f"{name} of {least}{target.threshold:.3f}" if least else f"{name}, no threshold set"]
    if target.labels_an_hour is not None:
        parts.append(f"{target.labels_an_hour:,.0f} labels an hour")
    for cost, what in ((target.labelling_hour_cost, "labelling"), (target.gpu_hour_cost, "GPU")):
        if cost is not None:
            parts.append(f"{cost:,g} {printable(target.currency)}".rstrip() + f" an hour of {what}")
    if case.everyday is not None:
        parts.append("everyday photographs" if case.everyday else "no everyday photographs")
    if case.colour_is_signal is not None:
        parts.append("colour tells classes apart" if case.colour_is_signal else "colour tells nothing")
    if case.architecture:
        parts.append(f"{ARCHITECTURES[case.architecture]} is deployed")
    if case.attention_seen:
        parts.append("attention maps were shown")
    return " · ".join(parts)


# The ladder


def cost_words(seconds: float | None) -> str:
    """ "3 min"; a dash where it isn't known."""
    return "—" if seconds is None else duration(max(seconds, 1.0))


def in_order(standings: Sequence[Standing]) -> list[tuple[Standing, float]]:
    """The climbed rungs from cheap to dear kinds, whatever the order in which they were measured, each with the
    seconds of itself and of those above it."""
    ordered = sorted(standings, key=lambda standing: RUNG_KINDS.index(standing.kind))
    found, so_far = [], 0.0
    for standing in ordered:
        so_far += standing.cost_seconds or 0.0
        found.append((standing, so_far))
    return found


def badge(standing: Standing, threshold: float | None) -> tuple[str, str, str]:
    """Word, colour and sentence of a climbed rung; that a floor lies below is what it is there for."""
    word, severity, help = PLACES[standing.place]
    if (
        standing.place == "open"
        and standing.interval
        and threshold is not None
        and standing.interval[0] >= threshold
    ):
        return "open, leaks", severity, "It passes only if its leaks are believed; without them it may not."
    return word, "neutral" if standing.kind == "floor" and standing.place == "below" else severity, help


def short_cost(step: NextStep) -> str:
    """For a row; where nothing was measured that would tell, the tooltip says on what it hangs."""
    if step.cost.startswith(NOT_MEASURED):
        return "cost not known yet"
    said = step.cost.replace(" of computing", "")
    return f"cost {said}" if said.startswith("known") else said


def short_name(standing: Standing) -> str:
    """For a row: the usual fine-tune in fewer words than the memo has for it."""
    return standing.name.replace(", the last block and the head fine-tuned", ", last block tuned")


def told_rung(standing: Standing, number: int) -> str:
    """A climbed rung as a screen reader says it."""
    interval = f", interval {interval_words(standing.interval)}" if standing.interval else ""
    word = PLACES[standing.place][0]
    return (
        f"Rung {number}, {printable(standing.name)}: {METRIC_NAMES[standing.metric]} {standing.mean:.3f}{interval}, "
        f"{word}, cost {cost_words(standing.cost_seconds)}"
    )


def told_ahead(item: Ahead) -> str:
    return f"{printable(item.step.title)}, {item.state}. Expected cost: {printable(item.step.cost)}"


# The case in the table, and what it was read from


def counts_line(evidence: Evidence) -> str:
    """ "1,674 labelled in 6 classes · 42 groups · 180,212 unlabelled · no leaks" """
    regime = evidence.regime
    parts = [
        f"{regime.labelled:,} labelled in {count(regime.classes, 'class', 'classes')}"
        if regime.labelled
        else "no image labelled"
    ]
    if regime.groups:
        parts.append(count(regime.groups, "group"))
    parts.append(f"{regime.all_unlabelled:,} unlabelled" if regime.all_unlabelled else "none unlabelled")
    if regime.labelled:
        parts.append(f"{count(regime.leaks, 'leak')} left in" if regime.leaks else "no leaks")
    return " · ".join(parts)


def evidence_rows(evidence: Evidence) -> list[tuple[str, str]]:
    """What was known, as (name, value); what nobody knows says so."""
    regime, domain, machine = evidence.regime, evidence.domain, evidence.machine
    rows = [("Labelled", "none")]
    if regime.labelled:
        alike = regime.smallest == regime.largest
        range_ = f"{regime.smallest:,} to {regime.largest:,} a class, median {regime.median:,}"
        sizes = f"{regime.smallest:,} in each" if alike else range_
        rows = [("Labelled", f"{regime.labelled:,} in {count(regime.classes, 'class', 'classes')}; {sizes}")]
    rows.append(("Groups", f"{regime.groups:,}" if regime.groups else "none: every image stands by itself"))
    rows.append(("Unlabelled", f"{regime.all_unlabelled:,}"))
    rows.append(("Images", _kind(regime)))
    leaked = evidence.leaked
    leaks = f"{count(regime.leaks, 'set')} of copies" if regime.leaks else "none found"
    counted = "" if leaked is None else f"; {count(leaked, 'test image')} with a copy in training"
    rows.append(("Leaks", leaks + counted))
    rows.append(("Test opened", count(evidence.openings, "time")))
    rows.append(("Everyday", {None: "nobody said", True: "yes", False: "no"}[domain.everyday]))
    by = f", {printable(domain.backbone)}" if domain.backbone else ""
    if domain.purity is None:
        rows.append(("Neighbours", "not measured"))
    else:
        chance = (
            f", by chance {percent(domain.purity_by_chance)}" if domain.purity_by_chance is not None else ""
        )
        rows.append(("Neighbours", f"{percent(domain.purity)} share the label{chance}{by}"))
    rows.append(("Distance", _distance(domain)))
    rows.append(
        ("Memory", data_size(machine.gpu_bytes) + " of a GPU" if machine.gpu_bytes else "no GPU known")
    )
    if machine.batch is not None:
        rows.append(("Batch", f"{count(machine.batch, 'image')} of a pretraining step fit"))
    rates = (
        ("Embeds", machine.embed_rate),
        ("Fine-tunes", machine.tune_rate),
        ("Pretrains", machine.pretrain_rate),
    )
    rows += [(name, f"{rate:,.0f} images a second") for name, rate in rates if rate is not None]
    if evidence.at_hand:
        titles = ", ".join(printable(item.title) for item in evidence.at_hand[:4])
        more = f" and {len(evidence.at_hand) - 4:,} more" if len(evidence.at_hand) > 4 else ""
        rows.append(("At hand", titles + more))
    else:
        rows.append(("At hand", "not looked up"))
    rows += [("Left aside", printable(note)) for note in evidence.notes]
    if evidence.destroyed:
        rows.append(("Audit", f"{', '.join(map(printable, evidence.destroyed))} destroys the label"))
    return rows


def _distance(domain: Domain) -> str:
    if domain.distance is None:
        return "not measured"
    by = printable(domain.distance_backbone) or "a public backbone"
    return f"{domain.distance:.1f} times that of everyday photographs from {by}'s training images, by its activations"


def _kind(regime: Regime) -> str:
    if not regime.images:
        return "none"
    bits = f"{'mostly ' if regime.bits_mixed else ''}{regime.bits}-bit" if regime.bits else ""
    parts = (regime.colours, bits, f"{regime.side:,} px" if regime.side else "")
    return ", ".join(part for part in parts if part) + (", small" if regime.small else "")


def in_two(text: str) -> tuple[str, str]:
    """A finding's first sentence, and the rest. Every sentence begins with a capital letter after ". " or ": "."""
    for at in range(1, len(text) - 2):
        if text[at] in ".!?" and text[at + 1] == " " and text[at + 2].isupper() and at > 24:
            return text[: at + 1], text[at + 2 :]
    return text, ""


def would_change(decision: Decision) -> tuple[str, ...]:
    """What would change the verdict; the next step, which stands on the ladder with its reason, by its title only."""
    step, said = decision.next_step, decision.would_change_it
    if step is not None and said and said[0].startswith(f"{step.title}: "):
        return (f"The next step: {step.title}.", *said[1:])
    return said


def against(decision: Decision) -> tuple[str, ...]:
    """What speaks against the verdict; findings, which stand in a card of their own, by their names only."""
    findings = {finding.advice: finding.name for finding in decision.findings}
    named = [findings[said] for said in decision.against if said in findings]
    rest = tuple(said for said in decision.against if said not in findings)
    return (*rest, f"{count(len(named), 'finding')}: {', '.join(map(printable, named))}.") if named else rest


def escalation_lines(decision: Decision) -> tuple[str, ...]:
    """A line for each sentence: the three conditions first, then when to take which method."""
    lines: list[str] = []
    for paragraph in decision.escalation:
        rest = paragraph
        while rest:
            first, rest = in_two(rest)
            lines.append(first)
    return tuple(lines)


def memo_line(case: Case) -> str:
    """ "Own words in Question and Verdict · 2 boards" """
    said = [SECTIONS[key] for key in SECTIONS if case.prose.get(key)]
    words = f"Own words in {_and(said)}" if said else "No own words yet"
    return f"{words} · {count(len(case.boards), 'board')}" if case.boards else f"{words} · no boards"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def why_not_step(step: NextStep, evidence: Evidence) -> str:
    """A sentence that says what a step on the ladder waits for; "" where it can be run."""
    # Here, because the rules bring scipy along, which has been loaded by the time that there is a decision.
    from workbench.decide.testable import untestable

    if step.step != "pretrain" and (why := untestable(evidence.regime)):
        return why
    if step.step in ("last block", "budget") and not step.backbone:
        return "A frozen backbone has to be probed first."
    if step.step == "pretrain":
        # Here, because the rules bring scipy along, which has been loaded by the time that there is a decision.
        from workbench.decide.proposal import propose

        proposal = propose(evidence)
        return "" if proposal.method else proposal.why[0]
    return ""


def why_ask(item: Ahead, decision: Decision) -> str:
    """What speaks against a step ahead that would take hours; "" where it is run without asking."""
    if item.step.step not in LEARNS or item.state == "next":
        return ""
    if item.state == "not needed":
        return decision.stopped
    if item.state == "not justified":
        return decision.stopped or f"{decision.advice.advice} {decision.advice.reason}"
    if item.step.step == "pretrain" and decision.next_step is not None:
        return f"What costs less comes before it. The next step is: {printable(decision.next_step.title)}."
    return ""
