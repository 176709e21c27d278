"""How far a count may be from the truth: an interval that holds at a stated rate.

After split conformal prediction (Vovk et al. 2005; Lei et al. 2018): the errors of counts in images
that a network had not learnt from are put in order, and the one that so many of them do not exceed
is what a new image's error is allowed. That is exact for the network that was judged, and for new
images like those; the network that is kept has learnt from all of them, so that the rate is about
the stated one (Barber et al. 2021, "Predictive inference with the jackknife+").

Errors are measured in units of a count's doubt, the number of false alarms to be expected by the
scores (Papadopoulos et al. 2008, "Normalized nonconformity measures for regression conformal
prediction"). An image in which the network is of two minds, as in one of another kind, has a wider
interval than one in which it is sure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.special import bdtr

from napari_htcell import words
from napari_htcell.config import DetectConfig, Settings
from napari_htcell.evaluate import Judgement

RATE = 0.9
"""Wanted rate at which intervals hold the true count."""

FEWEST_IMAGES = 3
"""With n images no rate above n / (n + 1) can be stated; less than 3 of 4 is no use."""


class CountError(Settings):
    """What a count's error is allowed to be."""

    rate: float = Field(gt=0, lt=1, description="how often the true count is in the interval")
    factor: float = Field(ge=0, description="in units of `doubt`")

    def interval(self, scores: npt.NDArray[np.floating[Any]]) -> tuple[int, int]:
        """Return the lowest and highest true number of cells.

        Parameters
        ----------
        scores : ndarray of float, shape (N,)
            Of all that was detected.
        """
        count, reach = len(scores), self.factor * doubt(scores)
        return max(0, math.floor(count - reach)), math.ceil(count + reach)

    def corrected(
        self, scores: npt.NDArray[np.floating[Any]], *, annotated: int, final: int
    ) -> tuple[int, int]:
        """Return the interval around a count that a person has corrected in part.

        Corrections make errors fewer, but by how much nobody knows: the count may be as far from
        the truth as one that nobody has corrected, only not below what is annotated.

        Parameters
        ----------
        scores : ndarray of float, shape (N,)
            Of all that was detected.
        annotated : int
            Number of annotated cells.
        final : int
            Number of cells in all, as it stands now.
        """
        low, high = self.interval(scores)
        changed = final - len(scores)
        return max(annotated, low + changed), high + changed


class CountErrors(Settings):
    """Of a model: the error of its counts at several thresholds."""

    rate: float = Field(gt=0, lt=1)
    images: int = Field(description="that the errors were measured on")
    settings: DetectConfig = Field(description="their threshold is one of several")
    thresholds: tuple[float, ...]
    factors: tuple[float, ...]

    def at(self, settings: DetectConfig) -> CountError | None:
        """Return the error of counts drawn with these settings; None where it was not measured."""
        same = settings.model_copy(update={"threshold": self.settings.threshold})
        apart = np.abs(np.asarray(self.thresholds) - settings.threshold)
        nearest = int(np.argmin(apart))
        if same != self.settings or apart[nearest] > NEAR_THRESHOLD:
            return None
        return CountError(rate=self.rate, factor=self.factors[nearest])


@dataclass(frozen=True)
class Intervals:
    """How often intervals of counts hold the truth.

    Parameters
    ----------
    held, images : int
        In how many of how many images.
    rate : float
        How often they are said to.
    """

    held: int
    images: int
    rate: float

    @property
    def is_refuted(self) -> bool:
        """Whether so few would hold in less than one of twenty cases, were the rate true."""
        return float(bdtr(self.held, self.images, self.rate)) < REFUTED_BELOW

    @property
    def in_words(self) -> str:
        """What to tell the user."""
        doubt = "; do not rely on the intervals of such images" if self.is_refuted else ""
        return (
            f"the true number is in the interval of {self.held} of "
            f"{words.count(self.images, 'image')} (stated: {self.rate:.0%}){doubt}"
        )


REFUTED_BELOW = 0.05
"""Probability of what was seen below which a stated rate is not believed."""

NEAR_THRESHOLD = 0.03
"""Thresholds as near as this give nearly the same count: they were measured 0.05 apart."""


def doubt(scores: npt.NDArray[np.floating[Any]]) -> float:
    """Return the scale of the error of a count: false alarms to be expected, and one more.

    Parameters
    ----------
    scores : ndarray of float, shape (N,)
        Of all that was detected: probabilities that it is a cell, or something that rises with
        them.
    """
    return 1.0 + float((1.0 - scores).sum())


def measure(
    judgements: Sequence[Judgement], settings: DetectConfig, thresholds: Sequence[float]
) -> CountErrors | None:
    """Measure the error of counts.

    Parameters
    ----------
    judgements : sequence of Judgement
        Of images that the network has not learnt from, one each.
    settings : DetectConfig
        What they were made with.
    thresholds : sequence of float
        Where to measure.

    Returns
    -------
    CountErrors or None
        None of fewer than `FEWEST_IMAGES`.
    """
    n = len(judgements)
    if n < FEWEST_IMAGES:
        return None
    # The rank in n + 1 of the new image's error among the others is as likely to be any.
    rank = min(n, math.ceil(RATE * (n + 1)))
    factors = []
    for threshold in thresholds:
        scores = [one.scores[one.scores >= threshold] for one in judgements]
        errors = sorted(
            abs(len(found) - len(one.truth)) / doubt(found)
            for found, one in zip(scores, judgements, strict=True)
        )
        factors.append(round(errors[rank - 1], 4))
    return CountErrors(
        rate=min(RATE, round(n / (n + 1), 3)),
        images=n,
        settings=settings,
        thresholds=tuple(thresholds),
        factors=tuple(factors),
    )
