"""Which squares of the images an epoch goes through, and how they are changed (section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_htcell.frame import squares


@dataclass(frozen=True)
class Square:
    """A square of one image, perhaps flipped.

    Parameters
    ----------
    image : int
        Index of the image.
    rows, columns : slice
        Its place at the network's resolution.
    flip : tuple of int
        Axes that are reversed: () for none, (0,) vertically, (1,) horizontally.
    """

    image: int
    rows: slice
    columns: slice
    flip: tuple[int, ...] = ()

    def take(self, array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the square of an image, target or weight, shape (Y, X)."""
        part = array[self.rows, self.columns]
        return np.ascontiguousarray(np.flip(part, self.flip)) if self.flip else part


Shapes = Sequence[tuple[int, int]]
Augmentation = Callable[[Shapes, int, np.random.Generator], list[Square]]
"""(height and width of each image, side, rng) to the squares of one epoch, in any order."""

PAPER_RANDOM_SQUARES = 3
"""Random squares per image (section 3.2)."""


def none(shapes: Shapes, side: int, rng: np.random.Generator) -> list[Square]:
    """Return the squares that cover each image: two of the paper's crop."""
    return [
        Square(index, rows, columns)
        for index, shape in enumerate(shapes)
        for rows, columns in squares(shape, side)
    ]


def paper(shapes: Shapes, side: int, rng: np.random.Generator) -> list[Square]:
    """Add three random squares per image and their vertical and horizontal flips.

    The paper does not say whether these replace the squares without augmentation; added to them,
    an image gives 2 + 3 x 3 squares, drawn anew each epoch.
    """
    chosen = none(shapes, side, rng)
    for index, shape in enumerate(shapes):
        for _ in range(PAPER_RANDOM_SQUARES):
            rows, columns = (_random_part(extent, side, rng) for extent in shape)
            chosen += [Square(index, rows, columns, flip) for flip in ((), (0,), (1,))]
    return chosen


def _random_part(extent: int, side: int, rng: np.random.Generator) -> slice:
    start = int(rng.integers(0, max(0, extent - side) + 1))
    return slice(start, start + side)
