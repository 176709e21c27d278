"""Whether a score is the probability that a detection is a cell, and how to make it one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from napari_htcell.config import EvaluateConfig
from napari_htcell.evaluate import Judgement

FloatArray = npt.NDArray[np.float64]

N_BINS = 10
"""Of the reliability diagram, over 0 to 1 (Guo et al. 2017 take 15, of thousands of scores)."""

CERTAIN = 1e-4
"""Scores are kept this far from 0 and 1, whose logits are infinite."""

DOUBT = 1.0
"""Weight of the belief that scores are right as they are, against one detection's: few detections
must not turn them upside down."""


@dataclass(frozen=True)
class Scaling:
    """Platt's scaling: a straight line through the logits (Platt 1999).

    Parameters
    ----------
    slope, offset : float
        1 and 0 leave scores as they are.
    """

    slope: float = 1.0
    offset: float = 0.0

    def of(self, scores: npt.NDArray[np.floating]) -> FloatArray:
        """Return the scores as probabilities."""
        scaled: FloatArray = expit(self.slope * _logit(scores) + self.offset)
        return scaled

    def judged(self, judgements: Sequence[Judgement]) -> list[Judgement]:
        """Return judgements with their scores as probabilities."""
        return [
            replace(one, scores=self.of(one.scores), lowest=float(self.of(np.array(one.lowest))))
            for one in judgements
        ]


def outcomes(judgements: Sequence[Judgement]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return the score of each detection, and whether it is a cell, each of shape (N,)."""
    cutoff_um = EvaluateConfig().cutoff_um
    scores, is_cell = [np.empty(0)], [np.empty(0, bool)]
    for one in judgements:
        hit = np.zeros(len(one.points), bool)
        hit[one.match(0, cutoff_um).pairs[:, 0]] = True
        scores.append(one.scores)
        is_cell.append(hit)
    return np.concatenate(scores), np.concatenate(is_cell)


def fit(judgements: Sequence[Judgement]) -> Scaling:
    """Return the scaling under which what was found is most likely.

    Parameters
    ----------
    judgements : sequence of Judgement
        Of images that the network has not learnt from.
    """
    scores, is_cell = outcomes(judgements)
    logits, sign = _logit(scores), np.where(is_cell, 1.0, -1.0)

    def surprise(line: FloatArray) -> float:
        # The slope's logarithm: a higher score must stay a higher one.
        z = np.exp(line[0]) * logits + line[1]
        return float(np.logaddexp(0, -sign * z).sum() + DOUBT * (line**2).sum())

    slope, offset = minimize(surprise, np.zeros(2), method="L-BFGS-B").x
    return Scaling(float(np.exp(slope)), float(offset))


@dataclass(frozen=True)
class Bin:
    """Detections with similar scores.

    Parameters
    ----------
    score : float
        Their mean score.
    rate : float
        Part of them that are cells.
    detections : int
    """

    score: float
    rate: float
    detections: int


def diagram(judgements: Sequence[Judgement]) -> list[Bin]:
    """Return the reliability diagram: bins of equal width in the score, empty ones left out."""
    scores, is_cell = outcomes(judgements)
    bins = np.minimum((scores * N_BINS).astype(int), N_BINS - 1)
    return [
        Bin(float(scores[here].mean()), float(is_cell[here].mean()), int(here.sum()))
        for number in range(N_BINS)
        if (here := bins == number).any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: the mean of |score - rate| over detections; 0 to 1."""
    detections = sum(one.detections for one in bins)
    return sum(abs(one.score - one.rate) * one.detections for one in bins) / max(detections, 1)


def _logit(scores: npt.NDArray[np.floating]) -> FloatArray:
    logits: FloatArray = logit(np.clip(scores.astype(np.float64), CERTAIN, 1 - CERTAIN))
    return logits
