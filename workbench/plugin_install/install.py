"""One installation, from what is asked for to its end.

`look` gets every wheel into a folder of its own and says what they would change; `carry_out` installs exactly those,
without the network. So what was shown is what is installed, and what needs time can be stopped while the environment
is still untouched.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workbench import plugins
from workbench.plugin_install.asked import Asked, read_asked
from workbench.plugin_install.build import build_needs, build_wheel
from workbench.plugin_install.environment import (
    PROGRAM,
    Package,
    Packages,
    needed_by,
    needs,
    packages_here,
    short,
    unmet,
)
from workbench.plugin_install.origins import remember_origin
from workbench.plugin_install.pip_runs import PipError, Ran, Stop, complaint, run_pip, why_not
from workbench.plugin_install.plan import Outcome, Plan
from workbench.plugin_install.verdict import changes_of, hopeless, judge, parsed, read_report
from workbench.plugin_install.wheels import Wheel, read_wheel, sha256
from workbench.records.files import whole_file
from workbench.records.plugins import KINDS, ONE, Manifest, PluginError, read_literal, why_incompatible
from workbench.records.text import count, printable

Told = Callable[[str], object]
BUSY = "Another plugin is being installed or removed. Wait until that is done."


class Installation:
    """Owns a temporary folder until `close`. `told` gets what is being done, in a few words; `stop` ends `look`."""

    def __init__(self, what: str, *, stop: Stop | None = None, told: Told = lambda _: None) -> None:
        """Raises PluginError for what can't be installed whatever it holds."""
        self.asked = read_asked(what)
        self.stop = stop or Stop()
        self._told = told
        self._folder = tempfile.TemporaryDirectory(prefix="workbench-plugin-", ignore_cleanup_errors=True)
        self._staging = Path(self._folder.name)
        self._here: dict[str, Package] = {}
        self._coming: dict[str, Package] = {}
        self._wheel: Wheel | None = None
        self._manifest: Manifest | None = None
        self.plan: Plan | None = None

    def close(self) -> None:
        self._folder.cleanup()

    def __enter__(self) -> Installation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What would change

    def look(self, *, network: bool) -> Plan:
        """What would change. Without the network first; where that leaves something missing, once more with it.

        Raises:
            PluginError: it is no plugin, can't be read or built, or pip fails; Stopped.
        """
        self._here = packages_here()
        self._coming = {}
        self.plan = (
            self._look_at_file(network) if self.asked.kind == "file" else self._look_at_package(network)
        )
        return self.plan

    def _look_at_file(self, network: bool) -> Plan:
        manifest, _ = read_literal(self.asked.path)
        self._manifest = manifest
        requirements = parsed(manifest.needs)
        absent = unmet(requirements, self._here)
        refused = self._against(manifest, "")
        if refused or not absent:
            return self._plan(network=False, refused=refused)
        return self._resolve([short(one) for one in absent], absent, network)

    def _look_at_package(self, network: bool) -> Plan:
        impossible = why_not()
        if impossible:
            return self._plan(network=False, refused=impossible)
        if self.asked.kind == "name":
            if not network:
                return self._plan(network=False, missing=(self.asked.name,))
            return self._resolve([self.asked.name], parsed([self.asked.name]), network)
        if self._wheel is None:
            absent = unmet(build_needs(self.asked.path), self._here) if self.asked.kind == "folder" else ()
            if absent and not network:
                return self._plan(network=False, missing=tuple(short(one) for one in absent))
            self._wheel = self._first_wheel(network)
        wheel = self._wheel
        self._manifest = wheel.manifest
        if refused := self._about(wheel):
            return self._plan(network=False, refused=refused)
        # An extra of the plugin is nobody's wish here.
        return self._resolve([str(wheel.path)], unmet(needs(wheel.package), self._here), network)

    def _first_wheel(self, network: bool) -> Wheel:
        if self.asked.kind == "folder":
            self._told("Building a wheel of the folder")
            return read_wheel(
                build_wheel(self.asked.path, self._staging, self._here, network=network, stop=self.stop)
            )
        copied = self._staging / self.asked.path.name
        shutil.copyfile(self.asked.path, copied)  # so that what was looked at is what is installed
        return read_wheel(copied)

    def _about(self, wheel: Wheel) -> str:
        """Why a wheel may not be installed, whatever it needs; a sentence or ""."""
        if wheel.manifest is None:
            return (
                f"{wheel.package.name} is no plugin of the workbench: it has no entry point in the groups "
                "workbench.engine and workbench.views. Install other packages with pip."
            )
        return self._against(wheel.manifest, wheel.package.name)

    def _against(self, manifest: Manifest, distribution: str) -> str:
        """Why a plugin could not be used beside what is there; a sentence or ""."""
        if refused := why_incompatible(manifest.api):
            return refused
        others = [one for one in plugins.plugins() if not self._replaced(one, manifest, distribution)]
        for other in others:
            if other.name == manifest.name:
                where = printable(str(other.found.place))
                return f"There is another plugin called {manifest.name} ({where}). Remove it first."
        for kind in KINDS:
            for name in manifest.names(kind):
                owners = [f"the plugin {other.name}" for other in others if name in other.names(kind)]
                if name in plugins.TAKEN.get(kind, frozenset()):
                    owners.append("the program")
                if owners:
                    return f"It brings the {ONE[kind]} {name}, and {owners[0]} has one of that name already."
        return ""

    def _replaced(self, one: plugins.Plugin, manifest: Manifest, distribution: str) -> bool:
        """Whether an installed plugin is the one that comes, in another version perhaps."""
        if distribution:
            return canonicalize_name(one.found.distribution or "-") == distribution
        return one.found.origin == "file" and one.name == manifest.name

    def _resolve(self, wanted: Sequence[str], absent: Sequence[Requirement], network: bool) -> Plan:
        """Ask pip what would come. `absent`: the requirements of it that aren't met here."""
        if refused := hopeless(absent, self._here):
            return self._plan(network=False, refused=refused)
        missing = tuple(short(one) for one in absent)
        if missing and not network and not self._has_company():
            return self._plan(network=False, missing=missing)
        self._told("Asking what would change")
        ran = self._dry_run(wanted, network, steady=True)
        if ran.code:
            ran = self._dry_run(wanted, network, steady=False)
        if ran.code:
            if missing and not network:
                return self._plan(network=False, missing=missing)
            raise PipError(complaint(ran), ran.log)
        try:
            self._coming, hashes = read_report(json.loads(ran.out))
        except ValueError as error:
            raise PluginError(f"pip's report can't be read: {printable(str(error))[:200]}.") from None
        if self._wheel is not None:  # one that is there in the same version is put there again
            self._coming[self._wheel.package.name] = self._wheel.package
        refused = judge(changes_of(self._coming, self._here), self._coming, self._here)
        if not refused:
            self._fetch(hashes, network)
            refused = self._look_inside()
        return self._plan(network=network, refused=refused)

    def _dry_run(self, wanted: Sequence[str], network: bool, *, steady: bool) -> Ran:
        """`steady`: what the program needs stays as it is."""
        arguments = [
            "install",
            "--dry-run",
            "--report",
            "-",
            "--quiet",
            "--only-binary",
            ":all:",
            *self._where(network),
        ]
        if steady:
            program = needed_by(PROGRAM, self._here)
            lines = [f"{name}=={self._here[name].version}" for name in sorted(program)]
            path = self._staging / "steady.txt"
            path.write_text("\n".join(lines), encoding="utf-8")
            arguments += ["--constraint", str(path)]
        return run_pip([*arguments, "--", *wanted], self._staging, network=network, stop=self.stop)

    def _has_company(self) -> bool:
        """Whether other wheels lie beside the one that was asked for."""
        if self.asked.kind != "wheel":
            return False
        return any(path.name != self.asked.path.name for path in self.asked.path.parent.glob("*.whl"))

    def _where(self, network: bool) -> list[str]:
        """Where pip looks: beside a wheel always, in the index where that is allowed."""
        beside = ["--find-links", str(self.asked.path.parent)] if self.asked.kind == "wheel" else []
        return [*beside, *([] if network else ["--no-index"])]

    def _fetch(self, hashes: dict[str, str], network: bool) -> None:
        """Get every wheel that would come into the staging folder, each with the digest that pip has told."""
        lines = []
        for name, package in self._coming.items():
            if self._wheel is not None and name == self._wheel.package.name:
                continue
            if name not in hashes:
                raise PluginError(
                    f"The package index tells no SHA-256 of {name}, so that it can't be checked."
                )
            lines.append(f"{name}=={package.version} --hash=sha256:{hashes[name]}")
        if not lines:
            return
        self._told(f"Fetching {count(len(lines), 'package')}")
        listed = self._staging / "fetch.txt"
        listed.write_text("\n".join(lines), encoding="utf-8")
        arguments = ["download", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
        arguments += [*self._where(network), "--dest", str(self._staging), "--requirement", str(listed)]
        ran = run_pip(arguments, self._staging, network=network, stop=self.stop)
        if ran.code:
            raise PipError(complaint(ran), ran.log)

    def _look_inside(self) -> str:
        """Of a package that was asked for by name: which plugin it is. Returns what speaks against it, or ""."""
        if self.asked.kind != "name":
            return ""
        name = canonicalize_name(Requirement(self.asked.name).name)
        for path in sorted(self._staging.glob("*.whl")):
            wheel = read_wheel(path)
            if wheel.package.name == name:
                self._manifest = wheel.manifest
                return self._about(wheel)
        there = self._here.get(name)
        return f"{name} {there.version} is here already." if there else f"Nothing called {name} was found."

    def _plan(self, *, network: bool, refused: str = "", missing: tuple[str, ...] = ()) -> Plan:
        manifest, changes = self._manifest, changes_of(self._coming, self._here)
        notes = []
        if self.asked.kind == "file" and manifest is not None:
            notes.append(f"The file is copied to {printable(str(_target(self.asked, manifest)))}.")
            if any(one.name == manifest.name and one.found.origin == "file" for one in plugins.plugins()):
                notes.append("It replaces the one that is there, which is kept beside the plugin folder.")
        used = [change.package for change in changes if change.program and change.before and not change.same]
        if used:
            notes.append(f"The program uses {', '.join(used)}: restart it afterwards.")
        return Plan(
            action="install",
            what=self.asked.shown,
            kind=self.asked.kind,
            plugin=manifest.name if manifest else "",
            version=manifest.version if manifest else "",
            provides=manifest.provides if manifest else {},
            changes=changes,
            refused=refused,
            missing=missing,
            network=network,
            notes=tuple(notes),
        )

    # Doing it

    def carry_out(self) -> Outcome:
        """Do what the last `look` said. It takes seconds and isn't stopped.

        Raises:
            PluginError: another installation is going on.
        """
        assert self.plan is not None and self.plan.ready
        with only_one():
            if packages_here() != self._here:
                return Outcome(
                    done=False, sentence="The environment has changed since it was looked at. Look again."
                )
            if self._coming:
                outcome = self._install_packages()
                if not outcome.done:
                    return outcome
            if self.asked.kind == "file":
                self._copy_file()
            assert self._manifest is not None
            key = self._wheel.package.name if self._wheel else self._manifest.name
            if self.asked.kind == "name":
                key = canonicalize_name(Requirement(self.asked.name).name)
            remember_origin(
                key, self.asked.shown if self.asked.kind != "name" else f"the package index as {key}"
            )
        return Outcome(done=True, sentence=f"{self._manifest.name} {self._manifest.version} is installed.")

    def _install_packages(self) -> Outcome:
        self._told("Installing")
        files = {read_wheel(path).package.name: path for path in self._staging.glob("*.whl")}
        listed = self._staging / "install.txt"
        lines = [
            f"{name}=={package.version} --hash=sha256:{sha256(files[name])}"
            for name, package in self._coming.items()
        ]
        listed.write_text("\n".join(lines), encoding="utf-8")
        arguments = [
            "install",
            "--no-deps",
            "--no-index",
            "--require-hashes",
            "--force-reinstall",
            "--no-user",
        ]
        arguments += ["--find-links", str(self._staging), "--quiet", "--requirement", str(listed)]
        ran = run_pip(arguments, self._staging, network=False)
        after = packages_here()
        wrong = [name for name, package in self._coming.items() if _version(after, name) != package.version]
        if not ran.code and not wrong:
            return Outcome(done=True, sentence="")
        sentence = complaint(ran) if ran.code else f"pip has not installed {', '.join(wrong)}."
        return Outcome(done=False, sentence=sentence, left=self._put_back(after), log=ran.log)

    def _put_back(self, after: Packages) -> str:
        """After a failure: take away what is new. Returns a sentence about what is different still."""
        new = [name for name in self._coming if name in after and name not in self._here]
        if new:
            run_pip(["uninstall", "--yes", *new], self._staging, network=False)
        now = packages_here()
        left = [
            f"{name} {_version(now, name) or 'gone'} (was {_version(self._here, name) or 'not there'})"
            for name in sorted({*now, *self._here})
            if _version(now, name) != _version(self._here, name)
        ]
        return f"This is different now: {', '.join(left)}." if left else ""

    def _copy_file(self) -> None:
        assert self._manifest is not None
        target = _target(self.asked, self._manifest)
        if target.exists() and target.absolute() != self.asked.path:
            put_aside(target)
        if target.absolute() != self.asked.path:
            data = self.asked.path.read_bytes()
            with whole_file(target) as stream:
                stream.write(data)


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Raises PluginError while another process, or another part of this one, changes the environment."""
    home = plugins.plugin_home()
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / "_install.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise PluginError(BUSY) from None
    try:
        yield
    finally:
        lock.release()


def put_aside(path: Path) -> Path:
    """Move a file out of the plugin folder to where it isn't looked for. Returns where it is."""
    folder = plugins.plugin_home() / "removed"
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (target := folder / f"{path.stem}-{number}{path.suffix}").exists():
        number += 1
    shutil.move(path, target)
    return target


def _target(asked: Asked, manifest: Manifest) -> Path:
    """Where a single file goes: over the plugin's present file, whatever that is called."""
    for one in plugins.plugins():
        if one.found.origin == "file" and one.name == manifest.name:
            return one.found.place
    return plugins.plugin_folder() / f"{manifest.name}.py"


def _version(packages: Packages, name: str) -> str:
    return packages[name].version if name in packages else ""
