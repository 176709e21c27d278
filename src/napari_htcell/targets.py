"""What the network is asked to draw: Gaussian spots at centroids, or cell masks (section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]

REACH = 4.0
"""A spot is drawn out to this many standard deviations, where it is 0.0003."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of the cells in an image, at the network's resolution.

    Parameters
    ----------
    points : ndarray of float, shape (N, 2)
        Centroids (y, x).
    labels : ndarray of int, shape (Y, X), or None
        Cell masks, 0 is background; None where nobody drew them.
    shape : (int, int)
        Height and width.
    in_relief : bool
        Whether the image shows them as if lit from one side, see `relief`.
    """

    points: npt.NDArray[np.floating[Any]]
    labels: npt.NDArray[np.integer[Any]] | None
    shape: tuple[int, int]
    in_relief: bool = False


def gaussian_spots(truth: Truth, sigma_px: float) -> FloatImage:
    """Draw a white Gaussian spot at each centroid on black (versions A, B, D).

    Spots that overlap keep the larger value, so that every centre is 1 and touching cells keep a
    valley between them (the paper does not state it).

    Parameters
    ----------
    truth : Truth
    sigma_px : float
        Standard deviation in pixels.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        0 to 1.
    """
    image = np.zeros(truth.shape, np.float32)
    reach = int(np.ceil(REACH * sigma_px))
    for y, x in truth.points:
        top, left = max(0, round(y) - reach), max(0, round(x) - reach)
        part = image[top : max(0, round(y) + reach + 1), left : max(0, round(x) + reach + 1)]
        rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
        spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma_px**2))
        np.maximum(part, spot, out=part, casting="same_kind")
    return image


def cell_masks(truth: Truth, sigma_px: float) -> FloatImage:
    """Draw 1 within cells and 0 elsewhere (version C).

    Parameters
    ----------
    truth : Truth
        With labels.
    sigma_px : float
        Not used.

    Returns
    -------
    ndarray of float32, shape (Y, X)

    Raises
    ------
    ValueError
        If the image has no masks.
    """
    if truth.labels is None:
        raise ValueError(
            "has no cell masks, which segmentation learns from; put a label image of the "
            "same name into the project's masks folder, or choose a version that learns from points"
        )
    return (truth.labels > 0).astype(np.float32)
