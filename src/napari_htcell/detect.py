"""From an image to cells: the network over any image size, then peaks or contours (section 3.4)."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell import config, heatmap, images, peaks
from napari_htcell.cards import Card
from napari_htcell.config import DetectConfig, DetectionMethod
from napari_htcell.detections import Detections, Provenance
from napari_htcell.device import choose_device, place
from napari_htcell.frame import Frame, frame_image
from napari_htcell.imagefiles import PixelSizeAssumedWarning, PixelSizeWarning
from napari_htcell.models import Model
from napari_htcell.peaks import Found, HeatMap
from napari_htcell.progress import Clock, Progress, run

KEPT_PEAKS = 0.1
"""Peaks down to here are kept at once: below it lies the noise of most networks."""

MOST_KEPT = 4
"""Of each frame, peaks are kept for so many distances."""

SMALLEST_FIELD_UM = 30.0
"""An image that is smaller has another pixel size than is said: a cell is longer."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """Heat maps of an image or of each frame of a stack, from which points are drawn quickly.

    Parameters
    ----------
    heat_maps : tuple of ndarray of float32, each of shape (y, x)
        0 to 1, at the network's resolution; None of frames that were not looked at.
    frame : Frame
        The way to the original image's pixels.
    is_stack : bool
        Whether the points have a frame.
    card : Card
        The model's.
    pixel_size_um : float
        Micrometres per pixel of the original image.
    pixel_size_assumed : bool
        Whether that is the model's usual one.
    """

    heat_maps: tuple[HeatMap | None, ...]
    frame: Frame
    is_stack: bool
    card: Card
    pixel_size_um: float
    pixel_size_assumed: bool
    _peaks: dict[tuple[int, float], tuple[float, Found]] = field(
        default_factory=dict, init=False, repr=False
    )

    def detections(self, settings: DetectConfig | None = None) -> Detections:
        """Draw points from the heat maps.

        Parameters
        ----------
        settings : DetectConfig, optional
            The model's own without it.

        Returns
        -------
        Detections
            In pixels of the original image, highest scores first within each frame.
        """
        settings = settings or self.card.detection
        frames = self.frames
        found = [self._find(frame, settings) for frame in frames]
        points = [self.frame.to_original(one.points) for one in found]
        if self.is_stack:
            points = [np.insert(p, 0, i, axis=1) for i, p in zip(frames, points, strict=True)]
        provenance = Provenance(
            model=self.card.name,
            settings=settings,
            pixel_size_um=self.pixel_size_um,
            pixel_size_assumed=self.pixel_size_assumed,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            plugin_version=version("napari-htcell"),
            frames=frames if len(frames) < len(self.heat_maps) else None,
            count_errors=self.card.count_errors,
        )
        scores = np.concatenate([one.scores for one in found])
        areas = [one.areas_px for one in found if one.areas_px is not None]
        # Of the original's pixels to one of the network's, whose extents are rounded.
        area_um2 = self.pixel_size_um**2 / float(np.prod(self.frame.scale))
        areas_um2 = np.concatenate(areas) * area_um2 if areas else None
        return Detections(np.concatenate(points), scores, provenance, areas_um2)

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames that were looked at; (0,) of an image."""
        return tuple(i for i, one in enumerate(self.heat_maps) if one is not None)

    def _find(self, frame: int, settings: DetectConfig) -> Found:
        """Find the cells of a frame, those of a lower threshold being kept for the next call.

        A threshold that rises only drops peaks, and one that falls is likely to fall on.
        """
        heat_map, size = self._heat_map(frame), self.card.training.pixel_size_um
        if settings.method != "peaks":
            return peaks.find(heat_map, settings, size)
        key = frame, settings.min_distance_um
        lowest, found = self._peaks.get(key, (2.0, None))
        if found is None or settings.threshold < lowest:
            lowest = min(settings.threshold, KEPT_PEAKS)
            low = settings.model_copy(update={"threshold": lowest})
            found = peaks.find(heat_map, low, size)
            self._peaks[key] = lowest, found
            while len(self._peaks) > MOST_KEPT * len(self.heat_maps):
                del self._peaks[next(iter(self._peaks))]
        return found.above(settings.threshold)

    def _heat_map(self, frame: int) -> HeatMap:
        heat_map = self.heat_maps[frame]
        if heat_map is None:
            raise ValueError(f"frame {frame} was not looked at; detect in it first")
        return heat_map

    def beside(self, older: Prediction) -> Prediction:
        """Return this with the older's heat maps of frames that were not looked at now.

        The older one must be of the same image; where it is of another model or pixel size, this
        is returned as it is.
        """
        is_alike = (
            older.card.weights_sha256 == self.card.weights_sha256
            and older.card.name == self.card.name
            and older.frame == self.frame
            and len(older.heat_maps) == len(self.heat_maps)
        )
        if not is_alike:
            return self
        both = zip(self.heat_maps, older.heat_maps, strict=True)
        return replace(self, heat_maps=tuple(a if a is not None else b for a, b in both))

    def masks(self, settings: DetectConfig | None = None) -> npt.NDArray[np.int32]:
        """Draw the cells' masks, for a network that draws whole cells (version C).

        Parameters
        ----------
        settings : DetectConfig, optional
            The model's own without it.

        Returns
        -------
        ndarray of int32, shape (Y, X) or (T, Y, X)
            In the original image's pixels; 0 is background. Number i + 1 is the frame's detection
            i of the method "masks". Frames that were not looked at are all background.
        """
        threshold = (settings or self.card.detection).threshold
        nothing = np.zeros((self.frame.height, self.frame.width), np.int32)
        drawn = [
            nothing
            if heat_map is None
            else self.frame.labels_to_original(peaks.label_masks(heat_map, threshold))
            for heat_map in self.heat_maps
        ]
        return np.stack(drawn) if self.is_stack else drawn[0]


def predict_steps(
    image: npt.NDArray[Any],
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
    image : ndarray, shape (Y, X) or (T, Y, X), with a last axis of colours if `is_rgb`
        Any integer or float type.
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
    stack = image if is_stack else image[np.newaxis]
    frame = frame_image(
        (stack.shape[1], stack.shape[2]), size, network_pixel_size_um=card.training.pixel_size_um
    )
    extent_um = max(stack.shape[1:3]) * size
    if extent_um < SMALLEST_FIELD_UM:
        warnings.warn(
            f"the image is only {extent_um:.3g} um wide at {size:g} um per pixel, less than a "
            "cell; is that really its pixel size?",
            PixelSizeWarning,
            stacklevel=2,
        )
    network = place(model.network, choose_device(device))
    wanted = [i for i in range(len(stack)) if frames is None or i in frames]
    clock, done = Clock(heatmap.n_tiles(frame.network_shape) * len(wanted)), 0
    heat_maps: list[HeatMap | None] = [None] * len(stack)
    for index in wanted:
        # One frame at a time: a stack in float32 is four times the size of an 8-bit one.
        grey = images.to_grey(stack[index], is_rgb=is_rgb)
        steps = heatmap.heat_map_steps(network, images.prepare(frame.cut(grey), card.training))
        while True:
            try:
                next(steps)
            except StopIteration as end:
                heat_maps[index] = end.value
                break
            done += 1
            yield Progress("detecting", done, clock.total, clock.seconds_left(done))
    return Prediction(tuple(heat_maps), frame, is_stack, card, size, pixel_size_um is None)


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
