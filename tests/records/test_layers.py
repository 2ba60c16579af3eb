"""What a person writes for layers, and what becomes of it."""

from __future__ import annotations

import pytest

from workbench.records.layers import check_layers, counted_from_1, layers_words, parse_layers


@pytest.mark.parametrize(
    ("text", "layer", "words"),
    [
        ("", -1, ""),
        ("last", -1, ""),
        ("12", -1, ""),  # the last alone, however it is written: one feature, one fingerprint
        ("last1", -1, ""),
        ("6", 5, "layer 6"),
        ("9,12", (8, 11), "layers 9+12"),
        (" 12 , 9, 9 ", (8, 11), "layers 9+12"),
        ("9+12", (8, 11), "layers 9+12"),
        ("last4", (8, 9, 10, 11), "layers 9–12"),
        ("9-12", (8, 9, 10, 11), "layers 9–12"),
        ("2, 4–6,12", (1, 3, 4, 5, 11), "layers 2+4–6+12"),
        ("last 2", (10, 11), "layers 11+12"),
    ],
)
def test_layers_are_counted_from_1_and_kept_from_0(text: str, layer: object, words: str) -> None:
    check_layers(text)
    assert parse_layers(text, 12, "B") == layer
    assert layers_words(counted_from_1(layer)) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["0", "-1", "six", "1;2", "12-9", "3-", "last0", "1,,2", "1.5", "1000", "last1000"]
)
def test_what_names_no_layers_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no layers. Layers are written 6, or 9,12"):
        check_layers(text)


@pytest.mark.parametrize(
    ("text", "asked"), [("13", "layer 13"), ("3,40", "layer 40"), ("last13", "the last 13")]
)
def test_a_layer_that_does_not_exist_says_how_many_there_are(text: str, asked: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^B has 12 layers, and {asked} was asked for. Choose from 1 to 12.$"
    ):
        parse_layers(text, 12, "B")


def test_what_has_no_layers_says_so() -> None:
    assert parse_layers("", 0, "Colour") == parse_layers("last", 0, "Colour") == -1
    with pytest.raises(ValueError, match="Colour has no layers"):
        parse_layers("last4", 0, "Colour")
