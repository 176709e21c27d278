"""Whether an image shows its cells in relief, as if lit from one side.

Differential interference contrast and oblique light make one flank of every cell bright and the
other dark. A network learns from that where a cell's middle is, unless it is shown the same cells
turned around, where bright and dark have changed places. Phase contrast and fluorescence look the
same from all sides.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

STEP_UM = 13.0
"""From one flank of a cell to the other."""

BLOCK_UM = 175.0
"""Side of the parts whose directions must agree: each has a few cells."""

LEAST_BLOCKS = 9

LEAST_RELIEF, LEAST_AGREEMENT = 0.08, 4.0
"""Of the mean over all parts, and its length over its standard error. At these the five images of
`muscle` are in relief (0.12 to 0.14, 4.4 to 5.2), and none of the 30 T98G training images (most in
both: 0.05, 4.7), of BBBC039, or of simulated phase contrast; no test image was looked at."""

CLIPPED_AT = 4.0
"""Standard deviations: a speck of dust is no direction."""


def is_in_relief(image: npt.NDArray[np.floating[Any]], pixel_size_um: float) -> bool:
    """Return whether all parts of an image are bright on the same flank of what is in them.

    For grey levels g(x) and g(x + d), the mean of g(x) g(x + d)^2 - g(x)^2 g(x + d) changes its
    sign if the image is turned around, so that it is zero where no direction is special.

    Parameters
    ----------
    image : ndarray of float, shape (Y, X)
        Standardised grey level.
    pixel_size_um : float
        Its micrometres per pixel.

    Returns
    -------
    bool
        False of images too small to tell.
    """
    step, side = (max(1, round(um / pixel_size_um)) for um in (STEP_UM, BLOCK_UM))
    grey = np.clip(image, -CLIPPED_AT, CLIPPED_AT)
    here = grey[:-step, :-step]
    rows, columns = (extent // side for extent in here.shape)
    if rows * columns < LEAST_BLOCKS:
        return False
    beyond = np.stack([grey[step:, :-step], grey[:-step, step:]])
    asymmetry = here * beyond**2 - here**2 * beyond
    parts = np.array(
        [
            asymmetry[:, side * y : side * (y + 1), side * x : side * (x + 1)].mean(axis=(1, 2))
            for y, x in product(range(rows), range(columns))
        ]
    )
    mean, scale = parts.mean(axis=0), np.mean(np.abs(grey) ** 3)
    if np.hypot(*mean) <= LEAST_RELIEF * scale:
        return False
    error = parts.std(axis=0) / np.sqrt(len(parts)) + np.finfo(float).tiny
    return bool(np.hypot(*(mean / error)) > LEAST_AGREEMENT)
