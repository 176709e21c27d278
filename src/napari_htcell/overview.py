"""Coarser copies of an image that is too large to be looked at, or held in memory, as a whole."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell.progress import Clock, Progress

STEP = 4
"""Each copy has every so many-th pixel of the one before along both axes."""

COARSEST_PX = 1024
"""Side of a copy of which there is no coarser one."""

BAND_PX = 16_000_000
"""Pixels of the image that are in memory at once."""


def coarser_steps(pixels: Any) -> Generator[Progress, None, tuple[npt.NDArray[Any], ...]]:
    """Read an image once, band by band, and return copies of it, the finest first.

    Parameters
    ----------
    pixels : array_like, shape (Y, X) or (Y, X, C)

    Yields
    ------
    Progress
        After each band.

    Returns
    -------
    tuple of ndarray
        Empty if the image is small.
    """
    height, width = pixels.shape[:2]
    if max(height, width) <= COARSEST_PX:
        return ()
    rows = max(1, BAND_PX // width // STEP) * STEP
    tops, bands = range(0, height, rows), []
    clock = Clock(len(tops))
    for done, top in enumerate(tops, start=1):
        band = np.asarray(pixels[top : min(height, top + rows)])
        bands.append(band[::STEP, ::STEP].copy())
        yield Progress("reading", done, len(tops), clock.seconds_left(done))
    copies = [np.concatenate(bands)]
    while max(copies[-1].shape[:2]) > COARSEST_PX:
        copies.append(np.ascontiguousarray(copies[-1][::STEP, ::STEP]))
    return tuple(copies)
