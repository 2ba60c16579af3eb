"""What a plugin would change in the environment is told first, and what would hurt the program is refused."""

from __future__ import annotations

import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from tests.installed import install, written
from workbench import plugin_install, plugins
from workbench.plugin_install import Change, preview_install, preview_removal
from workbench.records.plugins import PluginError

FILE = 'PLUGIN = {"name": "one", "version": "1.0", "api": "1.0", "methods": {"one_way": "A way."}}\n'


def reported(*packages: tuple[str, str, list[str]]) -> list[dict[str, object]]:
    """As pip's report has it: name, version and requirements each."""
    return [
        {"metadata": {"name": name, "version": version, "requires_dist": requires}}
        for name, version, requires in packages
    ]


def shown(monkeypatch: pytest.MonkeyPatch, *packages: tuple[str, str, list[str]]) -> plugin_install.Preview:
    monkeypatch.setattr(plugin_install, "_report", lambda what, seconds: reported(*packages))
    return preview_install("some-plugin")


def test_what_is_new_and_newer_is_told_and_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    here = metadata.version("pytest-qt")
    found = shown(
        monkeypatch,
        ("Some_Plugin", "0.1", ["ssl-workbench", "numpy>=2"]),
        ("pytest-qt", "999.0", []),
        ("numpy", metadata.version("numpy"), []),
    )
    assert found.changes == (
        Change(name="numpy", before=metadata.version("numpy"), after=metadata.version("numpy"), kind="again"),
        Change(name="pytest-qt", before=here, after="999.0", kind="newer"),
        Change(name="some-plugin", before="", after="0.1", kind="new"),
    )
    assert found.refused == ""


def test_what_would_hurt_the_program_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    older = shown(monkeypatch, ("some-plugin", "0.1", []), ("numpy", "2.0.0", []))
    assert f"earlier versions: numpy {metadata.version('numpy')} to 2.0.0" in older.refused
    deep = shown(monkeypatch, ("some-plugin", "0.1", []), ("filelock", "1.0", []))  # what torch needs
    assert "filelock" in deep.refused
    broken = shown(monkeypatch, ("some-plugin", "0.1", []), ("huggingface-hub", "999.0", []))
    assert "transformers needs huggingface-hub" in broken.refused and "999.0 would be there" in broken.refused
    itself = shown(monkeypatch, ("some-plugin", "0.1", []), ("ssl-workbench", "9.0", []))
    assert "replace the program itself" in itself.refused
    unrelated = shown(monkeypatch, ("some-plugin", "0.1", []), ("pytest-qt", "1.0", []))
    assert unrelated.refused == "" and unrelated.changes[0].kind == "older"
    done: list[str] = []
    monkeypatch.setattr(plugin_install, "_pip", lambda *words, seconds: done.append(words[0]))
    shown(monkeypatch, ("numpy", "2.0.0", []))
    with pytest.raises(PluginError, match="earlier versions"):
        plugin_install.install("some-plugin")
    assert not done


@pytest.mark.parametrize(
    "what",
    [
        "--index-url=http://x",
        "-r",
        "https://x/y.whl",
        "git+https://x/y",
        "nowhere/at-all",
        "a b",
        "x;rm",
        "no.whl",
        "",
    ],
)
def test_only_wheels_folders_files_and_names_are_taken(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*words: str, seconds: float) -> str:
        raise AssertionError(words)

    monkeypatch.setattr(plugin_install, "_pip", never)
    with pytest.raises(PluginError):
        preview_install(what)


def test_a_folder_and_a_wheel_say_what_they_bring_before_they_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path, "early", "raise AssertionError('imported')")
    wheel = tmp_path / "early-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as made:
        inside = source / "early_package" / "workbench_plugin.toml"
        made.write(inside, "early_package/workbench_plugin.toml")
    asked: list[str] = []

    def report(what: str, seconds: float) -> list[dict[str, object]]:
        asked.append(what)
        return reported(("early", "1.0", []))

    monkeypatch.setattr(plugin_install, "_report", report)
    for what in (source, wheel):
        found = preview_install(str(what))
        assert found.manifest is not None and found.manifest.names("methods") == ("early_method",)
    assert asked == [str(source), str(wheel)]
    (tmp_path / "empty").mkdir()
    with pytest.raises(PluginError, match=r"no pyproject\.toml"):
        preview_install(str(tmp_path / "empty"))


def test_a_single_file_is_copied_and_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_PLUGINS")
    source = tmp_path / "one.py"
    source.write_text(FILE + "def register(house): pass\n")
    preview = plugin_install.install(str(source))
    assert [change.kind for change in preview.changes] == ["new"]
    [one] = plugins.plugins()
    assert (one.name, one.found.place.parent) == ("one", plugins.plugin_folder())
    assert preview_install(str(source)).changes[0].kind == "again"
    plugin_install.remove(one)
    assert plugins.plugins() == () and source.exists()
    source.write_text("print('no plugin')")
    with pytest.raises(PluginError, match="is no plugin"):
        plugin_install.install(str(source))


def test_what_another_package_needs_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, tmp_path / "site", written(tmp_path, "below", ""), written(tmp_path, "above", ""))
    info = tmp_path / "site" / "above-1.0.dist-info" / "METADATA"
    info.write_text(info.read_text() + "Requires-Dist: below\n")
    above, below = plugins.plugins()
    assert "above needs below" in preview_removal(below).refused
    assert preview_removal(above).refused == ""
    with pytest.raises(PluginError, match="above needs below"):
        plugin_install.remove(below)
