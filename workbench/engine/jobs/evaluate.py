"""The `evaluate` job: embedding files of the same images in, result.json and predictions.npz out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.engine.apart import Apart
from workbench.engine.control import Control
from workbench.engine.device import pick_device
from workbench.engine.evals.evaluate import evaluate
from workbench.engine.evals.extra import extra_scores, open_evaluations, predicted_apart
from workbench.engine.evals.inputs import ModelFeatures
from workbench.engine.evals.leaks import find_leaks
from workbench.engine.evals.probe import strengths
from workbench.engine.exports import import_embeddings
from workbench.records.asked import parse_budgets
from workbench.records.embeddings import Embeddings
from workbench.records.evaluations import ExtraScore
from workbench.records.feature_lock import feature_title, rule_told
from workbench.records.jobs import EvaluateJob
from workbench.records.project import append_ledger
from workbench.records.results import Finding
from workbench.records.runs import RunFolder
from workbench.records.splits import PARTS, UNUSED, SplitPlan, make_split
from workbench.records.text import count, printable

_PART = {name: number for number, name in enumerate(PARTS)}


def run(job: EvaluateJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError when the files share no labelled images, or the labels are of one class."""
    files = [Path(name) for name in job.files]
    shares = parse_budgets(job.budgets)
    asked = open_evaluations(job.evaluation)
    control.progress(0, 1, unit="fits", detail="Reading embeddings")
    sets = [import_embeddings(file) for file in files]
    ids, dropped = _common(sets)
    sets = [part.take(_rows(part, ids)) for part in sets]
    labels = list(sets[0].labels)
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise ValueError(
            f"{files[0].name} holds {count(len(classes), 'labelled class', 'labelled classes')}. A comparison needs "
            "two or more: index a folder that has one folder a class."
        )
    code = {name: number for number, name in enumerate(classes)}
    y = np.asarray([code[label] for label in labels], dtype=np.int32)
    groups = _group_codes(list(sets[0].groups))
    seeds = tuple(range(job.seeds))
    plan = _plan(sets[0])
    official = np.asarray([_PART.get(name, UNUSED) for name in sets[0].official], dtype=np.int8)
    splits = [make_split(ids, y, groups, seed=seed, plan=plan, official=official) for seed in seeds]
    models = [
        ModelFeatures(
            name=name,
            backbone=str(part.provenance.get("backbone", file.stem)),
            feature=feature_title(part.provenance),
            fingerprint=str(part.provenance.get("fingerprint", "")),
            image_size=part.provenance.get("spec", {}).get("preprocess", {}).get("size"),
            source=str(file),
            X=part.X,
            provenance=part.provenance,
            pretrained=part.pretrained,
        )
        for name, part, file in zip(_names(sets, files), sets, files, strict=True)
    ]
    for split in splits:
        split.save(run.path / "splits" / f"seed-{split.seed}.json")
    if job.ledger:
        append_ledger(Path(job.ledger), {"run": run.id, "splits": [split.hash for split in splits]})
    result, predictions = evaluate(
        models,
        y,
        ids,
        groups,
        [split.part for split in splits],
        seeds,
        classes,
        margin=job.margin / 100,
        metric=None if job.metric == "auto" else job.metric,
        strengths=strengths(job.strengths),
        fractions=shares,
        target=job.target or None,
        standardise=job.standardise,
        feature_rule=rule_told([part.provenance for part in sets]),
        copies=sets[0].copies,
        device=pick_device(job.device),
        split_hashes=tuple(split.hash for split in splits),
        split_counts=splits[0].counts(),
        grouped=splits[0].grouped,
        on_progress=lambda done, total, detail: control.progress(done, total, unit="fits", detail=detail),
    )
    leaks, finding = find_leaks(sets[0].copies, splits, near=bool(sets[0].provenance.get("near_copies")))
    told = "" if plan.kind == "shares" else plan.told()
    unread = max(int(part.provenance.get("unread", 0)) for part in sets)
    findings = (*finding, *_dropped(dropped), *_unread(unread), *result.findings)
    result = replace(result, leaks=leaks, plan=told, findings=findings)
    # What the program has computed itself is on the disk before a plugin runs.
    predictions.save(run.path / result.predictions)
    result.save(run.path / "result.json")
    if asked:
        with Apart(run.path / "apart", control.checkpoint) as apart:
            extra = extra_scores(
                asked,
                models,
                y,
                [split.part for split in splits],
                seeds,
                len(classes),
                result.metric,
                predicted_apart(apart),
                lambda done, total, detail: control.progress(done, total, unit="evaluations", detail=detail),
            )
        result = replace(result, findings=(*findings, *_broken(extra)), extra=extra)
        result.save(run.path / "result.json")
    run.add_provenance(
        {
            "seeds": {"splits": list(seeds)},
            "inputs": {file.name: model.fingerprint for file, model in zip(files, models, strict=True)},
        }
    )
    return {
        "models": len(models),
        "metric": result.metric,
        "protocol": result.protocol,
        "result": "result.json",
    }


def _common(sets: list[Embeddings]) -> tuple[list[str], int]:
    """Ids of the labelled items that every file holds, in the first file's order; and how many were left out."""
    shared = set.intersection(*({str(i) for i in part.ids} for part in sets))
    first = sets[0]
    ids = [str(i) for i, label in zip(first.ids, first.labels, strict=True) if label and str(i) in shared]
    if not ids:
        raise ValueError(
            "The files have no labelled image in common. Embed the same labelled folder with every backbone."
        )
    return ids, max(len(part.ids) for part in sets) - len(shared)


def _rows(part: Embeddings, ids: list[str]) -> list[int]:
    where = {name: position for position, name in enumerate(part.ids)}
    return [where[name] for name in ids]


def _names(sets: list[Embeddings], files: list[Path]) -> list[str]:
    """A name for each model: its title, with the feature and then the file where titles repeat."""
    names = [str(part.provenance.get("title") or file.stem) for part, file in zip(sets, files, strict=True)]
    sizes = [str(part.provenance.get("spec", {}).get("preprocess", {}).get("size", "")) for part in sets]
    more = [[feature_title(part.provenance) for part in sets], sizes, [file.stem for file in files]]
    for extra in more:
        repeated = {name for name, n in Counter(names).items() if n > 1}
        if len(set(extra)) > 1:
            names = [
                f"{name} {part}" if name in repeated else name
                for name, part in zip(names, extra, strict=True)
            ]
    taken: Counter[str] = Counter()
    unique = []
    for name in names:
        taken[name] += 1
        unique.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    return unique


def _group_codes(groups: list[str]) -> np.ndarray:
    known = {name: number for number, name in enumerate(sorted({name for name in groups if name}))}
    return np.asarray([known.get(name, -1) for name in groups], dtype=np.int32)


def _plan(embeddings: Embeddings) -> SplitPlan:
    """How the data set wants to be split; files of other programs say nothing, and are split by shares."""
    split = embeddings.provenance.get("split")
    plan = split.get("plan") if isinstance(split, dict) else None
    return SplitPlan.from_json(plan) if isinstance(plan, dict) else SplitPlan()


def _broken(extra: Sequence[ExtraScore]) -> tuple[Finding, ...]:
    """One for each evaluation that failed."""
    failed = {one.evaluation: one for one in reversed(extra) if one.error}
    found = []
    for one in failed.values():
        lacking = sum(each.evaluation == one.evaluation and not each.score for each in extra)
        advice = (
            f"{printable(one.evaluation)} of the plugin {one.plugin} failed for {count(lacking, 'model')}: "
            f"{printable(one.error)} All other numbers stand. Plugins says more."
        )
        found.append(Finding(name="evaluation failed", severity="warn", advice=advice))
    return tuple(reversed(found))


def _unread(unread: int) -> tuple[Finding, ...]:
    if not unread:
        return ()
    advice = (
        f"{count(unread, 'image')} could not be read when the folder was embedded (gone, changed or damaged since it "
        "was indexed) and took no part. Look at the folder again, and embed it anew."
    )
    return (Finding(name="images not read", severity="warn", advice=advice),)


def _dropped(dropped: int) -> tuple[Finding, ...]:
    if not dropped:
        return ()
    advice = (
        f"{count(dropped, 'image')} had no vector from every backbone and took no part. "
        "Embed the folder again with each of them."
    )
    return (Finding(name="images left out", severity="warn", advice=advice),)
