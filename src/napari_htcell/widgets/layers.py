"""Functions between napari's layers and the core's values; each works without a viewer."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from napari.layers import Image, Labels, Layer, Points
from napari.layers.base import LayerLock

from napari_htcell.annotations import BY_HAND, Annotation
from napari_htcell.config import PAPER_PIXEL_SIZE_UM
from napari_htcell.detections import Detections
from napari_htcell.widgets.document import Picture
from napari_htcell.widgets.states import AGREED, ANNOTATED, CANDIDATE, MISSED

DOT_ON_SCREEN = (7.0, 80.0)
RING_ON_SCREEN = (9.0, 160.0)
"""Least and greatest diameter of the symbols in the window's pixels, however far one zooms."""

RING_WIDTH, CHOSEN_WIDTH = 0.12, 0.15
"""Widths of a ring, and of the one that keys have gone to, as parts of its diameter."""

CHOSEN_TIMES = 3.0
"""How much larger that one is, to be found in a whole image."""

SAMPLED = 4
CLIPPED = (0.1, 99.9)
"""Percentiles of every so many pixels along each axis between which an image is shown."""


def bare(proxied: Any) -> Any:
    """Return the napari object itself: two proxies of one layer are not the same object."""
    return inspect.unwrap(proxied)


def pixel_size_um(layer: Image) -> tuple[float | None, str]:
    """Return micrometres per pixel of an image layer, and in words who says so.

    Parameters
    ----------
    layer : Image

    Returns
    -------
    size : float or None
        None if the layer has neither a length unit nor a scale.
    known_from : str
        Empty where nobody says.
    """
    scale, unit = float(layer.scale[-1]), layer.units[-1]
    if str(unit) != "pixel":
        try:
            return scale * float((1 * unit).to("micrometer").magnitude), "the image layer"
        # pint raises its own errors for units that are no lengths.
        except Exception:  # noqa: BLE001
            return None, ""
    # Many readers set the scale in micrometres and no unit.
    return (None, "") if scale == 1 else (scale, "the layer's scale, taken as µm")


def picture_of(layer: Image) -> Picture:
    """Return what a layer shows, as the core takes it; the pixels are not copied."""
    size, known_from = pixel_size_um(layer)
    path = layer.source.path
    return Picture(
        layer.name,
        layer.data[0] if layer.multiscale else layer.data,
        bool(layer.rgb),
        size,
        known_from,
        Path(path) if path else None,
    )


def image_layer(picture: Picture) -> Image:
    """Return a layer that shows a picture, in micrometres where their number is known."""
    size = picture.pixel_size_um
    scale = [1.0] * (picture.ndim - 2) + [size or 1.0] * 2
    units = ["pixel"] * (picture.ndim - 2) + ["pixel" if size is None else "um"] * 2
    return Image(
        picture.pixels,
        rgb=picture.is_rgb,
        name=picture.name,
        scale=scale,
        units=units,
        contrast_limits=None if picture.is_rgb else contrast_limits(picture),
    )


def contrast_limits(picture: Picture) -> tuple[float, float] | None:
    """Return grey levels that show a picture well, None to leave them to napari.

    A few specks are far brighter than any cell; between them and black, cells would be faint.
    """
    thinned = np.asarray(picture.pixels[..., ::SAMPLED, ::SAMPLED])
    levels = thinned[np.isfinite(thinned)]
    if not len(levels):
        return None
    low, high = (float(level) for level in np.percentile(levels, CLIPPED))
    return (low, high) if high > low else None


def show_picture(layer: Image, picture: Picture) -> bool:
    """Make a layer show another picture, which is faster than another layer.

    Returns
    -------
    bool
        False, with the layer as it was, if the picture is of another kind.
    """
    if layer.ndim != picture.ndim or bool(layer.rgb) != picture.is_rgb or layer.multiscale:
        return False
    like = image_layer(picture)
    layer.data = picture.pixels
    place(layer, like)
    layer.name = picture.name
    if not picture.is_rgb:
        layer.contrast_limits_range = like.contrast_limits_range
        layer.contrast_limits = like.contrast_limits
    return True


def placement(layer: Image) -> dict[str, Any]:
    """Return where a layer lies in the world, to place another one exactly there."""
    names = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    return {name: getattr(layer, name) for name in names}


def place(layer: Layer, like: Image) -> None:
    """Put a layer where an image layer lies."""
    put(layer, placement(like))


def put(layer: Layer, placed: dict[str, Any]) -> None:
    """Put a layer at a place in the world, as `placement` returns it."""
    for name, value in placed.items():
        # Each assignment draws the layer anew.
        if not _is_same(getattr(layer, name), value):
            setattr(layer, name, value)


def _is_same(one: Any, other: Any) -> bool:
    one, other = (getattr(value, "affine_matrix", value) for value in (one, other))
    return bool(np.array_equal(one, other))


def symbol_size(um: float, pixel_size_um: float | None) -> float:
    """Return a symbol's diameter in pixels of the image."""
    return um / (pixel_size_um or PAPER_PIXEL_SIZE_UM)


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


def masks_layer(labels: npt.NDArray[np.int32]) -> Labels:
    """Return a layer of cell masks: outlines of one pixel, which leave the cells visible."""
    layer = Labels(labels, name="masks", opacity=0.6)
    layer.contour = 1
    layer.editable = False
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
    features = {"source": list(annotation.sources), "state": [one.words for one in states]}
    if _draw(layer, annotation.points, features) and states:
        # All points anew: what they had before follows their index, not their place.
        layer.symbol = [one.symbol for one in states]
        layer.face_color = layer.border_color = np.asarray([one.rgba for one in states])
    _resize(layer, [symbol_size(one.um, pixel_size_um) for one in states])


def draw_detections(
    layer: Points, found: Detections | None, pixel_size_um: float | None = None
) -> None:
    """Make a layer show detections; none without them."""
    points = np.empty((0, layer.ndim)) if found is None else found.points
    if _draw(layer, points, {"score": [] if found is None else found.scores.tolist()}):
        mark(layer, None)
    _resize(layer, [symbol_size(CANDIDATE.um, pixel_size_um)] * len(points))


def mark(layer: Points, index: int | None) -> None:
    """Draw one ring larger and more boldly than the others; none without an index.

    Not by selecting it: napari shows what is selected in the active layer alone.
    """
    widths = np.full(len(layer.data), RING_WIDTH)
    sizes = np.full(len(layer.data), layer.size.min(initial=np.inf))
    if index is not None:
        widths[index] = CHOSEN_WIDTH
        sizes[index] *= CHOSEN_TIMES
    if not np.array_equal(layer.border_width, widths):
        layer.border_width = widths
    _resize(layer, sizes)


def _resize(layer: Points, sizes: npt.ArrayLike) -> None:
    if not np.array_equal(layer.size, sizes):
        layer.size = np.asarray(sizes)


def _draw(layer: Points, points: np.ndarray, features: dict[str, list[Any]]) -> bool:
    """Return whether there is anything new to draw; what is drawn already costs no time."""
    layer.selected_data = set()
    is_drawn = list(layer.features) == list(features) and all(
        list(layer.features[name]) == values for name, values in features.items()
    )
    if is_drawn and np.array_equal(layer.data, points):
        return False
    layer.data = points
    # Assigned as a whole: changes in place are not seen by the layer.
    layer.features = pd.DataFrame(features, index=range(len(points)))
    return True


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
