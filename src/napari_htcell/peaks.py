"""From a heat map to points: local maxima, or centroids of contours (section 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from napari_htcell.config import DetectConfig, DetectionMethod
from napari_htcell.frame import squares

HeatMap = npt.NDArray[np.float32]

SMOOTHING_PX = 0.7
"""Standard deviation of the smoothing before peaks are sought; one ripple is not two cells."""

PART_PX = 4096
"""Peaks are sought in parts of at most this side: a large heat map need not be in memory."""

PART_MARGIN_PX = 8
"""Smoothing, the highest neighbour and refining look no further than this beyond a part."""


@dataclass(frozen=True, eq=False)
class Found:
    """Points, shape (N, 2) as (y, x), scores, and areas in pixels where known, each shape (N,)."""

    points: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    areas_px: npt.NDArray[np.float64] | None = None

    def above(self, threshold: float) -> Found:
        """Return those with a score of at least `threshold`."""
        kept = self.scores >= threshold
        areas = None if self.areas_px is None else self.areas_px[kept]
        return Found(self.points[kept], self.scores[kept], areas)


def find(heat_map: HeatMap, settings: DetectConfig, pixel_size_um: float) -> Found:
    """Find the cells in a heat map.

    Parameters
    ----------
    heat_map : ndarray of float32, or StoredMap, shape (Y, X)
        0 to 1; contours and masks are drawn with all of it in memory, peaks are not.
    settings : DetectConfig
    pixel_size_um : float
        Micrometres per pixel of the heat map.
    """
    if settings.method != "peaks":
        heat_map = np.asarray(heat_map)
    found = METHODS[settings.method](
        heat_map, settings.threshold, settings.min_distance_um / pixel_size_um
    )
    order = _highest_first(found.scores)
    areas = None if found.areas_px is None else found.areas_px[order]
    return Found(found.points[order], found.scores[order], areas)


def label_masks(heat_map: HeatMap, threshold: float) -> npt.NDArray[np.int32]:
    """Return the masks that the method "masks" finds, shape (Y, X).

    0 is background; detection i of `find` has number i + 1.
    """
    heat_map = np.asarray(heat_map)
    contours = _contours(heat_map, threshold)
    order = _highest_first(np.asarray([_within(heat_map, one).max() for one in contours]))
    labels = np.zeros(heat_map.shape, np.int32)
    for number, index in enumerate(order, start=1):
        cv2.drawContours(labels, contours, int(index), number, cv2.FILLED)
    return labels


def _highest_first(scores: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.intp]:
    return np.argsort(-scores, kind="stable")


def local_maxima(heat_map: HeatMap, threshold: float, min_distance_px: float) -> Found:
    """Return the peaks of at least `threshold`, no two closer than `min_distance_px`.

    A peak's score is the heat map's height there; its place is refined below a pixel.
    """
    parts = [_candidates(heat_map, where, threshold) for where in squares(heat_map.shape, PART_PX)]
    places, refined, heights, scores = (
        np.concatenate(values) for values in zip(*parts, strict=True)
    )
    # By score first, so that raising the threshold only drops points.
    rows, columns = places.T
    order = np.lexsort((columns, rows, -heights, -scores))
    kept = order[_apart(places[order], min_distance_px)]
    return Found(refined[kept], scores[kept].astype(np.float64))


def _candidates(
    heat_map: Any, where: tuple[slice, slice], threshold: float
) -> tuple[npt.NDArray[Any], ...]:
    """Return the peaks in a part of a heat map: pixel, refined place, smoothed height, score."""
    top, left = (max(0, part.start - PART_MARGIN_PX) for part in where)
    bottom, right = (part.stop + PART_MARGIN_PX for part in where)
    part = np.ascontiguousarray(heat_map[top:bottom, left:right])
    smooth = np.asarray(cv2.GaussianBlur(part, (0, 0), SMOOTHING_PX), np.float32)
    highest = cv2.dilate(smooth, np.ones((3, 3), np.uint8))
    # The heat map's own maximum around a peak of the smoothed one, which is lower.
    scores = cv2.dilate(part, np.ones((3, 3), np.uint8))
    is_peak = (smooth == highest) & (scores >= threshold) & (smooth > 0)
    inside = np.zeros_like(is_peak)
    rows, columns = where
    inside[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = True
    places, middles = _tops(is_peak)
    here = inside[tuple(places.T)]
    places, middles = places[here], middles[here]
    at = tuple(places.T)
    corner = np.asarray([top, left])
    return places + corner, _refined(smooth, places, middles) + corner, smooth[at], scores[at]


def _tops(is_top: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return a pixel of each top, the one nearest to its middle, and that middle.

    A network that is very sure draws 1.0 over half of a cell: without this its top would be that
    area's first pixel.
    """
    _, labels, stats, middles = cv2.connectedComponentsWithStats(is_top.astype(np.uint8))
    places = np.argwhere(is_top)
    if len(places) == len(stats) - 1:  # none is flat
        return places, places.astype(np.float64)
    numbers, centres = labels[is_top], np.asarray(middles[:, ::-1], np.float64)
    order = np.lexsort((np.linalg.norm(places - centres[numbers], axis=1), numbers))
    _, first = np.unique(numbers[order], return_index=True)
    return places[order[first]], centres[1:]


def _apart(places: npt.NDArray[np.intp], min_distance_px: float) -> npt.NDArray[np.intp]:
    """Return indices of those that are no closer than the distance to an earlier one kept."""
    dropped = np.zeros(len(places), bool)
    if len(places) > 1:
        tree, reach = KDTree(places), min_distance_px * (1 - 1e-9)
        # Most peaks are on their own: to ask for all of them at once is far quicker.
        distances, _ = tree.query(places, k=2, distance_upper_bound=min_distance_px)
        nearest = np.asarray(distances)[:, 1]
        for index in np.flatnonzero(nearest <= reach):
            if not dropped[index]:
                near = np.asarray(tree.query_ball_point(places[index], reach))
                dropped[near[near > index]] = True
    return np.flatnonzero(~dropped)


def _refined(
    smooth: HeatMap, places: npt.NDArray[np.intp], middles: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Move each place to the top of the parabola through it and its neighbours on each axis.

    On a plateau there is no parabola, and its middle is the place.
    """
    # Mirrored, so that a peak at the border stays there.
    padded = np.pad(smooth, 1, mode="reflect").astype(np.float64)
    refined = middles.copy()
    is_pixel = (places == middles).all(axis=1)
    rows, columns = (places + 1).T
    for axis, (dy, dx) in enumerate(((1, 0), (0, 1))):
        before, after = padded[rows - dy, columns - dx], padded[rows + dy, columns + dx]
        bend = 2 * padded[rows, columns] - before - after
        sharp = is_pixel & (bend > 0)
        shift = np.divide(after - before, 2 * bend, out=np.zeros(len(places)), where=sharp)
        refined[:, axis] += np.clip(shift, -0.5, 0.5)
    return refined


def contour_centroids(heat_map: HeatMap, threshold: float, min_distance_px: float) -> Found:
    """Return the centroid of each contour of the thresholded heat map, as the paper does.

    Centroids are first over zeroth contour moments (OpenCV). A contour of one pixel, or a line,
    encloses no area; its centroid is the mean of its pixels. The score is the height of the heat
    map's highest pixel within the contour.
    """
    contours = _contours(heat_map, threshold)
    points, scores = np.empty((len(contours), 2)), np.empty(len(contours))
    for index, contour in enumerate(contours):
        moments = cv2.moments(contour)
        if moments["m00"] > 0:
            points[index] = (
                moments["m01"] / moments["m00"],
                moments["m10"] / moments["m00"],
            )
        else:
            points[index] = contour[:, 0, ::-1].mean(axis=0)
        scores[index] = _within(heat_map, contour).max()
    return Found(points, scores)


def mask_centroids(heat_map: HeatMap, threshold: float, min_distance_px: float) -> Found:
    """Return what `contour_centroids` does, with areas: each contour is a whole cell's outline."""
    found = contour_centroids(heat_map, threshold, min_distance_px)
    areas = [_within(heat_map, one).size for one in _contours(heat_map, threshold)]
    return Found(found.points, found.scores, np.asarray(areas, dtype=np.float64))


def _contours(heat_map: HeatMap, threshold: float) -> Sequence[npt.NDArray[np.int32]]:
    above = (heat_map >= threshold).astype(np.uint8)
    contours, _ = cv2.findContours(above, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cast("Sequence[npt.NDArray[np.int32]]", contours)


def _within(heat_map: HeatMap, contour: npt.NDArray[np.int32]) -> HeatMap:
    """Return the heat map's values within a contour, shape (N,)."""
    left, top, width, height = cv2.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    cv2.drawContours(inside, [contour], 0, 1, cv2.FILLED, offset=(-left, -top))
    values: HeatMap = heat_map[top : top + height, left : left + width][inside == 1]
    return values


METHODS: dict[DetectionMethod, Callable[[HeatMap, float, float], Found]] = {
    "peaks": local_maxima,
    "contours": contour_centroids,
    "masks": mask_centroids,
}
