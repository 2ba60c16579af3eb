"""The lock of a comparison: what each backbone is asked for, what stands apart, what a size costs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.gui.comparison import facts
from workbench.records.asked import (
    BUDGETS,
    apart,
    cost_words,
    expected,
    given_feature,
    given_size,
    job_values,
    parse_budgets,
)
from workbench.records.catalogue import BackboneFacts
from workbench.records.project import Chosen, Project, Settings

DINO = facts("dino", patch=14, parameters=22_056_576)
MAE = facts("mae", default_feature="mean", patch=16, parameters=85_798_656)
CNN = facts("cnn", features=("pooled",), default_feature="pooled", patch=0)
CLIP = facts("clip", features=("cls", "mean", "cls+mean", "pooled"), default_feature="pooled", patch=16)
CATALOGUE = (DINO, MAE, CNN, CLIP)


def chosen(*backbones: BackboneFacts) -> list[Chosen]:
    return [Chosen(backbone=each.id) for each in backbones]


def named(found: list[tuple[Chosen, str]]) -> list[tuple[str, str, int]]:
    return [(choice.backbone, choice.feature, choice.image_size) for choice, _ in found]


def test_the_lock_is_what_every_job_is_asked_for() -> None:
    settings = Settings(chosen=chosen(DINO, MAE))
    assert job_values(settings.chosen[0], settings) == {
        "feature": "",
        "layers": "",
        "image_size": 0,
        "nearest": True,
    }
    settings.feature_rule, settings.layers, settings.image_size = "cls+mean", "last4", 518
    for choice in settings.chosen:
        values = job_values(choice, settings)
        assert (values["feature"], values["layers"], values["image_size"]) == ("cls+mean", "last4", 518)
    own = Chosen(backbone="lab/dino", feature="mean", image_size=224)
    values = job_values(own, settings)
    assert (values["feature"], values["layers"], values["image_size"]) == ("mean", "last4", 224)


@pytest.mark.parametrize("rule", ["family", "cls", "mean", "cls+mean"])
def test_a_lock_that_all_can_give_leaves_nothing_apart(rule: str) -> None:
    assert apart(Settings(feature_rule=rule, chosen=chosen(DINO, MAE)), CATALOGUE) == []


def test_an_exception_stands_apart_and_says_why() -> None:
    settings = Settings(chosen=[*chosen(DINO, MAE, CNN), Chosen(backbone=DINO.id, feature="mean")])
    ((choice, reason),) = apart(settings, CATALOGUE)
    assert choice == settings.chosen[-1] and "the pooling alone" in reason
    settings.chosen[-1] = Chosen(backbone=DINO.id, image_size=518)
    ((choice, reason),) = apart(settings, CATALOGUE)
    assert choice == settings.chosen[-1] and "gets 518 px and Dino 224 px" in reason
    settings.image_size = 518  # now it is what all get
    settings.chosen[-1] = Chosen(backbone=MAE.id, image_size=224)
    assert named(apart(settings, CATALOGUE)) == [(MAE.id, "", 224)]


def test_a_backbone_without_the_locked_feature_stands_apart_where_the_others_are_not_their_own() -> None:
    settings = Settings(feature_rule="cls", chosen=chosen(DINO, MAE, CNN, CLIP))
    found = apart(settings, CATALOGUE)
    assert named(found) == [(CNN.id, "", 0)] and "Cnn is read by its pooled output" in found[0][1]
    settings.feature_rule = "mean"
    assert apart(settings, CATALOGUE) == []  # what a CNN pools is the mean of its map
    settings.chosen.append(Chosen(backbone="somebody/else"))  # known only when it is embedded
    assert apart(settings, CATALOGUE) == []


def test_exceptions_alone_are_held_against_each_other() -> None:
    settings = Settings(
        chosen=[Chosen(backbone=DINO.id, feature="mean"), Chosen(backbone=CLIP.id, feature="cls")]
    )
    assert named(apart(settings, CATALOGUE)) == [(CLIP.id, "cls", 0)]
    settings.chosen = settings.chosen[:1]
    assert apart(settings, CATALOGUE) == []


def test_sizes_that_patches_tile_differ_and_are_one_lock() -> None:
    assert [given_size(518, 14), given_size(518, 16), given_size(518, 1), given_size(1, 14)] == [
        518,
        512,
        518,
        42,
    ]
    settings = Settings(image_size=518, chosen=chosen(DINO, MAE, CNN))
    assert [
        expected(c, settings, f)["spec"]["preprocess"]["size"]
        for c, f in zip(settings.chosen, CATALOGUE, strict=False)
    ] == [518, 512, 518]
    assert apart(settings, CATALOGUE) == []


def test_the_pooled_output_is_not_asked_of_inner_layers() -> None:
    assert given_feature("", CLIP.features, "pooled", inner=True) == "cls"
    assert given_feature("", ("mean", "pooled"), "pooled", inner=True) == "mean"
    assert given_feature("", ("pooled",), "pooled", inner=True) == "pooled"
    assert given_feature("cls", ("mean", "pooled"), "pooled", inner=False) == "pooled"
    settings = Settings(layers="last4", chosen=chosen(DINO, CLIP))
    assert (
        expected(settings.chosen[1], settings, CLIP)["feature"] == "cls" and apart(settings, CATALOGUE) == []
    )


def test_layers_that_a_backbone_does_not_have_stand_apart() -> None:
    deep = [replace(each, depth=depth) for each, depth in ((DINO, 12), (MAE, 24), (CNN, 5))]
    floor = replace(CNN, id="lab/floor", title="Floor", depth=0)
    settings = Settings(layers="9,12", chosen=chosen(*deep, floor))
    found = apart(settings, [*deep, floor])
    assert named(found) == [(CNN.id, "", 0)] and "Cnn is read at its last layer" in found[0][1]
    settings.layers = "last4"
    assert apart(settings, [*deep, floor]) == []
    settings.layers = "12"
    assert named(apart(settings, [*deep, floor])) == [(CNN.id, "", 0)]


def test_what_a_size_costs() -> None:
    assert cost_words(224, DINO) == ""
    # For 257 and 1,370 tokens of 384 numbers: (24·1370·384² + 4·1370²·384) / (24·257·384² + 4·257²·384) = 7.65.
    assert cost_words(518, DINO) == "518 px: 1,369 patches, about 8 times the work of 224 px"
    assert cost_words(112, DINO) == "112 px: 64 patches, about 23 % of the work of 224 px"
    assert cost_words(448, CNN) == "448 px: about 4 times the work of 224 px"
    assert cost_words(256, CNN) == "256 px: about 1.3 times the work of 224 px"


def test_the_lock_is_kept_with_the_project_and_an_older_one_opens_with_the_usual(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    project.settings.feature_rule, project.settings.layers = "mean", "9,12"
    project.settings.image_size, project.settings.standardise = 518, "l2"
    project.save()
    again = Project.open(project.folder).settings
    assert (again.feature_rule, again.layers, again.image_size, again.standardise) == (
        "mean",
        "9,12",
        518,
        "l2",
    )
    path = project.folder / "project.json"
    body = json.loads(path.read_text())
    for name in ("feature_rule", "layers", "image_size", "standardise"):
        del body[name]
    path.write_text(json.dumps(body))
    old = Project.open(project.folder).settings
    assert (old.feature_rule, old.layers, old.image_size, old.standardise) == ("family", "", 0, "z-score")


def test_label_budgets_are_per_cents() -> None:
    assert parse_budgets("") == ()
    assert parse_budgets("25, 5,100 %,5") == pytest.approx((0.05, 0.25, 1.0))
    assert parse_budgets(BUDGETS)[-1] == 1.0
    for wrong in ("0,5", "101", "a few", "-1", "nan"):
        with pytest.raises(ValueError, match="per cents above 0 to 100"):
            parse_budgets(wrong)
