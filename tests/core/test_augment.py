"""Which squares an epoch goes through: the paper's two, and its three random ones with flips."""

from __future__ import annotations

from collections import Counter

import numpy as np

from napari_htcell import augment
from napari_htcell.augment import Square

PAPER_SHAPE = (250, 500)


def test_without_augmentation_two_squares_of_the_papers_crop() -> None:
    chosen = augment.none([PAPER_SHAPE, PAPER_SHAPE], 250, np.random.default_rng(0))
    assert [(s.image, s.rows.start, s.columns.start, s.flip) for s in chosen] == [
        (0, 0, 0, ()), (0, 0, 250, ()), (1, 0, 0, ()), (1, 0, 250, ())
    ]  # fmt: skip


def test_paper_adds_three_random_squares_each_with_two_flips() -> None:
    chosen = augment.paper([PAPER_SHAPE], 250, np.random.default_rng(0))
    assert chosen[:2] == augment.none([PAPER_SHAPE], 250, np.random.default_rng(0))
    places = Counter((s.rows.start, s.columns.start) for s in chosen[2:])
    assert list(places.values()) == [3, 3, 3]
    assert Counter(s.flip for s in chosen[2:]) == {(): 3, (0,): 3, (1,): 3}
    assert all(s.rows.start == 0 and 0 <= s.columns.start <= 250 for s in chosen)


def test_random_squares_are_new_each_epoch_and_reach_every_place() -> None:
    rng = np.random.default_rng(0)
    starts = {s.columns.start for _ in range(100) for s in augment.paper([(32, 36)], 32, rng)[2:]}
    assert starts == {0, 1, 2, 3, 4}


def test_same_rng_same_squares() -> None:
    first, again = (augment.paper([PAPER_SHAPE], 100, np.random.default_rng(3)) for _ in "ab")
    assert first == again


def test_flips() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    whole = slice(0, 2), slice(0, 3)
    np.testing.assert_array_equal(Square(0, *whole).take(array), array)
    np.testing.assert_array_equal(Square(0, *whole, (0,)).take(array), [[3, 4, 5], [0, 1, 2]])
    np.testing.assert_array_equal(Square(0, *whole, (1,)).take(array), [[2, 1, 0], [5, 4, 3]])
    assert Square(0, *whole, (1,)).take(array).flags["C_CONTIGUOUS"]


def test_an_image_lower_than_a_square_gives_its_whole_height() -> None:
    array = np.ones((20, 300), np.float32)
    chosen = augment.paper([(20, 300)], 250, np.random.default_rng(0))
    assert [square.take(array).shape for square in chosen] == [(20, 150)] * 2 + [(20, 250)] * 9
