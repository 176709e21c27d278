"""What a comparison says about the open image: its errors, and a layer that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from napari.layers import Image, Points
from scipy.spatial import KDTree

from napari_htcell.comparison import Compared
from napari_htcell.evaluate import Match
from napari_htcell.widgets import layers
from napari_htcell.widgets.overlay import insert
from napari_htcell.widgets.states import Form

Kind = Literal["found", "false alarm", "missed"]

LOOKS: dict[Kind, tuple[str, Form]] = {
    "found": ("#009e73", "ring"),
    "false alarm": ("#56b4e9", "cross"),
    "missed": ("#d55e00", "square"),
}
"""Bluish green, sky blue and vermillion of Okabe and Ito, and forms that differ besides."""

SYMBOL_UM = 32.0
LEAST_UM = 10.0
ON_SCREEN = (6.0, 160.0)
"""Diameter of a symbol where there is room, that of one among crowded others, and the least and the
greatest in the window's pixels."""

APART = 0.9
"""Part of the distance to the next symbol that a symbol takes: crowded ones stay apart."""

LINE = 0.12
"""Width of a symbol's line, as a part of its diameter."""

CHOSEN_UM = 80.0
CHOSEN_ON_SCREEN = (34.0, 400.0)
CHOSEN_LINES = (("#000000", 0.10), ("#ffffff", 0.05))
"""The ring around the error that is chosen: white with a black edge is seen on all that cells and
their halos can be."""

SYMBOLS = {"ring": "disc", "cross": "cross", "square": "square"}
"""napari's names."""


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

    def is_same(self, other: Outcome) -> bool:
        """Return whether another one says the same of the same place."""
        same = (self.kind, self.frame) == (other.kind, other.frame)
        return same and np.array_equal(self.place, other.place)


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
    """One layer with all outcomes of an image, while they are looked at, and one for the chosen."""

    def __init__(self) -> None:
        self._layer: Points | None = None
        self._chosen: Points | None = None

    @property
    def layer(self) -> Points | None:
        """The layer; None while nothing is shown."""
        return self._layer

    def draw(
        self,
        viewer: Any,
        image: Image,
        shown: Sequence[Outcome],
        pixel_size_um: float | None,
        chosen: Outcome | None = None,
    ) -> None:
        """Show outcomes where the image lies, one of them with a ring around it."""
        self.remove(viewer)
        self._layer = errors_layer(_data(shown, image), shown, pixel_size_um)
        layers.place(self._layer, image)
        insert(viewer, self._layer, len(viewer.layers))
        self.mark(viewer, image, chosen, pixel_size_um)

    def mark(
        self, viewer: Any, image: Image, chosen: Outcome | None, pixel_size_um: float | None
    ) -> None:
        """Put the ring around another outcome, or around none."""
        self._take_out(viewer, self._chosen)
        self._chosen = None
        if chosen is None:
            return
        layer = chosen_layer(_data([chosen] * len(CHOSEN_LINES), image), pixel_size_um)
        layers.place(layer, image)
        self._chosen = layer
        insert(viewer, layer, len(viewer.layers))

    def remove(self, viewer: Any) -> None:
        """Take both layers out of the viewer."""
        shown, self._layer, self._chosen = (self._chosen, self._layer), None, None
        for layer in shown:
            self._take_out(viewer, layer)

    def _take_out(self, viewer: Any, layer: Points | None) -> None:
        if layer is not None and viewer is not None and layer in viewer.layers:
            viewer.layers.remove(layer)


def _data(shown: Sequence[Outcome], image: Image) -> np.ndarray:
    data = [[one.frame] * (image.ndim - 2) + list(one.place) for one in shown]
    return np.asarray(data, dtype=float).reshape(-1, image.ndim)


def sizes(data: np.ndarray, pixel_size_um: float | None) -> np.ndarray:
    """Return the diameters of symbols in pixels: smaller where the next one is near.

    Parameters
    ----------
    data : ndarray of float, shape (N, 2) or (N, 3)
        (y, x) or (frame, y, x) in pixels.
    pixel_size_um : float or None
    """
    least, most = (layers.symbol_size(um, pixel_size_um) for um in (LEAST_UM, SYMBOL_UM))
    if len(data) < 2:
        return np.full(len(data), most)
    # Another frame is further away than any symbol is large.
    places = data.copy()
    places[:, :-2] *= 2 * most
    apart = np.asarray(KDTree(places).query(places, k=2)[0])[:, 1]
    return np.clip(APART * apart, least, most)


def errors_layer(data: np.ndarray, shown: Sequence[Outcome], pixel_size_um: float | None) -> Points:
    """Return a layer with a symbol for each outcome, hollow so that the cell is seen."""
    if not len(shown):
        return Points(ndim=data.shape[1], name="errors")
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
        size=sizes(data, pixel_size_um),
        face_color="transparent",
        border_color=[LOOKS[one.kind][0] for one in shown],
        border_width=LINE,
        canvas_size_limits=ON_SCREEN,
    )
    layer.editable = False
    return layer


def chosen_layer(data: np.ndarray, pixel_size_um: float | None) -> Points:
    """Return a layer with the ring around the outcome that is chosen."""
    layer = Points(
        data,
        name="chosen error",
        symbol="disc",
        size=layers.symbol_size(CHOSEN_UM, pixel_size_um),
        face_color="transparent",
        border_color=[colour for colour, _ in CHOSEN_LINES],
        border_width=[width for _, width in CHOSEN_LINES],
        canvas_size_limits=CHOSEN_ON_SCREEN,
    )
    layer.editable = False
    return layer
