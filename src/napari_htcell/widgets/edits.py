"""What was done to the points layers with napari's own tools, taken over into the document."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Points
from napari.layers.base import ActionType

from napari_htcell.widgets import point_layers
from napari_htcell.widgets.document import Document


def take_over_annotation(document: Document, layer: Points, event: Any) -> bool:
    """Annotate what the layer of annotated points shows.

    Parameters
    ----------
    document : Document
    layer : Points
    event : napari.utils.events.Event
        Of `layer.events.data`.

    Returns
    -------
    bool
        Whether the document has changed.
    """
    if not is_done(event.action):
        return False
    added = event.data_indices if event.action == ActionType.ADDED else ()
    # Of what is put there now: an image that has become smaller keeps its clicks.
    touched = () if event.action == ActionType.REMOVED else event.data_indices
    outside = [index for index in touched if not document.contains(layer.data[index])]
    if outside and event.action == ActionType.CHANGED:
        # Drawn anew it is where it was.
        return True
    is_kept = np.ones(len(layer.data), dtype=bool)
    is_kept[outside] = False
    sources = point_layers.sources_of(layer, added)
    kept = tuple(source for source, is_one in zip(sources, is_kept, strict=True) if is_one)
    document.replace_points(layer.data[is_kept], kept)
    return True


def take_over_candidates(document: Document, layer: Points, event: Any) -> bool:
    """Reject candidates that were deleted; a point added among them is a cell, by hand.

    Returns
    -------
    bool
        Whether the layer has to be drawn anew: candidates do not move.
    """
    if not is_done(event.action):
        return False
    if event.action == ActionType.REMOVED:
        document.reject(list(event.data_indices))
    elif event.action == ActionType.ADDED:
        for index in event.data_indices:
            if document.contains(layer.data[index]):
                document.add(layer.data[index])
    return True


def is_done(action: Any) -> bool:
    """Return whether an edit is complete: napari tells of each before and after."""
    return action in (ActionType.ADDED, ActionType.REMOVED, ActionType.CHANGED)
