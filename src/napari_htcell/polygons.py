"""Area, centroid and parts of polygons, as corners (y, x)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Corners = npt.NDArray[np.float64]


def area(polygon: npt.ArrayLike, extent: tuple[int, int] | None = None) -> float:
    """Return the area of a polygon in square pixels.

    Parameters
    ----------
    polygon : array_like, shape (N, 2)
        Corners (y, x) in pixels, a pixel's centre at whole numbers.
    extent : (int, int), optional
        Height and width of the image that the polygon lies on; what hangs over does not count.
    """
    corners = np.asarray(polygon, dtype=np.float64)
    return abs(_signed_area(corners if extent is None else inside(corners, extent)))


def inside(polygon: npt.ArrayLike, extent: tuple[int, int]) -> Corners:
    """Return the part of a polygon that lies on an image, shape (N, 2); (0, 2) if none does.

    Parameters
    ----------
    polygon : array_like, shape (N, 2)
        Corners (y, x) in pixels, a pixel's centre at whole numbers.
    extent : (int, int)
        Height and width of the image.
    """
    corners = np.asarray(polygon, dtype=np.float64)
    for axis, size in enumerate(extent):
        corners = _cut(corners, axis, -0.5, 1)
        corners = _cut(corners, axis, size - 0.5, -1)
    return corners


def centroid(paths: Sequence[Corners]) -> Corners:
    """Return the centre of gravity of a shape, shape (2,).

    Parameters
    ----------
    paths : sequence of ndarray, shape (N, 2)
        Its outlines; those of holes run the other way round.
    """
    areas, moments = 0.0, np.zeros(2)
    # From a corner nearby: far from it, small shapes would drown in rounding.
    origin = paths[0][0]
    for path in paths:
        near = path - origin
        following = np.roll(near, -1, axis=0)
        cross = near[:, 0] * following[:, 1] - following[:, 0] * near[:, 1]
        areas += cross.sum() / 2
        moments += ((near + following) * cross[:, None]).sum(axis=0) / 6
    if abs(areas) < 1e-9:
        return np.asarray(np.concatenate(paths).mean(axis=0), dtype=np.float64)
    return np.asarray(origin + moments / areas, dtype=np.float64)


def _signed_area(corners: Corners) -> float:
    following = np.roll(corners, -1, axis=0)
    return float((corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1]).sum() / 2)


def _cut(corners: Corners, axis: int, edge: float, sign: int) -> Corners:
    """Return the part of a polygon on one side of an edge of the image (Sutherland, Hodgman)."""
    kept: list[Corners] = []
    inside = sign * (corners[:, axis] - edge)
    for index in range(len(corners)):
        here, before = inside[index], inside[index - 1]
        if (here >= 0) != (before >= 0):
            part = before / (before - here)
            kept.append(corners[index - 1] + part * (corners[index] - corners[index - 1]))
        if here >= 0:
            kept.append(corners[index])
    return np.asarray(kept).reshape(-1, 2)
