"""Shows a session in a viewer: the image, and layers for what is known about it."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Image, Points
from napari.utils.notifications import show_warning
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_htcell.widgets import keys, layers, preferences, sample, view
from napari_htcell.widgets.actions import Actions
from napari_htcell.widgets.autosave import Autosave
from napari_htcell.widgets.clicks import Clicks
from napari_htcell.widgets.document import STATED_HERE, Document
from napari_htcell.widgets.heat_map import HeatMap
from napari_htcell.widgets.marks import Marks
from napari_htcell.widgets.masks import Masks
from napari_htcell.widgets.regions import Regions
from napari_htcell.widgets.reloading import retire_older
from napari_htcell.widgets.session import Session

PLACED_BY = ("scale", "translate", "rotate", "shear", "affine", "units")
"""Events of a layer that lies elsewhere, or is of another size, now."""


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
        retire_older(viewer, Clicks)
        self.session = Session(preferences.read())
        self.autosave = Autosave(self.session)
        self.clicks = Clicks(self)
        self.actions = Actions(self)
        self._viewer = weakref.ref(viewer)
        self._image: Image | None = None
        self._project_image: Image | None = None
        self._marks = Marks(self.session)
        self.regions = Regions(self.session, self.stop_drawing, self._on_shapes_ready)
        self.masks, self.heat_map = Masks(), HeatMap()
        self._shown: Document | None = None
        self._loose: weakref.WeakKeyDictionary[Image, Document] = weakref.WeakKeyDictionary()
        self._listen(viewer)
        self._take_over_sample()
        if self.session.document is None:
            self._start_with(viewer)

    def retire(self) -> None:
        """Save, take everything out of the viewer, and hear of nothing any more."""
        viewer, session = self.viewer, self.session
        self.autosave.stop()
        for signal in (session.document_changed, session.marks_changed, session.found_changed):
            signal.disconnect()
        for emitter, slot in self._heard(viewer):
            emitter.disconnect(slot)
        viewer.mouse_drag_callbacks.remove(self.clicks.on_press)
        self._remove_points()
        self._forget_project_image()

    def _heard(self, viewer: Any) -> tuple[tuple[Any, Any], ...]:
        """Return what is heard of in a viewer, and by whom."""
        return (
            (viewer.layers.events.removed, self._on_removed),
            (viewer.layers.events.inserted, self._on_inserted),
            (viewer.layers.selection.events.active, self._on_active),
            (viewer.dims.events.current_step, self._on_step),
        )

    def _listen(self, viewer: Any) -> None:
        session = self.session
        session.document_changed.connect(self._show)
        session.marks_changed.connect(self.draw)
        session.found_changed.connect(self.draw)
        preferences.on_change(self._on_preferences)
        for emitter, slot in self._heard(viewer):
            emitter.connect(slot)
        viewer.mouse_drag_callbacks.append(self.clicks.on_press)
        keys.bind(viewer, self.actions)

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
        return self._marks.are_there

    @property
    def annotated(self) -> Points:
        """The layer of annotated points."""
        return self._marks.annotated

    @property
    def detected(self) -> Points:
        """The layer of candidates."""
        return self._marks.detected

    @property
    def frame(self) -> int:
        """The frame of a time stack that is shown; 0 of an image."""
        document, viewer = self.session.document, self.viewer
        if document is None or viewer is None or document.picture.ndim == 2 or self._image is None:
            return 0
        return view.frame_in(viewer, self._image, document.picture.shape[0])

    @property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Two opposite corners of what is in view, in the world's coordinates."""
        return view.corners(self.viewer)

    def within(self, first: Any, last: Any, chosen: np.ndarray) -> np.ndarray:
        """Return which of the chosen candidates lie between two corners in the world."""
        ends = np.asarray([self.detected.world_to_data(one)[-2:] for one in (first, last)])
        places = self.detected.data[chosen, -2:]
        inside = (places >= ends.min(axis=0)) & (places <= ends.max(axis=0))
        found: np.ndarray = chosen[inside.all(axis=1)]
        return found

    def show_moved(self, index: int, place: np.ndarray) -> None:
        """Show an annotated point elsewhere, while it is being dragged."""
        self._marks.show_moved(index, place)

    def draw_region(self) -> None:
        """Let the user draw a complete region in the frame that is shown."""
        document = self.session.document
        if document is not None and self._image is not None:
            self.regions.start(self.viewer, self._image, document)

    def stop_drawing(self) -> None:
        """Draw no region any more, and have clicks change points again."""
        self.regions.stop(self.viewer)
        self.draw()

    def _on_shapes_ready(self) -> None:
        if self.regions.is_waiting:
            self.draw_region()
        else:
            self.draw()

    def _start_with(self, viewer: Any) -> None:
        """Work on the image that is shown already."""
        chosen = view.image_in(viewer)
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
            for name in PLACED_BY:
                getattr(layer.events, name).connect(self._on_placed)
        self._image = layer
        self.session.show(self._loose[layer])

    def _on_placed(self, event: Any) -> None:
        """Follow an image that is scaled or moved after it was taken up."""
        layer = event.source
        document = self._loose.get(layer)
        if document is None:
            return
        size, known_from = layers.pixel_size_um(layer)
        if size != document.picture.pixel_size_um and document.picture.known_from != STATED_HERE:
            document.picture = replace(document.picture, pixel_size_um=size, known_from=known_from)
            document.prediction = None
        if document is self.session.document:
            self.session.document_changed.emit()

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
        if self._image is not None:
            self._marks.make(viewer, self._image, document)
        self.draw()
        if self.has_layers:
            viewer.layers.selection.active = self.annotated

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

    def _remove_points(self) -> None:
        viewer = self.viewer
        for kept in (self._marks, self.regions, self.heat_map, self.masks):
            kept.remove(viewer)

    def draw(self) -> None:
        """Draw all that is known about the image; a layer that was deleted comes back."""
        document = self.session.document
        if document is None or self.viewer is None or self._image is None:
            return
        if not self.has_layers:
            self._marks.make(self.viewer, self._image, document)
        self._marks.draw(document)
        self.regions.draw(self.viewer, self._image, document)
        self.draw_overlays()

    def draw_overlays(self) -> None:
        """Show the heat map and the masks where they are wanted."""
        document = self.session.document
        if document is not None and self._image is not None and self.viewer is not None:
            for overlay in (self.heat_map, self.masks):
                overlay.draw(self.viewer, self._image, document)

    def show_scores(self, shows: bool) -> None:
        """Colour candidates by their score, or all alike."""
        self._marks.show_scores(shows)

    def set_marks_aside(self, is_aside: bool) -> None:
        """Hide clicks and candidates while something else says more about them."""
        self._marks.set_aside(is_aside and not self.clicks.are_wanted)

    def go_to(self, frame: int, place: np.ndarray | None = None) -> None:
        """Show a frame of a time stack, and a place in it, (y, x) in pixels, in the middle."""
        if self._image is not None and self.viewer is not None:
            view.go_to(self.viewer, self._image, frame, place)

    def _on_preferences(self, _event: Any) -> None:
        """Draw as it is preferred now; what else is preferred holds from the next time on."""
        self.session.preferences = preferences.read()
        document, viewer = self.session.document, self.viewer
        if document is not None and viewer is not None and self._image is not None:
            self._marks.make(viewer, self._image, document)
            self.draw()

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
        for kept in (self._marks, self.regions, self.heat_map, self.masks):
            kept.was_removed(layer)
        was_worked_on = layer is self._image
        if layer is self._project_image:
            self._project_image = None
        if was_worked_on:
            self._image = None
            self.session.show(None if self._project_image is None else self._shown)
