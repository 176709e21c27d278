"""What a person says about an image: points, and where every cell has one.

Annotations are values: a change gives a new one, so that an undo is the one before and a snapshot
for a background job needs no copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_htcell import polygons
from napari_htcell.pointsfile import LARGEST, Points

Status = Literal["untouched", "partial", "complete"]

DAMAGED = (ValueError, KeyError, TypeError, OverflowError, RecursionError)
"""What a JSON file leads to that is no longer, or was never, what it should be."""

BY_HAND = "hand"
"""Source of a point that a person clicked; a point accepted from a model has the model's name."""


@dataclass(frozen=True)
class Region:
    """A polygon within one frame in which every cell is annotated.

    Parameters
    ----------
    polygon : tuple of (float, float)
        Corners (y, x) in pixels of the original image.
    frame : int, optional
        Frame of a time stack.
    """

    polygon: tuple[tuple[float, float], ...]
    frame: int = 0

    def __post_init__(self) -> None:
        if len(self.polygon) < 3 or any(len(corner) != 2 for corner in self.polygon):
            raise ValueError(f"a region needs three or more corners (y, x), got {self.polygon}")
        if not (np.abs(self.polygon) <= LARGEST).all():
            raise ValueError(f"a corner of a region is no place in an image: {self.polygon}")

    def mask(self, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """Return the region as a mask, shape (Y, X)."""
        mask = np.zeros(shape, np.uint8)
        corners = np.rint(np.asarray(self.polygon)[:, ::-1]).astype(np.int32)
        cv2.fillPoly(mask, [corners], 1)
        return mask.astype(bool)

    def cut(self, shape: Sequence[int]) -> Self | None:
        """Return what of the region lies on an image of shape (..., Y, X); None if nothing does."""
        height, width = shape[-2:]
        corners = polygons.inside(self.polygon, (height, width))
        if len(corners) < 3:
            return None
        return replace(self, polygon=tuple((float(y), float(x)) for y, x in corners))

    def contains(self, points: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return which points (y, x), shape (N, 2), lie in the polygon or on its border."""
        polygon = np.asarray(self.polygon, dtype=np.float32)
        inside = [cv2.pointPolygonTest(polygon, (float(y), float(x)), False) for y, x in points]
        return np.asarray(inside, dtype=float) >= 0


@dataclass(frozen=True, eq=False)
class Annotation:
    """The annotation of one image or time stack.

    Parameters
    ----------
    points : ndarray of float, shape (N, 2) or (N, 3)
        (y, x), or (frame, y, x) of a stack, in pixels of the original image.
    sources : tuple of str, length N
        Where each point comes from: `BY_HAND`, or a model's name.
    complete_frames : frozenset of int
        Frames in which every cell is annotated; {0} for a complete image.
    regions : tuple of Region
        Regions in which every cell is annotated.
    rejected : ndarray of float, shape (M, 2) or (M, 3)
        Where a person has said of a model's detection that it is no cell; in the points' columns.

    Raises
    ------
    ValueError
        If points or rejections have another shape, are not finite, or the sources do not match.
    """

    points: Points
    sources: tuple[str, ...]
    complete_frames: frozenset[int] = field(default_factory=frozenset)
    regions: tuple[Region, ...] = ()
    rejected: Points = field(default_factory=lambda: np.empty((0, 2)))

    def __post_init__(self) -> None:
        check_points(self.points)
        if len(self.sources) != len(self.points):
            raise ValueError(f"got {len(self.points)} points but {len(self.sources)} sources")
        check_points(self.rejected)
        columns = self.points.shape[1]
        if not len(self.rejected):
            # No rejection has no columns of its own.
            object.__setattr__(self, "rejected", np.empty((0, columns)))
        elif self.rejected.shape[1] != columns:
            raise ValueError(
                f"got points of {columns} columns but rejections of {self.rejected.shape[1]}"
            )

    @classmethod
    def of(cls, points: npt.NDArray[Any], source: str = BY_HAND, *, complete: bool = False) -> Self:
        """Return the annotation of an image with points of one source.

        Parameters
        ----------
        points : ndarray, shape (N, 2) or (N, 3)
        source : str, optional
        complete : bool, optional
            Whether every cell of the image (of every frame with points) is annotated.
        """
        points = np.asarray(points, dtype=np.float64)
        annotation = cls(points, (source,) * len(points))
        frames = {0} if points.shape[1] == 2 else set(annotation.frames)
        return replace(annotation, complete_frames=frozenset(frames if complete else ()))

    @classmethod
    def empty(cls, ndim: int = 2) -> Self:
        """Return the annotation of an untouched image (2) or time stack (3)."""
        return cls(np.empty((0, ndim)), ())

    @property
    def frames(self) -> tuple[int, ...]:
        """Frames of which anything is said, in order; (0,) at most for an image."""
        frames = set(self.complete_frames) | {region.frame for region in self.regions}
        for points in (self.points, self.rejected):
            frames |= set(frames_of(points).tolist())
        return tuple(sorted(frames))

    def in_frame(self, frame: int = 0) -> Points:
        """Return the points of one frame, shape (N, 2), as (y, x)."""
        return self.points[frames_of(self.points) == frame, -2:]

    def rejected_in(self, frame: int = 0) -> Points:
        """Return the rejections of one frame, shape (N, 2), as (y, x)."""
        return self.rejected[frames_of(self.rejected) == frame, -2:]

    def of_frame(self, frame: int = 0) -> Annotation:
        """Return the annotation of one frame alone, as that of an image."""
        here = frames_of(self.points) == frame
        return Annotation(
            self.points[here, -2:],
            tuple(source for source, is_here in zip(self.sources, here, strict=True) if is_here),
            frozenset({0} if frame in self.complete_frames else ()),
            tuple(replace(region, frame=0) for region in self.regions_in(frame)),
            self.rejected_in(frame),
        )

    def status(self, frame: int = 0) -> Status:
        """Return whether a frame is complete, partially annotated, or untouched."""
        if frame in self.complete_frames:
            return "complete"
        return "partial" if frame in self.frames else "untouched"

    def is_complete_at(self, points: npt.NDArray[Any], frame: int = 0) -> npt.NDArray[np.bool_]:
        """Return which points, shape (N, 2), lie where every cell of a frame is annotated."""
        inside = np.full(len(points), self.status(frame) == "complete")
        for region in self.regions_in(frame):
            inside |= region.contains(points)
        return inside

    def regions_in(self, frame: int = 0) -> tuple[Region, ...]:
        """Return the complete regions of one frame."""
        return tuple(region for region in self.regions if region.frame == frame)

    def add(self, points: npt.NDArray[Any], source: str = BY_HAND) -> Self:
        """Return the annotation with more points, shape (N, 2) or (N, 3)."""
        return replace(
            self,
            points=np.concatenate([self.points, np.asarray(points, dtype=np.float64)]),
            sources=self.sources + (source,) * len(points),
        )

    def remove(self, indices: Iterable[int]) -> Self:
        """Return the annotation without the points of these indices."""
        dropped = set(indices)
        kept = [index for index in range(len(self.points)) if index not in dropped]
        return replace(self, points=self.points[kept], sources=tuple(self.sources[i] for i in kept))

    def reject(self, points: npt.NDArray[Any]) -> Self:
        """Return the annotation with more places, shape (N, 2) or (N, 3), that are no cells."""
        more = np.asarray(points, dtype=np.float64)
        return replace(self, rejected=np.concatenate([self.rejected, more]))

    def mark_complete(self, complete: bool = True, frame: int = 0) -> Self:
        """Return the annotation with a frame marked complete, or no longer so."""
        marked = self.complete_frames | {frame} if complete else self.complete_frames - {frame}
        return replace(self, complete_frames=frozenset(marked))


def frames_of(points: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the frame of each point, shape (N,), of shape (N, 2) or (N, 3); 0 in an image."""
    if points.shape[1] == 2:
        return np.zeros(len(points), dtype=np.intp)
    frames: npt.NDArray[np.intp] = np.rint(points[:, 0]).astype(np.intp)
    return frames


def check_points(points: npt.NDArray[Any]) -> None:
    """Raise ValueError unless `points` is finite and of shape (N, 2) or (N, 3)."""
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise ValueError(f"expected points of shape (N, 2) or (N, 3), got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("a point is not finite (NaN or infinite); remove it from the table")
    if len(points) and np.abs(points).max() > LARGEST:
        raise ValueError(
            f"a point has the coordinate {np.abs(points).max():g}, which no image has; remove it "
            "from the table"
        )


def check_inside(points: npt.NDArray[Any], shape: Sequence[int], where: str) -> None:
    """Raise ValueError if points lie outside an image.

    Parameters
    ----------
    points : ndarray, shape (N, 2) or (N, 3)
    shape : sequence of int
        (Y, X) or (T, Y, X) of the image.
    where : str
        Name of the points' origin, for the message.
    """
    if points.shape[1] != len(shape):
        kind = {2: "an image", 3: "a time stack"}
        raise ValueError(
            f"{where}: the points are those of {kind[points.shape[1]]}, but this is "
            f"{kind[len(shape)]} of shape {tuple(shape)}"
        )
    outside = _are_outside(points, shape)
    if outside.any():
        first = ", ".join(f"{value:g}" for value in points[outside][0])
        exchanged = points[:, [*range(len(shape) - 2), -1, -2]]
        if _are_outside(exchanged, shape).any():
            doubt = "are they in pixels, and of this image?"
        else:
            doubt = "with y and x exchanged all would lie inside: are the columns named so?"
        raise ValueError(
            f"{where}: {int(outside.sum())} of {len(points)} points lie outside the image of shape "
            f"{tuple(shape)}, the first at ({first}); {doubt}"
        )


def _are_outside(points: npt.NDArray[Any], shape: Sequence[int]) -> npt.NDArray[np.bool_]:
    # A pixel reaches half a pixel beyond its centre.
    beyond = (points < -0.5) | (points > np.asarray(shape) - 0.5)
    return np.asarray(beyond.any(axis=1))


def labels_to_centroids(labels: npt.NDArray[np.integer[Any]]) -> Points:
    """Return the centroid of every mask of a label image.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        0 is background; each other number is one cell.

    Returns
    -------
    ndarray of float, shape (N, 2)
        (y, x) in pixels, in the order of the numbers.
    """
    if labels.ndim != 2:
        raise ValueError(f"expected a label image of shape (Y, X), got {labels.shape}")
    names = np.unique(labels[labels != 0])
    centroids = ndimage.center_of_mass(labels != 0, labels, names)
    return np.asarray(centroids, dtype=np.float64).reshape(-1, 2)
