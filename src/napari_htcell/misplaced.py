"""Points with exchanged axes, or in micrometres: told by what a model has found there.

Where they still lie inside the image nothing else tells, and whoever learns from them learns noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from napari_htcell.config import EvaluateConfig
from napari_htcell.evaluate import evaluate, total
from napari_htcell.pointsfile import Points

LEAST_POINTS = 10
"""Fewer may fit another way by chance."""

LEAST_F = 0.5
"""What was found fits the points as they should be at least so well,"""

TIMES_BETTER = 2.0
"""and so many times better than it fits them as they are."""


def _exchanged(points: Points, pixel_size_um: float) -> Points:
    changed = points.copy()
    changed[:, -2:] = points[:, :-3:-1]
    return changed


def _from_um(points: Points, pixel_size_um: float) -> Points:
    changed = points.copy()
    changed[:, -2:] /= pixel_size_um
    return changed


READINGS: Mapping[str, Callable[[Points, float], Points]] = {
    "with y and x exchanged": _exchanged,
    "taken as micrometres, not pixels": _from_um,
}
"""How else points may be meant, in words."""


def misplaced(images: Iterable[tuple[Points, Points, float]]) -> str:
    """Return what to say of points that fit far better read another way; "" if none do.

    Parameters
    ----------
    images : iterable of (ndarray, ndarray, float)
        Of each image what was found and the points, each of shape (N, 2) or (N, 3), as (y, x) or
        (frame, y, x) in pixels, and its micrometres per pixel.
    """
    known = [one for one in images if len(one[1])]
    if sum(len(points) for _, points, _ in known) < LEAST_POINTS:
        return ""
    cutoff_um = float(EvaluateConfig().cutoff_um)

    def f_of(read: Callable[[Points, float], Points]) -> float:
        return total(
            evaluate(found, read(points, size), cutoff_um=cutoff_um, pixel_size_um=size)
            for found, points, size in known
        ).f_score

    before = f_of(lambda points, _: points)
    if before > 1 / TIMES_BETTER:
        return ""
    words, best = max(((words, f_of(read)) for words, read in READINGS.items()), key=lambda x: x[1])
    if best < max(LEAST_F, TIMES_BETTER * before):
        return ""
    return (
        f"what was found fits these points far better {words} (F {best:.2f} instead of "
        f"{before:.2f}); are they in pixels, y down and x to the right?"
    )
