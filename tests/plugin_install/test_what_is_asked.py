"""What is taken for a wheel, a folder, a file or a name, and what a wheel says of itself."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.plugin_install.made_wheels import plugin_wheel, wheel
from workbench.plugin_install.asked import read_asked
from workbench.plugin_install.wheels import read_wheel
from workbench.records.plugins import PluginError


def test_paths_and_names_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my_plugin"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    (tmp_path / "one.py").write_text("")
    made = wheel(tmp_path, "a", "1.0")
    assert read_asked("my_plugin").kind == "folder"  # one that is there, before any name
    assert read_asked(" one.py ").path == tmp_path / "one.py"
    assert read_asked(str(made)).kind == "wheel"
    assert (read_asked("my-plugin>=1,<2").kind, read_asked("my-plugin>=1,<2").name) == (
        "name",
        "my-plugin>=1,<2",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Name a wheel"),
        ("./nowhere", "does not exist"),
        ("absent.whl", "does not exist"),
        ("--index-url=http://evil", "is an address"),
        ("-r", "neither a path"),
        ("git+https://evil/x", "is an address"),
        ("x @ https://evil/x.whl", "is an address"),
        ("two words", "neither a path"),
        ("evil\x1b[31m\n", "evil\\x1b[31m"),
        ("empty", "has no pyproject.toml"),
        ("data.zip", "neither a wheel"),
    ],
)
def test_anything_else_is_refused(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "data.zip").write_bytes(b"")
    with pytest.raises(PluginError) as caught:
        read_asked(text)
    assert told in str(caught.value) and str(caught.value).isprintable()


def test_a_wheel_is_read_without_opening_its_code(tmp_path: Path) -> None:
    found = read_wheel(plugin_wheel(tmp_path, "good_one", "1.2", ["numpy", 'x; extra == "y"']))
    assert (found.package.name, found.package.version) == ("good-one", "1.2")
    assert found.package.requires == ("numpy", 'x; extra == "y"')
    assert found.manifest is not None and found.manifest.names("methods") == ("good_one_method",)
    assert read_wheel(wheel(tmp_path, "plain", "1.0")).manifest is None


def test_a_wheel_that_lies_is_refused(tmp_path: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(PluginError) as caught:
            read_wheel(path)
        return str(caught.value)

    assert "needs a version" in refused(
        plugin_wheel(tmp_path, "bad", manifest='name = "bad"\nversion = 1\napi = "1.0"')
    )
    assert "is too large" in refused(plugin_wheel(tmp_path, "big", manifest="#" * (70 << 10)))
    assert "is not TOML" in refused(plugin_wheel(tmp_path, "odd", manifest="name = "))
    outside = wheel(tmp_path, "outside", "1.0", files={"../evil.py": ""})
    assert "outside of its own folder" in refused(outside)
    (tmp_path / "no-1.0-py3-none-any.whl").write_bytes(b"PK")
    assert "is no wheel" in refused(tmp_path / "no-1.0-py3-none-any.whl")
    with zipfile.ZipFile(tmp_path / "bare-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("x.py", "")
    assert "0 descriptions" in refused(tmp_path / "bare-1.0-py3-none-any.whl")
    bare = wheel(
        tmp_path,
        "promises",
        "1.0",
        files={"promises-1.0.dist-info/entry_points.txt": "[workbench.views]\na = b:c\n"},
    )
    assert "has no workbench_plugin.toml" in refused(bare)


def test_a_damaged_wheel_is_found_before_anything_is_installed(tmp_path: Path) -> None:
    made = plugin_wheel(tmp_path, "good_one")
    data = made.read_bytes()
    made.write_bytes(data.replace(b"def register", b"def rexister"))
    with pytest.raises(PluginError, match="is damaged at good_one/__init__"):
        read_wheel(made)
