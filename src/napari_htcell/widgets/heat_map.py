"""An image layer with what the network saw, from which the points are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Layer
from napari.utils.transforms import Affine

from napari_htcell.widgets import layers
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.overlay import Overlay

COLOURMAP = "inferno"
"""Perceptually uniform, and black where nothing is seen, which leaves the image as it is."""


class HeatMap(Overlay):
    """The heat maps of the last detection, at the network's resolution."""

    def source(self, document: Document) -> Any:
        """Return the heat maps; None where the model was not run since the image was opened."""
        return document.prediction

    def make(self, document: Document) -> Image:
        """Return a new layer for a document; frames that were not looked at are black."""
        prediction = self.source(document)
        nothing = np.zeros(prediction.frame.network_shape, np.float32)
        maps = [nothing if one is None else one for one in prediction.heat_maps]
        return Image(
            np.stack(maps) if prediction.is_stack else np.asarray(maps[0]),
            name="heat map",
            colormap=COLOURMAP,
            contrast_limits=(0, 1),
            blending="additive",
            interpolation2d="linear",
            opacity=0.7,
        )

    def place(self, layer: Layer, image: Image, document: Document) -> None:
        """Put the layer where the image lies; its pixels are larger, and begin at a corner."""
        frame = self.source(document).frame
        corner = np.zeros(image.ndim)
        corner[-2:] = frame.to_original(np.zeros((1, 2)))[0]
        size = np.ones(image.ndim)
        size[-2:] = 1 / frame.scale
        to_world = Affine(scale=image.scale, rotate=image.rotate, shear=image.shear)
        placed = layers.placement(image)
        placed["scale"] = np.asarray(image.scale) * size
        placed["translate"] = np.asarray(image.translate) + to_world.linear_matrix @ corner
        layers.put(layer, placed)
