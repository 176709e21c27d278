"""The two points layers of an image: what a person annotated, and what a model found besides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Points

from napari_htcell.config import PAPER_PIXEL_SIZE_UM
from napari_htcell.widgets import edits, layers, point_layers
from napari_htcell.widgets.states import ANNOTATED, CANDIDATE

if TYPE_CHECKING:
    from napari_htcell.widgets.document import Document
    from napari_htcell.widgets.session import Session


class Marks:
    """Keeps both layers as they should be; what is done to them with napari's tools is taken over.

    Layers are held as objects, so that they can be renamed, and are made again where they were
    deleted.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._annotated: Points | None = None
        self._detected: Points | None = None
        self._is_drawing = False
        self._shows_scores = False
        self._aside: list[Points] = []

    @property
    def are_there(self) -> bool:
        """Whether both layers are in the viewer."""
        return self._annotated is not None and self._detected is not None

    @property
    def annotated(self) -> Points:
        """The layer of annotated points."""
        if self._annotated is None:
            raise RuntimeError("the layer of annotated points is not in the viewer")
        return self._annotated

    @property
    def detected(self) -> Points:
        """The layer of candidates."""
        if self._detected is None:
            raise RuntimeError("the layer of candidates is not in the viewer")
        return self._detected

    def make(self, viewer: Any, image: Image, document: Document) -> None:
        """Have both layers, of the right kind, where the image lies."""
        ndim, size = document.picture.ndim, self._drawn_um_per_px(document)
        if self._annotated is not None and self._annotated.ndim != ndim:
            self.remove(viewer)
        if self._detected is None:
            self._detected = point_layers.detected_layer(ndim, size)
            self._add(viewer, image, self._detected, self._on_candidates_edited)
        if self._annotated is None:
            self._annotated = point_layers.annotated_layer(ndim, size)
            self._add(viewer, image, self._annotated, self._on_annotation_edited)
        for layer, state in ((self._detected, CANDIDATE), (self._annotated, ANNOTATED)):
            layers.place(layer, image)
            layer.selected_data = set()
            layer.current_size = layers.symbol_size(state.um, size)
            layer.canvas_size_limits = self._limits(layer)

    def _drawn_um_per_px(self, document: Document) -> float:
        """Return a pixel size with which symbols get the size that the user prefers."""
        size = document.picture.pixel_size_um or PAPER_PIXEL_SIZE_UM
        return size / self._session.preferences.symbol_size

    def _limits(self, layer: Points) -> tuple[float, float]:
        low, high = (
            point_layers.RING_ON_SCREEN if layer is self._detected else point_layers.DOT_ON_SCREEN
        )
        times = self._session.preferences.symbol_size
        return low * times, high * times

    def _add(
        self, viewer: Any, image: Image, layer: Points, on_edited: Callable[[Any], None]
    ) -> None:
        layers.place(layer, image)
        layer.events.data.connect(on_edited)
        viewer.add_layer(layer)

    def remove(self, viewer: Any) -> None:
        """Take both layers out of the viewer."""
        for layer in (self._annotated, self._detected):
            if layer is not None and layer in viewer.layers:
                layer.locked = False
                viewer.layers.remove(layer)
        self._annotated = self._detected = None

    def was_removed(self, layer: Any) -> None:
        """Forget a layer that is gone."""
        if layer is self._annotated:
            self._annotated = None
        elif layer is self._detected:
            self._detected = None

    def draw(self, document: Document) -> None:
        """Show what is known about an image."""
        size, pairing = self._drawn_um_per_px(document), document.pairing
        is_detected = None if pairing is None else pairing.is_detected
        self._is_drawing = True
        try:
            point_layers.draw_annotation(self.annotated, document.annotation, is_detected, size)
            point_layers.draw_detections(
                self.detected, document.candidates, size, shows_scores=self._shows_scores
            )
        finally:
            self._is_drawing = False

    def show_scores(self, shows: bool) -> None:
        """Colour candidates by their score, or all alike."""
        if shows == self._shows_scores:
            return
        self._shows_scores = shows
        if self._detected is not None:
            point_layers.colour_by_score(self._detected, shows=shows)

    def set_aside(self, is_aside: bool) -> None:
        """Hide both layers while others say more about the same cells, then show them again."""
        if is_aside:
            new = [one for one in (self._annotated, self._detected) if one is not None]
            self._aside += [one for one in new if one.visible]
            for layer in new:
                layer.visible = False
        else:
            for layer in self._aside:
                layer.visible = True
            self._aside = []

    def show_moved(self, index: int, place: np.ndarray) -> None:
        """Show an annotated point elsewhere, while it is being dragged."""
        self._is_drawing = True
        try:
            point_layers.show_moved(self.annotated, index, place)
        finally:
            self._is_drawing = False

    def _on_annotation_edited(self, event: Any) -> None:
        document = self._session.document
        if self._is_drawing or document is None:
            return
        if edits.take_over_annotation(document, self.annotated, event):
            self._session.changed()

    def _on_candidates_edited(self, event: Any) -> None:
        document = self._session.document
        if self._is_drawing or document is None:
            return
        if edits.take_over_candidates(document, self.detected, event):
            self._session.changed()
