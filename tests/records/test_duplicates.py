"""Near pairs against a comparison of all with all, written out slowly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from workbench.records import duplicates
from workbench.records.duplicates import MAX_COARSE, MAX_FINE, SURE, copy_sets, distance, near_pairs


def changed(rng: np.random.Generator, signatures: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Each sign of row i flipped with the probability `share[i]`."""
    flips = rng.random((len(signatures), 320)) < share[:, None]
    return signatures ^ np.packbits(flips, axis=1)


def planted(num: int, copies: int, seed: int = 0, worst: float = 0.35) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signatures = rng.integers(0, 256, (num, 40), dtype=np.uint8)
    source = rng.integers(0, num - copies, copies)
    signatures[num - copies :] = changed(rng, signatures[source], rng.uniform(0, worst, copies))
    return signatures


def slowly(signatures: np.ndarray, max_coarse: int, max_fine: int) -> list[tuple[int, int]]:
    """Equal ones are compared through the first of them."""
    signs = np.unpackbits(signatures, axis=1).astype(bool)
    firsts: dict[bytes, int] = {}
    first = np.asarray([firsts.setdefault(row.tobytes(), number) for number, row in enumerate(signatures)])
    pairs = [(int(first[j]), j) for j in range(len(signs)) if first[j] != j and signs[j].any()]
    alone = np.asarray([number for number in firsts.values() if signs[number].any()])
    for place, i in enumerate(alone.tolist()):
        others = alone[place + 1 :]
        differ = signs[others] != signs[i]
        near = (differ[:, :40].sum(1) <= max_coarse) & (differ.sum(1) <= max_fine)
        pairs += [(i, j) for j in others[near].tolist()]
    return sorted(pairs)


def found(signatures: np.ndarray, **limits: int) -> list[tuple[int, int]]:
    return [(a, b) for a, b in near_pairs(signatures, **limits).tolist()]


@pytest.mark.parametrize(
    ("max_coarse", "max_fine"), [(0, 0), (0, 320), (1, 40), (3, 104), (6, 104), (7, 48), (7, 104), (7, 320)]
)
def test_all_pairs_are_found_and_no_other(max_coarse: int, max_fine: int) -> None:
    signatures = planted(2500, 700, seed=max_coarse)
    expected = slowly(signatures, max_coarse, max_fine)
    assert found(signatures, max_coarse=max_coarse, max_fine=max_fine) == expected
    assert (max_coarse, max_fine) == (0, 0) or len(expected) > 20


@pytest.mark.parametrize("number", [0, 1, 2, 17, 1000])
def test_among_few_pictures_the_same_pairs_are_found_without_tables(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    signatures = planted(1000, 300)[-number:] if number else planted(1000, 300)[:0]
    expected = slowly(signatures, MAX_COARSE, MAX_FINE)
    assert found(signatures) == expected and (number < 1000 or len(expected) > 20)
    monkeypatch.setattr(duplicates, "_FEW", -1)
    assert found(signatures) == expected


def test_all_pairs_are_found_among_pictures_that_were_taken_alike() -> None:
    """Nine in ten share each of the first signs: buckets are long, and pairs abound."""
    rng = np.random.default_rng(1)
    signs = rng.random((1500, 320)) < np.r_[np.full(40, 0.9), np.full(280, 0.5)]
    signatures = np.packbits(signs, axis=1)
    signatures[1000:] = changed(rng, signatures[:500], np.full(500, 0.02))
    crowded = duplicates._CROWD
    try:
        duplicates._CROWD = len(signatures)
        assert found(signatures, max_fine=150) == slowly(signatures, MAX_COARSE, 150)
    finally:
        duplicates._CROWD = crowded
    assert set(found(signatures, max_fine=48)) == set(slowly(signatures, MAX_COARSE, 48))


def test_in_many_pictures_signs_that_all_share_are_left_out_of_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(2)
    signs = rng.random((3000, 320)) < 0.5
    signs[:, :30] = rng.random((3000, 30)) < 0.02  # as good as equal in all
    signatures = np.packbits(signs, axis=1)
    signatures[2500:] = changed(rng, signatures[:500], np.full(500, 0.08))
    monkeypatch.setattr(duplicates, "_MANY", 1000)
    keys = duplicates._keys(signatures, np.arange(3000))
    balanced = np.packbits(np.roll(signs[2400:2500], -30, axis=1), axis=1)
    assert np.array_equal(keys[2400:2500], _key_of_first(balanced))
    expected = [
        (a, b) for a, b in slowly(signatures, 40, 60) if np.bitwise_count(keys[a] ^ keys[b]) <= MAX_COARSE
    ]
    assert found(signatures, max_fine=60) == expected
    assert len(expected) > 450


def _key_of_first(signatures: np.ndarray) -> np.ndarray:
    signs = np.unpackbits(signatures, axis=1)[:, :40]
    return np.asarray(
        [sum(int(s) << (i // 2 + i % 2 * 20) for i, s in enumerate(row)) for row in signs], np.uint64
    )


def test_equal_signatures_go_through_the_first_and_zeros_are_left_out() -> None:
    signatures = planted(300, 0)
    signatures[[5, 9, 200]] = signatures[3]
    signatures[7] = changed(np.random.default_rng(0), signatures[3:4], np.asarray([0.03]))
    signatures[[50, 60, 70]] = 0
    assert found(signatures) == [(3, 5), (3, 7), (3, 9), (3, 200)]
    assert found(np.zeros((4, 40), np.uint8)) == []
    assert near_pairs(np.zeros((0, 40), np.uint8)).shape == (0, 2)
    assert found(signatures[:1]) == []


def test_a_camera_that_stands_still_makes_few_pairs_and_one_set() -> None:
    """Frames of 3 cameras, of which a sixth of the signs are noise: pairs grow as the frames, not as their square."""
    rng = np.random.default_rng(4)
    scenes = rng.integers(0, 256, (3, 40), dtype=np.uint8)
    noisy = np.packbits(rng.random((3, 320)) < 1 / 6, axis=1)
    camera = rng.integers(0, 3, 12_000)
    noise = np.packbits(rng.random((12_000, 320)) < 0.5, axis=1) & noisy[camera]
    signatures = scenes[camera] ^ noise
    assert len(near_pairs(signatures)) < 2.2 * len(near_pairs(signatures[:6000]))
    codes = copy_sets(_different(12_000), signatures)
    order = list(dict.fromkeys(camera.tolist()))
    assert codes.tolist() == [order.index(c) for c in camera.tolist()]


def test_pairs_without_end_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise around one scene that no frame shows: every two frames are doubtful copies, and none leads a crowd."""
    rng = np.random.default_rng(5)
    signatures = changed(
        rng, np.tile(rng.integers(0, 256, (1, 40), dtype=np.uint8), (2000, 1)), np.full(2000, 0.09)
    )
    every = near_pairs(signatures)
    assert len(every) > 500_000
    monkeypatch.setattr(duplicates, "MAX_PAIRS", 100_000)
    monkeypatch.setattr(duplicates, "_CHUNK", 1 << 14)
    some = near_pairs(signatures)
    assert 100_000 <= len(some) < 100_000 + 2 * (1 << 14)
    assert {*map(tuple, some.tolist())} <= {*map(tuple, every.tolist())}
    assert distance(signatures, every).tolist() == distance(signatures, every[::-1]).tolist()[::-1]


def test_progress_is_told_and_can_cancel() -> None:
    told: list[tuple[int, int]] = []
    near_pairs(planted(200, 20), on_progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1]

    def stop(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        near_pairs(planted(200, 20), on_progress=stop)


@pytest.mark.parametrize(
    ("signatures", "limits", "message"),
    [
        (np.zeros((3, 39), np.uint8), {}, r"\(N, 40\) uint8"),
        (np.zeros((3, 40), np.int64), {}, "int64"),
        (np.zeros((3, 40), np.uint8), {"max_coarse": -1}, "0 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(signatures: np.ndarray, limits: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        near_pairs(signatures, **limits)


def test_as_many_hashes_as_signatures() -> None:
    with pytest.raises(ValueError, match="3 hashes don't fit 4 signatures"):
        copy_sets(_different(3), planted(4, 0))


def _different(num: int) -> np.ndarray:
    digest = np.zeros((num, 16), np.uint8)
    digest[:, :4] = np.arange(num, dtype="<u4").view(np.uint8).reshape(-1, 4)
    return digest


def flipped(signature: np.ndarray, count: int, start: int = 60) -> np.ndarray:
    signs = np.unpackbits(signature)
    signs[start : start + count] ^= 1
    return np.packbits(signs)


def test_sets_are_numbered_by_first_members_and_hold_copies_of_copies() -> None:
    signatures = planted(40, 0)
    digest = _different(40)
    digest[30] = digest[2]  # exact copies, whose looks are not compared
    signatures[12] = flipped(signatures[30], SURE)
    signatures[13] = flipped(signatures[12], SURE, start=150)  # SURE + SURE from 30
    signatures[1] = flipped(signatures[20], SURE)
    signatures[6] = flipped(signatures[25], SURE + 1)  # doubtful
    codes = copy_sets(digest, signatures)
    expected = np.full(40, -1)
    expected[[1, 20]] = 0
    expected[[2, 12, 13, 30]] = 1
    assert codes.tolist() == expected.tolist()
    assert codes.dtype == np.int32
    assert copy_sets(digest, np.zeros_like(signatures)).tolist() == [
        0 if row in (2, 30) else -1 for row in range(40)
    ]
    assert copy_sets(digest[:0], signatures[:0]).tolist() == []


def test_doubtful_pairs_count_when_confirmed_and_are_asked_for_once_per_two_sets() -> None:
    signatures = planted(40, 0)
    signatures[6] = flipped(signatures[25], SURE + 20)
    signatures[7] = flipped(signatures[25], SURE + 10)  # 10 from 6: one set with it
    signatures[9] = flipped(signatures[30], MAX_FINE)
    signatures[10] = flipped(signatures[31], MAX_FINE + 1)  # not even doubtful
    asked: list[list[list[int]]] = []

    def confirm(pairs: np.ndarray) -> np.ndarray:
        asked.append(pairs.tolist())
        return np.asarray([9 not in pair for pair in pairs.tolist()])

    codes = copy_sets(_different(40), signatures, confirm=confirm)
    assert asked == [[[7, 25], [9, 30]]]  # likeliest first
    assert np.flatnonzero(codes == 0).tolist() == [6, 7, 25]
    assert codes.max() == 0
    assert np.flatnonzero(copy_sets(_different(40), signatures) == 0).tolist() == [6, 7]


def test_chains_are_one_set_however_they_are_listed() -> None:
    """A film of 4,000 frames, each near to the next few only, shuffled."""
    rng = np.random.default_rng(5)
    frames = [rng.integers(0, 256, 40, dtype=np.uint8)]
    for _ in range(3999):
        signs = np.unpackbits(frames[-1])
        signs[rng.choice(320, 20, replace=False)] ^= 1
        signs[:40] = np.unpackbits(frames[0])[:40]
        frames.append(np.packbits(signs))
    order = rng.permutation(4000)
    assert set(copy_sets(_different(4000), np.stack(frames)[order]).tolist()) == {0}
    cut = [frames[i] for i in order if not 1990 <= i < 2010]
    assert set(copy_sets(_different(len(cut)), np.stack(cut)).tolist()) == {0, 1}


def test_components_are_those_of_a_walk() -> None:
    rng = np.random.default_rng(6)
    for edges in (0, 50, 150, 400):
        pairs = rng.integers(0, 300, (edges, 2))
        near: dict[int, set[int]] = {node: {node} for node in range(300)}
        for a, b in itertools.chain(pairs.tolist(), pairs[:, ::-1].tolist()):
            near[a].add(b)
        for node, root in enumerate(duplicates._components(300, pairs).tolist()):
            reached, todo = {node}, [node]
            while todo:
                todo += (fresh := near[todo.pop()] - reached)
                reached |= fresh
            assert root == min(reached)


def test_the_distance_counts_signs() -> None:
    signatures = planted(50, 0)
    pairs = np.asarray([[0, 1], [3, 40], [7, 7]])
    signs = np.unpackbits(signatures, axis=1)
    assert distance(signatures, pairs).tolist() == [int((signs[a] != signs[b]).sum()) for a, b in pairs]
