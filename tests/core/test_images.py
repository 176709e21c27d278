"""Grey level, pixel size, crop: a spot stays the same spot on its way to the network and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from napari_htcell import images
from napari_htcell.config import TrainConfig
from napari_htcell.images import paper_squares, standardise, to_grey

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint16", "int64", "float16", ">f8"])
def test_any_number_type_becomes_float32(dtype: str) -> None:
    pixels = np.asarray([[0, 1], [1, 0]]).astype(dtype)
    grey = to_grey(pixels)
    assert grey.dtype == np.float32
    np.testing.assert_array_equal(grey, [[0, 1], [1, 0]])


def test_colours_are_weighted_as_the_eye_does_and_alpha_is_ignored() -> None:
    pixels = np.asarray([[[255, 0, 0, 9], [0, 255, 0, 0], [0, 0, 255, 255]]], np.uint8)
    np.testing.assert_allclose(to_grey(pixels, is_rgb=True), [[76.245, 149.685, 29.07]], rtol=1e-6)
    np.testing.assert_array_equal(
        to_grey(pixels[..., :3], is_rgb=True), to_grey(pixels, is_rgb=True)
    )


def test_stack_of_colours() -> None:
    grey = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    colours = np.repeat(grey[..., None], 3, axis=-1)
    np.testing.assert_allclose(to_grey(colours, is_rgb=True), grey, rtol=1e-6)


def test_pixels_that_are_no_number_take_the_median() -> None:
    pixels = np.asarray([[1.0, np.nan, 2.0], [np.inf, 9.0, -np.inf]])
    np.testing.assert_array_equal(to_grey(pixels), [[1, 2, 2], [2, 9, 2]])


@pytest.mark.parametrize(
    ("pixels", "is_rgb", "message"),
    [
        (np.full((4, 4), np.nan), False, "no finite pixel"),
        (np.zeros((0, 4)), False, r"got \(0, 4\)"),
        (np.zeros(4), False, r"got \(4,\)"),
        (np.zeros((2, 2, 2, 2)), False, r"got \(2, 2, 2, 2\)"),
        (np.zeros((4, 4)), True, "with a colour axis"),
        (np.zeros((4, 4), complex), False, "complex"),
    ],
)
def test_what_is_no_image_is_refused(pixels: npt.NDArray[Any], is_rgb: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_grey(pixels, is_rgb=is_rgb)


def test_standardise() -> None:
    grey = RNG.normal(5000, 40, (50, 50)).astype(np.float32)
    normal = standardise(grey)
    assert normal.dtype == np.float32
    assert normal.mean() == pytest.approx(0, abs=1e-4)
    assert normal.std() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("level", [0.0, 0.1, 123.456, 65535.0, -3e6])
def test_constant_image_becomes_black_not_noise(level: float) -> None:
    assert not standardise(np.full((31, 37), level, np.float32)).any()


@pytest.mark.parametrize("level", [0.0, 7.0, 4321.0, 65535.0])
def test_constant_image_stays_black_after_uneven_light_is_removed(level: float) -> None:
    for shape in ((31, 37), (2, 50), (1, 1)):
        assert not images.prepare(np.full(shape, level, np.float32), TrainConfig()).any()


def test_uneven_light_is_removed_and_cells_are_not(spots: Callable[..., Any]) -> None:
    cells = spots([[60, 60], [140, 150]], (200, 200)).astype(np.float32)
    shaded = cells + np.linspace(0, 300, 200, dtype=np.float32)
    seen = images.prepare(shaded, TrainConfig())
    assert shaded[60, 60] < shaded[60, 199]
    assert sorted(np.argsort(seen.ravel())[-2:]) == [60 * 200 + 60, 140 * 200 + 150]
    untouched = images.prepare(shaded, TrainConfig(background_um=0))
    np.testing.assert_array_equal(untouched, standardise(shaded))


@pytest.mark.parametrize("unit", [1e-9, 1e-6, 1.0, 1e6])
def test_standardising_does_not_depend_on_the_unit(unit: float) -> None:
    grey = RNG.normal(0, 1, (20, 20)).astype(np.float32)
    np.testing.assert_allclose(
        standardise((grey * unit).astype(np.float32)), standardise(grey), atol=1e-4
    )


def test_paper_squares_by_hand() -> None:
    grey = RNG.integers(0, 255, (1532, 2048)).astype(np.float32)
    crop = grey[266:1266, 24:2024]
    means = crop.reshape(250, 4, 500, 4).mean(axis=(1, 3))
    normal = (means - means.mean()) / means.std()
    both = paper_squares(grey)
    assert both.shape == (2, 250, 250)
    np.testing.assert_allclose(both, [normal[:, :250], normal[:, 250:]], atol=2e-4)


def test_paper_squares_need_the_papers_size() -> None:
    with pytest.raises(ValueError, match=r"at least \(1000, 2000\) pixels, got \(999, 2000\)"):
        paper_squares(np.zeros((999, 2000), np.float32))


def test_read_image_gives_grey_and_pixel_size(tmp_path: Path) -> None:
    pixels = np.zeros((4, 5, 3), np.uint8)
    pixels[1, 2] = 200
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    grey, size = images.read_image(tmp_path / "a.png")
    assert size is None
    assert grey.shape == (4, 5)
    assert grey[1, 2] == pytest.approx(200, rel=1e-5)
    assert grey.sum() == pytest.approx(200, rel=1e-5)


@pytest.mark.parametrize("value", [1e300, -3.4e38, np.inf])
def test_marks_of_missing_data_take_the_median(value: float) -> None:
    pixels = np.asarray([[1.0, 2.0], [3.0, value]])
    np.testing.assert_array_equal(to_grey(pixels), [[1, 2], [3, 2]])


def test_numbers_whose_squares_do_not_fit_look_as_others_do() -> None:
    pixels = RNG.random((40, 40)).astype(np.float32)
    expected = images.prepare(pixels, TrainConfig())
    huge = images.prepare(pixels * np.float32(1e25), TrainConfig())
    np.testing.assert_allclose(huge, expected, atol=1e-3)
