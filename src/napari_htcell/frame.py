"""Which part of an image the network sees, at which resolution, and the way there and back.

Points are (y, x) in pixels of the original image, a pixel's centre at whole numbers, as napari
draws them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_htcell import config

FloatArray = npt.NDArray[np.floating[Any]]
GreyImage = npt.NDArray[np.float32]

MAX_ENLARGEMENT = 4
"""An image is made at most this many times larger for the network; more is a wrong pixel size."""

PAPER_CROP_UM = tuple(side * config.PAPER_PIXEL_SIZE_UM for side in config.PAPER_CROP_PX)


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

    def labels_to_original(self, labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int32]:
        """Return a label image of the network's pixels in original ones, shape (height, width).

        Nearest neighbour, as in `cut_labels`.
        """
        rows, columns = (
            np.minimum(np.floor((np.arange(size) + 0.5) * factor).astype(int), last - 1)
            for size, factor, last in zip(
                (self.height, self.width), self.scale, self.network_shape, strict=True
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


def _resize(grey: GreyImage, shape: tuple[int, int]) -> GreyImage:
    if grey.shape == shape:
        return grey
    # Area averaging keeps faint cells and adds no aliasing when an image gets smaller, and is plain
    # nearest neighbour when it gets larger; linear is what one wants then.
    shrinks = shape[0] * shape[1] < grey.shape[0] * grey.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(grey), shape[::-1], interpolation=method)
    return np.asarray(resized, dtype=np.float32)
