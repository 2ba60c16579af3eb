from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.records.catalogue import BackboneFacts, load_catalogue, save_catalogue
from workbench.records.files import DocumentError

FACTS = BackboneFacts(
    id="facebook/dinov2-small",
    title="DINOv2 small",
    source="huggingface",
    family="DINOv2",
    parameters=22_056_576,
    input_size=224,
    features=("cls", "mean", "cls+mean"),
    default_feature="cls",
    training_data="LVD-142M, unlabelled",
    licence="Apache-2.0",
    available=False,
    remedy="Download it once.",
)


def test_a_catalogue_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    anonymous = BackboneFacts.from_json({**FACTS.to_json(), "parameters": None, "input_size": None})
    save_catalogue(tmp_path / "catalogue.json", [FACTS, anonymous])
    assert load_catalogue(tmp_path / "catalogue.json") == (FACTS, anonymous)


def test_a_field_of_a_later_version_is_left_out() -> None:
    assert BackboneFacts.from_json({**FACTS.to_json(), "colour": "blue"}) == FACTS


@pytest.mark.parametrize(
    "change", [{"features": ["cls", "smell"]}, {"default_feature": "pooled"}, {"features": []}]
)
def test_features_that_contradict_each_other_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"facebook/dinov2-small"):
        BackboneFacts.from_json({**FACTS.to_json(), **change})


@pytest.mark.parametrize("broken", [{"title": None}, "dinov2", {"features": ["smell"]}])
def test_a_damaged_entry_names_the_file_and_the_way_out(tmp_path: Path, broken: object) -> None:
    path = tmp_path / "catalogue.json"
    save_catalogue(path, [FACTS])
    document = json.loads(path.read_text())
    if isinstance(broken, dict):
        document["backbones"][0].update(broken)
        document["backbones"][0].pop("title" if "title" in broken else "none", None)
    else:
        document["backbones"] = [broken]
    path.write_text(json.dumps(document))
    with pytest.raises(DocumentError, match=r"catalogue\.json.*Ask for the catalogue again"):
        load_catalogue(path)


def test_a_catalogue_from_before_patches_and_depths_were_listed_still_loads() -> None:
    body = {key: value for key, value in FACTS.to_json().items() if key not in ("patch", "depth")}
    old = BackboneFacts.from_json(body)
    assert (old.patch, old.depth) == (0, None)
