"""Partial annotations: a biologist who skips a third of the cells, mostly where it is crowded."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

NEIGHBOURHOOD_UM = 250.0
TYPICAL_NEIGHBOURS = 3.3
"""Cells within 250 um of a cell in an image of the paper's mean density, clumps included."""


def _as_points(points: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(points, dtype=np.float64)
    if array.size == 0:
        return np.empty((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"expected points of shape (N, 2), got {array.shape}; pass (y, x) rows")
    return array


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"expected {name} from {low} to {high}, got {value}")


def click_partially(
    centroids: ArrayLike,
    *,
    completeness: float = 2 / 3,
    pixel_size_um: float = 1.61,
    jitter_um: float = 3.0,
    crowding: float = 1.0,
    debris: ArrayLike | None = None,
    debris_rate: float = 0.01,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Click cells as a biologist in a hurry does (Section 3.1 of the paper).

    A cell with n others within 250 um is clicked with the odds c / (1 - c) *
    ((1 + 3.3) / (1 + n)) ** (2 crowding): about ``completeness`` on average over images as the
    paper's, half of it in the densest ones.

    Parameters
    ----------
    centroids : array_like of float, shape (N, 2)
        All cells, (y, x) in pixels.
    completeness : float
        Fraction clicked where the density is usual, 0 to 1; the paper states two thirds.
    pixel_size_um : float
        Side of a pixel in um.
    jitter_um : float
        Standard deviation of a click about the centroid along each axis, in um.
    crowding : float
        How much crowds are avoided; 0 clicks everywhere alike.
    debris : array_like of float, shape (M, 2), optional
        (y, x) in pixels of what is no cell.
    debris_rate : float
        Probability of each debris to be clicked, 0 to 1.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    ndarray of float, shape (K, 2)
        Clicks, (y, x) in pixels, in random order; those near the border may lie just outside.

    Raises
    ------
    ValueError
        If the points are not (N, 2) or a number is out of its bounds.
    """
    cells = _as_points(centroids)
    _within("completeness", completeness, 0, 1)
    _within("debris_rate", debris_rate, 0, 1)
    _within("jitter_um", jitter_um, 0, 1000)
    _within("crowding", crowding, 0, 10)
    _within("pixel_size_um", pixel_size_um, 1e-3, 1e3)
    dirt = _as_points([] if debris is None else debris)
    neighbours = _count_neighbours(cells, NEIGHBOURHOOD_UM / pixel_size_um)
    avoid = ((1 + neighbours) / (1 + TYPICAL_NEIGHBOURS)) ** (2 * crowding)
    # c / (c + (1 - c) avoid) is the odds formula without a division by 1 - c
    chance = completeness / np.maximum(completeness + (1 - completeness) * avoid, 1e-12)
    clicked = cells[rng.random(len(cells)) < chance]
    wrong = dirt[rng.random(len(dirt)) < debris_rate]
    clicks = np.concatenate([clicked, wrong])
    clicks = clicks + rng.normal(0, jitter_um / pixel_size_um, clicks.shape)
    return np.asarray(rng.permutation(clicks, axis=0))


def _count_neighbours(points: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    if len(points) == 0:
        return np.zeros(0)
    tree = cKDTree(points)
    return np.asarray(tree.query_ball_point(points, radius, return_length=True) - 1.0)


def drop_points(
    points: ArrayLike,
    *,
    fraction: float,
    order: Literal["random", "crowded"] = "crowded",
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Make a partial annotation from a complete one.

    Parameters
    ----------
    points : array_like of float, shape (N, 2)
        The complete annotation, (y, x).
    fraction : float
        Fraction to drop, 0 to 1; exactly ``round((1 - fraction) * N)`` points stay.
    order : {"random", "crowded"}
        ``"crowded"`` drops the points with the smallest mean distance to their three nearest
        neighbours first, that distance being blurred by a tenth; ``"random"`` drops any.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    ndarray of float, shape (K, 2)
        The points that stay, in their order.

    Raises
    ------
    ValueError
        If the points are not (N, 2), the fraction is out of 0 to 1, or the order is unknown.
    """
    array = _as_points(points)
    _within("fraction", fraction, 0, 1)
    if order not in ("random", "crowded"):
        raise ValueError(f'expected order "random" or "crowded", got {order!r}')
    keep = round((1 - fraction) * len(array))
    rank = rng.random(len(array))
    if order == "crowded" and len(array) > 1:
        nearest = min(3, len(array) - 1)
        distance, _ = cKDTree(array).query(array, nearest + 1)
        rank = np.asarray(distance)[:, 1:].mean(axis=1) * np.exp(
            0.1 * rng.standard_normal(len(array))
        )
    kept = np.argsort(rank, kind="stable")[len(array) - keep :]
    return np.asarray(array[np.sort(kept)])
