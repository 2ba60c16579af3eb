"""The verbs about learning without labels: `pretrain`, and `methods`, which lists what there is."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from workbench.headless import project_for, run_folder, run_job
from workbench.headless_data import indexed_pool
from workbench.records.jobs import DescribeJob, IndexJob
from workbench.records.methods import FAMILIES, MethodFacts, load_methods, written_value
from workbench.records.params import Param
from workbench.records.pretrain_job import AuditJob, EstimateJob, PretrainJob, changed
from workbench.records.pretrain_plans import AUDIT, ESTIMATE, Audit, Estimate
from workbench.records.pretraining import CHECKPOINTS, RESULT, PretrainResult
from workbench.records.project import Project
from workbench.records.project_jobs import pretrain_job, write_asked
from workbench.records.results import Finding
from workbench.records.runs import RunFolder
from workbench.records.text import count, data_size, duration, printable
from workbench.verbs import own_flags
from workbench.verbs.common import add_flags, add_verb, forget, local, print_json, values
from workbench.verbs.data import add_folders, indexed_from, none_there


def register(verbs: Any) -> None:
    verb = add_verb(
        verbs, "pretrain", _pretrain, "Let a backbone learn from a folder's images without their labels."
    )
    _add_what_learns(verb)
    verb.add_argument("--out", default="", metavar="RUN", help="Folder of the run, which is made.")
    verb.add_argument(
        "--resume",
        action="store_true",
        help="Go on with the run in --out from its newest checkpoint, if there is one.",
    )
    verb.add_argument(
        "--estimate",
        action="store_true",
        help="Start nothing: try a few steps, and say what it would take and what speaks against it.",
    )
    help_text = "Measure which change of a method's views destroys what the labels say."
    verb = add_verb(verbs, "audit", _audit, help_text)
    _add_what_learns(verb)
    verb.add_argument(
        "--probe", default="efficientnet_lite0", metavar="BACKBONE", help="Frozen backbone that is probed."
    )
    add_verb(
        verbs, "methods", _methods, "List the ways to learn without labels, and what can be set of each."
    )


def _add_what_learns(verb: argparse.ArgumentParser) -> None:
    add_folders(verb)
    verb.add_argument(
        "--unlabelled", default="", metavar="FOLDER", help="Folder of unlabelled images to learn from too."
    )
    add_flags(verb, PretrainJob)
    own_flags.allow(verb)
    verb.set_defaults(flags=tuple(verb._option_string_actions))


def _job(options: argparse.Namespace) -> tuple[Project, PretrainJob]:
    """The project, and the job that the flags ask for."""
    if options.own_flags:
        own_flags.check(options.own_flags, options.method, _known(options.project), options.flags)
        options.settings = [*(options.settings or ()), *options.own_flags]
    project, arranged, _ = indexed_from(options)
    if options.unlabelled:
        unlabelled = Path(options.unlabelled).expanduser().absolute()
        indexed_pool(project, unlabelled, values(IndexJob, options))
    elif project.settings.pool_index and not options.project:
        project.settings.pool = project.settings.pool_index = ""
        project.save()
    if not len(arranged.index) and not options.unlabelled:
        raise ValueError(f"{', '.join(options.folders)}: {none_there(arranged)}")
    asked = values(PretrainJob, options)
    if options.start:
        asked["start"] = local(options.start)
    return project, pretrain_job(project, asked)


def _pretrain(options: argparse.Namespace) -> int:
    if options.estimate:
        return _estimate(options)
    if not options.out:
        raise ValueError("--out is missing: name the folder of the run, which is made.")
    out = Path(options.out).expanduser().absolute()
    there = (out / "run.json").exists()
    if there and not options.resume:
        raise ValueError(
            f"{out} holds a run already. --resume goes on with it; another --out begins a new one."
        )
    if out.exists() and not there and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already and is no run. Name another folder.")
    _, job = _job(options)
    title = f"Pretrain {job.method} {_begun(job)}"
    run = RunFolder(out)
    if there:
        before = run.job()
        if not isinstance(before, PretrainJob):
            raise ValueError(f"{out} holds a run of another kind. Name another folder.")
        _stands_alone(run)
        _goes_on(run, before, job)
        run.ask_again(replace(job, branch=job.branch or before.branch))
    else:
        if out.exists():
            out.rmdir()
        run = RunFolder.create(out.parent, job, title=title, name=out.name)
    run = run_folder(run, title)
    result = PretrainResult.load(run.path / RESULT)
    if options.json:
        return print_json(result.public_json(run.path))
    print("\n".join(_told(result, run.path)))
    return 0


def _begun(job: PretrainJob) -> str:
    """ "vit_small_patch16_224", or "from dinov2_small", which brings its own architecture."""
    return printable(f"from {Path(job.start).name}" if job.start else job.backbone)


def _estimate(options: argparse.Namespace) -> int:
    project, job = _job(options)
    asked = EstimateJob(pretrain=str(write_asked(project, job)), device=job.device)
    run = run_job(project, asked, f"Estimate {job.method}")
    found = Estimate.load(run.path / ESTIMATE)
    _forget(run, options)
    if options.json:
        return print_json(asdict(found))
    print(
        f"{count(found.images, 'image')}, {found.left_out:,} left out; {found.steps_per_epoch:,} steps an epoch of "
        f"{found.batch_size:,} images in {count(found.accumulate, 'part')}\n"
        f"{found.images_per_second:.0f} images a second on {found.device}: {duration(found.seconds_per_epoch)} an "
        f"epoch, {duration(found.seconds)} in all\n"
        f"memory {data_size(found.peak_bytes or 0)}, decoded pixels {data_size(found.store_bytes)} at "
        f"{found.stored_size} px ({data_size(found.free_bytes)} free)"
    )
    print(
        "\n".join(
            [f"  {rule.name} {rule.value}: {rule.rule}" for rule in found.rules] + _findings(found.findings)
        )
    )
    return 0


def _audit(options: argparse.Namespace) -> int:
    project, job = _job(options)
    asked = AuditJob(
        pretrain=str(write_asked(project, job)), backbone=local(options.probe), device=job.device
    )
    run = run_job(project, asked, "Audit the views")
    found = Audit.load(run.path / AUDIT)
    _forget(run, options)
    if options.json:
        return print_json(asdict(found))
    print(found.sentence)
    for row in found.rows:
        interval = f"  95 % {row.interval[0]:.1f} to {row.interval[1]:.1f}" if row.interval else ""
        print(f"  {row.cost:6.1f} points  {row.title}{interval}  {row.advice}".rstrip())
    return 0


def _forget(run: RunFolder, options: argparse.Namespace) -> None:
    """In a project of one's own it stays: what was found there is a part of what a decision rests on."""
    if not options.project:
        forget(run)


def _stands_alone(run: RunFolder) -> None:
    if run.alive():
        raise ValueError(f"{run.path} is still running. Wait for it, or stop it first.")


def _goes_on(run: RunFolder, before: PretrainJob, job: PretrainJob) -> None:
    """Raises ValueError where what was learnt can't go on as it is asked to; the run is left as it is."""
    names = changed(before, job) if any((run.path / CHECKPOINTS).glob("step-*")) else ()
    if names:
        told = ", ".join(
            f"{own_flags.flag_of(name)} {_value(before, name)} (now {_value(job, name)})" for name in names
        )
        raise ValueError(
            f"{run.path} was begun with {told}. Give the same to go on with it, or name another --out to begin anew."
        )


def _value(job: PretrainJob, name: str) -> str:
    value = getattr(job, name)
    text = " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return printable(text) or "none"


def _told(result: PretrainResult, folder: Path) -> list[str]:
    """The result in words, for a terminal."""
    lines = [
        f"{printable(result.title)}: {count(result.steps, 'step')} ({result.epochs:g} of {result.planned_epochs} "
        f"epochs) on {count(result.images, 'image')} in {duration(result.seconds)}, "
        f"{result.images_per_second:.0f} images a second",
    ]
    if result.loss:
        lines.append(f"  loss {result.loss[0]:.4g} at the start, {result.loss[-1]:.4g} at the end")
    if result.looks:
        looks = ", ".join(f"{look.knn:.3f}" for look in result.looks)
        lines.append(f"  k-NN {result.looks[0].metric.replace('_', '-')} on validation: {looks}")
    lines += [f"  {rule.name} {rule.value}: {rule.rule}" for rule in result.rules]
    return [*lines, *_findings(result.findings), f"  backbone: {printable(str(folder / 'backbone'))}"]


def _findings(findings: Sequence[Finding]) -> list[str]:
    return [f"{'Note' if item.severity == 'info' else 'Warning'}: {item.advice}" for item in findings]


def _known(project: str) -> tuple[MethodFacts, ...]:
    """Every method, the program's and those of plugins."""
    run = run_job(project_for(Path("backbones"), project), DescribeJob(methods=True), "Methods")
    methods = load_methods(run.path / "methods.json")
    forget(run)
    return methods


def _methods(options: argparse.Namespace) -> int:
    methods = _known(options.project)
    if options.json:
        return print_json([method.to_json() for method in methods])
    print("\n\n".join(_described(method) for method in methods))
    return 0


def _described(method: MethodFacts) -> str:
    sentence, _ = FAMILIES.get(method.family, ("", ""))
    lines = [f"{method.name}  {method.summary}"]
    lines += [f"    {method.family}: {sentence}"] if sentence else []
    lines += [f"    When: {method.when}", f"    When not: {method.when_not}", f"    {method.source}"]
    width = shutil.get_terminal_size((100, 20)).columns
    for item in method.params:
        told = [item.default_word, item.unit, _bounds(item)]
        aside = f" ({'; '.join(filter(None, told))})" if any(told) else ""
        flag = f"    {own_flags.flag_of(item.name)} {written_value(item.default)}{aside}  {item.help}"
        lines.append(flag[: max(width, 60)])
    return "\n".join(lines)


def _bounds(item: Param) -> str:
    """ "0 to 1", "at least 16", or "one of a, b"."""
    if item.choices:
        return f"one of {', '.join(item.choices)}"
    low, high = item.minimum, item.maximum
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}" if high is not None else ""
