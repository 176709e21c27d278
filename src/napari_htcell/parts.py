"""Images too large for memory, as the network takes them, part by part.

What `Frame.cut` and `images.prepare` do to a whole image is done here to any part of it, with the
same numbers; the image is read twice, first for its mean and deviation.
"""

from __future__ import annotations

import math
import tempfile
import weakref
from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from napari_htcell import images
from napari_htcell.config import TrainConfig
from napari_htcell.frame import Frame, GreyImage, squares

LARGE_PX = 64_000_000
"""Frames of more pixels than this are prepared in parts; a 20 times smaller one takes 0.1 s."""

PART_PX = 1024
"""Side of a part in the network's pixels, when mean and deviation are measured."""

BAND_PX = 16_000_000
"""Pixels of the original image that are in memory at once."""

BLUR_REACH = 4
"""OpenCV cuts a Gaussian off after so many standard deviations."""


def n_parts(shape: tuple[int, int]) -> int:
    """Return the number of steps in which an image of this shape is measured."""
    return len(list(squares(shape, PART_PX)))


class PreparedParts:
    """An image as the network takes it; a part is made when it is asked for.

    Parameters
    ----------
    source : array_like, shape (Y, X), with a last axis of colours if `is_rgb`
        Anything with a shape that can be sliced: an array of Zarr or Dask, or one in memory.
    frame : Frame
        Of the whole image.
    settings : TrainConfig
    is_rgb : bool, optional
    """

    def __init__(
        self, source: Any, frame: Frame, settings: TrainConfig, *, is_rgb: bool = False
    ) -> None:
        self._source, self._frame, self._is_rgb = source, frame, is_rgb
        self._sigma_px = settings.background_um / settings.pixel_size_um
        self._mean, self._deviation = 0.0, 1.0
        self.shape = frame.network_shape

    def measure_steps(self) -> Generator[None, None, None]:
        """Find mean and standard deviation of the whole image, which its parts need.

        Yields
        ------
        None
            After each part.
        """
        total, square, level = 0.0, 0.0, 0.0
        for where in squares(self.shape, PART_PX):
            flat, highest = self._flat(*where)
            total += float(flat.sum(dtype=np.float64))
            square += float(np.square(flat, dtype=np.float64).sum())
            level = max(level, highest)
            yield
        self._mean = total / math.prod(self.shape)
        variance = square / math.prod(self.shape) - self._mean**2
        self._deviation = math.sqrt(max(variance, 0.0))
        if self._deviation <= images.NO_CONTRAST * level:
            self._deviation = math.inf

    def __getitem__(self, where: tuple[slice, slice]) -> GreyImage:
        """Return a part, standardised with the whole image's mean and deviation."""
        rows, columns = (
            slice(*part.indices(extent)) for part, extent in zip(where, self.shape, strict=True)
        )
        flat, _ = self._flat(rows, columns)
        return np.asarray((flat - self._mean) / self._deviation, dtype=np.float32)

    def _flat(self, rows: slice, columns: slice) -> tuple[GreyImage, float]:
        """Return a part without uneven light, and its highest grey level before."""
        margin = math.ceil(BLUR_REACH * self._sigma_px) + 1 if self._sigma_px else 0
        around = tuple(
            slice(max(0, part.start - margin), min(extent, part.stop + margin))
            for part, extent in zip((rows, columns), self.shape, strict=True)
        )
        grey = self._cut(*around)
        inside = tuple(
            slice(part.start - wide.start, part.stop - wide.start)
            for part, wide in zip((rows, columns), around, strict=True)
        )
        flat = images.flatten(grey, self._sigma_px)[inside]
        return flat, float(np.abs(grey[inside]).max())

    def _cut(self, rows: slice, columns: slice) -> GreyImage:
        """Return a part of the image at the network's resolution, band by band."""
        frame = self._frame
        left, right, across = _weights(frame.width, frame.network_width, columns)
        per_row = max(1, frame.height // frame.network_height) * (right - left)
        step = max(1, BAND_PX // per_row)
        bands = []
        for start in range(rows.start, rows.stop, step):
            part = slice(start, min(rows.stop, start + step))
            top, bottom, down = _weights(frame.height, frame.network_height, part)
            pixels = np.asarray(
                self._source[
                    frame.top + top : frame.top + bottom, frame.left + left : frame.left + right
                ]
            )
            grey = images.to_grey(pixels, is_rgb=self._is_rgb)
            bands.append((across @ (down @ grey).T).T)
        return np.ascontiguousarray(np.concatenate(bands), dtype=np.float32)


def _weights(extent: int, network_extent: int, part: slice) -> tuple[int, int, csr_array]:
    """Return which original pixels some of the network's are made of, and with what weights.

    The mean over a pixel's area where the image gets smaller, linear where it gets larger, as in
    `Frame.cut`.

    Returns
    -------
    first, last : int
        Of the original's pixels.
    weights : sparse array of float32, shape (part, last - first)
    """
    factor, numbers = extent / network_extent, np.arange(part.start, part.stop)
    if factor > 1:
        low, high = numbers * factor, np.minimum((numbers + 1) * factor, extent)
        first = np.floor(low + 1e-6).astype(int)
        reach = math.ceil(factor) + 1
        pixels = first[:, None] + np.arange(reach)
        values = np.minimum(pixels + 1, high[:, None]) - np.maximum(pixels, low[:, None])
        values = np.maximum(values, 0) / factor
    else:
        middle = np.clip((numbers + 0.5) * factor - 0.5, 0, extent - 1)
        first = np.floor(middle).astype(int)
        pixels = first[:, None] + np.arange(2)
        share = middle - first
        values = np.stack([1 - share, share], axis=1)
    values[pixels >= extent] = 0
    start, stop = int(first[0]), int(min(extent, pixels.max() + 1))
    rows = np.broadcast_to(np.arange(len(numbers))[:, None], pixels.shape)
    there = values > 0
    places = rows[there], pixels[there] - start
    shape = (len(numbers), stop - start)
    return start, stop, csr_array((values[there].astype(np.float32), places), shape=shape)


class StoredMap:
    """A heat map in a temporary file, of which only the parts that are looked at are in memory.

    Parameters
    ----------
    shape : (int, int)
    """

    ndim, nbytes = 2, 0
    dtype: npt.DTypeLike = np.dtype(np.float32)

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it goes with this object
        weakref.finalize(self, self._file.close)

    def __setitem__(self, where: tuple[slice, slice], values: npt.NDArray[np.float32]) -> None:
        self._whole("r+" if self._written() else "w+")[where] = values

    def __getitem__(self, where: tuple[slice, slice]) -> npt.NDArray[np.float32]:
        """Return a copy of a part."""
        return np.array(self._whole("r")[where])

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """Return all of it, in memory."""
        return np.array(self._whole("r"), dtype)

    def _written(self) -> bool:
        return self._file.seek(0, 2) > 0

    def _whole(self, mode: Any) -> Any:
        # Mapped anew each time: what a mapping has once read stays in memory as long as it does.
        return np.memmap(self._file, np.float32, mode, shape=self.shape)
