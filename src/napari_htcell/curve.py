"""Precision and recall over the threshold: what a lower or a higher one would cost."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_htcell.evaluate import Judgement, total
from napari_htcell.progress import Progress, run

THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(1, 50))
"""At these a curve is drawn, as far down as detections are known."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision, recall and F at rising thresholds, each of shape (K,).

    Parameters
    ----------
    thresholds : ndarray of float
        Smallest score of a detection that counts.
    precision : ndarray of float
        TP / (TP + FP), the share of the detections that are cells; 1 without a detection.
    recall : ndarray of float
        TP / (TP + FN), the share of the cells that are detected; 1 without a cell.
    f_score : ndarray of float
        Of the counts summed over all images.
    """

    thresholds: FloatArray
    precision: FloatArray
    recall: FloatArray
    f_score: FloatArray

    @property
    def best(self) -> int:
        """Index of the best F; of several as good, that of the lowest threshold."""
        return int(np.argmax(self.f_score))

    @property
    def best_threshold(self) -> float:
        """The threshold with the best F."""
        return float(self.thresholds[self.best])


def precision_recall(
    images: Sequence[Judgement],
    *,
    cutoff_um: float | None = None,
    cutoff_px: float | None = None,
) -> Curve:
    """Measure precision, recall and F over the threshold, all images together.

    Parameters
    ----------
    images : sequence of Judgement
        Scored detections beside the truth; for a project see `evaluate_project`.
    cutoff_um, cutoff_px : float
        Largest distance of a match; exactly one of the two.

    Returns
    -------
    Curve
        From the threshold above which the detections of all images are known, in steps of 0.02.

    Raises
    ------
    ValueError
        If there is no image, or the cut-off is none.
    """
    return run(precision_recall_steps(images, cutoff_um=cutoff_um, cutoff_px=cutoff_px))


def precision_recall_steps(
    images: Sequence[Judgement],
    *,
    cutoff_um: float | None = None,
    cutoff_px: float | None = None,
) -> Generator[Progress, None, Curve]:
    """Do what `precision_recall` does, yielding progress after each threshold."""
    if not images:
        raise ValueError("a curve needs at least one image whose cells are all known, got none")
    lowest = max(one.lowest for one in images)
    thresholds = sorted({lowest, *(one for one in THRESHOLDS if one > lowest)})
    totals = []
    for done, threshold in enumerate(thresholds, start=1):
        totals.append(total(one.match(threshold, cutoff_um, cutoff_px=cutoff_px) for one in images))
        yield Progress("drawing the curve", done, len(thresholds))
    tp, fp, fn = (np.asarray([getattr(one, name) for one in totals]) for name in ("tp", "fp", "fn"))
    return Curve(
        np.asarray(thresholds, dtype=np.float64),
        _share(tp, tp + fp),
        _share(tp, tp + fn),
        np.asarray([one.f_score for one in totals]),
    )


def _share(part: npt.NDArray[np.intp], whole: npt.NDArray[np.intp]) -> FloatArray:
    """Return part / whole, and 1 where the whole is empty."""
    return np.divide(part, whole, out=np.ones(len(part)), where=whole > 0)
