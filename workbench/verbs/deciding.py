"""The verb that climbs the ladder from a folder of images to a decision: `playbook`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.headless_data import indexed_pool
from workbench.records.case import Case
from workbench.records.climbing import UP_TO, Bounds, Climbed
from workbench.records.decision import Decision
from workbench.records.evidence import PROBLEMS, Evidence, Target
from workbench.records.jobs import IndexJob
from workbench.records.project import Project
from workbench.records.roots import name_roots, same, told
from workbench.records.text import printable
from workbench.verbs.common import add_verb, print_json, values
from workbench.verbs.data import add_folders, indexed_from, none_there

MEMO = "memo.html"  # in the project's folder
_YES = {"yes": True, "no": False}


def register(verbs: Any) -> None:
    verb = add_verb(
        verbs,
        "playbook",
        _playbook,
        "Climb from the cheapest test to the dearest until it is known whether a public backbone is good enough.",
        json_flag=False,
    )
    add_folders(verb)
    verb.add_argument("--json", action="store_true", help="Print one JSON document on stdout.")
    verb.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="Project folder: it is made, or gone on with. The window opens it.",
    )
    verb.add_argument(
        "--target",
        default="",
        metavar="SCORE:LEAST",
        help="The score that is good enough, as in macro_f1:0.9; accuracy and balanced_accuracy are others.",
    )
    verb.add_argument("--pool", default="", metavar="FOLDER", help="Folder of unlabelled images.")
    verb.add_argument(
        "--seeds", type=int, default=0, metavar="N", help="Splits of each comparison. (default: 5)"
    )
    _add_said(verb)
    verb.add_argument("--max-hours", type=float, default=0.0, metavar="H", help="Stop after so many hours.")
    verb.add_argument("--up-to", choices=UP_TO, default="", help="The dearest step that is taken.")
    verb.add_argument(
        "--pretrain",
        choices=tuple(_YES),
        default="no",
        help="Whether to pretrain where everything cheaper has fallen short. (default: no)",
    )


def _add_said(verb: argparse.ArgumentParser) -> None:
    """What only the expert can say."""
    verb.add_argument("--problem", choices=PROBLEMS, default="images", help="What is to be decided about.")
    verb.add_argument(
        "--everyday", choices=tuple(_YES), help="Whether these are photographs of everyday things."
    )
    verb.add_argument(
        "--colour-is-signal",
        choices=tuple(_YES),
        help="Whether colour tells classes apart: stain, hue, ripeness.",
    )
    verb.add_argument(
        "--architecture", choices=("vit", "cnn"), help="What must be deployed; either by default."
    )
    verb.add_argument(
        "--labels-an-hour", type=float, metavar="N", help="Images that a person labels in an hour."
    )
    verb.add_argument(
        "--labelling-hour-cost", type=float, metavar="SUM", help="What an hour of labelling costs."
    )
    verb.add_argument("--gpu-hour-cost", type=float, metavar="SUM", help="What an hour of computing costs.")
    verb.add_argument("--currency", metavar="NAME", help='As it is written after a sum: "EUR".')


def _playbook(options: argparse.Namespace) -> int:
    # Here, because the statistics take a second to import and no other verb needs them.
    from workbench.decide.decision import decide
    from workbench.headless_ladder import climb, look_up

    if options.problem != "images":
        target = Target.parse(options.target) if options.target else Target()
        evidence = Evidence(problem=options.problem, target=target)
        return _print(Climbed(evidence=evidence, decision=decide(evidence), ended=""), options, None)
    project = _project(options)
    case = _case(Case.load(project.folder), options)
    project, arranged, _ = indexed_from(options)
    if not len(arranged.index):
        raise ValueError(
            f"{', '.join(options.folders)}: {none_there(arranged)} For a table or for measurements over "
            "time say so with --problem."
        )
    if options.pool:
        indexed_pool(project, Path(options.pool).expanduser().absolute(), values(IndexJob, options))
    project.settings.metric = case.target.metric
    if options.seeds:
        project.settings.seeds = options.seeds
    project.save()
    case.save(project.folder)
    here, machine = look_up(project)
    bounds = Bounds(
        up_to=options.up_to,
        seconds=3600 * options.max_hours if options.max_hours else None,
        pretrain=_YES[options.pretrain],
    )
    found = climb(project, case, here, machine, bounds, say=_say)
    _write_memo(project)
    return _print(found, options, project)


def _write_memo(project: Project) -> None:
    from workbench.decide.memo.write import (
        write_memo,
    )  # here, because it brings templates that few verbs need

    try:
        write_memo(project.folder, project.folder / MEMO)
    except (OSError, ValueError) as error:  # what was measured is kept, whatever the author wrote
        _say(f"The memo was not written: {printable(str(error))} `workbench memo` writes it.")


def _project(options: argparse.Namespace) -> Project:
    """The project of --out, made where it isn't there. Raises ValueError for one of other images."""
    if not 0 <= options.seeds <= 100:
        raise ValueError(f"--seeds must be between 1 and 100, not {options.seeds}.")
    if options.max_hours < 0:
        raise ValueError("--max-hours can't be below 0.")
    folders = [Path(name).expanduser().absolute() for name in options.folders]
    for folder in [*folders, *([Path(options.pool).expanduser()] if options.pool else [])]:
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder. Name the folder that holds the images.")
    roots = name_roots(folders)
    out = Path(options.out).expanduser().absolute()
    options.project = str(out)
    if (out / "project.json").exists():
        project = Project.open(out)
        if project.settings.roots and not same(project.settings.roots, roots.values()):
            raise ValueError(
                f"{out} is a project of {printable(told(project.settings.roots))}. Name another folder with --out."
            )
        return project
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already and is no project. Name another folder with --out.")
    return Project.create(out, folders[0].name)


def _case(known: Case, options: argparse.Namespace) -> Case:
    """What was said before, with what the flags say."""
    target = known.target
    if options.target:
        asked = Target.parse(options.target)
        target = replace(target, metric=asked.metric, threshold=asked.threshold)
    said = {
        name: getattr(options, name)
        for name in ("labels_an_hour", "labelling_hour_cost", "gpu_hour_cost", "currency")
        if getattr(options, name) is not None
    }
    more: dict[str, Any] = {
        name: _YES[getattr(options, name)]
        for name in ("everyday", "colour_is_signal")
        if getattr(options, name)
    }
    if options.architecture:
        more["architecture"] = options.architecture
    return replace(known, target=replace(target, **said), **more)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print(found: Climbed, options: argparse.Namespace, project: Project | None) -> int:
    decision, regime = found.decision, found.evidence.regime
    if options.json:
        return print_json(
            {
                "regime": {**regime.to_json(), "row": decision.advice.row},
                **decision.public_json(),
                "ended": found.ended,
                "project": str(project.folder) if project is not None else "",
                "memo": str(project.folder / MEMO) if project is not None else "",
            }
        )
    print("\n".join(_told(found)))
    if project is not None:
        place = printable(str(project.folder))
        print(f"\nThe project is {place}, with {MEMO} in it; `workbench {printable(options.out)}` opens it.")
    return 0


def _told(found: Climbed) -> list[str]:
    """The decision in words, for a terminal."""
    decision: Decision = found.decision
    lines = [decision.title, "", decision.advice.advice]
    step = decision.next_step
    said_below = {item.advice for item in decision.findings}  # once is enough
    said_below |= {f"{step.title}: {step.why} Cost: {step.cost}."} if step is not None else set()
    known = "Known so far" if decision.verdict == "undecided" else "Against it"
    parts = (
        ("Because", decision.because),
        (known, tuple(sentence for sentence in decision.against if sentence not in said_below)),
        ("What would change it", tuple(item for item in decision.would_change_it if item not in said_below)),
        ("When to escalate to pretraining", decision.escalation),
    )
    for title, said in parts:
        if said:
            lines += ["", f"{title}:", *(f"  - {sentence}" for sentence in said)]
    if decision.findings:
        lines += ["", "Findings:"]
        lines += [f"  {item.severity:4} {item.name}: {item.advice}" for item in decision.findings]
    if step is not None:
        lines += ["", f"Next step: {step.title}", f"  {step.why}", f"  Cost: {step.cost}"]
    if found.ended:
        lines += ["", f"The climb ended: {found.ended}"]
    if found.evidence.notes:
        lines += ["", "Left out:", *(f"  - {note}" for note in found.evidence.notes)]
    return lines
