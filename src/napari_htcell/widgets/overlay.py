"""Layers beside the image that are shown on request: what they have in common."""

from __future__ import annotations

from typing import Any

from napari.layers import Image, Layer
from psygnal import Signal

from napari_htcell.widgets.document import Document


class Overlay:
    """Keeps a layer as it should be while it is wanted; one that the user deletes is not."""

    wanted_changed = Signal(bool)

    def __init__(self) -> None:
        self._layer: Layer | None = None
        self._drawn: Any = None
        self._is_wanted = False

    @property
    def is_wanted(self) -> bool:
        """Whether it is shown where there is something to show."""
        return self._is_wanted

    def want(self, is_wanted: bool) -> None:
        """Say whether it is to be shown from the next drawing on."""
        if is_wanted != self._is_wanted:
            self._is_wanted = is_wanted
            self.wanted_changed.emit(is_wanted)

    @property
    def layer(self) -> Layer | None:
        """The layer; None while nothing is shown."""
        return self._layer

    def source(self, document: Document) -> Any:
        """Return all that the layer depends on; None where there is nothing to show."""
        raise NotImplementedError

    def make(self, document: Document) -> Layer:
        """Return a new layer for a document."""
        raise NotImplementedError

    def place(self, layer: Layer, image: Image, document: Document) -> None:
        """Put the layer where the image lies."""
        raise NotImplementedError

    def draw(self, viewer: Any, image: Image, document: Document) -> None:
        """Make the viewer show the layer of a document, or none."""
        source = self.source(document) if self._is_wanted else None
        if source is None:
            self.remove(viewer)
            return
        if self._layer is not None and self._drawn == source:
            self.place(self._layer, image, document)
            return
        layer = self.make(document)
        if self._layer is None or self._layer.ndim != layer.ndim:
            self.remove(viewer)
            # Before it is inserted: napari warns of layers in different units.
            self.place(layer, image, document)
            self._layer = layer
            insert(viewer, layer, viewer.layers.index(image) + 1)
        else:
            self._layer.data = layer.data
            self.place(self._layer, image, document)
        self._drawn = source

    def remove(self, viewer: Any) -> None:
        """Take the layer out of the viewer."""
        layer, self._layer, self._drawn = self._layer, None, None
        if layer is not None and layer in viewer.layers:
            viewer.layers.remove(layer)

    def was_removed(self, layer: Any) -> None:
        """Forget the layer if it is this one that the user has deleted."""
        if layer is self._layer:
            self._layer, self._drawn = None, None
            self.want(False)


def insert(viewer: Any, layer: Layer, index: int) -> None:
    """Insert a layer; what the user works on stays what it was."""
    active = viewer.layers.selection.active
    viewer.layers.insert(index, layer)
    viewer.layers.selection.active = active
