"""From an image to cells: the network over any image size, then peaks or contours (section 3.4)."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
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
from napari_htcell.peaks import HeatMap
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
    view = _view(image, model, pixel_size_um, is_rgb=is_rgb, device=device, frames=frames)
    heat_maps: list[Any] = [None] * len(view.stack)
    for position, index in enumerate(view.wanted):
        heat_maps[index] = yield from view.heat_map_steps(position)
    return view.prediction(heat_maps)


def detect_steps(
    image: Any,
    model: Model,
    settings: config.DetectConfig,
    *,
    pixel_size_um: float | None = None,
    is_rgb: bool = False,
    device: config.DeviceChoice = "auto",
) -> Generator[Progress, None, Detections]:
    """Find the cells in an image or stack; one heat map is in memory at a time.

    Parameters
    ----------
    settings : DetectConfig
        How heat maps become points.
    image, model, pixel_size_um, is_rgb, device
        See `predict_steps`.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    Detections
    """
    view = _view(image, model, pixel_size_um, is_rgb=is_rgb, device=device)
    found = []
    for position, index in enumerate(view.wanted):
        heat_maps: list[Any] = [None] * len(view.stack)
        heat_maps[index] = yield from view.heat_map_steps(position)
        found.append(view.prediction(heat_maps).detections(settings))
    return found[0] if len(found) == 1 else Detections.of_whole_stack(found)


@dataclass(frozen=True, eq=False)
class _View:
    """An image or stack as a model looks at it; `wanted` are the frames to look at."""

    stack: Any
    wanted: Sequence[int]
    frame: Frame
    network: Network
    card: Card
    size: float
    clock: Clock
    is_stack: bool
    is_rgb: bool
    is_size_assumed: bool

    def heat_map_steps(self, position: int) -> Generator[Progress, None, HeatMap]:
        """Return the heat map of the frame at a position among those wanted."""
        pixels = self.stack[self.wanted[position]]
        steps = _frame_steps(pixels, self.frame, self.network, self.card, is_rgb=self.is_rgb)
        done = position * _n_steps(self.network, self.frame)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                heat_map: HeatMap = end.value
                return heat_map
            done += 1
            yield Progress("detecting", done, self.clock.total, self.clock.seconds_left(done))

    def prediction(self, heat_maps: Sequence[HeatMap | None]) -> Prediction:
        """Return what points are drawn from."""
        return Prediction(
            tuple(heat_maps), self.frame, self.is_stack, self.card, self.size, self.is_size_assumed
        )


def _view(
    image: Any,
    model: Model,
    pixel_size_um: float | None,
    *,
    is_rgb: bool,
    device: config.DeviceChoice,
    frames: Collection[int] | None = None,
) -> _View:
    """Check an image, warn of a pixel size that cannot be, and make all ready."""
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
            stacklevel=3,
        )
    network = place(model.network, choose_device(device))
    wanted = [i for i in range(len(stack)) if frames is None or i in frames]
    clock = Clock(_n_steps(network, frame) * len(wanted))
    assumed = pixel_size_um is None
    return _View(stack, wanted, frame, network, card, size, clock, is_stack, is_rgb, assumed)


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
    if not isinstance(model, Model):
        raise TypeError(
            f"expected a model, got {type(model).__name__}; load one with load_model, say of 'E'"
        )
    settings = config.override(
        model.card.detection, threshold=threshold, min_distance_um=min_distance_um, method=method
    )
    if is_rgb is None and hasattr(image, "ndim"):
        is_rgb = image.ndim > 2 and image.shape[-1] in (3, 4)
    steps = detect_steps(image, model, settings, pixel_size_um=pixel_size_um, is_rgb=bool(is_rgb))
    found = run(steps)
    how = found.provenance
    if how.pixel_size_assumed:
        warnings.warn(assumed_text(how.pixel_size_um), PixelSizeAssumedWarning, stacklevel=2)
    return found


def assumed_text(pixel_size_um: float) -> str:
    """Return what to tell the user where the pixel size was assumed."""
    return (
        f"the pixel size is not stated; {pixel_size_um:g} um per pixel was assumed, which the "
        "model's card names for such images"
    )
