"""What a person's word and a model's detections are to each other: one rule for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from napari_htcell.annotations import Annotation, frames_of
from napari_htcell.config import EvaluateConfig
from napari_htcell.detections import Detections
from napari_htcell.evaluate import apart, evaluate
from napari_htcell.pointsfile import Points

PAIRED_UM = float(EvaluateConfig().cutoff_um)
"""A detection up to this far from an annotated point is that cell, in micrometres."""

REJECTED_UM = PAIRED_UM / 2
"""A detection up to this far from a rejection is rejected, in micrometres: half as far, since
debris rejected beside a cell must not hide the cell."""


@dataclass(frozen=True, eq=False)
class Pairing:
    """Which detections are annotated cells, which are rejected, and which are open.

    Parameters
    ----------
    pairs : ndarray of int, shape (P, 2)
        Indices of a detection and of the annotated point that it is, one to one.
    rejections : ndarray of int, shape (D,)
        For each detection the rejection that it lies on; -1 for none.
    settled : ndarray of bool, shape (D,)
        Whether a detection lies in a frame or region where every cell is annotated.
    n_points : int
        Number of annotated points.
    """

    pairs: npt.NDArray[np.intp]
    rejections: npt.NDArray[np.intp]
    settled: npt.NDArray[np.bool_]
    n_points: int

    @property
    def is_rejected(self) -> npt.NDArray[np.bool_]:
        """Whether each detection was said to be no cell, shape (D,)."""
        return self.rejections >= 0

    @property
    def is_candidate(self) -> npt.NDArray[np.bool_]:
        """Whether each detection is open: neither annotated, nor rejected, nor settled; (D,)."""
        open_ = ~(self.is_rejected | self.settled)
        open_[self.pairs[:, 0]] = False
        return open_

    @property
    def is_detected(self) -> npt.NDArray[np.bool_]:
        """Whether the model has found each annotated point, shape (N,)."""
        found = np.zeros(self.n_points, dtype=bool)
        found[self.pairs[:, 1]] = True
        return found


def pair(annotation: Annotation, detections: Detections) -> Pairing:
    """Put an annotation and detections together, in all frames.

    A detection is rejected if a rejection lies within `REJECTED_UM` and no annotated point is as
    near. The others are paired with annotated points one to one within `PAIRED_UM` (`evaluate`).

    Parameters
    ----------
    annotation : Annotation
    detections : Detections

    Returns
    -------
    Pairing
    """
    size = detections.provenance.pixel_size_um
    rejections = _rejections(annotation, detections.points, REJECTED_UM / size)
    rest = np.flatnonzero(rejections < 0)
    match = evaluate(
        detections.points[rest], annotation.points, cutoff_um=PAIRED_UM, pixel_size_um=size
    )
    pairs = np.column_stack([rest[match.pairs[:, 0]], match.pairs[:, 1]])
    settled = _settled(annotation, detections.points)
    return Pairing(pairs, rejections, settled, len(annotation.points))


def not_rejected(annotation: Annotation, detections: Detections) -> Detections:
    """Return the detections of which nobody has said that they are no cells."""
    if not len(annotation.rejected):
        return detections
    reach = REJECTED_UM / detections.provenance.pixel_size_um
    return detections.part(_rejections(annotation, detections.points, reach) < 0)


def _rejections(annotation: Annotation, points: Points, reach: float) -> npt.NDArray[np.intp]:
    """Return the index of the rejection on each point within a reach in pixels; -1 for none."""
    none = np.full(len(points), -1, dtype=np.intp)
    if not len(annotation.rejected) or not len(points):
        return none
    away, index = KDTree(apart(annotation.rejected, reach)).query(apart(points, reach))
    is_rejected = away <= reach
    if len(annotation.points):
        to_cell, _ = KDTree(apart(annotation.points, reach)).query(apart(points, reach))
        is_rejected &= away < to_cell
    return np.where(is_rejected, index, none)


def _settled(annotation: Annotation, points: Points) -> npt.NDArray[np.bool_]:
    """Return which points lie where every cell is annotated, shape (N,)."""
    frames = frames_of(points)
    settled = np.isin(frames, list(annotation.complete_frames))
    for region in annotation.regions:
        here = np.flatnonzero(frames == region.frame)
        settled[here[region.contains(points[here, -2:])]] = True
    return settled
