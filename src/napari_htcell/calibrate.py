"""A model's default threshold and its figures, from images whose cells are all known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell import config, peaks
from napari_htcell.cards import Figure
from napari_htcell.config import DetectConfig, EvaluateConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.evaluate import Totals, best_threshold, evaluate, total
from napari_htcell.heatmap import heat_map_steps
from napari_htcell.progress import run
from napari_htcell.unet import UNet

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(2, 20))

TOLERANCE = 0.01
"""F that is given away for the lowest threshold: cells of images that a network has not learnt
from score lower than those that it has. With 22 of T98G's training images, of which B knew 8
completely, F on these was 1 from 0.1 to 0.5, but on the 8 others 0.74 at 0.1 and 0.62 at 0.5."""

CUTOFFS_UM = (EvaluateConfig().cutoff_um, config.PAPER_CUTOFF_UM)


def calibrate(
    network: UNet, images: Sequence[LearningImage], settings: DetectConfig, pixel_size_um: float
) -> DetectConfig:
    """Return the settings with the lowest threshold that is as good as the best.

    Contours keep their threshold: another one gives other contours, not fewer of the same.

    Parameters
    ----------
    network : UNet
    images : sequence of LearningImage
        Of a stage that learns from complete images; where only regions are known, only these count.
    settings : DetectConfig
        Method and distance are kept.
    pixel_size_um : float
        Micrometres per pixel of the network.
    """
    if settings.method == "contours":
        return settings
    lowest = settings.model_copy(update={"threshold": THRESHOLDS[0]})
    known = [_compare(network, one, lowest, pixel_size_um) for one in images]
    threshold = best_threshold(
        known, cutoff_um=CUTOFFS_UM[0], thresholds=THRESHOLDS, tolerance=TOLERANCE
    )
    return settings.model_copy(update={"threshold": threshold})


def figures(
    network: UNet,
    images: Sequence[LearningImage],
    settings: DetectConfig,
    pixel_size_um: float,
    on: str,
) -> tuple[Figure, ...]:
    """Measure a network on images whose cells are all known, at both usual cut-offs.

    Parameters
    ----------
    network, images, settings, pixel_size_um
        As of `calibrate`.
    on : str
        What the images are, for the card.
    """
    known = [_compare(network, one, settings, pixel_size_um) for one in images]
    return tuple(
        figure(
            total(
                evaluate(points, truth, cutoff_um=cutoff_um, pixel_size_um=size)
                for points, _, truth, size in known
            ),
            cutoff_um,
            settings,
            on,
        )
        for cutoff_um in CUTOFFS_UM
    )


def figure(totals: Totals, cutoff_um: float, settings: DetectConfig, on: str) -> Figure:
    """Return totals as a card has them."""
    distance = totals.mean_distance_um
    return Figure(
        on=on,
        images=totals.images,
        cutoff_um=round(cutoff_um, 1),
        tp=totals.tp,
        fp=totals.fp,
        fn=totals.fn,
        f_score=round(totals.f_score, 4),
        mean_distance_um=None if math.isnan(distance) else round(distance, 2),
        settings=settings,
    )


def _compare(
    network: UNet, image: LearningImage, settings: DetectConfig, pixel_size_um: float
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], float]:
    """Return all detections, their scores and the truth, within what is known of an image."""
    heat_map = run(heat_map_steps(network, image.image))
    found = peaks.find(heat_map, settings, pixel_size_um)
    inside, truth_inside = (_inside(image.known, p) for p in (found.points, image.truth.points))
    return (
        found.points[inside],
        found.scores[inside],
        image.truth.points[truth_inside],
        pixel_size_um,
    )


def _inside(known: npt.NDArray[np.bool_], points: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which points lie in the image and where its truth is known, shape (N,)."""
    nearest = np.rint(points).astype(int)
    in_image = ((nearest >= 0) & (nearest < known.shape)).all(axis=1)
    clipped = np.clip(nearest, 0, np.asarray(known.shape) - 1)
    inside: npt.NDArray[np.bool_] = in_image & known[clipped[:, 0], clipped[:, 1]]
    return inside
