"""Spots of the targets, and the cells found again in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_htcell.config import DetectConfig
from napari_htcell.evaluate import evaluate
from napari_htcell.peaks import find
from napari_htcell.targets import Truth, cell_masks, gaussian_spots


def spots(points: object, shape: tuple[int, int] = (40, 50), sigma: float = 2.0) -> np.ndarray:
    return gaussian_spots(Truth(np.asarray(points, float).reshape(-1, 2), None, shape), sigma)


def test_a_spot_is_a_gaussian_of_height_one() -> None:
    image = spots([[10, 20]])
    assert image.dtype == np.float32
    assert image[10, 20] == 1
    assert image[10, 22] == pytest.approx(np.exp(-0.5))
    assert image[13, 24] == pytest.approx(np.exp(-25 / 8))
    assert image[30, 40] == 0
    assert np.unravel_index(image.argmax(), image.shape) == (10, 20)


def test_no_cells_no_spots() -> None:
    assert not spots([]).any()


def test_overlapping_spots_keep_their_centres_and_a_valley() -> None:
    image = spots([[10, 10], [10, 15]])
    assert image[10, 10] == image[10, 15] == 1
    assert image[10, 12] == pytest.approx(np.exp(-0.5))
    np.testing.assert_array_equal(image, np.maximum(spots([[10, 10]]), spots([[10, 15]])))


def test_cells_at_and_beyond_the_border() -> None:
    image = spots([[0, 0], [-2, 25], [39, 49], [39.4, 10.2], [-500, 10], [20, 900]])
    assert image[0, 0] == image[39, 49] == 1
    assert image[0, 25] == pytest.approx(np.exp(-0.5))
    alone = spots([[0, 0], [-2, 25], [39, 49], [39.4, 10.2]])
    np.testing.assert_array_equal(image, alone)


@given(st.floats(10, 29), st.floats(10, 39), st.floats(1.2, 3))
def test_a_cell_is_found_again_below_a_pixel(y: float, x: float, sigma: float) -> None:
    found = find(spots([[y, x]], sigma=sigma), DetectConfig(), 6.44)
    assert len(found.points) == 1
    assert np.linalg.norm(found.points[0] - [y, x]) < 0.3
    assert found.scores[0] > 0.8


@pytest.mark.parametrize("distance", [4.5, 5.5, 8.0])
def test_touching_cells_are_two(distance: float) -> None:
    cells = np.asarray([[20.3, 15.2], [20.3 + 0.6 * distance, 15.2 + 0.8 * distance]])
    found = find(spots(cells, sigma=1.6), DetectConfig(), 6.44)
    match = evaluate(found.points, cells, cutoff_px=0.5)
    assert (match.tp, match.fp, match.fn) == (2, 0, 0)


def test_a_crowd_is_found_again() -> None:
    rng = np.random.default_rng(0)
    rows, columns = np.meshgrid(np.arange(8, 190, 7), np.arange(8, 190, 7), indexing="ij")
    cells = np.column_stack([rows.ravel(), columns.ravel()]) + rng.uniform(-1, 1, (rows.size, 2))
    found = find(spots(cells, (200, 200), sigma=1.55), DetectConfig(), 6.44)
    match = evaluate(found.points, cells, cutoff_px=0.5)
    assert (match.tp, match.fp, match.fn) == (len(cells), 0, 0)
    assert match.distances.mean() < 0.2


def test_masks_become_zero_and_one() -> None:
    labels = np.asarray([[0, 7], [900, 0]])
    drawn = cell_masks(Truth(np.empty((0, 2)), labels, (2, 2)), 2.0)
    np.testing.assert_array_equal(drawn, [[0, 1], [1, 0]])
    assert drawn.dtype == np.float32


def test_no_masks_no_segmentation() -> None:
    with pytest.raises(ValueError, match=r"no cell masks, .* put a label image of the same name"):
        cell_masks(Truth(np.empty((0, 2)), None, (2, 2)), 2.0)
