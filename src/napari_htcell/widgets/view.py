"""What part of an image the viewer shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image

from napari_htcell.widgets.layers import bare

CLOSE = 3.0
"""A place is shown so much larger than the whole image, or as it was if that was larger still."""


def image_in(viewer: Any) -> Image | None:
    """Return the image layer that is active, or else the topmost one; None without any."""
    active = bare(viewer.layers.selection.active)
    images = [one for one in map(bare, viewer.layers) if isinstance(one, Image)]
    return active if isinstance(active, Image) else images[-1] if images else None


def frame_in(viewer: Any, image: Image, n_frames: int) -> int:
    """Return the frame of a time stack that is shown."""
    frame = round(float(image.world_to_data(viewer.dims.point)[0]))
    return int(np.clip(frame, 0, n_frames - 1))


def corners(viewer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return two opposite corners of what is in view, in the world's coordinates."""
    camera, centre = viewer.scene.camera, np.array(viewer.dims.point, dtype=float)
    centre[-2:] = camera.center[-2:]
    half = np.zeros(len(centre))
    half[-2:] = np.asarray(viewer.canvas.size) / camera.zoom / 2
    return centre - half, centre + half


def go_to(viewer: Any, image: Image, frame: int, place: np.ndarray | None = None) -> None:
    """Show a frame of an image layer, and a place in it in the middle, near enough to be seen.

    Parameters
    ----------
    viewer : napari.viewer.Viewer or napari.components.ViewerModel
    image : Image
    frame : int
        Of a time stack.
    place : ndarray of float, shape (2,), optional
        (y, x) in pixels of the image.
    """
    data = np.concatenate([[frame] * (image.ndim - 2), (0, 0) if place is None else place])
    world = np.asarray(image.data_to_world(data))
    if image.ndim == 3:
        viewer.dims.set_point(viewer.dims.ndim - 3, float(world[0]))
    if place is not None:
        viewer.scene.camera.center = tuple(world[-2:])
        # In a view of the whole image the middle is not found.
        extent = np.ptp(image.extent.world[:, -2:], axis=0).min()
        least = CLOSE * min(viewer.canvas.size) / extent
        viewer.scene.camera.zoom = max(viewer.scene.camera.zoom, least)
