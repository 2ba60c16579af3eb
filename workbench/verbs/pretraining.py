"""The verbs about learning without labels: `pretrain`, and `methods`, which lists what there is."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.headless import project_for, run_folder, run_job
from workbench.headless_data import indexed_pool
from workbench.records.jobs import DescribeJob, IndexJob
from workbench.records.methods import FAMILIES, MethodFacts, load_methods
from workbench.records.pretrain_job import PretrainJob
from workbench.records.pretraining import RESULT, PretrainResult
from workbench.records.runs import RunFolder
from workbench.records.text import count, duration, printable
from workbench.verbs.common import add_flags, add_verb, forget, local, make_job, print_json, values
from workbench.verbs.data import add_folders, indexed_from


def register(verbs: Any) -> None:
    verb = add_verb(
        verbs, "pretrain", _pretrain, "Let a backbone learn from a folder's images without their labels."
    )
    add_folders(verb)
    verb.add_argument(
        "--unlabelled", default="", metavar="FOLDER", help="Folder of unlabelled images to learn from too."
    )
    verb.add_argument("--out", required=True, metavar="RUN", help="Folder of the run, which is made.")
    verb.add_argument(
        "--resume",
        action="store_true",
        help="Go on with the run in --out from its newest checkpoint, if there is one.",
    )
    add_flags(verb, PretrainJob)
    add_verb(
        verbs, "methods", _methods, "List the ways to learn without labels, and what can be set of each."
    )


def _pretrain(options: argparse.Namespace) -> int:
    out = Path(options.out).expanduser().absolute()
    there = (out / "run.json").exists()
    if there and not options.resume:
        raise ValueError(
            f"{out} holds a run already. --resume goes on with it; another --out begins a new one."
        )
    if out.exists() and not there and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already and is no run. Name another folder.")
    project, arranged, _ = indexed_from(options)
    more: dict[str, Any] = {}
    if options.unlabelled:
        unlabelled = Path(options.unlabelled).expanduser().absolute()
        more["pool_index"] = str(indexed_pool(project, unlabelled, values(IndexJob, options)))
    if not len(arranged.index) and not more:
        raise ValueError(f"{', '.join(options.folders)}: there is no image that can be read.")
    job = make_job(
        PretrainJob,
        options,
        index=str(project.resolve(project.settings.index)),
        curation=str(project.keep_curation()),
        cache=str(project.pixels_cache),
        start=local(options.start) if options.start else "",
        **more,
    )
    assert isinstance(job, PretrainJob)
    title = f"Pretrain {job.method} on {count(len(arranged.index), 'image')}"
    run = RunFolder(out)
    if there:
        before = run.job()
        if not isinstance(before, PretrainJob):
            raise ValueError(f"{out} holds a run of another kind. Name another folder.")
        _stands_alone(run)
        run.ask_again(replace(job, branch=before.branch))
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


def _stands_alone(run: RunFolder) -> None:
    if run.alive():
        raise ValueError(f"{run.path} is still running. Wait for it, or stop it first.")


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
    lines += [f"{finding.severity.upper()}: {finding.advice}" for finding in result.findings]
    return [*lines, f"  backbone: {printable(str(folder / 'backbone'))}"]


def _methods(options: argparse.Namespace) -> int:
    project = project_for(Path("backbones"), options.project)
    run = run_job(project, DescribeJob(methods=True), "Methods")
    methods = load_methods(run.path / "methods.json")
    forget(run)
    if options.json:
        return print_json([method.to_json() for method in methods])
    print("\n\n".join(_described(method) for method in methods))
    return 0


def _described(method: MethodFacts) -> str:
    sentence, _ = FAMILIES.get(method.family, (method.family, ""))
    lines = [f"{method.name}  {method.summary}", f"    {method.family}: {sentence}"]
    lines += [f"    When: {method.when}", f"    When not: {method.when_not}", f"    {method.source}"]
    width = shutil.get_terminal_size((100, 20)).columns
    for item in method.params:
        lines.append(f"    --settings {item.name}={item.default}  {item.help}"[: max(width, 60)])
    return "\n".join(lines)
