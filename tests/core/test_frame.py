"""Where a point of the image is for the network, and back, for any pixel size and crop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import ndimage

from napari_htcell.frame import MAX_ENLARGEMENT, frame_image, squares

SIZES = st.floats(0.05, 40)
EXTENTS = st.integers(1, 3000)
PLACES = st.floats(-10, 3000)


@given(EXTENTS, EXTENTS, SIZES, SIZES, st.sampled_from(["whole", "paper"]), PLACES, PLACES)
def test_points_come_back(
    height: int, width: int, um: float, network_um: float, crop: Any, y: float, x: float
) -> None:
    assume(um <= MAX_ENLARGEMENT * network_um)
    frame = frame_image((height, width), um, network_pixel_size_um=network_um, crop=crop)
    points = np.asarray([[y, x]])
    np.testing.assert_allclose(frame.to_original(frame.to_network(points)), points, atol=1e-6)


@given(EXTENTS, EXTENTS, SIZES, SIZES, st.sampled_from(["whole", "paper"]))
def test_corners_of_the_frame_are_the_corners_of_what_the_network_sees(
    height: int, width: int, um: float, network_um: float, crop: Any
) -> None:
    assume(um <= MAX_ENLARGEMENT * network_um)
    frame = frame_image((height, width), um, network_pixel_size_um=network_um, crop=crop)
    assert 0 <= frame.top <= frame.top + frame.height <= height
    assert 0 <= frame.left <= frame.left + frame.width <= width
    corners = np.asarray(
        [
            [frame.top - 0.5, frame.left - 0.5],
            [frame.top + frame.height - 0.5, frame.left + frame.width - 0.5],
        ]
    )
    seen = [[-0.5, -0.5], [frame.network_height - 0.5, frame.network_width - 0.5]]
    np.testing.assert_allclose(frame.to_network(corners), seen, atol=1e-9)


@pytest.mark.parametrize("um", [0.65, 1.61, 6.44, 13.0])
@pytest.mark.parametrize("crop", ["whole", "paper"])
def test_a_spot_lands_where_the_frame_says(um: float, crop: Any, spots: Callable[..., Any]) -> None:
    shape = (300, 411)
    place = np.asarray([[151.3, 260.8]])
    sigma = max(2.0, 13 / um)
    grey = (spots(place, shape, sigma) - 100).astype(np.float32)
    frame = frame_image(shape, um, network_pixel_size_um=6.44, crop=crop)
    found = ndimage.center_of_mass(frame.cut(grey))
    np.testing.assert_allclose([found], frame.to_network(place), atol=0.05)


def test_masks_keep_their_names_and_places() -> None:
    labels = np.zeros((400, 400), np.uint16)
    labels[40:80, 100:160], labels[80:120, 100:160] = 7, 900
    frame = frame_image((400, 400), 1.61, network_pixel_size_um=6.44)
    small = frame.cut_labels(labels)
    assert small.shape == (100, 100)
    expected = np.zeros((100, 100), int)
    expected[10:20, 25:40], expected[20:30, 25:40] = 7, 900
    np.testing.assert_array_equal(small, expected)


def test_paper_crop_is_the_centre() -> None:
    frame = frame_image((1532, 2048), 1.61, network_pixel_size_um=6.44, crop="paper")
    assert (frame.top, frame.left, frame.height, frame.width) == (266, 24, 1000, 2000)
    assert frame.network_shape == (250, 500)


def test_paper_crop_is_the_same_field_at_another_pixel_size() -> None:
    frame = frame_image((3064, 4096), 0.805, network_pixel_size_um=6.44, crop="paper")
    assert (frame.top, frame.left, frame.height, frame.width) == (532, 48, 2000, 4000)
    assert frame.network_shape == (250, 500)


def test_paper_crop_takes_what_a_small_image_has() -> None:
    frame = frame_image((520, 704), 1.61, network_pixel_size_um=6.44, crop="paper")
    assert (frame.top, frame.left, frame.height, frame.width) == (0, 0, 520, 704)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")])
def test_pixel_size_must_be_positive(size: float) -> None:
    with pytest.raises(ValueError, match="pixel size of the image must be above 0"):
        frame_image((10, 10), size, network_pixel_size_um=6.44)


@given(st.integers(1, 700), st.integers(1, 700), st.integers(32, 300))
def test_squares_cover_every_pixel_once(height: int, width: int, side: int) -> None:
    seen = np.zeros((height, width), int)
    parts = list(squares((height, width), side))
    for rows, columns in parts:
        assert 1 <= rows.stop - rows.start <= side
        assert 1 <= columns.stop - columns.start <= side
        seen[rows, columns] += 1
    assert (seen == 1).all()
    assert len(parts) == -(-height // side) * -(-width // side)


def test_enlarging_is_smooth() -> None:
    grey = np.asarray([[0, 100]], np.float32)
    frame = frame_image((1, 2), 4.0, network_pixel_size_um=1.0)
    row = frame.cut(grey)[0]
    assert (np.diff(row) >= 0).all()
    assert np.diff(row).max() <= 25
