"""Areas and centroids of hand-made polygons."""

from __future__ import annotations

import numpy as np
import pytest

from napari_htcell import polygons

SQUARE = [(0.5, 0.5), (0.5, 10.5), (10.5, 10.5), (10.5, 0.5)]


def test_area_of_a_square_either_way_round():
    assert polygons.area(SQUARE) == pytest.approx(100)
    assert polygons.area(SQUARE[::-1]) == pytest.approx(100)


def test_what_hangs_over_the_image_does_not_count():
    # Pixels reach half a pixel beyond their centres: rows -0.5 to 5.5, columns -0.5 to 99.5.
    assert polygons.area(SQUARE, (6, 100)) == pytest.approx(50)
    everything = [(-50, -50), (-50, 500), (500, 500), (500, -50)]
    assert polygons.area(everything, (6, 100)) == pytest.approx(600)
    assert polygons.area([(20, 0), (20, 9), (30, 9)], (6, 100)) == 0


def test_a_concave_polygon_is_cut_right():
    u = [(0, 0), (10, 0), (10, 3), (2, 3), (2, 6), (10, 6), (10, 9), (0, 9)]
    assert polygons.area(u) == pytest.approx(66)
    # Cut below row 5.5: two arms of 3.5 x 3 and the base of 2 x 9.
    assert polygons.area(u, (6, 100)) == pytest.approx(2 * 3.5 * 3 + 18)


def test_centroid_far_from_the_origin_and_with_a_hole():
    square = np.asarray(SQUARE) + 1e4
    np.testing.assert_allclose(polygons.centroid([square]), [10005.5, 10005.5])
    hole = np.asarray([(1, 1), (5, 1), (5, 5), (1, 5)], float)
    outer = np.asarray([(0, 0), (0, 10), (10, 10), (10, 0)], float)
    # 100 at 5 less 16 at 3
    np.testing.assert_allclose(polygons.centroid([outer, hole]), [452 / 84] * 2)


def test_a_line_has_the_middle_of_its_corners():
    np.testing.assert_allclose(polygons.centroid([np.asarray([(0.0, 0), (4, 4), (8, 8)])]), [4, 4])
