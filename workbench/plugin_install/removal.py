"""One removal: what would go, why it may not, and doing it. The face is that of an `Installation`."""

from __future__ import annotations

import sys
import tempfile
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from workbench import plugins
from workbench.plugin_install.environment import PROGRAM, needed_by, needs, packages_here
from workbench.plugin_install.install import Told, only_one, put_aside
from workbench.plugin_install.origins import remember_origin
from workbench.plugin_install.pip_runs import Stop, complaint, run_pip, why_not
from workbench.plugin_install.plan import Change, Outcome, Plan
from workbench.plugin_install.verdict import judge
from workbench.records.text import printable


class Removal:
    """Of an installed plugin, by its name. Raises PluginError where there is none of that name."""

    def __init__(self, name: str, *, stop: Stop | None = None, told: Told = lambda _: None) -> None:
        self.plugin = plugins.plugin(name)
        self.stop = stop or Stop()
        self._told = told
        self.plan: Plan | None = None

    def close(self) -> None:
        """There is nothing to give back."""

    def __enter__(self) -> Removal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def look(self, *, network: bool = False) -> Plan:
        """What would go. No network is ever needed."""
        found = self.plugin.found
        manifest = found.manifest
        changes: tuple[Change, ...] = ()
        notes: list[str] = []
        refused = ""
        if found.origin == "file":
            notes.append("The file is not deleted: it is moved to where it isn't looked for.")
        else:
            name = canonicalize_name(found.distribution)
            here = packages_here()
            program = needed_by(PROGRAM, here)
            changes = (Change(package=name, before=here[name].version, after="", program=name in program),)
            refused = why_not() or self._elsewhere() or judge(changes, {}, here)
            left = sorted(
                {canonicalize_name(one.name) for one in needs(here[name])} & here.keys() - program - {name}
            )
            if left:
                notes.append(f"What it needed stays: {', '.join(left)}.")
        self.plan = Plan(
            action="remove",
            what=printable(self.plugin.name),
            kind="file" if found.origin == "file" else "package",
            plugin=self.plugin.name,
            version=manifest.version if manifest else "",
            provides=manifest.provides if manifest else {},
            changes=changes,
            refused=refused,
            notes=tuple(notes),
        )
        return self.plan

    def carry_out(self) -> Outcome:
        """Raises PluginError: something else is being installed or removed."""
        assert self.plan is not None and self.plan.ready
        self._told("Removing")
        found = self.plugin.found
        with only_one():
            if found.origin == "file":
                where = put_aside(found.place)
                remember_origin(found.name, "")
                return Outcome(
                    done=True,
                    sentence=f"{self.plugin.name} is removed. Its file lies in {printable(str(where))}.",
                )
            with tempfile.TemporaryDirectory(prefix="workbench-plugin-") as folder:
                ran = run_pip(["uninstall", "--yes", found.distribution], Path(folder), network=False)
            if ran.code or canonicalize_name(found.distribution) in packages_here():
                return Outcome(done=False, sentence=f"It is still there. {complaint(ran)}", log=ran.log)
            remember_origin(found.distribution, "")
        return Outcome(done=True, sentence=f"{self.plugin.name} is removed.")

    def _elsewhere(self) -> str:
        """A sentence where the package lies outside of this environment, where pip doesn't touch it; else ""."""
        distribution = metadata.distribution(self.plugin.found.distribution)
        place = Path(str(distribution.locate_file(""))).resolve()
        if place.is_relative_to(Path(sys.prefix).resolve()) or _editable(distribution):
            return ""
        return (
            f"It lies in {printable(str(place))}, outside of this program's environment. Remove it there, or switch "
            "it off here."
        )


def _editable(distribution: metadata.Distribution) -> bool:
    return any(str(file).startswith("__editable__") for file in distribution.files or ())
