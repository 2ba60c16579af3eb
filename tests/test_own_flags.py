"""A method's settings as flags of `pretrain` and `audit`."""

from __future__ import annotations

import pytest

from workbench.cli import _parser
from workbench.engine.methods.registry import all_facts
from workbench.verbs.own_flags import check, set_aside

FACTS = all_facts()


@pytest.mark.parametrize(
    ("words", "left", "own"),
    [
        ("pretrain F --method moco --temperature 0.2", "pretrain F --method moco", ["temperature=0.2"]),
        ("pretrain --temperature=0.2 F --epochs 3", "pretrain F --epochs 3", ["temperature=0.2"]),
        ("pretrain --queue-size -1 F", "pretrain F", ["queue_size=-1"]),
        ("pretrain F --epo 3", "pretrain F --epo 3", []),  # abbreviated, as the parser takes it
        ("pretrain F --start --odd --x 1", "pretrain F --start --odd", ["x=1"]),  # a value of whatever looks
        ("pretrain F --norm", "pretrain F --norm", []),  # no value: the parser refuses it
        ("pretrain F --norm --epochs 3", "pretrain F --norm --epochs 3", []),
        ("pretrain F -- --x 1", "pretrain F -- --x 1", []),
        ("audit F --hidden 16", "audit F", ["hidden=16"]),
        ("embed F --temperature 0.2", "embed F --temperature 0.2", []),  # only verbs that train
        ("nothing --x 1", "nothing --x 1", []),
    ],
)
def test_flags_that_the_verb_does_not_know_are_set_aside(words: str, left: str, own: list[str]) -> None:
    _, verbs = _parser()
    parts = words.split()
    assert set_aside(verbs.get(parts[0]), parts) == (left.split(), own)


def test_no_setting_of_a_method_hides_behind_a_flag_of_the_verb() -> None:
    """Every setting can be written as a flag: none is called, or abbreviates, what the verb itself takes."""
    _, verbs = _parser()
    for facts in FACTS:
        for item in facts.params:
            flag = f"--{item.name.replace('_', '-')}"
            assert set_aside(verbs["pretrain"], ["pretrain", flag, "1"])[1] == [f"{item.name}=1"], facts.name


def test_a_wrong_flag_is_refused_in_a_sentence() -> None:
    check(["temperature=0.2"], "simclr", FACTS, ())
    check(["whatever=1"], "unknown", FACTS, ())  # the engine says which methods there are
    with pytest.raises(
        ValueError, match=r"^--bath-size is neither .* Did you mean --batch-size\? simclr has --temp"
    ):
        check(["bath_size=3"], "simclr", FACTS, ("--batch-size",))
    with pytest.raises(ValueError, match="Did you mean --temperature"):
        check(["temprature=3"], "simclr", FACTS, ("--batch-size",))
    with pytest.raises(ValueError, match="needs a number"):
        check(["temperature=warm"], "simclr", FACTS, ())
