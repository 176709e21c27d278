"""The pixels of an image, and how large they are. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Unread:
    """Stands for pixels that were let go of and have to be read again.

    Parameters
    ----------
    shape : tuple of int
    """

    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """The pixels of an image or time stack, and how large they are.

    Parameters
    ----------
    name : str
        The project's name of the image, or the layer's.
    pixels : array_like, shape (Y, X) or (T, Y, X), with a last axis of colours if `is_rgb`
        Not necessarily in memory.
    is_rgb : bool
    pixel_size_um : float or None
        Micrometres per pixel, where known.
    known_from : str
        Who states the pixel size, in words; empty if nobody does.
    path : Path or None
        The file, where there is one.
    coarser : tuple of ndarray
        Copies of a large image that is not in memory, the finest first; see `overview`.
    """

    name: str
    pixels: Any
    is_rgb: bool = False
    pixel_size_um: float | None = None
    known_from: str = ""
    path: Path | None = None
    coarser: tuple[npt.NDArray[Any], ...] = ()

    @property
    def nbytes(self) -> int:
        """What the pixels take in memory."""
        inside = [self.pixels] if isinstance(self.pixels, np.ndarray) else self.coarser
        return sum(one.nbytes for one in inside)

    @property
    def shape(self) -> tuple[int, ...]:
        """(Y, X) or (T, Y, X)."""
        shape = tuple(int(size) for size in self.pixels.shape)
        return shape[:-1] if self.is_rgb else shape

    @property
    def ndim(self) -> int:
        """2 for an image, 3 for a time stack."""
        return len(self.shape)

    @property
    def is_read(self) -> bool:
        """Whether the pixels are there."""
        return not isinstance(self.pixels, Unread)

    def is_other_than(self, before: Picture) -> bool:
        """Return whether the pixels are others than those of an earlier reading.

        Of pixels that were let go of, or are not in memory, nobody knows any more: then they are.
        """
        mine, theirs = self.pixels, before.pixels
        if not (isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray)):
            return True
        return mine is not theirs and not (
            mine.dtype == theirs.dtype and np.array_equal(mine, theirs)
        )

    def without_pixels(self) -> Picture:
        """Return the same picture, to be read again."""
        return replace(self, pixels=Unread(tuple(self.pixels.shape)), coarser=())
