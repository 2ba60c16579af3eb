"""The verbs `plugins install` and `plugins remove`: they show what would change, and do it when that is agreed to."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from workbench.plugin_install.install import Installation
from workbench.plugin_install.pip_runs import PipError
from workbench.plugin_install.plan import Outcome, Plan
from workbench.plugin_install.removal import Removal
from workbench.records.plugins import ONE
from workbench.records.text import printable
from workbench.verbs.common import add_verb, print_json


def register(actions: Any) -> None:
    """Add them to the actions of `plugins`."""
    install = add_verb(
        actions,
        "install",
        _install,
        "Show what installing a plugin would change, and install it if that is agreed to.",
        json_flag=False,
    )
    install.add_argument(
        "what", metavar="WHAT", help="A wheel, a folder with a pyproject.toml, a single .py file, or a name."
    )
    install.add_argument(
        "--network", action="store_true", help="What is missing may be looked for in the package index."
    )
    remove = add_verb(
        actions,
        "remove",
        _remove,
        "Show what removing a plugin would change, and remove it if that is agreed to.",
        json_flag=False,
    )
    remove.add_argument("name", metavar="NAME", help="As `workbench plugins` calls it.")
    for action in (install, remove):
        action.add_argument("--yes", action="store_true", help="Agree to it beforehand.")
        action.add_argument("--json", action="store_true", help="Print one JSON document on stdout.")


def _install(options: argparse.Namespace) -> int:
    with Installation(options.what, told=_tell) as work:
        try:
            plan = work.look(network=False)
            if plan.missing and (
                options.network or _agreed(options, f"{printable(plan.lack)} Ask the network?")
            ):
                plan = work.look(network=True)
        except PipError as error:
            print(_lines(error.log), file=sys.stderr)
            raise
        return _carry_out(options, plan, work)


def _remove(options: argparse.Namespace) -> int:
    with Removal(options.name, told=_tell) as work:
        return _carry_out(options, work.look(), work)


def _carry_out(options: argparse.Namespace, plan: Plan, work: Installation | Removal) -> int:
    outcome: Outcome | None = None
    if not options.json:
        print("\n".join(_told(plan)))
    if plan.ready and (options.yes or _agreed(options, f"{plan.action.capitalize()} it?")):
        outcome = work.carry_out()
    if outcome is not None and not outcome.done:
        print(_lines(outcome.log), file=sys.stderr)
    if options.json:
        print_json(
            {
                **plan.to_json(),
                "done": bool(outcome and outcome.done),
                "error": ""
                if outcome is None or outcome.done
                else f"{outcome.sentence} {outcome.left}".strip(),
            }
        )
    elif outcome is not None:
        print(f"{outcome.sentence} {outcome.left}".strip())
    elif plan.ready:
        print("Nothing was changed. With --yes it is done.")
    if outcome is not None:
        return 0 if outcome.done else 1
    return 0 if plan.ready else 2


def _told(plan: Plan) -> list[str]:
    lines = [f"{plan.plugin} {plan.version}".strip() or plan.what]
    for kind, names in plan.provides.items():
        lines += [f"    {ONE[kind]} {name}  {sentence}".rstrip() for name, sentence in names.items()]
    for change in plan.changes:
        before, after = change.before or "not here", change.after or "removed"
        again = " (again)" if change.same else ""
        lines.append(f"    {change.package}: {before} -> {after}{again}")
    lines += [f"    {note}" for note in plan.notes]
    if plan.refused:
        lines.append(f"Refused. {plan.refused}")
    if plan.missing:
        lines.append(f"{printable(plan.lack)} With --network it is looked for.")
    return lines


def _agreed(options: argparse.Namespace, question: str) -> bool:
    """Ask, where somebody is there to answer."""
    if options.json or options.yes or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _tell(words: str) -> None:
    print(f"{words}...", file=sys.stderr)


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.splitlines()[-40:])
