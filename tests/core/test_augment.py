"""Which squares an epoch goes through: the paper's two, and its three random ones with flips."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from napari_htcell import augment, targets
from napari_htcell.augment import Look, Square
from napari_htcell.targets import Truth


def truth(shape: tuple[int, int], *points: tuple[float, float]) -> Truth:
    return Truth(np.asarray(points, float).reshape(-1, 2), None, shape)


PAPER = truth((250, 500))


def test_without_augmentation_two_squares_of_the_papers_crop() -> None:
    chosen = augment.none([PAPER, PAPER], 250, np.random.default_rng(0))
    assert [(s.image, s.rows.start, s.columns.start, s.flip) for s in chosen] == [
        (0, 0, 0, ()), (0, 0, 250, ()), (1, 0, 0, ()), (1, 0, 250, ())
    ]  # fmt: skip


def test_paper_adds_three_random_squares_each_with_two_flips() -> None:
    chosen = augment.paper([PAPER], 250, np.random.default_rng(0))
    assert chosen[:2] == augment.none([PAPER], 250, np.random.default_rng(0))
    places = Counter((s.rows.start, s.columns.start) for s in chosen[2:])
    assert list(places.values()) == [3, 3, 3]
    assert Counter(s.flip for s in chosen[2:]) == {(): 3, (0,): 3, (1,): 3}
    assert all(s.rows.start == 0 and 0 <= s.columns.start <= 250 for s in chosen)


def test_random_squares_are_new_each_epoch_and_reach_every_place() -> None:
    rng = np.random.default_rng(0)
    starts = {
        s.columns.start for _ in range(100) for s in augment.paper([truth((32, 36))], 32, rng)[2:]
    }
    assert starts == {0, 1, 2, 3, 4}


def test_same_rng_same_squares() -> None:
    first, again = (augment.paper([PAPER], 100, np.random.default_rng(3)) for _ in "ab")
    assert first == again


def test_flips() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    whole = slice(0, 2), slice(0, 3)
    np.testing.assert_array_equal(Square(0, *whole).take(array), array)
    np.testing.assert_array_equal(Square(0, *whole, (0,)).take(array), [[3, 4, 5], [0, 1, 2]])
    np.testing.assert_array_equal(Square(0, *whole, (1,)).take(array), [[2, 1, 0], [5, 4, 3]])
    assert Square(0, *whole, (1,)).take(array).flags["C_CONTIGUOUS"]


def test_all_eight_ways_to_turn_a_square() -> None:
    array = np.arange(9, dtype=np.float32).reshape(3, 3)
    whole = slice(0, 3), slice(0, 3)
    taken = {
        Square(0, *whole, flip, is_transposed).take(array).tobytes()
        for flip in ((), (0,), (1,), (0, 1))
        for is_transposed in (False, True)
    }
    assert len(taken) == 8
    assert np.rot90(array).tobytes() in taken


def test_turned_squares_are_of_one_size_in_an_epoch_and_of_many_over_epochs() -> None:
    rng = np.random.default_rng(0)
    images = [truth((60, 90)), truth((200, 64))]
    sides, seen = set(), np.zeros((60, 90), bool)
    for _ in range(200):
        chosen = augment.turned(images, 40, rng)
        sizes = {square.take(np.ones(images[square.image].shape)).shape for square in chosen}
        assert len(sizes) == 1
        ((height, width),) = sizes
        assert height == width
        sides.add(height)
        for square in chosen:
            if square.image == 0:
                seen[square.rows, square.columns] = True
        numbers = Counter(square.image for square in chosen)
        assert numbers[0] >= 60 * 90 / 40**2
    assert sides == set(range(25, 41))
    assert seen.all()


def test_turned_squares_of_an_image_smaller_than_a_square() -> None:
    chosen = augment.turned([truth((5, 300))], 40, np.random.default_rng(0))
    assert all(3 <= square.take(np.ones((5, 300))).shape[0] <= 5 for square in chosen)


def test_a_small_image_does_not_make_the_squares_of_large_ones_small() -> None:
    small, large = truth((12, 9), (3, 4)), truth((200, 300))
    chosen = augment.varied([small, large] * 8, 64, np.random.default_rng(0))
    image = np.random.default_rng(1).normal(size=(12, 9)).astype(np.float32)
    target, known = np.ones((12, 9), np.float32), np.ones((12, 9), bool)
    (side,) = {one.take_image(np.zeros((200, 300), np.float32)).shape[0] for one in chosen[8:]}
    assert side > 48
    for one in chosen:
        if one.image % 2 == 0:
            seen, weight = one.take_image(image), one.take_known(known)
            assert seen.shape == weight.shape == (side, side)
            assert seen[weight == 0].std() > 0.1  # mirrored: a grey area is no image
            # Enlarged at most twofold in area's sides, never to a whole square.
            assert 20 < weight.sum() < 4.1 * known.size
            assert (one.take(target)[weight == 0] < 1).all()


def test_an_image_lower_than_a_square_gives_its_whole_height() -> None:
    array = np.ones((20, 300), np.float32)
    chosen = augment.paper([truth((20, 300))], 250, np.random.default_rng(0))
    assert [square.take(array).shape for square in chosen] == [(20, 150)] * 2 + [(20, 250)] * 9


def test_windows_are_around_cells_and_as_many_elsewhere() -> None:
    cells = [(60.2, 70.0), (199.9, 300.4), (150.0, 30.0)]  # the last too near to the border
    chosen = augment.windows([PAPER, truth((250, 500), *cells)], 100, np.random.default_rng(0))
    assert {square.image for square in chosen} == {1}
    assert all(
        s.rows.stop - s.rows.start == s.columns.stop - s.columns.start == 100 for s in chosen
    )
    around, elsewhere = chosen[:2], chosen[2:]
    middles = [(s.rows.start + 50, s.columns.start + 50) for s in around]
    assert middles == [(60, 70), (200, 300)]
    assert len(elsewhere) == 2
    for square in elsewhere:
        inside = [
            square.rows.start <= y < square.rows.stop
            and square.columns.start <= x < square.columns.stop
            for y, x in cells
        ]
        assert not any(inside)


def test_where_cells_are_everywhere_there_are_no_windows_without() -> None:
    cells = [(y, x) for y in range(0, 250, 40) for x in range(0, 500, 40)]
    chosen = augment.windows([truth((250, 500), *cells)], 100, np.random.default_rng(0))
    assert all((s.rows.start + 50, s.columns.start + 50) in cells for s in chosen)
    assert augment.windows([truth((90, 500), (45, 200))], 100, np.random.default_rng(0)) == []


def test_near_the_edges_that_cut_cells_nothing_is_known() -> None:
    known = np.ones((6, 9), bool)
    known[3, 4] = False
    inner = Square(0, slice(1, 6), slice(0, 6), margin_px=2).take_known(known)
    np.testing.assert_array_equal(
        inner,
        [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0],
         [1, 1, 1, 1, 0, 0]],
    )  # fmt: skip
    turned = Square(0, slice(1, 6), slice(0, 6), (0,), True, 2).take_known(known)
    np.testing.assert_array_equal(turned, inner[::-1].T)
    whole = Square(0, slice(0, 6), slice(0, 9), margin_px=2).take_known(known)
    np.testing.assert_array_equal(whole, known)


def test_turned_squares_leave_out_what_their_edges_cut() -> None:
    chosen = augment.turned([truth((200, 200))], 64, np.random.default_rng(0))
    assert {square.margin_px for square in chosen} == {augment.CUT_PX}


def test_a_look_changes_contrast_and_noise_of_the_image_alone() -> None:
    array = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)
    whole = slice(0, 8), slice(0, 8)
    inverted = Square(0, *whole, look=Look(contrast=-2))
    np.testing.assert_allclose(inverted.take_image(array), -2 * array)
    np.testing.assert_array_equal(inverted.take(array), array)
    noisy = Square(0, *whole, look=Look(noise=0.5, seed=3))
    np.testing.assert_array_equal(noisy.take_image(array), noisy.take_image(array))
    assert 0.3 < (noisy.take_image(array) - array).std() < 0.7
    sharp = np.zeros((9, 9), np.float32)
    sharp[4, 4] = 1
    blurred = Look(blur_px=1.0).of(sharp)
    assert blurred.max() < 0.3
    assert blurred.sum() == pytest.approx(1, abs=0.01)


def test_an_enlarged_square_keeps_image_target_and_weight_in_one_place() -> None:
    spot = targets.gaussian_spots(truth((64, 64), (30, 20)), 3.0)
    known = spot > 0.5
    square = Square(0, slice(10, 42), slice(8, 40), (1,), True, side_px=64)
    image, target, weight = square.take_image(spot), square.take(spot), square.take_known(known)
    assert image.shape == target.shape == weight.shape == (64, 64)
    top = np.unravel_index(target.argmax(), target.shape)
    assert np.unravel_index(image.argmax(), image.shape) == top
    assert weight[top] == 1
    assert set(np.unique(weight)) == {0, 1}
    # 20 rows and 12 columns from the corner, twice as large, mirrored and transposed.
    assert np.hypot(top[0] - (63 - 24.5), top[1] - 40.5) < 1.5


def test_varied_squares_make_batches_and_show_each_variation() -> None:
    rng = np.random.default_rng(0)
    chosen = [one for _ in range(40) for one in augment.varied([truth((200, 150))], 64, rng)]
    zoomed = [one for one in chosen if one.side_px is not None]
    assert 0.3 < len(zoomed) / len(chosen) < 0.7
    sides = [one.rows.stop - one.rows.start for one in zoomed]
    assert min(sides) < 48
    assert max(sides) > 72
    assert any(one.look.contrast < 0 for one in chosen)
    assert any(one.look.blur_px for one in chosen)
    assert any(replace(one.look, seed=0) == augment.AS_IT_IS for one in chosen)
    array = np.zeros((200, 150), np.float32)
    shapes = {one.take(array).shape for one in augment.varied([truth((200, 150))], 64, rng)}
    assert len(shapes) == 1


def test_relit_squares_keep_their_size_and_are_never_inverted() -> None:
    drawn = augment.relit([truth((200, 200))] * 20, 64, np.random.default_rng(0))
    assert all(one.side_px is None and one.look.contrast > 0 for one in drawn)
    for changed in ("contrast", "blur_px", "noise"):
        values = {getattr(one.look, changed) for one in drawn}
        assert len(values) > 10
    assert augment.AS_IT_IS in {replace(one.look, seed=0) for one in drawn}


def test_squares_of_an_image_in_relief_stay_the_right_way_up() -> None:
    flat, relief = truth(shape=(64, 64)), replace(truth(shape=(64, 64)), in_relief=True)
    drawn = augment.varied([flat, relief] * 10, 16, np.random.default_rng(0))
    turned = [one.image % 2 for one in drawn if one.flip or one.is_transposed]
    assert turned
    assert not any(turned)
