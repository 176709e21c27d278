"""Detections against the truth: one-to-one assignment with a cut-off, counts, distance and F.

Section 3.5 of the paper. No torch, no window.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell.annotations import check_points
from napari_htcell.assignment import assign


@dataclass(frozen=True, eq=False)
class Match:
    """Which detection is which true cell.

    Parameters
    ----------
    pairs : ndarray of int, shape (TP, 2)
        Index of the detection and of the true cell.
    distances : ndarray of float, shape (TP,)
        Distance of each pair in pixels.
    n_points, n_truth : int
        Number of detections and of true cells.
    pixel_size_um : float or None
        Micrometres per pixel, where known.
    """

    pairs: npt.NDArray[np.intp]
    distances: npt.NDArray[np.float64]
    n_points: int
    n_truth: int
    pixel_size_um: float | None = None

    @property
    def tp(self) -> int:
        """Number of detections that are a true cell."""
        return len(self.pairs)

    @property
    def fp(self) -> int:
        """Number of detections that are none."""
        return self.n_points - self.tp

    @property
    def fn(self) -> int:
        """Number of true cells not detected."""
        return self.n_truth - self.tp

    @property
    def f_score(self) -> float:
        """2 TP / (2 TP + FP + FN); 1 if there is neither a detection nor a true cell."""
        return f_score(self.tp, self.fp, self.fn)

    @property
    def mean_distance(self) -> float:
        """Mean distance of the pairs in pixels, `d` in the paper; NaN without a pair."""
        return float(self.distances.mean()) if self.tp else math.nan

    @property
    def mean_distance_um(self) -> float:
        """Mean distance of the pairs in micrometres; NaN without a pair or a pixel size."""
        return self.mean_distance * (self.pixel_size_um or math.nan)

    @property
    def count_error(self) -> float:
        """|detected - true| / max(true, 1)."""
        return abs(self.n_points - self.n_truth) / max(self.n_truth, 1)


def f_score(tp: int, fp: int, fn: int) -> float:
    """Return f = 2 TP / (2 TP + FP + FN) (section 3.5), and 1 where all three are 0."""
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0


def evaluate(
    points: npt.NDArray[Any],
    truth: npt.NDArray[Any],
    *,
    cutoff_px: float | None = None,
    cutoff_um: float | None = None,
    pixel_size_um: float | None = None,
) -> Match:
    """Assign detections to true cells one to one (section 3.5).

    Pairs beyond the cut-off are forbidden before the assignment is solved; among the assignments
    with the most pairs, the one with the least total distance is taken.

    Parameters
    ----------
    points : ndarray of float, shape (N, 2) or (N, 3)
        Detections (y, x) or (frame, y, x) in pixels; cells match within a frame only.
    truth : ndarray of float, shape (M, 2) or (M, 3)
        True cells.
    cutoff_px, cutoff_um : float
        Largest distance of a pair; exactly one of the two.
    pixel_size_um : float, optional
        Micrometres per pixel; needed with `cutoff_um`.

    Returns
    -------
    Match
        Without detections FN is all true cells, without truth FP is all detections, and F is 0;
        without both F is 1.

    Raises
    ------
    ValueError
        If shapes differ, both or no cut-off is given, or one is not positive.
    """
    points, truth = (np.asarray(array, dtype=np.float64) for array in (points, truth))
    # An empty list has no columns of its own.
    points, truth = (
        array if array.size else array.reshape(0, *other.shape[1:] or (2,))
        for array, other in ((points, truth), (truth, points))
    )
    for array in (points, truth):
        check_points(array)
    if points.shape[1] != truth.shape[1]:
        raise ValueError(f"points have {points.shape[1]} columns, the truth has {truth.shape[1]}")
    cutoff = _cutoff_px(cutoff_px, cutoff_um, pixel_size_um)
    pairs, distances = assign(apart(points, cutoff), apart(truth, cutoff), cutoff)
    return Match(pairs, distances, len(points), len(truth), pixel_size_um)


def _cutoff_px(cutoff_px: float | None, cutoff_um: float | None, size: float | None) -> float:
    if (cutoff_px is None) == (cutoff_um is None):
        raise ValueError(
            f"give either cutoff_px or cutoff_um, got cutoff_px={cutoff_px}, cutoff_um={cutoff_um}"
        )
    if cutoff_um is not None:
        if size is None or not size > 0:
            raise ValueError(f"cutoff_um needs pixel_size_um above 0, got {size}")
        cutoff_px = cutoff_um / size
    if cutoff_px is None or not 0 < cutoff_px < math.inf:
        raise ValueError(f"the cut-off must be above 0 and finite, got {cutoff_px}")
    return cutoff_px


def apart(points: npt.NDArray[np.float64], cutoff: float) -> npt.NDArray[np.float64]:
    """Put frames further apart than the cut-off, so that no pair spans two of them.

    Parameters
    ----------
    points : ndarray of float, shape (N, 2) or (N, 3)
    cutoff : float
        In pixels.
    """
    if points.shape[1] == 2:
        return points
    return points * [2 * cutoff, 1, 1]


@dataclass(frozen=True, eq=False)
class Judgement:
    """What was found in an image, with scores, beside the truth.

    Parameters
    ----------
    points : ndarray of float, shape (N, 2)
        Detections (y, x) in pixels, where the truth is known.
    scores : ndarray of float, shape (N,)
    truth : ndarray of float, shape (M, 2)
        True cells.
    pixel_size_um : float or None
        Micrometres per pixel, where known.
    lowest : float, optional
        Threshold that was detected with: nothing is known of detections that score less.
    """

    points: npt.NDArray[Any]
    scores: npt.NDArray[Any]
    truth: npt.NDArray[Any]
    pixel_size_um: float | None
    lowest: float = 0.0

    def match(
        self, threshold: float, cutoff_um: float | None = None, *, cutoff_px: float | None = None
    ) -> Match:
        """Compare what scores at least the threshold with the truth; see `evaluate`."""
        return evaluate(
            self.points[self.scores >= threshold],
            self.truth,
            cutoff_px=cutoff_px,
            cutoff_um=cutoff_um,
            pixel_size_um=self.pixel_size_um,
        )


@dataclass(frozen=True)
class Totals:
    """Sums over images, as Table 1 of the paper has them.

    Parameters
    ----------
    images, tp, fp, fn : int
    mean_distance_px, mean_distance_um : float
        Over all pairs; NaN without one, and in micrometres without a pixel size.
    count_error : float
        Mean over images of `Match.count_error`.
    """

    images: int
    tp: int
    fp: int
    fn: int
    mean_distance_px: float
    mean_distance_um: float
    count_error: float

    @property
    def f_score(self) -> float:
        """F of the summed counts."""
        return f_score(self.tp, self.fp, self.fn)


def total(matches: Iterable[Match]) -> Totals:
    """Sum the matches of many images."""
    matches = list(matches)
    errors = [m.count_error for m in matches]
    return Totals(
        images=len(matches),
        tp=sum(m.tp for m in matches),
        fp=sum(m.fp for m in matches),
        fn=sum(m.fn for m in matches),
        mean_distance_px=_mean([m.distances for m in matches]),
        mean_distance_um=_mean([m.distances * (m.pixel_size_um or math.nan) for m in matches]),
        count_error=float(np.mean(errors)) if errors else math.nan,
    )


def _mean(groups: Sequence[npt.NDArray[np.float64]]) -> float:
    """Return the mean of all values; NaN without one."""
    together = np.concatenate([np.empty(0), *groups])
    return float(together.mean()) if len(together) else math.nan
