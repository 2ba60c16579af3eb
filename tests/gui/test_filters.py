"""Filters and order: against slow loops, and at a million; what is known of the images beside the index."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tests.gui.comparison import small_comparison
from tests.gui.test_image_grid import MILLION, plain_index, random_digests
from workbench.gui.data.image_facts import gather
from workbench.gui.data.image_filter import SORTS, Filter, ImageFacts, apply, carry, find_text
from workbench.records.index import ImageIndex, Strings
from workbench.records.splits import make_split

N = 400


@pytest.fixture(scope="module")
def drawn() -> tuple[ImageIndex, ImageFacts]:
    """400 images with everything drawn at random."""
    rng = np.random.default_rng(11)
    names = ("Kratzer", "scratch", "ÉCLAT", "dent 1", "a&b")
    paths = sorted(
        f"{names[rng.integers(5)]}/{rng.choice(['x', 'X', 'y'])}{i % 97:02d}_{i}.png" for i in range(N)
    )
    index = replace(
        plain_index(random_digests(N), paths),
        label=rng.integers(-1, 4, N).astype(np.int32),
        group=rng.integers(-1, 6, N).astype(np.int32),
        copies=np.where(rng.random(N) < 0.2, rng.integers(0, 20, N), -1).astype(np.int32),
        width=rng.integers(1, 50, N).astype(np.int32),
        height=rng.integers(1, 50, N).astype(np.int32),
        file_size=rng.integers(0, 99, N),
        mtime_ns=rng.integers(0, 99, N),
        classes=("crack", "dent", "hole", "stain"),
        groups=tuple(f"lot{i}" for i in range(6)),
    )
    facts = ImageFacts(
        part=rng.integers(-1, 3, N).astype(np.int8),
        leaks=rng.random(N) < 0.1,
        saturated=rng.random(N) < 0.3,
        said=rng.integers(-1, 4, (3, N)).astype(np.int32),
        model="m",
    )
    return index, facts


def passes(chosen: Filter, index: ImageIndex, facts: ImageFacts, i: int) -> bool:
    """One image at a time, as one would say it."""
    said = [int(code) for code in facts.said[:, i]]
    only = {
        "copies": index.copies[i] >= 0,
        "leaks": bool(facts.leaks[i]),
        "saturated": bool(facts.saturated[i]),
        "wrong": any(code >= 0 and code != index.label[i] for code in said),
    }
    return (
        (not chosen.label or int(index.label[i]) in chosen.label)
        and (not chosen.group or int(index.group[i]) in chosen.group)
        and (not chosen.part or int(facts.part[i]) in chosen.part)
        and (not chosen.predicted or any(code in chosen.predicted for code in said))
        and all(only[key] for key in chosen.only)
        and all(word.casefold() in str(index.paths[i]).casefold() for word in chosen.text.split())
    )


@pytest.mark.parametrize("label", [(), (1,), (0, 3), (-1,)])
@pytest.mark.parametrize("part", [(), (2,), (0, -1)])
def test_filters_pass_exactly_those_that_a_slow_loop_does(drawn, label, part) -> None:
    index, facts = drawn
    for group, predicted, only, text in product(
        ((), (2, -1)),
        ((), (1,)),
        ((), ("copies",), ("leaks", "wrong"), ("saturated",)),
        ("", "x0 SCRATCH", "éclat"),
    ):
        chosen = Filter(label=label, part=part, group=group, predicted=predicted, only=only, text=text)
        slow = [i for i in range(N) if passes(chosen, index, facts, i)]
        assert apply(chosen, index, facts).tolist() == slow
    assert chosen.narrows


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_orders_are_those_of_python_s_sort(drawn, sort: str, descending: bool) -> None:
    index, facts = drawn
    keys = {
        "path": lambda i: i,
        "name": lambda i: str(index.paths[i]).rsplit("/", 1)[-1].lower(),
        "class": lambda i: int(index.label[i]),
        "group": lambda i: int(index.group[i]),
        "pixels": lambda i: int(index.width[i]) * int(index.height[i]),
        "bytes": lambda i: int(index.file_size[i]),
        "date": lambda i: int(index.mtime_ns[i]),
        "copies": lambda i: int(index.copies[i]),
    }
    found = apply(Filter(sort=sort, descending=descending), index, facts).tolist()
    assert sorted(found) == list(range(N))
    shown = [keys[sort](i) for i in found]
    if sort in ("class", "group", "copies"):
        none = shown.count(-1)
        assert shown[len(shown) - none :] == [-1] * none, "what has none comes last"
        shown = shown[: len(shown) - none]
    assert shown == sorted(shown, reverse=descending)


def test_a_choice_made_elsewhere_keeps_its_order_and_is_narrowed(drawn) -> None:
    index, facts = drawn
    base = np.random.default_rng(0).permutation(N)[:50]
    assert apply(Filter(), index, facts, base).tolist() == base.tolist()
    slow = [int(i) for i in base if index.label[i] == 2]
    assert apply(Filter(label=(2,)), index, facts, base).tolist() == slow
    assert apply(Filter(label=(2,), sort="bytes"), index, facts, base).tolist() == sorted(
        slow, key=lambda i: int(index.file_size[i])
    )


def test_what_is_not_known_lets_nothing_through(drawn) -> None:
    index, _ = drawn
    for chosen in (
        Filter(part=(0,)),
        Filter(predicted=(1,)),
        Filter(only=("leaks",)),
        Filter(only=("wrong",)),
    ):
        assert len(apply(chosen, index)) == 0
    for bad in (Filter(sort="colour"), Filter(only=("nice",))):
        with pytest.raises(ValueError, match=r"not '(colour|nice)'"):
            apply(bad, index)
    empty = plain_index(np.zeros((0, 16), np.uint8))
    assert len(apply(Filter(sort="name", text="a"), empty)) == 0


def test_text_is_never_found_across_two_paths() -> None:
    paths = Strings.of(["ab", "ca", "aa", "", "xabab", "b\udce9d", "B"])
    for word in ("a", "ab", "ba", "aa", "bc", "aca", "x", "é", "zzzzzz"):
        slow = [word.casefold() in path.casefold() for path in paths]
        assert find_text(paths, word).tolist() == slow
    many = Strings.of(f"{'long/' * 20}{i:05d}" for i in range(30_000))  # more than one block
    found = np.flatnonzero(find_text(many, "0299"))
    assert found.tolist() == [i for i in range(30_000) if "0299" in f"{i:05d}"]


def test_a_filter_is_carried_to_another_index_by_names(drawn) -> None:
    index, _ = drawn
    chosen = Filter(
        label=(1, 3, -1), group=(0,), predicted=(2,), part=(1,), only=("copies",), text="x", sort="date"
    )
    other = replace(index, classes=("ant", "crack", "stain"), groups=("lot5", "lot0"))
    assert carry(chosen, index, other) == replace(chosen, label=(2, -1), group=(1,), predicted=())
    assert carry(chosen, index, index) == chosen
    assert carry(chosen, None, index) == Filter(sort="date")


def test_codes_of_a_million_images_are_filtered_at_once() -> None:
    rng = np.random.default_rng(0)
    index = replace(
        plain_index(random_digests(MILLION)),
        label=rng.integers(0, 10, MILLION).astype(np.int32),
        group=rng.integers(0, 900, MILLION).astype(np.int32),
    )
    facts = ImageFacts(part=rng.integers(0, 3, MILLION).astype(np.int8))
    chosen = Filter(label=(1, 4), part=(2,), group=(3, 5, 800))
    assert chosen.is_quick
    times = []
    for _ in range(3):
        began = time.thread_time()
        found = apply(chosen, index, facts)
        times.append(time.thread_time() - began)
    assert 0 < len(found) < 1000
    assert min(times) < 0.5, "20 ms on a calm machine"


def test_facts_are_the_split_s_the_leaks_and_what_the_model_said(small_index) -> None:
    split = make_split(small_index.ids, small_index.label, None, seed=0)
    small_index.copies[:] = -1
    small_index.copies[[0, 5]] = 0  # of one class, no group holds both
    small_index.group[:] = -1
    result, predictions = small_comparison(small_index)
    facts = gather(small_index, split, result, predictions, "weak")
    assert facts.part is split.part
    assert np.flatnonzero(facts.leaks).tolist() == [0, 5]
    assert facts.model == "weak"
    np.testing.assert_array_equal(facts.said, predictions.predicted[2])
    assert gather(small_index, split, result, predictions, "gone").model == "strong"
    # Another index: fewer images, a class renamed. The model's answers go with the image, not with its place.
    kept = np.arange(36, -1, -2)
    fewer = small_index.take(kept)
    fewer.classes = ("crack", "dent", "spot")
    other = gather(fewer, split, result, predictions, "weak")
    assert other.part is None, "the split is of other images"
    row_of = {str(item): row for row, item in enumerate(predictions.items)}
    for place, identifier in enumerate(fewer.ids):
        said = predictions.predicted[2][:, row_of[identifier]]
        expected = [-2 if code == 2 else int(code) for code in said]
        assert other.said[:, place].tolist() == expected
