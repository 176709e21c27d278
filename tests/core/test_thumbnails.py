"""Small pictures: their size, their contrast, and the first frame of a stack."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest
import tifffile

from napari_htcell.imagefiles import ImageError
from napari_htcell.thumbnails import thumbnail

HALVES = np.repeat([[1000] * 100 + [1200] * 100], 100, axis=0).astype(np.uint16)


def test_a_thumbnail_fits_and_shows_weak_contrast(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", HALVES)
    small = thumbnail(tmp_path / "a.tif", (24, 32))
    assert small.shape == (16, 32)
    assert small.dtype == np.uint8
    assert small[:, :15].max() == 0
    assert small[:, 17:].min() == 255


def test_small_and_empty_images_are_not_enlarged(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((3, 5), 7.0, np.float32))
    small = thumbnail(tmp_path / "a.tif", (24, 32))
    assert small.shape == (3, 5)
    assert not small.any()
    tifffile.imwrite(tmp_path / "n.tif", np.full((3, 5), np.nan, np.float32))
    assert not thumbnail(tmp_path / "n.tif", (24, 32)).any()


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_stack_shows_its_first_frame(tmp_path, is_compressed):
    stack = np.stack([HALVES, HALVES[:, ::-1], HALVES[:, ::-1]])
    how = {"compression": "zlib"} if is_compressed else {}
    tifffile.imwrite(tmp_path / "t.tif", stack, photometric="minisblack", **how)
    small = thumbnail(tmp_path / "t.tif", (24, 32))
    assert small[8, 0] == 0
    assert small[8, -1] == 255


def test_colours_stay_colours(tmp_path):
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[:, 20:, 0] = 200
    pixels[..., 3] = 255
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    small = thumbnail(tmp_path / "a.png", (20, 20))
    assert small.shape == (20, 20, 3)
    assert small[10, 15].tolist() == [255, 0, 0]


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_a_damaged_file_has_none(tmp_path, name):
    (tmp_path / name).write_bytes(b"no image")
    with pytest.raises(ImageError, match=name):
        thumbnail(tmp_path / name, (24, 32))
