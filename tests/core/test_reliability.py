"""Scores as probabilities: a straight line through logits, and the diagram that shows it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from napari_htcell import reliability
from napari_htcell.evaluate import Judgement
from napari_htcell.reliability import Bin, Scaling


def judgement(scores: np.ndarray, is_cell: np.ndarray) -> Judgement:
    """Return detections far apart, some of them on true cells."""
    points = np.column_stack([np.zeros(len(scores)), 100.0 * np.arange(len(scores))])
    return Judgement(points, scores, points[is_cell] + 3, 1.0)


def overconfident(n: int, seed: int) -> Judgement:
    """Return detections whose scores say more than is true: twice the logits, and one too much."""
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.05, 0.95, n)
    return judgement(expit(2 * logit(probability) + 1), rng.random(n) < probability)


def test_scores_become_probabilities() -> None:
    learnt, new = overconfident(3000, seed=0), overconfident(3000, seed=1)
    scaling = reliability.fit([learnt])
    assert scaling.slope == pytest.approx(0.5, abs=0.05)
    before = reliability.calibration_error(reliability.diagram([new]))
    after = reliability.calibration_error(reliability.diagram(scaling.judged([new])))
    assert before > 0.1
    assert after < 0.03


def test_scaling_keeps_the_order() -> None:
    scores = np.asarray([0.0, 0.2, 0.5, 0.9, 1.0])
    assert (np.diff(Scaling(0.4, -2).of(scores)) > 0).all()
    np.testing.assert_allclose(Scaling().of(scores), scores, atol=1e-3)


def test_few_detections_do_not_turn_scores_upside_down() -> None:
    contrary = judgement(np.asarray([0.9, 0.1]), np.asarray([False, True]))
    scaling = reliability.fit([contrary])
    # Two in contradiction to all belief: the line is flatter, and stays far from level.
    assert 0.3 < scaling.slope < 1
    assert reliability.fit([]).slope == pytest.approx(1)


def test_the_diagram_counts_hits_by_score() -> None:
    scores = np.asarray([0.05, 0.91, 0.95, 0.99])
    bins = reliability.diagram([judgement(scores, np.asarray([False, True, True, False]))])
    assert [(one.detections, round(one.rate, 3)) for one in bins] == [(1, 0.0), (3, 0.667)]
    assert bins[1].score == pytest.approx(0.95)


def test_calibration_error_is_weighted_by_detections() -> None:
    bins = [Bin(0.2, 0.2, 30), Bin(0.9, 0.5, 10)]
    assert reliability.calibration_error(bins) == pytest.approx(0.1)
    assert reliability.calibration_error([]) == 0
