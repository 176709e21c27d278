"""Points from heat maps drawn by hand."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_htcell.config import DetectConfig
from napari_htcell.peaks import find
from napari_htcell.targets import Truth, gaussian_spots

PEAKS, CONTOURS = DetectConfig(min_distance_um=3.0), DetectConfig(method="contours")


def blobs(*cells: tuple[float, float, float], sigma: float = 2.0) -> Any:
    """Return a heat map of 40 x 40 with a spot (y, x, height) for each cell."""
    image = np.zeros((40, 40), np.float32)
    for y, x, height in cells:
        spot = gaussian_spots(Truth(np.asarray([[y, x]]), None, (40, 40)), sigma)
        image = np.maximum(image, np.float32(height) * spot)
    return image


def disk(y: float, x: float, radius: float) -> Any:
    rows, columns = np.ogrid[:40, :40]
    return ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2).astype(np.float32)


@pytest.mark.parametrize("settings", [PEAKS, CONTOURS])
def test_empty_maps(settings: DetectConfig) -> None:
    for heat_map in (np.zeros((9, 9), np.float32), np.full((9, 9), 0.2, np.float32)):
        found = find(heat_map, settings, 1.0)
        assert found.points.shape == (0, 2)
        assert found.scores.shape == (0,)


@pytest.mark.parametrize("settings", [PEAKS, CONTOURS])
def test_highest_first_and_below_the_threshold_none(settings: DetectConfig) -> None:
    heat_map = blobs((10, 10, 0.6), (10, 30, 0.9), (30, 20, 0.4))
    found = find(heat_map, settings, 1.0)
    np.testing.assert_allclose(found.points, [[10, 30], [10, 10]], atol=0.01)
    np.testing.assert_allclose(found.scores, [0.9, 0.6], rtol=1e-6)


def test_the_threshold_is_included() -> None:
    heat_map = np.zeros((9, 9), np.float32)
    heat_map[4, 4] = 0.5
    for settings in (PEAKS, CONTOURS):
        np.testing.assert_array_equal(find(heat_map, settings, 1.0).points, [[4, 4]])


def test_peaks_closer_than_the_distance_are_one_and_the_higher_stays() -> None:
    heat_map = blobs((20, 15, 0.7), (20, 21, 0.9))
    for pixel_size_um, expected in ((1.0, 2), (0.51, 2), (0.49, 1)):
        found = find(heat_map, PEAKS, pixel_size_um)
        assert len(found.points) == expected
        assert found.scores[0] == pytest.approx(0.9)


@pytest.mark.parametrize("place", [(0, 0), (0, 20), (39, 39), (20, 39)])
def test_peaks_at_the_border(place: tuple[int, int]) -> None:
    found = find(blobs((*place, 0.9)), PEAKS, 1.0)
    assert len(found.points) == 1
    assert np.linalg.norm(found.points[0] - place) < 0.5


def test_one_ripple_is_not_two_cells() -> None:
    heat_map = blobs((20, 20, 0.8), sigma=3)
    heat_map[20, 20] -= 0.02
    assert len(find(heat_map, PEAKS, 1.0).points) == 1


@pytest.mark.parametrize("centre", [(20.0, 17.0), (20.5, 17.5)])
def test_a_flat_top_is_one_cell_in_its_middle(centre: tuple[float, float]) -> None:
    heat_map = cv2.GaussianBlur(disk(*centre, 9), (0, 0), 1.0)
    heat_map[heat_map > 0.99] = 1.0  # as float32 rounds the sigmoid of a large logit
    found = find(heat_map, PEAKS, 1.0)
    assert found.points == pytest.approx(np.asarray([centre]), abs=0.1)
    assert found.scores == pytest.approx([1.0])


def test_contour_of_a_disk_is_its_centre() -> None:
    found = find(0.8 * disk(17, 22, 6), CONTOURS, 1.0)
    np.testing.assert_allclose(found.points, [[17, 22]], atol=1e-9)
    np.testing.assert_allclose(found.scores, [0.8], rtol=1e-6)


def test_contour_centroid_is_that_of_the_thresholded_area() -> None:
    heat_map = np.maximum(disk(15, 15, 6), 0.9 * disk(15, 22, 4))
    found = find(heat_map, CONTOURS, 1.0)
    area = np.argwhere(heat_map >= 0.5).mean(axis=0)
    assert len(found.points) == 1
    # A contour runs through the outer pixels' centres, the area to their edges.
    np.testing.assert_allclose(found.points[0], area, atol=0.15)


def test_contour_without_an_area() -> None:
    heat_map = np.zeros((20, 20), np.float32)
    heat_map[3, 5] = 0.7
    heat_map[10, 4:9] = 0.8
    heat_map[14:17, 15] = 0.9
    found = find(heat_map, CONTOURS, 1.0)
    np.testing.assert_allclose(found.points, [[15, 15], [10, 6], [3, 5]])
    np.testing.assert_allclose(found.scores, [0.9, 0.8, 0.7], rtol=1e-6)


def test_touching_cells_are_one_contour_but_two_peaks() -> None:
    heat_map = blobs((20, 15, 0.9), (20, 19.5, 0.9))
    assert len(find(heat_map, CONTOURS, 1.0).points) == 1
    assert len(find(heat_map, PEAKS, 1.0).points) == 2


def test_a_hole_makes_no_second_cell() -> None:
    ring = disk(20, 20, 8) - disk(20, 20, 4)
    np.testing.assert_allclose(find(ring, CONTOURS, 1.0).points, [[20, 20]], atol=1e-9)


def ripples(seed: int, smoothness: float) -> Any:
    noise = np.random.default_rng(seed).random((24, 24)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), smoothness)
    return (smooth - smooth.min()) / (smooth.max() - smooth.min())


MAPS = st.builds(ripples, st.integers(0, 10_000), st.floats(0.3, 1.5))


@given(MAPS, st.floats(0.05, 0.95), st.floats(1, 6))
def test_raising_the_threshold_only_drops_the_lower_peaks(
    heat_map: Any, threshold: float, distance: float
) -> None:
    low = find(heat_map, DetectConfig(threshold=0.05, min_distance_um=distance), 1.0)
    high = find(heat_map, DetectConfig(threshold=threshold, min_distance_um=distance), 1.0)
    kept = low.scores >= threshold
    np.testing.assert_array_equal(high.points, low.points[kept])
    np.testing.assert_array_equal(high.scores, low.scores[kept])


def test_a_spike_beside_a_broad_cell_does_not_depend_on_the_threshold() -> None:
    """The spike has the higher score, the cell the higher smoothed peak."""
    heat_map = blobs((20, 20, 0.6))
    heat_map[20, 24] = 0.7
    for threshold in (0.1, 0.65):
        settings = DetectConfig(threshold=threshold, min_distance_um=5)
        np.testing.assert_allclose(find(heat_map, settings, 1.0).scores, [0.7], rtol=1e-6)


@given(MAPS, st.floats(1, 6))
def test_no_two_peaks_are_too_close(heat_map: Any, distance: float) -> None:
    found = find(heat_map, DetectConfig(threshold=0, min_distance_um=distance), 1.0)
    apart = np.linalg.norm(found.points[:, None] - found.points[None], axis=-1)
    # Each is refined by less than a pixel after the distance was checked.
    assert (apart[~np.eye(len(apart), dtype=bool)] > distance - 2).all()


@pytest.mark.parametrize("settings", [PEAKS, CONTOURS])
def test_turning_the_image_turns_the_points(settings: DetectConfig) -> None:
    heat_map = blobs((10, 12, 0.6), (9.6, 30.3, 0.9), (30, 20, 0.7))
    found = find(heat_map, settings, 1.0)
    turned = find(np.ascontiguousarray(heat_map.T), settings, 1.0)
    np.testing.assert_allclose(turned.points[:, ::-1], found.points, atol=1e-4)
