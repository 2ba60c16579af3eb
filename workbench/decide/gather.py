"""What is known of a project, from its run folders alone: the evidence that a decision is made of.

Nothing here computes what a run has not measured, and no image is opened. A run that is damaged, half done, or was
made of other images than those that count now takes no part, and a note says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from workbench.decide.from_results import kind_of
from workbench.decide.measured import Key, Measure, NotOfThese, Reader, embed_facts
from workbench.records.case import Case
from workbench.records.catalogue import load_catalogue
from workbench.records.evidence import AtHand, Domain, Evidence, Machine, Recipe, Rung, RungKind
from workbench.records.files import DocumentError
from workbench.records.finetunes import FinetuneResult
from workbench.records.index import ImageIndex
from workbench.records.pretrain_job import PretrainJob
from workbench.records.pretrain_plans import AUDIT, ESTIMATE, Audit, Estimate
from workbench.records.pretraining import RESULT, PretrainResult
from workbench.records.project import Project
from workbench.records.regime import describe_regime
from workbench.records.results import EvaluationResult
from workbench.records.runs import ENDED, RunFolder
from workbench.records.text import printable

T = TypeVar("T")
# What a file of ours that was cut short, or was written by a program that we don't know, may do to its reader.
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, LookupError, OSError)


def gather(
    project: Project, case: Case, *, at_hand: tuple[AtHand, ...] = (), machine: Machine | None = None
) -> Evidence:
    """What is known now. Reads every run's facts: call it in a thread where somebody waits.

    Args:
        at_hand: frozen backbones of this machine, the cheapest first. machine: what is known of it; rates that runs
            of this project have measured win.
    """
    notes: list[str] = []
    index = _index(project, notes)
    runs = _Runs(project, notes)
    kinds = _kinds(project, at_hand)
    rungs, claims, leaked, domain = _measured(project, case, index, kinds, runs)
    return Evidence(
        problem=case.problem,
        regime=describe_regime(index, project.pool_index()),
        target=case.target,
        domain=domain,
        machine=_machine(machine or Machine(), runs, kinds),
        rungs=rungs,
        claims=claims,
        margin=project.settings.margin / 100,
        openings=project.test_openings(),
        leaked=leaked,
        attention_seen=case.attention_seen,
        plan=_plan(runs),
        destroyed=_destroyed(index, runs),
        colour_is_signal=case.colour_is_signal,
        architecture=case.architecture,
        at_hand=at_hand,
        notes=tuple(dict.fromkeys(notes)),
    )


class _Runs:
    """The runs of a project by kind, oldest first; whatever can't be read becomes a note."""

    def __init__(self, project: Project, notes: list[str]) -> None:
        self.notes = notes
        self._all: list[tuple[str, RunFolder]] = []
        for run in project.runs():
            try:
                self._all.append((str(run.document()["kind"]), run))
            except _DAMAGE:
                notes.append(f"The run {printable(run.id)} was left out: it is damaged.")

    def of(self, *kinds: str) -> list[RunFolder]:
        return [run for kind, run in self._all if kind in kinds]

    def read(self, reader: Callable[[RunFolder], T], *kinds: str) -> Iterator[T]:
        """What `reader` makes of each finished run of these kinds."""
        for run in self.of(*kinds):
            if run.status().state != "done":
                continue
            try:
                yield reader(run)
            except NotOfThese as other:
                self.notes.append(f"The run {printable(run.id)} was left out: it {other}.")
            except _DAMAGE as error:
                self.notes.append(f"The run {printable(run.id)} was left out: {_told(error)}")


def _told(error: Exception) -> str:
    said = printable(str(error)) if isinstance(error, ValueError) else "a part of it is damaged."
    return said if said.endswith(".") else f"{said}."


def _index(project: Project, notes: list[str]) -> ImageIndex | None:
    """The index that counts; None where there is none, or where what was decided can't be applied."""
    try:
        files = project.files_index()
        return project.arranged(files).index if files is not None else None
    except _DAMAGE as error:
        notes.append(f"What was decided about the images can't be applied: {_told(error)}")
        return None


def _kinds(project: Project, at_hand: Sequence[AtHand]) -> dict[str, RungKind]:
    """By id, from what was found on this machine last; a catalogue that isn't there tells nothing."""
    try:
        known = load_catalogue(project.folder / "caches" / "catalogue.json")
    except DocumentError:
        known = ()
    return {facts.id: kind_of(facts) for facts in known} | {item.id: item.kind for item in at_hand}


def _measured(
    project: Project,
    case: Case,
    index: ImageIndex | None,
    kinds: Mapping[str, RungKind],
    runs: _Runs,
) -> tuple[tuple[Rung, ...], tuple[tuple[str, str], ...], int | None, Domain]:
    """The rungs in the order in which they were first climbed, each by its newest measure; what is claimed of them;
    by the newest evaluation the test images that have a copy among those that were learnt from; and the domain."""
    if index is None:
        return (), (), None, Domain(everyday=case.everyday)
    reader = Reader(
        project=project,
        index=index,
        hash=index.content_hash(),
        metric=case.target.metric,
        kinds=kinds,
        embed_seconds=_embed_seconds(runs),
    )

    def read(run: RunFolder) -> tuple[EvaluationResult | None, list[Measure]]:
        if run.document()["kind"] == "finetune":
            return None, [reader.finetune(run)]
        result, measures, notes = reader.evaluation(run)
        runs.notes.extend(notes)
        return result, measures

    climbed: dict[Key, Measure] = {}
    newest: EvaluationResult | None = None
    compared: list[Measure] = []
    for result, measures in runs.read(read, "evaluate", "finetune"):
        climbed |= {measure.key: measure for measure in measures}
        if result is not None:
            newest, compared = result, measures
    rungs = _named(climbed)
    return (
        tuple(rungs.values()),
        _claims(project.settings.baseline, compared, rungs),
        newest.leaks.test_images if newest is not None and newest.leaks is not None else None,
        _domain(case, climbed.values()),
    )


def _domain(case: Case, measures: Iterable[Measure]) -> Domain:
    """By the public backbone that knows these images best, of neighbours and of distances: one that covers them is
    enough."""
    pure: list[tuple[tuple[float, float], str]] = []
    near: list[tuple[float, str]] = []
    for measure in measures:
        title = measure.rung.name.removesuffix(", frozen")
        if measure.rung.kind not in ("supervised", "public"):
            continue
        if measure.purity is not None:
            pure.append((measure.purity, title))
        if measure.distance is not None:
            near.append((measure.distance, title))
    (purity, chance), title = max(pure, default=((None, None), ""))
    distance, by = min(near, default=(None, ""))
    return Domain(
        everyday=case.everyday,
        purity=purity,
        purity_by_chance=chance,
        backbone=title,
        distance=distance,
        distance_backbone=by,
    )


def _named(climbed: Mapping[Key, Measure]) -> dict[Key, Rung]:
    """Each rung under a name of its own: what tells it apart is added where a name comes twice."""
    measures = list(climbed.values())
    names = [measure.rung.name for measure in measures]
    for place in range(max((len(measure.more) for measure in measures), default=0)):
        told: dict[str, set[str]] = {}
        for name, measure in zip(names, measures, strict=True):
            told.setdefault(name, set()).add(measure.more[place])
        names = [
            f"{name} ({measure.more[place]})" if len(told[name]) > 1 else name
            for name, measure in zip(names, measures, strict=True)
        ]
    taken: Counter[str] = Counter()
    for place, name in enumerate(names):
        taken[name] += 1
        names[place] = name if taken[name] == 1 else f"{name} ({taken[name]})"
    return {
        measure.key: replace(measure.rung, name=name) for name, measure in zip(names, measures, strict=True)
    }


def _embed_seconds(runs: _Runs) -> dict[str, float]:
    """The longest by fingerprint: later runs take the vectors of the first from the cache."""
    longest: dict[str, float] = {}
    for fingerprint, _, seconds, _ in runs.read(embed_facts, "embed"):
        longest[fingerprint] = max(longest.get(fingerprint, 0.0), seconds)
    return longest


def _claims(
    baseline: str, compared: Sequence[Measure], rungs: Mapping[Key, Rung]
) -> tuple[tuple[str, str], ...]:
    """The best row of the newest comparison against the pinned baseline: whoever pins one ranks the rows by it."""
    pinned = next((rungs[measure.key] for measure in compared if measure.model == baseline), None)
    others = [
        rungs[measure.key]
        for measure in compared
        if measure.model != baseline and measure.rung.kind != "floor"
    ]
    if pinned is None or not others:
        return ()
    best = max(others, key=lambda rung: rung.score.mean)
    better, worse = (best, pinned) if best.score.mean > pinned.score.mean else (pinned, best)
    return ((better.name, worse.name),)


def _machine(found: Machine, runs: _Runs, kinds: Mapping[str, RungKind]) -> Machine:
    """With the newest rates that runs have measured."""
    for _, backbone, _, rate in runs.read(embed_facts, "embed"):
        if rate and kinds.get(backbone) != "floor":
            found = replace(found, embed_rate=rate)
    for tuned in runs.read(lambda run: FinetuneResult.load(run.path / "finetune.json"), "finetune"):
        if tuned.blocks not in ("0", "all") and tuned.seeds:
            found = replace(found, tune_rate=float(np.mean([seed.images_per_second for seed in tuned.seeds])))
    for estimate in runs.read(lambda run: Estimate.load(run.path / ESTIMATE), "estimate"):
        if estimate.images_per_second:
            found = replace(found, pretrain_rate=estimate.images_per_second)
        if estimate.accumulate > 1:  # else a larger batch might have fitted too
            found = replace(found, batch=-(-estimate.batch_size // estimate.accumulate))
    for learnt in runs.read(lambda run: PretrainResult.load(run.path / RESULT), "pretrain"):
        if learnt.images_per_second:
            found = replace(found, pretrain_rate=learnt.images_per_second)
    return found


def _plan(runs: _Runs) -> Recipe | None:
    """The newest pretraining that was asked for and has not ended."""
    for run in reversed(runs.of("pretrain")):
        if run.status().state in ENDED:
            continue
        try:
            job = run.job()
        except _DAMAGE:
            continue
        if isinstance(job, PretrainJob):
            return Recipe(method=job.method, batch_size=job.batch_size, preset=job.preset)
    return None


def _destroyed(index: ImageIndex | None, runs: _Runs) -> tuple[str, ...]:
    """Changes that cost the label, by the newest audit of each on the images that count now."""
    if index is None:
        return ()
    now = index.content_hash()

    def audit(run: RunFolder) -> Audit:
        if run.document().get("provenance", {}).get("inputs", {}).get("index") != now:
            raise NotOfThese("audited the views of other images than those that count now")
        return Audit.load(run.path / AUDIT)

    destroys: dict[str, bool] = {}
    for found in runs.read(audit, "audit"):
        destroys |= {row.title: row.destroys for row in found.rows}
    return tuple(title for title, gone in destroys.items() if gone)
