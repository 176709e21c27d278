"""Functions between a Shapes layer and complete regions; each works without a viewer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from napari.layers import Shapes
from napari.layers.base import LayerLock

from napari_htcell.annotations import Region
from napari_htcell.widgets import layers

COLOUR = "#e69f00"
"""Orange of Okabe and Ito: a person's word, as in `states`."""

LINE_UM = 5.0
"""Width of an outline."""


def outlines_layer(ndim: int) -> Shapes:
    """Return an empty layer for the outlines of complete regions."""
    layer = Shapes(ndim=ndim, name="complete regions")
    layer.locked = LayerLock.DELETION
    return layer


def style(layer: Shapes, pixel_size_um: float | None) -> None:
    """Set how outlines that are drawn from now on look."""
    layer.selected_data = set()
    layer.current_edge_color = COLOUR
    layer.current_face_color = "transparent"
    layer.current_edge_width = layers.symbol_size(LINE_UM, pixel_size_um)


def draw(layer: Shapes, regions: Sequence[Region], pixel_size_um: float | None = None) -> None:
    """Make a layer show the outlines of regions."""
    layer.selected_data = set()
    layer.data = []
    outlines = [np.asarray(region.polygon, dtype=float) for region in regions]
    if layer.ndim == 3:
        outlines = [
            np.insert(one, 0, region.frame, axis=1)
            for one, region in zip(outlines, regions, strict=True)
        ]
    if outlines:
        layer.add(
            outlines,
            shape_type="polygon",
            edge_color=COLOUR,
            face_color="transparent",
            edge_width=layers.symbol_size(LINE_UM, pixel_size_um),
        )


def regions_of(layer: Shapes) -> tuple[Region, ...]:
    """Return the regions that a layer shows: its polygons and rectangles, (y, x) in pixels."""
    return tuple(
        Region(
            tuple((float(y), float(x)) for y, x in corners[:, -2:]),
            round(float(corners[0, 0])) if layer.ndim == 3 else 0,
        )
        for corners, kind in zip(layer.data, layer.shape_type, strict=True)
        if kind in ("polygon", "rectangle") and len(corners) > 2
    )


def are_same(some: Sequence[Region], others: Sequence[Region]) -> bool:
    """Return whether regions are the same, to a hundredth of a pixel: layers round."""
    return len(some) == len(others) and all(
        one.frame == other.frame
        and len(one.polygon) == len(other.polygon)
        and np.allclose(one.polygon, other.polygon, atol=0.01)
        for one, other in zip(some, others, strict=True)
    )
