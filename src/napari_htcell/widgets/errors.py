"""What a comparison says about the open image: its errors, and a layer that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from napari.layers import Image, Points

from napari_htcell.comparison import Compared
from napari_htcell.evaluate import Match
from napari_htcell.widgets import layers
from napari_htcell.widgets.overlay import insert

Kind = Literal["found", "false alarm", "missed"]

LOOKS: dict[Kind, tuple[str, str]] = {
    "found": ("#009e73", "ring"),
    "false alarm": ("#56b4e9", "cross"),
    "missed": ("#d55e00", "square"),
}
"""Bluish green, sky blue and vermillion of Okabe and Ito, and forms that differ besides."""

SYMBOL_UM = 32.0
ON_SCREEN = (9.0, 160.0)
"""Diameter of the symbols, and its least and greatest in the window's pixels."""

SYMBOLS = {"ring": "disc", "cross": "cross", "square": "square"}
"""napari's names."""

SIGNS: dict[Kind, str] = {"found": "○", "false alarm": "✚", "missed": "□"}
"""The forms as text, in lists and legends."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """A place in an image and what the comparison says about it.

    Parameters
    ----------
    kind : {"found", "false alarm", "missed"}
    frame : int
    place : ndarray of float, shape (2,)
        (y, x) in pixels.
    score : float or None
        Of the detection; None of a cell without one.
    """

    kind: Kind
    frame: int
    place: np.ndarray
    score: float | None = None


def outcomes(compared: Compared, match: Match, threshold: float) -> list[Outcome]:
    """Return what became of each detection and each cell: errors first, the surest before others.

    Parameters
    ----------
    compared : Compared
    match : Match
        At the threshold.
    threshold : float
    """
    judged = compared.judgement
    counts = judged.scores >= threshold
    points, scores = judged.points[counts], judged.scores[counts]
    is_hit, is_seen = np.zeros(len(points), bool), np.zeros(len(judged.truth), bool)
    is_hit[match.pairs[:, 0]], is_seen[match.pairs[:, 1]] = True, True
    wrong = [
        Outcome("false alarm", compared.frame, points[i], float(scores[i]))
        for i in np.argsort(-scores, kind="stable")
        if not is_hit[i]
    ]
    missed = [Outcome("missed", compared.frame, place) for place in judged.truth[~is_seen]]
    found = [
        Outcome("found", compared.frame, judged.truth[cell], float(scores[point]))
        for point, cell in match.pairs
    ]
    return wrong + missed + found


class ErrorsLayer:
    """One layer with all outcomes of an image, while they are looked at."""

    def __init__(self) -> None:
        self._layer: Points | None = None

    @property
    def layer(self) -> Points | None:
        """The layer; None while nothing is shown."""
        return self._layer

    def draw(
        self, viewer: Any, image: Image, shown: Sequence[Outcome], pixel_size_um: float | None
    ) -> None:
        """Show outcomes where the image lies."""
        self.remove(viewer)
        data = [[one.frame] * (image.ndim - 2) + list(one.place) for one in shown]
        layer = errors_layer(np.asarray(data).reshape(-1, image.ndim), shown, pixel_size_um)
        layers.place(layer, image)
        self._layer = layer
        insert(viewer, layer, len(viewer.layers))

    def remove(self, viewer: Any) -> None:
        """Take the layer out of the viewer."""
        layer, self._layer = self._layer, None
        if layer is not None and viewer is not None and layer in viewer.layers:
            viewer.layers.remove(layer)


def errors_layer(data: np.ndarray, shown: Sequence[Outcome], pixel_size_um: float | None) -> Points:
    """Return a layer with a symbol for each outcome, hollow so that the cell is seen."""
    if not len(shown):
        return Points(ndim=data.shape[1], name="errors")
    colours = [LOOKS[one.kind][0] for one in shown]
    layer = Points(
        data,
        name="errors",
        features=pd.DataFrame(
            {
                "outcome": [one.kind for one in shown],
                "score": [np.nan if one.score is None else one.score for one in shown],
            }
        ),
        symbol=[SYMBOLS[LOOKS[one.kind][1]] for one in shown],
        size=layers.symbol_size(SYMBOL_UM, pixel_size_um),
        face_color="transparent",
        border_color=colours,
        border_width=0.12,
        canvas_size_limits=ON_SCREEN,
    )
    layer.editable = False
    return layer
