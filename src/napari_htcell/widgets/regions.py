"""Complete regions: their outlines in a Shapes layer, in which new ones are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Layer, Shapes
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_htcell.widgets import edits, layers, outlines
from napari_htcell.widgets.shapes_ready import ShapesReady

if TYPE_CHECKING:
    from napari_htcell.widgets.document import Document
    from napari_htcell.widgets.session import Session


class Regions:
    """Keeps the layer, which is there while there is a region, or one is being drawn.

    Parameters
    ----------
    session : Session
    on_drawn : callable
        Called when the user has finished a region.
    on_ready : callable
        Called when shapes can be drawn that could not be before.
    """

    drawing_changed = Signal(bool)

    def __init__(
        self, session: Session, on_drawn: Callable[[], None], on_ready: Callable[[], None]
    ) -> None:
        self._session = session
        self._on_drawn = on_drawn
        self._shapes = ShapesReady()
        self._shapes.became_ready.connect(on_ready)
        self._layer: Shapes | None = None
        self._document: Document | None = None
        self._is_updating = self._is_awaited = False
        self._known = 0
        self._before: Layer | None = None
        self.is_drawing = False

    def start(self, viewer: Any, image: Image, document: Document) -> None:
        """Let the user draw a region: a click for each corner, a double click for the last.

        As soon as shapes can be drawn; until then it waits for `on_ready`.
        """
        self._set_drawing(True)
        if not self._is_ready():
            return
        self._known = len(document.annotation.regions)
        self._make(viewer, image, document)
        if self._layer is not None:
            self._before = viewer.layers.selection.active
            self._layer.visible = True
            self._layer.mode = "add_polygon"
            viewer.layers.selection.active = self._layer
            self.drawing_changed.emit(True)

    def prepare(self) -> None:
        """See to it, in the background, that the first region need not be waited for."""
        self._shapes.prepare()

    @property
    def is_waiting(self) -> bool:
        """Whether a region is to be drawn and cannot be yet."""
        return self.is_drawing and self._layer is None

    def _is_ready(self) -> bool:
        self._shapes.prepare()
        return self._shapes.is_ready

    def stop(self, viewer: Any) -> None:
        """Draw no more; what is not finished is dropped, and the layer before active again."""
        if not self.is_drawing:
            return
        self._set_drawing(False)
        if self._layer is not None:
            self._is_updating = True
            try:
                self._layer.mode = "pan_zoom"
            finally:
                self._is_updating = False
            before = self._before if self._before in viewer.layers else None
            viewer.layers.selection.active = before

    def draw(self, viewer: Any, image: Image, document: Document) -> None:
        """Show the regions of an image."""
        regions = document.annotation.regions
        if self.is_drawing and self._layer is not None:
            # All but the one that is being drawn; who draws is not disturbed by other changes.
            known = outlines.regions_of(self._layer)[: self._known]
            if document is self._document and outlines.are_same(known, regions):
                return
            self.stop(viewer)
        if self.is_waiting and document is not self._document:
            self.stop(viewer)
        self._document = document
        if not regions and not self.is_drawing:
            self.remove(viewer)
            return
        if not self._is_ready():
            return
        self._make(viewer, image, document)
        layer = self._layer
        if layer is None or outlines.are_same(outlines.regions_of(layer), regions):
            return
        self._is_updating = True
        try:
            outlines.draw(layer, regions, document.picture.pixel_size_um)
        finally:
            self._is_updating = False

    def _make(self, viewer: Any, image: Image, document: Document) -> None:
        if self._layer is not None and self._layer.ndim != document.picture.ndim:
            self.remove(viewer)
        if self._layer is None:
            self._layer = outlines.outlines_layer(document.picture.ndim)
            layers.place(self._layer, image)
            self._layer.events.data.connect(self._on_edited)
            active = viewer.layers.selection.active
            viewer.layers.insert(viewer.layers.index(image) + 1, self._layer)
            viewer.layers.selection.active = active
        outlines.style(self._layer, document.picture.pixel_size_um)
        layers.place(self._layer, image)

    def remove(self, viewer: Any) -> None:
        """Take the layer out of the viewer."""
        layer, self._layer = self._layer, None
        self._set_drawing(False)
        if layer is not None and layer in viewer.layers:
            layer.locked = False
            viewer.layers.remove(layer)

    def was_removed(self, layer: Any) -> None:
        """Forget the layer if it is this one that is gone."""
        if layer is self._layer:
            self._layer = None
            self._set_drawing(False)

    def _set_drawing(self, is_drawing: bool) -> None:
        if is_drawing != self.is_drawing:
            self.is_drawing = is_drawing
            self.drawing_changed.emit(is_drawing)

    def _on_edited(self, event: Any) -> None:
        if not self._is_updating and edits.is_done(event.action) and not self._is_awaited:
            # Napari has not quite finished the shape, and must not be disturbed before.
            self._is_awaited = True
            QTimer.singleShot(0, self._take_over)

    def _take_over(self) -> None:
        self._is_awaited = False
        document, layer = self._session.document, self._layer
        if document is None or document is not self._document or layer is None:
            return
        known, regions = document.annotation.regions, outlines.regions_of(layer)
        if not outlines.are_same(regions, known):
            parts = [one.cut(document.picture.shape) for one in regions]
            document.replace_regions(tuple(part for part in parts if part is not None))
            if len(document.annotation.regions) > len(known):
                self._on_drawn()
            self._session.changed()
