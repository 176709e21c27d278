"""From a file to what the network sees: reading, grey level, pixel size, crop, rescaling.

Points are (y, x) in pixels of the original image, a pixel's centre at whole numbers, as napari
draws them. `Frame` holds the way from there to the network's pixels and back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_htcell import config
from napari_htcell.imagefiles import ImageFile

FloatArray = npt.NDArray[np.floating[Any]]
GreyImage = npt.NDArray[np.float32]

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey level (ITU-R BT.601, as in OpenCV)."""

MAX_ENLARGEMENT = 4
"""An image is made at most this many times larger for the network; more is a wrong pixel size."""

PAPER_CROP_UM = tuple(side * config.PAPER_PIXEL_SIZE_UM for side in config.PAPER_CROP_PX)


def check_shape(pixels: npt.NDArray[Any], *, is_rgb: bool = False) -> None:
    """Raise ValueError unless `pixels` is an image or a stack; see `to_grey`."""
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
        Grey level in the input's units. Pixels that are not finite take the median of the others.

    Raises
    ------
    ValueError
        If the shape is not one of those above, an axis is empty, or no pixel is finite.
    """
    check_shape(pixels, is_rgb=is_rgb)
    if np.iscomplexobj(pixels):
        raise ValueError("the image is complex; save its magnitude as an ordinary image first")
    if is_rgb:
        grey = pixels[..., :3].astype(np.float32) @ np.asarray(LUMINANCE, np.float32)
    else:
        grey = pixels.astype(np.float32)
    finite = np.isfinite(grey)
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
    # Rounding leaves a constant image a deviation of about 1e-7 of its level, which is no contrast.
    if deviation <= 1e-6 * (float(np.abs(grey).max()) if level is None else level):
        return np.zeros_like(grey)
    standard = (grey - grey.mean()) / deviation
    return np.asarray(standard, dtype=np.float32)


def prepare(seen: GreyImage, settings: config.TrainConfig) -> GreyImage:
    """Return an image at the network's resolution, shape (Y, X), as the network takes it."""
    flat = flatten(seen, settings.background_um / settings.pixel_size_um)
    # Of a constant image the blur leaves the rounding of its own level.
    return standardise(flat, level=float(np.abs(seen).max()))


@dataclass(frozen=True)
class Frame:
    """The part of an image that the network sees, and its resolution.

    Parameters
    ----------
    top, left : int
        First row and column, in pixels of the original image.
    height, width : int
        Extent in pixels of the original image.
    network_height, network_width : int
        Extent in the network's pixels.
    """

    top: int
    left: int
    height: int
    width: int
    network_height: int
    network_width: int

    @property
    def scale(self) -> FloatArray:
        """Network pixels per original pixel, shape (2,): vertical, horizontal.

        Two numbers, since each extent is rounded to whole pixels.
        """
        return np.asarray([self.network_height / self.height, self.network_width / self.width])

    @property
    def network_shape(self) -> tuple[int, int]:
        """Height and width of what the network sees, in its pixels."""
        return self.network_height, self.network_width

    def to_network(self, points: FloatArray) -> FloatArray:
        """Convert points, shape (N, 2), from original pixels to the network's."""
        return (points - [self.top, self.left] + 0.5) * self.scale - 0.5

    def to_original(self, points: FloatArray) -> FloatArray:
        """Convert points, shape (N, 2), from the network's pixels to original ones."""
        return (points + 0.5) / self.scale - 0.5 + [self.top, self.left]

    def cut(self, grey: GreyImage) -> GreyImage:
        """Return the frame's part of `grey`, shape (Y, X), at the network's resolution."""
        part = grey[self.top : self.top + self.height, self.left : self.left + self.width]
        return _resize(part, self.network_shape)

    def cut_labels(self, labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int32]:
        """Return the frame's part of a label image, shape (Y, X), at the network's resolution.

        Nearest neighbour: labels are names, and the mean of two names is a third cell.
        """
        rows, columns = (
            np.minimum(np.floor((np.arange(size) + 0.5) / factor).astype(int) + first, last - 1)
            for size, factor, first, last in zip(
                self.network_shape,
                self.scale,
                (self.top, self.left),
                (self.top + self.height, self.left + self.width),
                strict=True,
            )
        )
        return labels[np.ix_(rows, columns)].astype(np.int32)


def frame_image(
    shape: tuple[int, int],
    pixel_size_um: float,
    *,
    network_pixel_size_um: float,
    crop: config.Crop = "whole",
) -> Frame:
    """Choose what the network sees of an image.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the original image in pixels.
    pixel_size_um : float
        Micrometres per pixel of the original image.
    network_pixel_size_um : float
        Micrometres per pixel of the network's input.
    crop : {"whole", "paper"}
        Every pixel, or the paper's centre crop: 1610 x 3220 um, which is 1000 x 2000 pixels of its
        images (section 3.2), or as much of it as the image has.

    Returns
    -------
    Frame

    Raises
    ------
    ValueError
        If a pixel size is not positive.
    """
    for name, size in (("image", pixel_size_um), ("network", network_pixel_size_um)):
        if not size > 0:
            raise ValueError(f"the pixel size of the {name} must be above 0 um, got {size}")
    height, width = shape
    if crop == "paper":
        height, width = (
            min(extent, round(um / pixel_size_um))
            for extent, um in zip(shape, PAPER_CROP_UM, strict=True)
        )
    scale = pixel_size_um / network_pixel_size_um
    if scale > MAX_ENLARGEMENT:
        raise ValueError(
            f"a pixel size of {pixel_size_um:g} um is too coarse for a model of "
            f"{network_pixel_size_um:g} um per pixel: cells would be smaller than a pixel; is it "
            "really in micrometres?"
        )
    return Frame(
        top=(shape[0] - height) // 2,
        left=(shape[1] - width) // 2,
        height=height,
        width=width,
        network_height=max(1, round(height * scale)),
        network_width=max(1, round(width * scale)),
    )


def squares(shape: tuple[int, int], side: int) -> Iterator[tuple[slice, slice]]:
    """Cut an image into equal parts of at most one side, as few as it takes.

    Parameters
    ----------
    shape : (int, int)
        Height and width at the network's resolution.
    side : int
        Longest side of a part.

    Yields
    ------
    (slice, slice)
        Rows and columns; every pixel lies in one part. The paper's 250 x 500 crop gives its two
        squares (section 3.2).
    """
    rows, columns = (
        np.linspace(0, extent, -(-extent // side) + 1).round().astype(int) for extent in shape
    )
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            yield slice(int(top), int(bottom)), slice(int(left), int(right))


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


def _resize(grey: GreyImage, shape: tuple[int, int]) -> GreyImage:
    if grey.shape == shape:
        return grey
    # Area averaging keeps faint cells and adds no aliasing when an image gets smaller, and is plain
    # nearest neighbour when it gets larger; linear is what one wants then.
    shrinks = shape[0] * shape[1] < grey.shape[0] * grey.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(grey), shape[::-1], interpolation=method)
    return np.asarray(resized, dtype=np.float32)


def read_image(path: str | Path) -> tuple[GreyImage, float | None]:
    """Read an image or time stack as grey level, with its pixel size.

    Parameters
    ----------
    path : str or Path
        TIFF, OME-TIFF, PNG or JPEG.

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
    file = ImageFile.read(path)
    return to_grey(file.pixels, is_rgb=file.is_rgb), file.pixel_size_um
