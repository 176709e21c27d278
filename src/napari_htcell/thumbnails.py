"""Small pictures of images for lists, made quickly and without reading more than has to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tifffile

from napari_htcell.imagefiles import TIFF_SUFFIXES, ImageError, check_memory, check_pages
from napari_htcell.lazyfiles import open_image

LARGEST_PX = 1024
"""Of an image that is larger, every so many-th pixel is taken; many are not even in memory."""

CLIPPED = (1.0, 99.0)
"""Percentiles between which a thumbnail shows grey levels."""


def thumbnail(path: Path, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return a small picture of an image file, of its first frame where there are more.

    Parameters
    ----------
    path : Path
    size : (int, int)
        Largest height and width.

    Returns
    -------
    ndarray of uint8, shape (Y, X) or (Y, X, 3)

    Raises
    ------
    ImageError
        If the file cannot be read.
    """
    pixels, is_rgb = _first_frame(path)
    height, width = pixels.shape[:2]
    factor = min(size[0] / height, size[1] / width, 1.0)
    shape = max(1, round(width * factor)), max(1, round(height * factor))
    seen = pixels[..., :3] if is_rgb else pixels
    finite = np.nan_to_num(np.ascontiguousarray(seen, dtype=np.float32))
    small = cv2.resize(finite, shape, interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, CLIPPED)
    grey = (small - low) / (high - low) if high > low else np.zeros_like(small)
    return np.asarray(255 * np.clip(grey, 0, 1), dtype=np.uint8)


def _first_frame(path: Path) -> tuple[npt.NDArray[Any], bool]:
    """Return the pixels of the first frame, and whether they have colours in a last axis."""
    frame = _first_page(path) if path.suffix.lower() in TIFF_SUFFIXES else None
    if frame is not None:
        return frame, False
    file = open_image(path)
    first = file.pixels[0] if file.ndim == 3 else file.pixels
    step = max(1, max(first.shape[:2]) // LARGEST_PX)
    return np.asarray(first[::step, ::step]), file.is_rgb


def _first_page(path: Path) -> npt.NDArray[Any] | None:
    """Return the first page of a TIFF with many, of which each is a grey frame; None of others."""
    check_pages(path)
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            if file.series[0].shape == page.shape or page.ndim != 2:
                return None
            check_memory(path, page.shape, page.dtype or np.uint8)
            return page.asarray()
    except ImageError:
        raise
    # As in `imagefiles`: the library raises a dozen kinds of errors on damaged files.
    except Exception as error:
        raise ImageError(f"{path}: cannot be read as a TIFF image; it is damaged") from error
