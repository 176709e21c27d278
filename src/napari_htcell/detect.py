"""From an image to cells: the network over any image size, then peaks or contours (section 3.4)."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell import config, heatmap, images, parts
from napari_htcell.cards import Card
from napari_htcell.config import DetectionMethod
from napari_htcell.detections import Detections
from napari_htcell.device import choose_device, place
from napari_htcell.frame import Frame, frame_image
from napari_htcell.imagefiles import PixelSizeAssumedWarning, PixelSizeWarning
from napari_htcell.models import Model
from napari_htcell.network import Network
from napari_htcell.prediction import Prediction
from napari_htcell.progress import Clock, Progress, run

SMALLEST_FIELD_UM = 30.0
"""An image that is smaller has another pixel size than is said: a cell is longer."""


def predict_steps(
    image: Any,
    model: Model,
    *,
    pixel_size_um: float | None = None,
    is_rgb: bool = False,
    device: config.DeviceChoice = "auto",
    frames: Collection[int] | None = None,
) -> Generator[Progress, None, Prediction]:
    """Run the network over every pixel of an image or stack.

    Parameters
    ----------
    image : array_like, shape (Y, X) or (T, Y, X), with a last axis of colours if `is_rgb`
        Any integer or float type. It need not be in memory: of an array of Zarr or Dask one of the
        frames wanted is, and of frames of more than 64 million pixels a part.
    model : Model
    pixel_size_um : float, optional
        Micrometres per pixel; the model's usual one if nobody knows.
    is_rgb : bool
    device : {"auto", "cpu", "cuda", "mps"}
        Detection computes in float32 everywhere, so that counts do not depend on the machine.
    frames : collection of int, optional
        Frames of a stack to look at; all of them without.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    Prediction
    """
    card = model.card
    size = card.image_pixel_size_um if pixel_size_um is None else pixel_size_um
    images.check_shape(image, is_rgb=is_rgb)
    is_stack = image.ndim - int(is_rgb) == 3
    # Not image[np.newaxis]: an array of Zarr would be read whole.
    stack = image if is_stack else [image]
    height, width = image.shape[int(is_stack) : int(is_stack) + 2]
    frame = frame_image((height, width), size, network_pixel_size_um=card.training.pixel_size_um)
    extent_um = max(height, width) * size
    if extent_um < SMALLEST_FIELD_UM:
        warnings.warn(
            f"the image is only {extent_um:.3g} um wide at {size:g} um per pixel, less than a "
            "cell; is that really its pixel size?",
            PixelSizeWarning,
            stacklevel=2,
        )
    network = place(model.network, choose_device(device))
    wanted = [i for i in range(len(stack)) if frames is None or i in frames]
    clock, done = Clock(_n_steps(network, frame) * len(wanted)), 0
    heat_maps: list[Any] = [None] * len(stack)
    for index in wanted:
        steps = _frame_steps(stack[index], frame, network, card, is_rgb=is_rgb)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                heat_maps[index] = end.value
                break
            done += 1
            yield Progress("detecting", done, clock.total, clock.seconds_left(done))
    return Prediction(tuple(heat_maps), frame, is_stack, card, size, pixel_size_um is None)


def _is_large(frame: Frame) -> bool:
    return frame.height * frame.width > parts.LARGE_PX


def _n_steps(network: Network, frame: Frame) -> int:
    tiles = heatmap.n_tiles(network, frame.network_shape)
    return tiles + (parts.n_parts(frame.network_shape) if _is_large(frame) else 0)


def _frame_steps(
    pixels: Any, frame: Frame, network: Network, card: Card, *, is_rgb: bool
) -> Generator[None, None, Any]:
    """Return the heat map of one frame; of a large one in a file, with no more of it in memory."""
    if not _is_large(frame):
        # One frame at a time: a stack in float32 is four times the size of an 8-bit one.
        grey = images.to_grey(np.asarray(pixels), is_rgb=is_rgb)
        seen = images.prepare(frame.cut(grey), card.training)
        return (yield from heatmap.heat_map_steps(network, seen))
    prepared = parts.PreparedParts(pixels, frame, card.training, is_rgb=is_rgb)
    yield from prepared.measure_steps()
    into = parts.StoredMap(frame.network_shape)
    return (yield from heatmap.heat_map_steps(network, prepared, into))


def detect(
    image: npt.NDArray[Any],
    model: Model,
    *,
    pixel_size_um: float | None = None,
    threshold: float | None = None,
    min_distance_um: float | None = None,
    method: DetectionMethod | None = None,
    is_rgb: bool | None = None,
) -> Detections:
    """Find the cells in an image or time stack.

    Parameters
    ----------
    image : ndarray, shape (Y, X) or (T, Y, X), with a last axis of colours if `is_rgb`
        Any integer or float type.
    model : Model
        See `load_model`.
    pixel_size_um : float, optional
        Micrometres per pixel of the image. Without it the model's usual one is taken, with a
        warning.
    threshold, min_distance_um, method
        See `DetectConfig`; the model's own without them.
    is_rgb : bool, optional
        Whether the last axis is red, green, blue (and alpha); without it, whether there are three
        or more axes and the last has 3 or 4 values.

    Returns
    -------
    Detections
        Points (y, x), or (frame, y, x), in pixels of `image`, with scores.

    Raises
    ------
    ValueError
        If the image has another shape, or a setting is out of bounds.
    """
    settings = config.override(
        model.card.detection, threshold=threshold, min_distance_um=min_distance_um, method=method
    )
    if is_rgb is None:
        is_rgb = image.ndim > 2 and image.shape[-1] in (3, 4)
    prediction = run(predict_steps(image, model, pixel_size_um=pixel_size_um, is_rgb=is_rgb))
    if prediction.pixel_size_assumed:
        warnings.warn(assumed_text(prediction.pixel_size_um), PixelSizeAssumedWarning, stacklevel=2)
    return prediction.detections(settings)


def assumed_text(pixel_size_um: float) -> str:
    """Return what to tell the user where the pixel size was assumed."""
    return (
        f"the pixel size is not stated; {pixel_size_um:g} um per pixel was assumed, which is that "
        "of the model's training images"
    )
