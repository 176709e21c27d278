"""Matches counted by hand, and the assignment against brute force."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from napari_htcell import assignment
from napari_htcell.evaluate import evaluate, total

NONE = np.empty((0, 2))


def at(*points: tuple[float, ...]) -> npt.NDArray[np.float64]:
    return np.asarray(points, float)


def counts(points: Any, truth: Any, **cutoff: float) -> tuple[int, int, int]:
    match = evaluate(points, truth, **cutoff)
    return match.tp, match.fp, match.fn


def test_by_hand() -> None:
    truth = at((0, 0), (0, 10), (50, 50))
    points = at((0, 12), (3, 4), (100, 100), (0, 13))
    match = evaluate(points, truth, cutoff_px=6)
    assert (match.tp, match.fp, match.fn) == (2, 2, 1)
    assert match.f_score == pytest.approx(4 / 7)
    assert match.mean_distance == pytest.approx((2 + 5) / 2)
    assert {tuple(pair) for pair in match.pairs.tolist()} == {(0, 1), (1, 0)}
    assert dict(zip(match.pairs[:, 0].tolist(), match.distances, strict=True)) == {0: 2, 1: 5}


def test_empty_cases() -> None:
    some = at((1, 2), (3, 4))
    both = evaluate(NONE, NONE, cutoff_px=5)
    assert (both.tp, both.fp, both.fn, both.f_score) == (0, 0, 0, 1)
    assert math.isnan(both.mean_distance)
    missed = evaluate(NONE, some, cutoff_px=5)
    assert (missed.tp, missed.fp, missed.fn, missed.f_score) == (0, 0, 2, 0)
    invented = evaluate(some, NONE, cutoff_px=5)
    assert (invented.tp, invented.fp, invented.fn, invented.f_score) == (0, 2, 0, 0)
    far = evaluate(some, some + 100, cutoff_px=5)
    assert (far.tp, far.f_score) == (0, 0)
    assert evaluate([], some, cutoff_px=5).fn == 2
    assert evaluate(np.ones((1, 3)), [], cutoff_px=5).fp == 1
    assert evaluate([], [], cutoff_px=5).f_score == 1
    assert math.isnan(far.mean_distance)


def test_the_cutoff_itself_is_allowed() -> None:
    assert counts(at((0, 0)), at((0, 70)), cutoff_px=70) == (1, 0, 0)
    assert counts(at((0, 0)), at((0, 70.001)), cutoff_px=70) == (0, 1, 1)


def test_gate_then_assign() -> None:
    """The least total over all pairs takes one of 0 and one of 22.6 (less than 16 + 16).

    A cut-off of 20 afterwards would leave one cell; gated before, both are found.
    """
    points, truth = at((0, 0), (16, 0)), at((16, 0), (16, 16))
    unlimited = evaluate(points, truth, cutoff_px=1000)
    assert unlimited.distances.sum() == pytest.approx(math.hypot(16, 16))
    assert (unlimited.distances <= 20).sum() == 1
    assert counts(points, truth, cutoff_px=20) == (2, 0, 0)


def test_several_detections_of_one_cell_are_one_hit() -> None:
    """Section 3.5: only one is considered as TP while the rest are labelled as FP."""
    assert counts(at((0, 0), (0, 1), (0, 2)), at((0, 1)), cutoff_px=70) == (1, 2, 0)


def test_identical_places() -> None:
    same = at((5, 5), (5, 5), (5, 5))
    assert counts(same, same, cutoff_px=1) == (3, 0, 0)
    assert counts(same, same[:2], cutoff_px=1) == (2, 1, 0)


def test_micrometres() -> None:
    points, truth = at((0, 0)), at((0, 10))
    match = evaluate(points, truth, cutoff_um=16.1, pixel_size_um=1.61)
    assert match.tp == 1
    assert match.mean_distance_um == pytest.approx(16.1)
    assert evaluate(points, truth, cutoff_um=16, pixel_size_um=1.61).tp == 0
    assert math.isnan(evaluate(points, truth, cutoff_px=16).mean_distance_um)


def test_frames_do_not_match_across() -> None:
    points, truth = at((0, 5, 5), (1, 50, 50)), at((1, 5, 5), (1, 50, 52))
    assert counts(points, truth, cutoff_px=1000) == (1, 1, 1)
    match = evaluate(points, truth, cutoff_px=10)
    assert match.distances.tolist() == [2]
    assert counts(points, truth, cutoff_px=0.1) == (0, 2, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either cutoff_px or cutoff_um"),
        ({"cutoff_px": 5, "cutoff_um": 5, "pixel_size_um": 1}, "either cutoff_px or cutoff_um"),
        ({"cutoff_um": 5}, "cutoff_um needs pixel_size_um above 0, got None"),
        ({"cutoff_um": 5, "pixel_size_um": 0}, "pixel_size_um above 0, got 0"),
        ({"cutoff_um": 5, "pixel_size_um": math.nan}, "pixel_size_um above 0, got nan"),
        ({"cutoff_px": 0}, "cut-off must be above 0"),
        ({"cutoff_px": -1}, "cut-off must be above 0"),
        ({"cutoff_px": math.nan}, "cut-off must be above 0"),
        ({"cutoff_px": math.inf}, "cut-off must be above 0"),
    ],
)
def test_bad_cutoffs(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(at((0, 0, 0)), at((0, 0, 0)), **arguments)


def test_bad_points() -> None:
    with pytest.raises(ValueError, match="points have 2 columns, the truth has 3"):
        evaluate(np.zeros((1, 2)), np.zeros((1, 3)), cutoff_px=5)
    with pytest.raises(ValueError, match=r"expected points of shape"):
        evaluate(np.zeros(2), np.zeros((1, 2)), cutoff_px=5)
    with pytest.raises(ValueError, match="not finite"):
        evaluate(at((0, math.nan)), at((0, 0)), cutoff_px=5)


CELLS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=6).map(
    lambda cells: np.asarray(cells, float).reshape(-1, 2)
)
MANY = st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), max_size=25).map(
    lambda cells: np.asarray(cells, float).reshape(-1, 2)
)


def by_trying_all(points: Any, truth: Any, cutoff: float) -> tuple[int, float]:
    """Return the most allowed pairs and, among these, the least total distance."""
    if len(points) > len(truth):
        points, truth = truth, points
    apart = np.linalg.norm(points[:, None] - truth[None], axis=-1)
    best = (0, 0.0)
    for chosen in itertools.permutations(range(len(truth)), len(points)):
        distances = apart[np.arange(len(points)), list(chosen)]
        allowed = distances[distances <= cutoff]
        best = min(best, (-len(allowed), float(allowed.sum())))
    return -best[0], best[1]


@given(CELLS, CELLS, st.floats(0.5, 15), st.sampled_from([0, 10_000]))
def test_equals_trying_all_assignments(
    points: Any, truth: Any, cutoff: float, largest: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "LARGEST_MATRIX", largest)
        match = evaluate(points, truth, cutoff_px=cutoff)
    pairs, distance = by_trying_all(points, truth, cutoff)
    assert match.tp == pairs
    assert match.distances.sum() == pytest.approx(distance, abs=1e-6)


@pytest.mark.parametrize("cutoff", [12.0, 40.0])
def test_a_crowd_gives_the_same_without_a_table_of_all_pairs(
    monkeypatch: pytest.MonkeyPatch, cutoff: float
) -> None:
    """At 12 pixels chains of cells connect most of the image, at 40 all of it."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 300, (900, 2))
    points = np.concatenate([truth[:700] + rng.normal(0, 5, (700, 2)), truth[:50]])
    found = []
    for largest in (0, 10**9):
        monkeypatch.setattr(assignment, "LARGEST_MATRIX", largest)
        found.append(evaluate(points, truth, cutoff_px=cutoff))
    sparse, dense = found
    assert sparse.tp == dense.tp > 700
    assert sparse.distances.sum() == pytest.approx(dense.distances.sum(), abs=1e-6)
    assert len(set(sparse.pairs[:, 1].tolist())) == sparse.tp


@given(MANY, MANY, st.floats(0.1, 60), st.integers(0, 2**32 - 1))
def test_the_order_and_the_side_do_not_matter(
    points: Any, truth: Any, cutoff: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    match = evaluate(points, truth, cutoff_px=cutoff)
    shuffled = evaluate(rng.permutation(points), rng.permutation(truth), cutoff_px=cutoff)
    swapped = evaluate(truth, points, cutoff_px=cutoff)
    assert match.tp == shuffled.tp == swapped.tp
    assert match.f_score == shuffled.f_score == swapped.f_score
    for other in (shuffled, swapped):
        assert other.distances.sum() == pytest.approx(match.distances.sum(), abs=1e-6)


@given(MANY, MANY, st.floats(0.1, 60))
def test_bounds(points: Any, truth: Any, cutoff: float) -> None:
    match = evaluate(points, truth, cutoff_px=cutoff)
    assert match.tp + match.fp == len(points)
    assert match.tp + match.fn == len(truth)
    assert 0 <= match.f_score <= 1
    assert (match.distances <= cutoff).all()
    for side in range(2):
        assert len(set(match.pairs[:, side].tolist())) == match.tp
    measured = np.linalg.norm(points[match.pairs[:, 0]] - truth[match.pairs[:, 1]], axis=1)
    np.testing.assert_allclose(measured, match.distances)
    assert evaluate(truth, truth, cutoff_px=cutoff).f_score == 1


def test_thousands_of_cells_need_no_table_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 5000, (5000, 2))
    sizes = []
    solve = linear_sum_assignment

    def solving(costs: npt.NDArray[np.float64]) -> Any:
        sizes.append(costs.size)
        return solve(costs)

    monkeypatch.setattr(assignment, "linear_sum_assignment", solving)
    match = evaluate(truth + rng.normal(0, 1, truth.shape), truth, cutoff_px=10)
    assert match.tp == 5000
    assert max(sizes) < 1000


def test_totals_sum_counts_not_scores() -> None:
    first = evaluate(at((0, 0)), at((0, 3)), cutoff_um=8, pixel_size_um=2)
    second = evaluate(at((0, 0), (9, 9), (50, 50)), at((0, 1)), cutoff_um=8, pixel_size_um=4)
    third = evaluate(NONE, NONE, cutoff_um=8, pixel_size_um=1)
    summed = total([first, second, third])
    assert (summed.images, summed.tp, summed.fp, summed.fn) == (3, 2, 2, 0)
    assert summed.f_score == pytest.approx(4 / 6)
    assert summed.mean_distance_um == pytest.approx((6 + 4) / 2)
    assert summed.count_error == pytest.approx((0 + 2 + 0) / 3)


def test_totals_of_nothing() -> None:
    nothing = total([])
    assert (nothing.images, nothing.tp, nothing.f_score) == (0, 0, 1)
    assert math.isnan(nothing.mean_distance_um)
    assert math.isnan(nothing.count_error)
