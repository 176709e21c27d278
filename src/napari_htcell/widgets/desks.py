"""The desk of each viewer: the widgets of one viewer share it."""

from __future__ import annotations

import weakref
from typing import Any

from napari.layers import Image

from napari_htcell.widgets import layers, view
from napari_htcell.widgets.desk import Desk

_DESKS: dict[int, Desk] = {}


def desk_of(viewer: Any) -> Desk:
    """Return the desk of a viewer; the widgets of one viewer share it."""
    real = layers.bare(viewer)
    # By identity: comparing two viewers compares all of their state.
    key = id(real)
    if key not in _DESKS:
        _DESKS[key] = Desk(real)
        weakref.finalize(real, _DESKS.pop, key, None)
    return _DESKS[key]


def image_worked_on(viewer: Any) -> Image | None:
    """Return the image that a viewer's widgets work on, or would if there were one open."""
    desk = _DESKS.get(id(layers.bare(viewer)))
    return view.image_in(viewer) if desk is None else desk.image
