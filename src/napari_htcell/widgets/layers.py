"""Functions between napari's image layers and the core's values; each works without a viewer."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Labels, Layer

from napari_htcell.config import PAPER_PIXEL_SIZE_UM
from napari_htcell.widgets.picture import Picture

SAMPLED = 4
CLIPPED = (0.1, 99.9)
"""Percentiles of every so many pixels along each axis between which an image is shown."""

FRAMES_LOOKED_AT = 5
"""Of a time stack, for these percentiles: it may be long, and its frames on a slow disk."""


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
        [picture.pixels, *picture.coarser] if picture.coarser else picture.pixels,
        multiscale=bool(picture.coarser),
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
    pixels = picture.coarser[-1] if picture.coarser else picture.pixels
    if picture.ndim == 3:
        pixels = pixels[:: max(1, -(-len(pixels) // FRAMES_LOOKED_AT))]
    thinned = np.asarray(pixels[..., ::SAMPLED, ::SAMPLED])
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
    if layer.ndim != picture.ndim or bool(layer.rgb) != picture.is_rgb:
        return False
    if layer.multiscale or picture.coarser:
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


def masks_layer(labels: npt.NDArray[np.int32]) -> Labels:
    """Return a layer of cell masks: outlines of one pixel, which leave the cells visible."""
    layer = Labels(labels, name="masks", opacity=0.6)
    layer.contour = 1
    layer.editable = False
    return layer
