"""A labels layer with the masks of a model that draws whole cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels

from napari_htcell.config import DetectConfig
from napari_htcell.widgets import layers
from napari_htcell.widgets.document import Document

if TYPE_CHECKING:
    from napari_htcell.detect import Prediction


class Masks:
    """Keeps the layer as it should be; one that the user deletes stays away until there is news."""

    def __init__(self) -> None:
        self._layer: Labels | None = None
        self._drawn: tuple[Prediction, DetectConfig] | None = None

    def draw(self, viewer: Any, image: Image, document: Document) -> None:
        """Show the masks of what was found last, if there are any."""
        prediction, found = document.prediction, document.found
        settings = None if found is None else found.provenance.settings
        if prediction is None or settings is None or settings.method != "masks":
            self.remove(viewer)
            return
        if self._drawn is not None and self._drawn[0] is prediction and self._drawn[1] == settings:
            return
        self._drawn = prediction, settings
        labels = prediction.masks(settings)
        if self._layer is None or self._layer.ndim != labels.ndim:
            self.remove(viewer)
            self._drawn = prediction, settings
            self._layer = layers.masks_layer(labels)
            # Before it is inserted: napari warns of layers in different units.
            layers.place(self._layer, image)
            active = viewer.layers.selection.active
            viewer.layers.insert(viewer.layers.index(image) + 1, self._layer)
            # What the user works on stays what it was.
            viewer.layers.selection.active = active
        else:
            self._layer.data = labels
            layers.place(self._layer, image)

    def remove(self, viewer: Any) -> None:
        """Take the layer out of the viewer."""
        layer, self._layer, self._drawn = self._layer, None, None
        if layer is not None and layer in viewer.layers:
            viewer.layers.remove(layer)

    def was_removed(self, layer: Any) -> None:
        """Forget the layer if it is this one that is gone."""
        if layer is self._layer:
            self._layer = None
