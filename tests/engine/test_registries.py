"""One registry a kind: what the program brings and what plugins bring, and whose name is whose."""

from __future__ import annotations

import pytest

from tests.installed import only_files
from workbench import plugins
from workbench.engine.backbones.plugged import BACKBONES
from workbench.engine.evals.plugged import EVALUATIONS
from workbench.engine.inspect.plugged import INSPECTIONS, looked
from workbench.engine.methods.registry import METHODS
from workbench.engine.plugins import House
from workbench.records.inspection import SHOWN

REGISTRIES = {
    "methods": METHODS,
    "backbones": BACKBONES,
    "evaluations": EVALUATIONS,
    "inspections": INSPECTIONS,
}


def test_every_name_of_the_programs_own_is_taken_and_known_to_its_registry() -> None:
    for kind, registry in REGISTRIES.items():
        assert set(registry.built_in()) <= plugins.TAKEN[kind], kind
        assert (
            set(registry.built_in()) == plugins.TAKEN[kind] or kind == "backbones"
        )  # those are found by their files
    assert set(INSPECTIONS.built_in()) == {*SHOWN, "neighbours"}  # all that `workbench inspect` has


@pytest.mark.parametrize("kind", ["methods", "evaluations"])
def test_what_the_program_brings_is_an_entry_like_a_plugins(kind: str) -> None:
    house = House()
    add = {"methods": house.add_method, "evaluations": house.add_evaluation}[kind]
    for name in REGISTRIES[kind].built_in():
        found = REGISTRIES[kind].get(name)
        add(found)  # which a plugin has to pass too
        assert found.name == name and REGISTRIES[kind].bringer(name) is None


@pytest.mark.parametrize(
    ("kind", "name"), [("evaluations", "knn"), ("inspections", "patch-pca"), ("inspections", "neighbours")]
)
def test_no_plugin_takes_one(kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    only_files(monkeypatch)
    folder = plugins.plugin_folder()
    folder.mkdir(parents=True)
    told = {"name": "thief", "version": "1", "api": "1.0", kind: {name: "Mine."}}
    (folder / "thief.py").write_text(f"PLUGIN = {told!r}\n\ndef register(house):\n    pass\n")
    [one] = plugins.plugins()
    assert one.state == "broken"
    assert one.error == f"It brings the {kind[:-1]} {name}, and the program has one of that name already."


def test_what_the_program_does_anyway_is_told_to_who_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    only_files(monkeypatch)
    with pytest.raises(ValueError, match=r"^`workbench inspect attention` shows it\.$"):
        looked("attention", None, None)  # type: ignore[arg-type]
    assert EVALUATIONS.names() == ("probe", "knn") and INSPECTIONS.names() == ()  # none of a plugin is there
