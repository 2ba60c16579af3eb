"""The verbs about plugins: `plugins`, which lists, switches and checks them, and `new-plugin`, which begins one."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench import plugins
from workbench.new_plugin import new_plugin
from workbench.plugin_checks import check
from workbench.plugins import Plugin
from workbench.records.plugins import KINDS, ONE
from workbench.records.text import count, printable
from workbench.verbs import plugin_changes
from workbench.verbs.common import add_verb, print_json


def register(verbs: Any) -> None:
    verb = add_verb(
        verbs, "plugins", _plugins, "List the plugins, what each brings and what is wrong with it."
    )
    actions = verb.add_subparsers(metavar="ACTION")
    for name, run, help_text in (
        ("enable", _enable, "Switch a plugin on, and forget what went wrong with it before."),
        ("disable", _disable, "Switch a plugin off until it is asked for."),
        ("check", _check, "Try everything that a plugin brings, on tiny data, and say what fails."),
    ):
        action = add_verb(actions, name, run, help_text, json_flag=False)
        action.add_argument("--json", action="store_true", help="Print one JSON document on stdout.")
        action.add_argument("name", metavar="NAME", help="As `workbench plugins` calls it.")
    plugin_changes.register(actions)
    verb = add_verb(
        verbs, "new-plugin", _new, "Begin a plugin: a method that works, with a test.", json_flag=False
    )
    verb.add_argument("name", metavar="NAME", help="Of the plugin and of its method: my_method.")
    verb.add_argument("--into", default=".", metavar="FOLDER", help="Folder that it is written into.")
    verb.add_argument("--json", action="store_true", help="Print one JSON document on stdout.")


def _plugins(options: argparse.Namespace) -> int:
    known = plugins.tried()
    if options.json:
        return print_json([one.to_json() for one in known])
    for one in known:
        print("\n".join(_told(one)))
    if not known:
        print("No plugin is installed. `workbench new-plugin NAME --into FOLDER` begins one.")
    print(f"Single files lie in {printable(str(plugins.plugin_folder()))}")
    return 0


def _enable(options: argparse.Namespace) -> int:
    return _switch(options, True)


def _disable(options: argparse.Namespace) -> int:
    return _switch(options, False)


def _switch(options: argparse.Namespace, on: bool) -> int:
    one = plugins.switch(options.name, on)
    if options.json:
        return print_json(one.to_json())
    print("\n".join(_told(one)))
    return 0


def _check(options: argparse.Namespace) -> int:
    steps = check(plugins.plugin(options.name))
    failed = sum(step.outcome == "failed" for step in steps)
    if options.json:
        print_json({"name": options.name, "ok": not failed, "steps": [asdict(step) for step in steps]})
    else:
        for step in steps:
            why = f": {step.why}" if step.why else ""
            print(f"{step.outcome:7} {step.name}{why}")
        print(
            f"{count(failed, 'step')} failed."
            if failed
            else f"{printable(options.name)} does what it should."
        )
    return 1 if failed else 0


def _new(options: argparse.Namespace) -> int:
    folder = new_plugin(options.name, Path(options.into))
    if options.json:
        return print_json({"name": options.name, "folder": str(folder)})
    place = shlex.quote(str(folder))
    print(
        f"{printable(str(folder))} is a plugin that works. Next:\n"
        f"  {shlex.quote(sys.executable)} -m pip install -e {place}\n"
        f"  workbench plugins check {options.name}\n"
        f"  workbench pretrain FOLDER --method {options.name} --out RUN"
    )
    return 0


def _told(one: Plugin) -> list[str]:
    found = one.found
    version = found.manifest.version if found.manifest else ""
    lines = [f"{printable(one.name)} {version}  {one.state}  {printable(str(found.place))}"]
    for kind in KINDS:
        for name in one.names(kind):
            sentence = found.manifest.provides[kind][name] if found.manifest else ""
            lines.append(f"    {ONE[kind]} {name}  {sentence}".rstrip())
    if one.error:
        lines.append(f"    {one.error}")
    if one.traceback:
        lines += [f"        {printable(line)}" for line in one.traceback.strip().splitlines()[-20:]]
    return lines
