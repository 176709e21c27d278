"""Heat maps of an image or a stack, and the points that are drawn from them quickly and again."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from napari_htcell import peaks
from napari_htcell.cards import Card
from napari_htcell.config import DetectConfig
from napari_htcell.detections import Detections, Provenance
from napari_htcell.frame import Frame
from napari_htcell.peaks import Found, HeatMap
from napari_htcell.progress import Progress, run

KEPT_PEAKS = 0.1
"""Peaks down to here are kept at once: below it lies the noise of most networks."""

MOST_KEPT = 4
"""Of each frame, peaks are kept for so many distances."""

QUICK_FRAMES = 10
"""Points of so many frames are drawn while a slider moves; those of more in the background."""


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
    _peaks: dict[tuple[int, float], tuple[float, Found]] = field(default_factory=dict, repr=False)
    _drawn: dict[DetectConfig, Detections] = field(default_factory=dict, init=False, repr=False)

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
        return run(self.draw_steps(settings or self.card.detection))

    def draw_steps(self, settings: DetectConfig) -> Generator[Progress, None, Detections]:
        """Do what `detections` does, yielding progress after each frame of a long stack.

        What was drawn last is kept: drawn again with the same settings it costs nothing.
        """
        known = self._drawn.get(settings)
        if known is not None:
            return known
        frames, found = self.frames, []
        for done, frame in enumerate(frames, start=1):
            found.append(self._find(frame, settings))
            yield Progress("drawing points", done, len(frames))
        detections = self._put_together(found, settings)
        self._drawn.clear()
        self._drawn[settings] = detections
        return detections

    def is_quick(self, settings: DetectConfig) -> bool:
        """Return whether `detections` needs no time that anybody would notice."""
        return settings in self._drawn or len(self.frames) <= QUICK_FRAMES

    def _put_together(self, found: Sequence[Found], settings: DetectConfig) -> Detections:
        frames = self.frames
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
            count_errors=self.card.count_errors_at(pixel_size_assumed=self.pixel_size_assumed),
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
        if all(one is not None for one in self.heat_maps):
            return self
        both = zip(self.heat_maps, older.heat_maps, strict=True)
        heat_maps = tuple(a if a is not None else b for a, b in both)
        # A copy: its points may be drawn in another thread at this moment.
        known = older._peaks.copy()
        kept = {key: one for key, one in known.items() if self.heat_maps[key[0]] is None}
        return replace(self, heat_maps=heat_maps, _peaks=kept | self._peaks)

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
