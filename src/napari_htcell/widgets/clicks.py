"""Clicks on the image: add, accept, move, remove; rectangles that accept and reject."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_htcell.widgets.point_layers import nearest
from napari_htcell.widgets.rectangle import Rectangle

if TYPE_CHECKING:
    from napari.layers import Points

    from napari_htcell.widgets.desk import Desk

STILL_PX = 4
"""A press that moves less than this on the screen is a click, no drag."""

REACH_PX = 8
"""A click hits a symbol from at least this far, in the window's pixels."""


class Clicks:
    """Turns the mouse in a viewer into changes of the session.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._wanted_by: list[weakref.WeakMethod[Callable[[], bool]]] = []

    def retire(self) -> None:
        """End all that the desk does; see `Desk.retire`."""
        self._desk.retire()

    def want(self, is_wanted: weakref.WeakMethod[Callable[[], bool]]) -> None:
        """Add a condition; clicks count while any of them holds."""
        self._wanted_by.append(is_wanted)

    def unwant(self, is_wanted: weakref.WeakMethod[Callable[[], bool]]) -> None:
        """Remove a condition."""
        if is_wanted in self._wanted_by:
            self._wanted_by.remove(is_wanted)

    def on_press(self, viewer: Any, event: Any) -> Generator[None, None, None] | None:
        """Handle a press on the canvas; napari calls this for its viewer."""
        removes = event.button == 2 or (event.button == 1 and "Alt" in event.modifiers)
        adds = event.button == 1 and not event.modifiers
        is_rectangle = event.button in (1, 2) and "Shift" in event.modifiers
        if not (removes or adds or is_rectangle) or not self.are_wanted:
            return None
        if is_rectangle:
            return self._draw_rectangle(viewer, event, removes)
        if "Alt" in event.modifiers:
            # Napari swallows the release of an Alt+click; a press that vispy had seen would leave
            # it holding the image, and move it with the next drag.
            event.handled = True
        if adds:
            index = self._annotated_at(event)
            if index is not None:
                return self._drag(index, event)
        return self._click(event, removes)

    @property
    def are_wanted(self) -> bool:
        """Whether points are to be changed now, with the mouse or by keys."""
        viewer = self._desk.viewer
        if viewer is None or self._desk.session.document is None:
            return False
        active = viewer.layers.selection.active
        # Somebody who has taken up one of napari's tools wants that one to act.
        is_free = active is None or str(getattr(active, "mode", "pan_zoom")) == "pan_zoom"
        is_flat = viewer.dims.ndisplay == 2
        conditions = [condition() for condition in self._wanted_by]
        is_wanted = any(condition is not None and condition() for condition in conditions)
        if not (is_free and is_flat and is_wanted):
            return False
        if not self._desk.has_layers:
            self._desk.draw()
        return self._desk.has_layers

    def _click(self, event: Any, removes: bool) -> Generator[None, None, None]:
        document = self._desk.session.document
        pressed, position = np.array(event.pos), event.position
        zoom = event.camera_zoom
        yield
        moved = 0.0
        while event.type == "mouse_move":
            moved = max(moved, float(np.linalg.norm(event.pos - pressed)))
            yield
        # The next image may have come under the mouse meanwhile.
        if moved < STILL_PX and document is self._desk.session.document:
            self._act(position, zoom, removes)

    def _drag(self, index: int, event: Any) -> Generator[None, None, None]:
        # The camera must not pan under a cell that is being moved.
        event.handled = True
        desk, pressed, moved = self._desk, np.array(event.pos), False
        layer, document = desk.annotated, desk.session.document
        before = None if document is None else document.annotation
        layer.selected_data = {index}

        def is_same() -> bool:
            """Return whether the point is still that of the image that was pressed on."""
            now = desk.session.document
            return now is not None and now is document and now.annotation is before

        yield
        while event.type == "mouse_move":
            moved = moved or float(np.linalg.norm(event.pos - pressed)) >= STILL_PX
            if moved and is_same():
                desk.show_moved(index, self._place(layer, event.position))
            yield
        if moved and document is not None and is_same():
            place = self._place(layer, event.position)
            if document.contains(place):
                document.move(index, place)
            desk.session.changed()
            layer.selected_data = {index}

    def _draw_rectangle(
        self, viewer: Any, event: Any, rejects: bool
    ) -> Generator[None, None, None]:
        event.handled = True
        camera = viewer.scene.camera
        view = camera.center, camera.zoom
        rectangle, pressed, first = Rectangle(viewer, event.pos), event.pos, event.position
        document = self._desk.session.document
        yield
        moved = 0.0
        while event.type == "mouse_move":
            moved = max(moved, float(np.linalg.norm(event.pos - pressed)))
            rectangle.reach(event.pos)
            yield
        rectangle.hide()
        if rejects and (camera.center, camera.zoom) != view:
            # Dragging with Alt zooms in napari, which has acted before.
            camera.center, camera.zoom = view
        if moved >= STILL_PX and document is self._desk.session.document:
            self._decide_inside(first, event.position, rejects)

    def _decide_inside(self, first: Any, last: Any, rejects: bool) -> None:
        """Accept or reject the candidates between two corners, in one step."""
        desk, document = self._desk, self._desk.session.document
        if document is None or not desk.has_layers or not desk.detected.visible:
            return
        inside = desk.within(first, last, document.candidates_in(desk.frame))
        if len(inside):
            (document.reject if rejects else document.accept)(inside)
            desk.session.changed()

    def _act(self, position: Any, zoom: float, removes: bool) -> None:
        desk, document = self._desk, self._desk.session.document
        if document is None or not desk.has_layers:
            return
        place = self._place(desk.annotated, position)
        annotated = self._hit(desk.annotated, place, zoom)
        candidate = self._hit(desk.detected, place, zoom)
        if annotated and candidate:
            annotated = annotated if annotated[1] <= candidate[1] else None
        if removes and annotated:
            document.remove([annotated[0]])
        elif removes and candidate:
            document.reject([candidate[0]])
        elif not removes and candidate:
            document.accept([candidate[0]])
        elif not removes and not annotated and document.contains(place):
            document.add(place)
        else:
            return
        desk.session.changed()

    def _annotated_at(self, event: Any) -> int | None:
        """Return the annotated point under the mouse, unless a candidate is nearer."""
        place = self._place(self._desk.annotated, event.position)
        annotated = self._hit(self._desk.annotated, place, event.camera_zoom)
        candidate = self._hit(self._desk.detected, place, event.camera_zoom)
        if annotated is None or (candidate is not None and candidate[1] < annotated[1]):
            return None
        return annotated[0]

    def _place(self, layer: Points, position: Any) -> np.ndarray:
        """Return a world position in the image's pixels, on a whole frame."""
        place = np.asarray(layer.world_to_data(position), dtype=float)
        if len(place) == 3:
            place[0] = np.rint(place[0])
        return place

    def _hit(self, layer: Points, place: np.ndarray, zoom: float) -> tuple[int, float] | None:
        if not layer.visible:
            return None
        pixels_per_data = zoom * abs(float(layer.scale[-1]))
        low, high = (limit / pixels_per_data for limit in layer.canvas_size_limits)
        drawn = float(np.clip(layer.current_size, low, high)) / 2
        return nearest(layer.data, place, max(drawn, REACH_PX / pixels_per_data))
