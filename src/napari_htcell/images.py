"""From a file to what the network takes: reading, grey level, uneven light, normalisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_htcell import config
from napari_htcell.frame import GreyImage, frame_image, squares
from napari_htcell.lazyfiles import read_whole

NO_DATA = 1e30
"""Grey levels beyond this are no measurement but mark pixels without one, or are rubbish."""

HUGE = 1e15
"""Grey levels whose squares no longer fit into the numbers that we compute with."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey level (ITU-R BT.601, as in OpenCV)."""

NO_CONTRAST = 1e-6
"""Rounding leaves a constant image a deviation of about 1e-7 of its level, which is no contrast."""


def check_shape(pixels: npt.NDArray[Any], *, is_rgb: bool = False) -> None:
    """Raise ValueError unless `pixels` is an image or a stack; see `to_grey`."""
    if not hasattr(pixels, "ndim"):
        raise TypeError(
            f"expected an array, got {type(pixels).__name__}; files are read with "
            "napari_htcell.read_image, lists are made arrays with numpy.asarray"
        )
    expected = (3, 4) if is_rgb else (2, 3)
    if pixels.ndim not in expected or 0 in pixels.shape:
        raise ValueError(
            f"expected an image of shape (Y, X) or a stack of shape (T, Y, X)"
            f"{' with a colour axis' if is_rgb else ''}, got {pixels.shape}"
        )


def to_grey(pixels: npt.NDArray[Any], *, is_rgb: bool = False) -> GreyImage:
    """Convert pixels of any integer or float type to grey level (section 3.2).

    Parameters
    ----------
    pixels : ndarray, shape (Y, X) or (T, Y, X), with a last axis of 3 or 4 more if `is_rgb`
        Image or time stack.
    is_rgb : bool
        Whether the last axis is red, green, blue (and alpha, which is ignored).

    Returns
    -------
    ndarray of float32, shape (Y, X) or (T, Y, X)
        Grey level in the input's units. Pixels that are not finite, or beyond `NO_DATA`, take the
        median of the others.

    Raises
    ------
    ValueError
        If the shape is not one of those above, an axis is empty, or no pixel is finite.
    """
    check_shape(pixels, is_rgb=is_rgb)
    if np.iscomplexobj(pixels):
        raise ValueError("the image is complex; save its magnitude as an ordinary image first")
    # What is too large becomes infinite, and is treated as such.
    with np.errstate(over="ignore", invalid="ignore"):
        if is_rgb:
            grey = pixels[..., :3].astype(np.float32) @ np.asarray(LUMINANCE, np.float32)
        else:
            grey = pixels.astype(np.float32)
    finite = np.abs(grey) <= NO_DATA
    if not finite.all():
        if not finite.any():
            raise ValueError("the image has no finite pixel (all are NaN or infinite)")
        grey = np.where(finite, grey, np.median(grey[finite])).astype(np.float32)
    return np.asarray(grey, dtype=np.float32)


def flatten(grey: GreyImage, sigma_px: float) -> GreyImage:
    """Subtract uneven light: what is left of the image after a wide Gaussian blur.

    Parameters
    ----------
    grey : ndarray of float32, shape (Y, X)
    sigma_px : float
        Standard deviation of the blur in pixels; 0 leaves the image as it is.
    """
    if not sigma_px:
        return grey
    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), sigma_px), dtype=np.float32)


def standardise(grey: GreyImage, level: float | None = None) -> GreyImage:
    """Return the image with mean 0 and standard deviation 1; a constant image becomes 0.

    The paper normalises without saying how (section 3.2); one mean and one deviation for a whole
    image keep its squares comparable.

    Parameters
    ----------
    grey : ndarray of float32, shape (Y, X)
    level : float, optional
        Largest grey level before anything was subtracted; that of `grey` without it.
    """
    deviation = float(grey.std())
    if deviation <= NO_CONTRAST * (float(np.abs(grey).max()) if level is None else level):
        return np.zeros_like(grey)
    standard = (grey - grey.mean()) / deviation
    return np.asarray(standard, dtype=np.float32)


def prepare(seen: GreyImage, settings: config.TrainConfig) -> GreyImage:
    """Return an image at the network's resolution, shape (Y, X), as the network takes it."""
    level = float(np.abs(seen).max())
    if level > HUGE:
        seen, level = seen / np.float32(level), 1.0
    flat = flatten(seen, settings.background_um / settings.pixel_size_um)
    # Of a constant image the blur leaves the rounding of its own level.
    return standardise(flat, level=level)


def paper_squares(grey: GreyImage) -> npt.NDArray[np.float32]:
    """Preprocess an image exactly as section 3.2: centre crop, down by 4, two squares, normalise.

    Parameters
    ----------
    grey : ndarray of float32, shape (Y, X), Y >= 1000 and X >= 2000
        Grey image of 1.61 um per pixel.

    Returns
    -------
    ndarray of float32, shape (2, 250, 250)
        The left and the right square.

    Raises
    ------
    ValueError
        If the image is smaller than the crop.
    """
    if any(have < want for have, want in zip(grey.shape, config.PAPER_CROP_PX, strict=True)):
        raise ValueError(
            f"the paper's crop needs at least {config.PAPER_CROP_PX} pixels, got {grey.shape}"
        )
    frame = frame_image(
        (grey.shape[0], grey.shape[1]),
        config.PAPER_PIXEL_SIZE_UM,
        network_pixel_size_um=config.PAPER_PIXEL_SIZE_UM * config.PAPER_DOWNSAMPLING,
        crop="paper",
    )
    seen = standardise(frame.cut(grey))
    return np.stack([seen[where] for where in squares(frame.network_shape, config.PAPER_SQUARE_PX)])


def read_image(path: str | Path) -> tuple[GreyImage, float | None]:
    """Read an image or time stack as grey level, with its pixel size.

    Parameters
    ----------
    path : str or Path
        TIFF, OME-TIFF, PNG, JPEG, or the folder of an OME-Zarr.

    Returns
    -------
    grey : ndarray of float32, shape (Y, X) or (T, Y, X)
    pixel_size_um : float or None
        Micrometres per pixel from the file's metadata; None if it says none.

    Raises
    ------
    ImageError
        If the file is missing, damaged, or not an image of a known kind.
    """
    file = read_whole(path)
    return to_grey(file.pixels, is_rgb=file.is_rgb), file.pixel_size_um
