"""The order depends on seed and step alone."""

from __future__ import annotations

import numpy as np

from workbench.engine.pretrain.order import Order


def test_an_epoch_shows_each_picture_once_and_no_two_are_alike() -> None:
    places = np.arange(100, 140)
    order = Order(places, 8, seed=3)
    assert order.steps_per_epoch == 5
    epochs = [np.concatenate([order.batch(5 * epoch + step) for step in range(5)]) for epoch in range(3)]
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), places)
    assert not np.array_equal(epochs[0], epochs[1])


def test_a_step_is_the_same_however_it_is_come_to() -> None:
    places = np.arange(37)
    straight = [Order(places, 4, 1).batch(step) for step in range(30)]
    order = Order(places, 4, 1)
    for step in (17, 3, 29, 8):
        np.testing.assert_array_equal(order.batch(step), straight[step])
    assert not np.array_equal(Order(places, 4, 2).batch(0), straight[0])


def test_a_set_smaller_than_a_batch_fills_it() -> None:
    order = Order(np.arange(3), 8, 0)
    batch = order.batch(0)
    assert order.steps_per_epoch == 1
    assert len(batch) == 8
    assert set(batch) == {0, 1, 2}
