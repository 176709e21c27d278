"""Shows a session in a viewer: the image, and two points layers for what is known about it."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from napari.layers import Image, Points
from napari.utils.notifications import show_warning
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_htcell.widgets import edits, layers, sample, scores, view
from napari_htcell.widgets.autosave import Autosave
from napari_htcell.widgets.clicks import Clicks
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.heat_map import HeatMap
from napari_htcell.widgets.masks import Masks
from napari_htcell.widgets.session import Session

_DESKS: dict[int, Desk] = {}


class Desk:
    """A viewer with its session.

    Layers are held as objects, so that they can be renamed, and are made again where they were
    deleted. Changes made with napari's own tools are taken over into the session.

    Parameters
    ----------
    viewer : napari.viewer.Viewer or napari.components.ViewerModel
    """

    frame_changed = Signal()

    def __init__(self, viewer: Any) -> None:
        self.session = Session()
        self.autosave = Autosave(self.session)
        self.clicks = Clicks(self)
        self._viewer = weakref.ref(viewer)
        self._image: Image | None = None
        self._annotated: Points | None = None
        self._detected: Points | None = None
        self._project_image: Image | None = None
        self.masks, self.heat_map = Masks(), HeatMap()
        self._shows_scores = False
        self._shown: Document | None = None
        self._is_drawing = False
        self._loose: weakref.WeakKeyDictionary[Image, Document] = weakref.WeakKeyDictionary()
        self._listen(viewer)
        self._take_over_sample()
        if self.session.document is None:
            self._start_with(viewer)

    def _listen(self, viewer: Any) -> None:
        session = self.session
        session.document_changed.connect(self._show)
        session.marks_changed.connect(self.draw)
        session.found_changed.connect(self.draw_found)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.selection.events.active.connect(self._on_active)
        viewer.dims.events.current_step.connect(self._on_step)
        viewer.mouse_drag_callbacks.append(self.clicks.on_press)
        for keys, action in (
            ("Control-Z", lambda _: session.undo()),
            ("Control-Shift-Z", lambda _: session.redo()),
            ("Control-Y", lambda _: session.redo()),
        ):
            viewer.bind_key(keys, action, overwrite=True)

    @property
    def viewer(self) -> Any:
        """The viewer; None once it is closed."""
        return self._viewer()

    @property
    def image(self) -> Image | None:
        """The layer of the image being worked on."""
        return self._image

    @property
    def has_layers(self) -> bool:
        """Whether both points layers are in the viewer."""
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

    @property
    def frame(self) -> int:
        """The frame of a time stack that is shown; 0 of an image."""
        document, viewer = self.session.document, self.viewer
        if document is None or viewer is None or document.picture.ndim == 2 or self._image is None:
            return 0
        frame = round(float(self._image.world_to_data(viewer.dims.point)[0]))
        return int(np.clip(frame, 0, document.picture.shape[0] - 1))

    def show_moved(self, index: int, place: np.ndarray) -> None:
        """Show an annotated point elsewhere, while it is being dragged."""
        points = np.array(self.annotated.data)
        points[index] = place
        self._is_drawing = True
        try:
            self.annotated.data = points
        finally:
            self._is_drawing = False

    def _start_with(self, viewer: Any) -> None:
        """Work on the image that is shown already."""
        active = layers.bare(viewer.layers.selection.active)
        images = [layers.bare(one) for one in viewer.layers if isinstance(one, Image)]
        chosen = active if isinstance(active, Image) else images[-1] if images else None
        if chosen is not None:
            self._work_on(chosen)

    def _work_on(self, layer: Image) -> None:
        """Work on an image layer that belongs to no project."""
        if layer not in self._loose:
            try:
                self._loose[layer] = Document(layers.picture_of(layer))
            except ValueError as error:
                show_warning(str(error))
                return
        self._image = layer
        self.session.show(self._loose[layer])

    def _take_over_sample(self) -> None:
        """Make a sample's project the session's, and its image the project's layer."""
        viewer = self.viewer
        found = None if viewer is None else sample.take_over(viewer)
        if found is not None:
            self.session.open(found.project, found.summaries)
            self._project_image, self._shown = found.image, found.document
            self.session.show(found.document)

    def _forget_project_image(self) -> None:
        """Take the project's image out of the viewer; those that the user opened stay."""
        image, self._project_image = self._project_image, None
        if self._image is image:
            self._image = None
        if image is not None and image in self.viewer.layers:
            self.viewer.layers.remove(image)

    def _show(self) -> None:
        document, viewer = self.session.document, self.viewer
        if viewer is None:
            return
        if document is None:
            self._forget_project_image()
            self._remove_points()
            return
        if document.in_project:
            self._show_project_image(document)
        self._make_points(document)
        self.draw()
        viewer.layers.selection.active = self._annotated

    def _show_project_image(self, document: Document) -> None:
        """Have one layer for the image of the project that is worked on."""
        image, picture = self._project_image, document.picture
        is_shown = image is not None and self._shown is document
        if is_shown and layers.pixel_size_um(image)[0] == picture.pixel_size_um:
            self._image = image
            return
        if image is None or not layers.show_picture(image, picture):
            self._forget_project_image()
            # Known before it is inserted: napari makes it the active layer at once.
            self._image = self._project_image = layers.image_layer(picture)
            self._shown = document
            self.viewer.layers.insert(0, self._image)
        self._image, self._shown = self._project_image, document
        self.viewer.reset_view(layers=[self._image])

    def _make_points(self, document: Document) -> None:
        """Have two points layers of the right kind, where the image lies."""
        viewer, size = self.viewer, document.picture.pixel_size_um
        if self._annotated is not None and self._annotated.ndim != document.picture.ndim:
            self._remove_points()
        if self._detected is None:
            self._detected = layers.detected_layer(document.picture.ndim, size)
            layers.place(self._detected, self._image)
            self._detected.events.data.connect(self._on_candidates_edited)
            viewer.add_layer(self._detected)
        if self._annotated is None:
            self._annotated = layers.annotated_layer(document.picture.ndim, size)
            layers.place(self._annotated, self._image)
            self._annotated.events.data.connect(self._on_annotation_edited)
            viewer.add_layer(self._annotated)
        for layer, um in (
            (self._detected, layers.DETECTED_UM),
            (self._annotated, layers.ANNOTATED_UM),
        ):
            layers.place(layer, self._image)
            layer.current_size = layers.symbol_size(um, size)

    def _remove_points(self) -> None:
        viewer = self.viewer
        for layer in (self._annotated, self._detected):
            if layer is not None and layer in viewer.layers:
                layer.locked = False
                viewer.layers.remove(layer)
        self._annotated = self._detected = None
        for overlay in (self.heat_map, self.masks):
            overlay.remove(viewer)

    def draw(self) -> None:
        """Draw both points layers; one that was deleted comes back."""
        document = self.session.document
        if document is None or self.viewer is None or self._image is None:
            return
        if not self.has_layers:
            self._make_points(document)
        self._is_drawing = True
        try:
            layers.draw_annotation(self.annotated, document.annotation)
        finally:
            self._is_drawing = False
        self.draw_found()

    def draw_found(self) -> None:
        """Draw what was found alone, as often as a slider moves."""
        document = self.session.document
        if document is None or self.viewer is None or self._image is None:
            return
        if not self.has_layers:
            self.draw()
            return
        self._is_drawing = True
        try:
            layers.draw_detections(self.detected, document.candidates)
        finally:
            self._is_drawing = False
        if self._shows_scores:
            scores.colour(self.detected)
        self.draw_overlays()

    def draw_overlays(self) -> None:
        """Show the heat map and the masks where they are wanted."""
        document = self.session.document
        if document is not None and self._image is not None and self.viewer is not None:
            for overlay in (self.heat_map, self.masks):
                overlay.draw(self.viewer, self._image, document)

    def show_scores(self, shows: bool) -> None:
        """Colour candidates by their score, or all alike."""
        if shows == self._shows_scores:
            return
        self._shows_scores = shows
        if self._detected is not None:
            (scores.colour if shows else scores.uncolour)(self._detected)

    def go_to(self, frame: int, place: np.ndarray | None = None) -> None:
        """Show a frame of a time stack, and a place in it, (y, x) in pixels, in the middle."""
        if self._image is not None and self.viewer is not None:
            view.go_to(self.viewer, self._image, frame, place)

    def _on_annotation_edited(self, event: Any) -> None:
        document = self.session.document
        if self._is_drawing or document is None:
            return
        if edits.take_over_annotation(document, self.annotated, event):
            self.session.changed()

    def _on_candidates_edited(self, event: Any) -> None:
        document = self.session.document
        if self._is_drawing or document is None:
            return
        if edits.take_over_candidates(document, self.detected, event):
            self.session.changed()

    def _on_step(self, _event: Any) -> None:
        self.frame_changed.emit()

    def _on_active(self, event: Any) -> None:
        """Work on the image that the user turns to."""
        layer = layers.bare(event.value)
        if not isinstance(layer, Image) or layer is self._image or sample.home(layer):
            return
        if layer is self.heat_map.layer:
            return
        if layer is self._project_image:
            self.session.show(self._shown)
        else:
            self._work_on(layer)

    def _on_inserted(self, event: Any) -> None:
        if sample.home(layers.bare(event.value)):
            # Its other layer comes next, and a list must not change while it is changing.
            QTimer.singleShot(0, self._take_over_sample)

    def _on_removed(self, event: Any) -> None:
        layer = layers.bare(event.value)
        if layer is self._annotated:
            self._annotated = None
        elif layer is self._detected:
            self._detected = None
        for overlay in (self.heat_map, self.masks):
            overlay.was_removed(layer)
        was_worked_on = layer is self._image
        if layer is self._project_image:
            self._project_image = None
        if was_worked_on:
            self._image = None
            self.session.show(None if self._project_image is None else self._shown)


def desk_of(viewer: Any) -> Desk:
    """Return the desk of a viewer; the widgets of one viewer share it."""
    real = layers.bare(viewer)
    # By identity: comparing two viewers compares all of their state.
    key = id(real)
    if key not in _DESKS:
        _DESKS[key] = Desk(real)
        weakref.finalize(real, _DESKS.pop, key, None)
    return _DESKS[key]
