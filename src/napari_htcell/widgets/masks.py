"""A labels layer with the masks of a model that draws whole cells."""

from __future__ import annotations

from typing import Any

from napari.layers import Image, Labels, Layer

from napari_htcell.widgets import layers
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.overlay import Overlay


class Masks(Overlay):
    """The masks of what was found last, by the method that draws them."""

    def source(self, document: Document) -> Any:
        """Return the heat maps and the settings; None with another method."""
        if document.prediction is None or document.found is None:
            return None
        settings = document.found.provenance.settings
        return (document.prediction, settings) if settings.method == "masks" else None

    def make(self, document: Document) -> Labels:
        """Return a new layer for a document."""
        prediction, settings = self.source(document)
        return layers.masks_layer(prediction.masks(settings))

    def place(self, layer: Layer, image: Image, document: Document) -> None:
        """Put the layer where the image lies, pixel on pixel."""
        layers.place(layer, image)
