"""Plugins that are single files: copied whole or not at all, replaced, removed without being lost; no pip."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from tests.installed import only_files
from tests.plugin_install.made_wheels import plugin_wheel
from workbench import plugins
from workbench.plugin_install import install as installing
from workbench.plugin_install.environment import Package
from workbench.plugin_install.install import Installation
from workbench.plugin_install.origins import origin_of
from workbench.plugin_install.removal import Removal
from workbench.records.plugins import PluginError

CODE = """
PLUGIN = {{"name": "{name}", "version": "{version}", "api": "{api}", "needs": {needs},
          "methods": {{"{method}": "It."}}}}

def register(house):
    raise SystemExit("nobody may run this")
"""


@pytest.fixture(autouse=True)
def plugins_on(monkeypatch: pytest.MonkeyPatch) -> None:
    only_files(monkeypatch)


def written(folder: Path, file: str = "any.py", **words: object) -> Path:
    folder.mkdir(exist_ok=True)
    facts = {"name": "few", "version": "1.0", "api": "1.0", "needs": [], "method": "few_method"} | words
    (folder / file).write_text(CODE.format(**facts))
    return folder / file


def installed(path: Path) -> plugins.Plugin:
    with Installation(str(path)) as work:
        plan = work.look(network=False)
        assert plan.ready and plan.changes == (), plan
        outcome = work.carry_out()
        assert outcome.done, outcome
    return plugins.plugin(plan.plugin)


def test_a_file_is_installed_replaced_and_removed(tmp_path: Path) -> None:
    source = written(tmp_path / "mine")
    one = installed(source)
    assert one.found.place == plugins.plugin_folder() / "few.py"
    assert one.found.place.read_text() == source.read_text()
    assert str(source) in origin_of(one.found)

    again = installed(written(tmp_path / "mine", "other_name.py", version="2.0"))
    assert again.manifest.version == "2.0" and len(plugins.plugins()) == 1
    kept = plugins.plugin_home() / "removed"
    assert '"1.0", "api"' in (kept / "few-1.py").read_text()

    with Removal("few") as work:
        assert work.look().ready
        outcome = work.carry_out()
    assert outcome.done and str(kept / "few-2.py") in outcome.sentence
    assert plugins.plugins() == () and '"version": "2.0"' in (kept / "few-2.py").read_text()
    with pytest.raises(PluginError, match="no plugin 'few'"):
        Removal("few")


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with Installation(str(written(tmp_path))) as work:
        work.look(network=False)
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            work.carry_out()
    assert list(plugins.plugin_folder().iterdir()) == [] and plugins.plugins() == ()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"method": "simclr"}, "It brings the method simclr, and the program has one"),
        ({"method": "there_method"}, "It brings the method there_method, and the plugin there has one"),
        ({"api": "9.0"}, "Update the workbench"),
    ],
)
def test_what_could_not_be_used_is_refused(words: dict[str, str], told: str, tmp_path: Path) -> None:
    installed(written(tmp_path / "a", name="there", method="there_method"))
    with Installation(str(written(tmp_path / "b", **words))) as work:
        plan = work.look(network=False)
    assert told in plan.refused and not plan.ready


def test_what_a_file_needs_is_named_before_the_network_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "run_pip", lambda *_, **__: pytest.fail("pip was run"))
    with Installation(str(written(tmp_path, needs=["numpy", "nowhere-to-be-found"]))) as work:
        plan = work.look(network=False)
    assert plan.missing == ("nowhere-to-be-found",) and not plan.ready and not plan.network


def test_a_name_is_never_looked_for_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "run_pip", lambda *_, **__: pytest.fail("pip was run"))
    with Installation("some-plugin==1.0") as work:
        assert work.look(network=False).missing == ("some-plugin==1.0",)


def test_what_a_wheel_needs_is_named_or_refused_without_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "run_pip", lambda *_, **__: pytest.fail("pip was run"))

    def looked(*needs: str) -> installing.Plan:
        with Installation(str(plugin_wheel(tmp_path, "good_one", requires=needs))) as work:
            return work.look(network=False)

    assert looked("nowhere-to-be-found>=3", "numpy").missing == ("nowhere-to-be-found>=3",)
    assert "It needs numpy<2" in looked("numpy<2", "absent").refused
    assert "Update the program first" in looked("ssl-workbench>=99").refused
    with Installation(str(plugin_wheel(tmp_path, "good_one", manifest=None))) as work:
        monkeypatch.setattr(installing, "why_not", lambda: "There is no pip.")
        assert work.look(network=False).refused == "There is no pip."


def test_one_at_a_time(tmp_path: Path) -> None:
    with Installation(str(written(tmp_path))) as work:
        work.look(network=False)
        with (
            FileLock(plugins.plugin_home() / "_install.lock"),
            pytest.raises(PluginError, match="Another plugin"),
        ):
            work.carry_out()
        assert plugins.plugins() == ()
        assert work.carry_out().done


def test_an_environment_that_has_changed_since_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Installation(str(written(tmp_path))) as work:
        work.look(network=False)
        now = installing.packages_here() | {"new": Package(name="new", version="1.0")}
        monkeypatch.setattr(installing, "packages_here", lambda: now)
        outcome = work.carry_out()
    assert not outcome.done and "has changed" in outcome.sentence and plugins.plugins() == ()
