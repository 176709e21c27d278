"""The rectangle that is drawn on the canvas with Shift and the mouse."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components.overlays import ZoomOverlay

KEY = "htcell rectangle"


class Rectangle:
    """A frame in the window's pixels, shown while the mouse draws it.

    An overlay of the canvas: a layer would come and go in the user's list of layers, and costs a
    second when the first one is drawn.

    Parameters
    ----------
    viewer : napari.viewer.Viewer or napari.components.ViewerModel
    start : array_like, shape (2,)
        Where it begins, (x, y) on the canvas.
    """

    def __init__(self, viewer: Any, start: Any) -> None:
        overlays = viewer.canvas.overlays
        if KEY not in overlays:
            overlays[KEY] = ZoomOverlay()
        self._overlay = overlays[KEY]
        self._start = tuple(np.asarray(start, dtype=float)[::-1])

    def reach(self, end: Any) -> None:
        """Draw it up to a place, (x, y) on the canvas."""
        self._overlay.position = (self._start, tuple(np.asarray(end, dtype=float)[::-1]))
        self._overlay.visible = True

    def hide(self) -> None:
        """Take it away."""
        self._overlay.visible = False
