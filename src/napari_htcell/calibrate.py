"""A model's default threshold and its figures, from images whose cells are all known."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_htcell import config, peaks
from napari_htcell.cards import Figure
from napari_htcell.config import DetectConfig, EvaluateConfig
from napari_htcell.dataset import LearningImage
from napari_htcell.evaluate import Judgement, Totals, total
from napari_htcell.heatmap import heat_map_steps
from napari_htcell.network import Network
from napari_htcell.progress import run
from napari_htcell.versions import TOLERANCE, Preferred

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(2, 20))

LOWEST = 0.02
"""Detections with lower scores are not looked for: before its scores are calibrated, a network may
give this little to cells of a kind that it does not know."""

TRIED = (LOWEST, THRESHOLDS[0] / 2, *THRESHOLDS)
"""Thresholds of which the best is taken, of scores that nobody may have calibrated."""

LEAST_CELLS = 10
"""Fewer cells tell nothing: of four, all bright, a network learnt to find no others, and a
threshold that suited them was wrong for the rest (docs/version_e.md)."""

CUTOFFS_UM = (EvaluateConfig().cutoff_um, config.PAPER_CUTOFF_UM)


def judge(
    network: Network,
    images: Sequence[LearningImage],
    settings: DetectConfig,
    pixel_size_um: float,
) -> list[Judgement]:
    """Detect in images of a stage that learns from complete ones.

    Parameters
    ----------
    network : Network
    images : sequence of LearningImage
        Where only regions are complete, only these count: clicks outside say where cells are, and
        nothing of where none are.
    settings : DetectConfig
        Their threshold counts for contours alone: another one gives other contours, not fewer of
        the same.
    pixel_size_um : float
        Micrometres per pixel of the network.
    """
    if settings.method == "peaks":
        settings = settings.model_copy(update={"threshold": LOWEST})
    judgements = []
    for one in images:
        heat_map = run(heat_map_steps(network, one.image))
        found = peaks.find(heat_map, settings, pixel_size_um)
        inside = one.is_complete_at(found.points)
        judgements.append(
            Judgement(
                found.points[inside],
                found.scores[inside],
                one.complete_points,
                pixel_size_um,
                lowest=settings.threshold if settings.method == "peaks" else 0.0,
            )
        )
    return judgements


def choose_threshold(
    judgements: Sequence[Judgement],
    settings: DetectConfig,
    tolerance: float = TOLERANCE,
    *,
    preferred: Preferred = "lowest",
) -> DetectConfig:
    """Return the settings with a threshold whose F is as good as the best.

    Contours and masks keep theirs, and so do peaks where there is no cell: F says nothing there. A
    threshold below which nothing was looked for is not chosen: it would find more than was judged.

    Parameters
    ----------
    judgements : sequence of Judgement
    settings : DetectConfig
    tolerance : float, optional
        F that may be given away for the lowest.
    preferred : {"lowest", "expected"}, optional
        "lowest" takes the lowest that gives away no more than the tolerance. "expected" takes, of
        those within a standard error of the best, the one nearest to half of the best F: there
        calibrated scores have their best threshold (Lipton et al. 2014, "Optimal thresholding of
        classifiers to maximize F1 measure"), and few images may show it elsewhere by chance. Of
        fewer cells than `LEAST_CELLS` the threshold stays.
    """
    candidates = thresholds_of(settings, judgements)
    cells = sum(len(one.truth) for one in judgements)
    if cells < (LEAST_CELLS if preferred == "expected" else 1):
        nearest = min(candidates, key=lambda one: abs(one - settings.threshold))
        return settings.model_copy(update={"threshold": nearest})
    results = {
        threshold: f_score_of(judgements, settings.model_copy(update={"threshold": threshold}))
        for threshold in candidates
    }
    best = max(results.values())
    if preferred == "expected":
        tolerance = standard_error(best, cells)
    good = [threshold for threshold, result in results.items() if result >= best - tolerance]
    chosen = good[0] if preferred == "lowest" else min(good, key=lambda one: abs(one - best / 2))
    return settings.model_copy(update={"threshold": chosen})


def standard_error(f_score: float, cells: int) -> float:
    """Return how far F may be from what more images would give, from the number of their cells."""
    # One more found and one more missed: else a few cells, all found, would leave no doubt.
    rate = (f_score * cells + 1) / (cells + 2)
    return math.sqrt(rate * (1 - rate) / max(cells, 1))


def f_score_of(judgements: Sequence[Judgement], settings: DetectConfig) -> float:
    """Return F of all images together at the usual cut-off."""
    return total(one.match(settings.threshold, CUTOFFS_UM[0]) for one in judgements).f_score


def best_f_score(judgements: Sequence[Judgement], settings: DetectConfig) -> float:
    """Return F at the best threshold, of scores that are not calibrated yet."""
    if settings.method != "peaks":
        return f_score_of(judgements, settings)
    return max(
        f_score_of(judgements, settings.model_copy(update={"threshold": threshold}))
        for threshold in TRIED
    )


def thresholds_of(
    settings: DetectConfig, judgements: Sequence[Judgement] = ()
) -> tuple[float, ...]:
    """Return the thresholds at which judgements tell what would be found; see `judge`."""
    if settings.method != "peaks":
        return (settings.threshold,)
    lowest = max((one.lowest for one in judgements), default=0.0)
    return tuple(one for one in THRESHOLDS if one >= lowest) or THRESHOLDS[-1:]


def figures(judgements: Sequence[Judgement], settings: DetectConfig, on: str) -> tuple[Figure, ...]:
    """Return F and the counts behind it at both usual cut-offs; nothing of no images.

    Parameters
    ----------
    judgements : sequence of Judgement
    settings : DetectConfig
    on : str
        What the images are, for the card.
    """
    if not judgements:
        return ()
    threshold = settings.threshold if settings.method == "peaks" else 0
    return tuple(
        figure(total(one.match(threshold, cutoff) for one in judgements), cutoff, settings, on)
        for cutoff in CUTOFFS_UM
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
