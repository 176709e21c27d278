"""A second look at partial clicks: what looks like a cell, and nobody clicked, is not background.

Partial clicks say where cells are, not where none are. A network that is told that all else is
background learns that cells are background where most of them were not clicked. Halfway, it knows
well enough what the clicked ones look like; from there on, places that look like them have no say,
neither as cells nor as background (Wu et al., BMVC 2019, "Soft sampling for robust object
detection"; Zhang et al., ICASSP 2020, "Solving missing-annotation object detection with background
recalibration loss").

Debris looks like cells too. Where most cells were clicked, to know that it is none is worth more
than the few that were missed: all stays background there (docs/version_e.md has the figures).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Generator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial import KDTree

from napari_htcell.calibrate import judge
from napari_htcell.config import DetectConfig, EvaluateConfig
from napari_htcell.dataset import KNOWN_ABOVE, LearningImage
from napari_htcell.evaluate import Judgement
from napari_htcell.network import Network
from napari_htcell.progress import Progress
from napari_htcell.targets import gaussian_spots
from napari_htcell.training import Lesson

LIKELY = 0.1
"""A place is likely a cell if its score is above those of this part of the clicked cells."""

ZONE_SIGMAS = 2.5
"""So many standard deviations of a spot around it have no say: 20 um in version E."""


def second_look(
    lesson: Lesson, network: Network, device: torch.device, precision: torch.dtype
) -> Generator[Progress, None, Lesson]:
    """Return a lesson in which likely cells that nobody clicked have no say.

    It is the same lesson if its stage does not ask for that, or if there are no more of them than
    were clicked.

    Parameters
    ----------
    lesson : Lesson
    network : Network
        As it begins the lesson; not changed.
    device : torch.device
    precision : torch.dtype
        That of the training.

    Yields
    ------
    Progress
        After each image.
    """
    if not lesson.stage.ignores_likely:
        return lesson
    teacher = copy.deepcopy(network)
    yield from teacher.settle(lesson.images, device, precision)
    looked: list[Judgement] = []
    for done, one in enumerate(lesson.images, start=1):
        looked += judge(teacher, [one], DetectConfig(), one.pixel_size_um)
        yield Progress("looking for cells that nobody clicked", done, len(lesson.images))
    is_clicked = [_is_clicked(one) for one in looked]
    clicked = np.concatenate([one.scores[at] for one, at in zip(looked, is_clicked, strict=True)])
    if not len(clicked):
        return lesson
    level = float(np.quantile(clicked, LIKELY))
    likely = [
        one.points[(one.scores >= level) & ~at] for one, at in zip(looked, is_clicked, strict=True)
    ]
    n_clicks = sum(len(one.truth.points) for one in lesson.images)
    if sum(map(len, likely)) <= n_clicks:
        return lesson
    images = [
        _without(one, points, lesson) for one, points in zip(lesson.images, likely, strict=True)
    ]
    return replace(lesson, images=images)


def _is_clicked(looked: Judgement) -> npt.NDArray[np.bool_]:
    """Return which of the points found, shape (N,), are at a click."""
    assert looked.pixel_size_um is not None
    if not len(looked.truth):
        return np.zeros(len(looked.points), bool)
    distances = np.asarray(KDTree(looked.truth).query(looked.points)[0])
    return distances <= EvaluateConfig().cutoff_um / looked.pixel_size_um


def _without(one: LearningImage, likely: npt.NDArray[np.float64], lesson: Lesson) -> LearningImage:
    """Return an image in which zones around some points, shape (N, 2), do not count."""
    sigma_px = lesson.config.spot_sigma_um / one.pixel_size_um
    spots = gaussian_spots(replace(one.truth, points=likely), sigma_px)
    is_zone = spots > math.exp(-(ZONE_SIGMAS**2) / 2)
    # What was clicked stays known.
    return replace(one, known=one.known & (~is_zone | (one.target > KNOWN_ABOVE)))
