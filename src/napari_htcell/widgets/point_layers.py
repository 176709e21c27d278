"""The layers of points: what a person annotated, and what a model found; none needs a viewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from napari.layers import Points
from napari.layers.base import ActionType, LayerLock

from napari_htcell.annotations import BY_HAND, Annotation
from napari_htcell.detections import Detections
from napari_htcell.widgets import scores
from napari_htcell.widgets.layers import symbol_size
from napari_htcell.widgets.states import AGREED, ANNOTATED, CANDIDATE, MISSED

DOT_ON_SCREEN = (7.0, 80.0)
RING_ON_SCREEN = (9.0, 160.0)
"""Least and greatest diameter of the symbols in the window's pixels, however far one zooms."""

RING_WIDTH, CHOSEN_WIDTH = 0.12, 0.15
"""Widths of a ring, and of the one that keys have gone to, as parts of its diameter."""

CHOSEN_TIMES = 3.0
"""How much larger that one is, to be found in a whole image."""

REDRAWING = (
    "data",
    "set_data",
    "symbol",
    "face_color",
    "border_color",
    "border_width",
    "highlight",
)
"""Events of a layer at each of which napari draws all of its points anew."""


def annotated_layer(ndim: int, pixel_size_um: float | None) -> Points:
    """Return an empty layer for what a person annotated: filled dots."""
    layer = Points(
        ndim=ndim,
        name="annotated",
        features=pd.DataFrame({"source": pd.Series(dtype=object)}),
        symbol="disc",
        size=symbol_size(ANNOTATED.um, pixel_size_um),
        face_color=ANNOTATED.colour,
        # A border of another colour would swallow the dot where napari enlarges it for the screen.
        border_color=ANNOTATED.colour,
        border_width=0,
        canvas_size_limits=DOT_ON_SCREEN,
    )
    layer.locked = LayerLock.DELETION
    return layer


def detected_layer(ndim: int, pixel_size_um: float | None) -> Points:
    """Return an empty layer for what a model found besides: hollow rings of another colour."""
    layer = Points(
        ndim=ndim,
        name="detected",
        features=pd.DataFrame({"score": pd.Series(dtype=float)}),
        symbol="disc",
        size=symbol_size(CANDIDATE.um, pixel_size_um),
        face_color="transparent",
        border_color=CANDIDATE.colour,
        border_width=RING_WIDTH,
        canvas_size_limits=RING_ON_SCREEN,
    )
    layer.locked = LayerLock.DELETION
    return layer


def draw_annotation(
    layer: Points,
    annotation: Annotation,
    is_detected: npt.NDArray[np.bool_] | None = None,
    pixel_size_um: float | None = None,
) -> None:
    """Make a layer show an annotation.

    Parameters
    ----------
    layer : Points
    annotation : Annotation
    is_detected : ndarray of bool, shape (N,), optional
        Whether the model has found each point; without it, no model was run.
    pixel_size_um : float, optional
        Micrometres per pixel, for the size of the symbols.
    """
    states = (
        [ANNOTATED] * len(annotation.points)
        if is_detected is None
        else [AGREED if one else MISSED for one in is_detected]
    )
    colours = np.asarray([one.rgba for one in states], dtype=np.float32).reshape(-1, 4)
    features = {"source": list(annotation.sources), "state": [one.words for one in states]}
    looks: dict[str, npt.ArrayLike] = {
        "symbol": [one.symbol for one in states],
        "face_color": colours,
        "border_color": colours,
        "size": [symbol_size(one.um, pixel_size_um) for one in states],
    }
    _show(layer, annotation.points, looks, features)


def draw_detections(
    layer: Points,
    found: Detections | None,
    pixel_size_um: float | None = None,
    *,
    shows_scores: bool = False,
) -> None:
    """Make a layer show detections, by the colour of their scores or all alike; none without."""
    points = np.empty((0, layer.ndim)) if found is None else found.points
    values = np.empty(0) if found is None else found.scores
    looks: dict[str, npt.ArrayLike] = {
        "border_width": np.full(len(points), RING_WIDTH),
        "border_color": scores.ring_colours(values, shows=shows_scores),
        "size": np.full(len(points), symbol_size(CANDIDATE.um, pixel_size_um)),
    }
    _show(layer, points, looks, {"score": values.tolist()})


def colour_by_score(layer: Points, *, shows: bool) -> None:
    """Give every candidate of a layer the colour of its score, or all the same one."""
    values = layer.features["score"].to_numpy(dtype=np.float32, na_value=0)
    _show(layer, layer.data, {"border_color": scores.ring_colours(values, shows=shows)})


def mark(layer: Points, index: int) -> None:
    """Draw one ring larger and more boldly than the others, until they are drawn anew.

    Not by selecting it: napari shows what is selected in the active layer alone.
    """
    widths = np.full(len(layer.data), RING_WIDTH)
    sizes = np.full(len(layer.data), layer.size.min(initial=np.inf))
    widths[index] = CHOSEN_WIDTH
    sizes[index] *= CHOSEN_TIMES
    _show(layer, layer.data, {"border_width": widths, "size": sizes})


def show_moved(layer: Points, index: int, place: npt.NDArray[np.float64]) -> None:
    """Show a point elsewhere."""
    points = np.array(layer.data)
    points[index] = place
    _show(layer, points)


def _show(
    layer: Points,
    points: npt.NDArray[np.float64],
    looks: Mapping[str, npt.ArrayLike] | None = None,
    features: Mapping[str, list[Any]] | None = None,
) -> None:
    """Make a layer show points, drawn once and not after each assignment, if they are others.

    Whoever listens to its data is told once, when the change is complete.

    Parameters
    ----------
    layer : Points
    points : ndarray of float, shape (N, 2) or (N, 3)
    looks : mapping of str to array_like of length N, optional
        By the names of the layer's properties. What a point had before follows its index, not its
        place.
    features : mapping of str to list of length N, optional
    """
    is_moved = not np.array_equal(layer.data, points)
    changed = False
    with ExitStack() as quiet:
        for name in REDRAWING:
            quiet.enter_context(getattr(layer.events, name).blocker())
        if is_moved:
            layer.selected_data = set()
            layer.data = points
        for name, values in (looks or {}).items():
            if not np.array_equal(getattr(layer, name), np.asarray(values)):
                setattr(layer, name, values)
                changed = True
        if features is not None and not _has_features(layer, features):
            # Assigned as a whole: changes in place are not seen by the layer.
            layer.features = pd.DataFrame(features, index=range(len(points)))
    if is_moved:
        indices = tuple(range(len(points)))
        action = ActionType.CHANGED
        layer.events.data(
            value=layer.data, action=action, data_indices=indices, vertex_indices=((),)
        )
    if is_moved or changed:
        layer.refresh()


def _has_features(layer: Points, features: Mapping[str, list[Any]]) -> bool:
    return list(layer.features) == list(features) and all(
        list(layer.features[name]) == values for name, values in features.items()
    )


def sources_of(layer: Points, added: Sequence[int] = ()) -> tuple[str, ...]:
    """Return who each point of a layer comes from.

    Parameters
    ----------
    layer : Points
    added : sequence of int
        Points just added by hand; their feature is that of whatever point was selected before.
    """
    count = len(layer.data)
    known = [BY_HAND] * count
    if "source" in layer.features:
        known = [str(one) if isinstance(one, str) else BY_HAND for one in layer.features["source"]]
    by_hand = {index % count for index in added} if count else set()
    return tuple(BY_HAND if i in by_hand else source for i, source in enumerate(known))


def points_to_annotation(layer: Points) -> Annotation:
    """Return the annotation that a points layer shows, in pixels of its image."""
    return Annotation(np.asarray(layer.data, dtype=np.float64), sources_of(layer))


def nearest(points: np.ndarray, where: np.ndarray, radius: float) -> tuple[int, float] | None:
    """Return index and distance of the nearest point within a radius, in the same frame.

    Parameters
    ----------
    points : ndarray, shape (N, 2) or (N, 3)
    where : ndarray, shape (2,) or (3,)
    radius : float
        In pixels.
    """
    if not len(points):
        return None
    distances = np.linalg.norm(points[:, -2:] - where[-2:], axis=1)
    if points.shape[1] == 3:
        distances[np.rint(points[:, 0]) != np.rint(where[0])] = np.inf
    index = int(distances.argmin())
    return (index, float(distances[index])) if distances[index] <= radius else None
