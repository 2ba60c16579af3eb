"""A method's settings as they are typed: read, written again, and refused in words."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.records.methods import asked_by_name, parse_settings, written_by_name, written_settings
from workbench.records.params import Param


def setting(name: str, kind: str, default: Any) -> Param:
    return Param(name=name, type=kind, label=name, help="What it is.", default=default)


PARAMS = (setting("prototypes", "int", 0), setting("momentum", "float", 0.9), setting("norm", "bool", True))


def test_what_is_typed_is_read_and_written_again() -> None:
    values = parse_settings(PARAMS, ("prototypes=64", "momentum = 1e-3", "norm=no"))
    assert values == {"prototypes": 64, "momentum": 0.001, "norm": False}
    assert parse_settings(PARAMS, written_settings(values)) == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "prototype=64",
            "no setting 'prototype'. Did you mean prototypes? It has prototypes, momentum, norm.",
        ),
        ("zzz=1", "no setting 'zzz'. It has prototypes, momentum, norm. Write NAME=VALUE."),
        ("momentum", "The setting 'momentum' has no value: write momentum=VALUE."),
        ("momentum=much", "needs a number"),
        ("a\x1b[0mb=1", "no setting 'a\\\\x1b[0mb'."),
    ],
)
def test_what_is_no_setting_is_refused_with_the_nearest_name(text: str, said: str) -> None:
    with pytest.raises(ValueError) as told:
        parse_settings(PARAMS, (text,))
    assert said in str(told.value)


def test_a_method_without_settings_says_so() -> None:
    with pytest.raises(ValueError, match=r"It has none\."):
        parse_settings((), ("a=1",))


def test_a_name_with_its_settings_is_one_text_and_back() -> None:
    assert asked_by_name(" prototypes:shots=5, distance=cosine ") == (
        "prototypes",
        ("shots=5", "distance=cosine"),
    )
    values = {"shots": 5, "weight": 0.25, "norm": True}
    text = written_by_name("prototypes", values)
    assert text == "prototypes:shots=5,weight=0.25,norm=yes"
    assert asked_by_name(text) == ("prototypes", written_settings(values))
    assert written_by_name("prototypes", {}) == "prototypes" and asked_by_name("prototypes") == (
        "prototypes",
        (),
    )
    with pytest.raises(ValueError, match="can't hold a comma: name=a,b"):
        written_by_name("x", {"name": "a,b"})
