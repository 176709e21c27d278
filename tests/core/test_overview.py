"""Coarser copies of a large image."""

from __future__ import annotations

import numpy as np
import pytest

from napari_htcell import overview
from napari_htcell.overview import coarser_steps
from napari_htcell.progress import run


class Watched:
    """An image of which is noted how much is read at once."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.shape, self.most = pixels, pixels.shape, 0

    def __getitem__(self, where: slice) -> np.ndarray:
        part = self.pixels[where]
        self.most = max(self.most, part.size)
        return part


def test_copies_are_made_of_bands_and_end_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "COARSEST_PX", 20)
    monkeypatch.setattr(overview, "BAND_PX", 4000)
    pixels = np.random.default_rng(0).integers(0, 255, (331, 250), dtype=np.uint8)
    image = Watched(pixels)
    fine, coarse, coarsest = run(coarser_steps(image))
    np.testing.assert_array_equal(fine, pixels[::4, ::4])
    np.testing.assert_array_equal(coarse, pixels[::16, ::16])
    assert coarsest.shape == (6, 4)
    assert image.most <= 4000


def test_colours_stay_together() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (1030, 9, 3), dtype=np.uint8)
    (copy,) = run(coarser_steps(pixels))
    np.testing.assert_array_equal(copy, pixels[::4, ::4])


def test_a_small_image_has_none() -> None:
    assert run(coarser_steps(np.zeros((30, 40)))) == ()
