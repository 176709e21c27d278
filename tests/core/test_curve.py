"""Precision, recall and F over the threshold, counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_htcell import Judgement, precision_recall
from napari_htcell.curve import Curve


def judgement(points: Any, scores: Any, truth: Any, lowest: float = 0.0) -> Judgement:
    points, truth = (np.asarray(one, float).reshape(-1, 2) for one in (points, truth))
    return Judgement(points, np.asarray(scores, float), truth, 2.0, lowest)


def at(curve: Curve, threshold: float) -> tuple[float, float, float]:
    (index,) = np.flatnonzero(np.isclose(curve.thresholds, threshold))
    return curve.precision[index], curve.recall[index], curve.f_score[index]


TWO_CELLS = judgement([[0, 0], [50, 50], [90, 90]], [0.9, 0.5, 0.3], [[0, 0], [50, 50]])


def test_counts_of_all_images_are_summed() -> None:
    other = judgement([[10, 10]], [0.6], [[10, 10], [70, 70]])
    curve = precision_recall([TWO_CELLS, other], cutoff_um=16)
    assert at(curve, 0.2) == pytest.approx((3 / 4, 3 / 4, 6 / 8))
    assert at(curve, 0.4) == pytest.approx((1, 3 / 4, 6 / 7))
    assert at(curve, 0.8) == pytest.approx((1, 1 / 4, 2 / 5))
    # A score that is the threshold counts.
    assert at(curve, 0.5) == at(curve, 0.4)


def test_the_best_is_the_lowest_of_the_best() -> None:
    curve = precision_recall([TWO_CELLS], cutoff_um=16)
    assert curve.best_threshold == 0.32
    assert curve.f_score[curve.best] == 1


def test_nothing_is_said_of_thresholds_that_were_not_tried() -> None:
    low = judgement([[0, 0]], [0.9], [[0, 0]], lowest=0.05)
    high = judgement([[0, 0]], [0.9], [[0, 0]], lowest=0.35)
    curve = precision_recall([low, high], cutoff_px=8)
    assert curve.thresholds[:2].tolist() == [0.35, 0.36]
    assert curve.thresholds[-1] == 0.98


def test_without_detections_or_cells() -> None:
    curve = precision_recall([judgement([], [], [[1, 1]])], cutoff_px=8)
    assert set(curve.precision) == {1}
    assert set(curve.recall) == {0}
    empty = precision_recall([judgement([], [], [])], cutoff_px=8)
    assert set(empty.recall) == set(empty.f_score) == {1}


def test_no_images() -> None:
    with pytest.raises(ValueError, match="at least one image"):
        precision_recall([], cutoff_um=16)
