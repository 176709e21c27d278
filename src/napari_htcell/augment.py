"""Which squares of the images an epoch goes through, and how they are changed (section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from napari_htcell.frame import squares
from napari_htcell.targets import Truth


@dataclass(frozen=True)
class Look:
    """What another microscope might have made of a square.

    Parameters
    ----------
    contrast : float
        The standardised grey level is multiplied by it; below 0 bright is dark.
    blur_px : float
        Standard deviation of a Gaussian blur.
    noise : float
        Standard deviation of noise, in units of the image's.
    seed : int
        Of the noise.
    """

    contrast: float = 1.0
    blur_px: float = 0.0
    noise: float = 0.0
    seed: int = 0

    def of(self, part: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return a standardised grey level, shape (Y, X), as it would look."""
        if self.blur_px:
            part = np.asarray(cv2.GaussianBlur(part, (0, 0), self.blur_px), np.float32)
        part = part * np.float32(self.contrast)
        if self.noise:
            rng = np.random.default_rng(self.seed)
            part = part + np.float32(self.noise) * rng.standard_normal(part.shape, np.float32)
        return part


AS_IT_IS = Look()


@dataclass(frozen=True)
class Square:
    """A square of one image, perhaps flipped, enlarged, or seen otherwise.

    Parameters
    ----------
    image : int
        Index of the image.
    rows, columns : slice
        Its place at the network's resolution. Beyond the image's last row or column the image is
        mirrored, and nothing is known.
    flip : tuple of int
        Axes that are reversed: () for none, (0,) vertically, (1,) horizontally.
    is_transposed : bool
        Whether its axes are exchanged then, which a quarter turn is made of.
    margin_px : int
        Along sides that are not the image's own the truth counts as unknown this far: cells are cut
        there whose centre lies outside.
    side_px : int or None
        Side to which it is enlarged or made smaller; None leaves it.
    look : Look
        Of the image, not of target and weight.
    """

    image: int
    rows: slice
    columns: slice
    flip: tuple[int, ...] = ()
    is_transposed: bool = False
    margin_px: int = 0
    side_px: int | None = None
    look: Look = AS_IT_IS

    def take_image(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the square of an image, shape (Y, X)."""
        part = self._filled(image[self.rows, self.columns], "symmetric")
        return self.look.of(self._turn(part, cv2.INTER_LINEAR))

    def take(self, array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the square of a target, shape (Y, X)."""
        part = self._filled(array[self.rows, self.columns], "constant")
        return self._turn(part, cv2.INTER_LINEAR)

    def take_known(self, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """Return the square of where the truth is known, shape (Y, X): 1, and 0 elsewhere."""
        part = known[self.rows, self.columns].astype(np.float32)
        places = zip((part, part.T), (self.rows, self.columns), known.shape, strict=True)
        for lines, place, extent in places:
            if place.start > 0:
                lines[: self.margin_px] = 0
            if place.stop < extent:
                lines[len(lines) - self.margin_px :] = 0
        return self._turn(self._filled(part, "constant"), cv2.INTER_NEAREST)

    def _filled(
        self, part: npt.NDArray[np.float32], mode: Literal["constant", "symmetric"]
    ) -> npt.NDArray[np.float32]:
        """Return what the image has of the square, filled up to the whole square."""
        wanted = (self.rows.stop - self.rows.start, self.columns.stop - self.columns.start)
        if part.shape == wanted:
            return part
        missing = [(0, whole - here) for whole, here in zip(wanted, part.shape, strict=True)]
        return np.pad(part, missing, mode)

    def _turn(self, part: npt.NDArray[np.float32], method: int) -> npt.NDArray[np.float32]:
        if self.side_px is not None and part.shape != (self.side_px, self.side_px):
            size = (self.side_px, self.side_px)
            part = np.asarray(cv2.resize(part, size, interpolation=method), np.float32)
        flipped = np.flip(part, self.flip)
        return np.ascontiguousarray(flipped.T if self.is_transposed else flipped)


Augmentation = Callable[[Sequence[Truth], int, np.random.Generator], list[Square]]
"""(truth of each image, side, rng) to the squares of one epoch, in any order."""

PAPER_RANDOM_SQUARES = 3
"""Random squares per image (section 3.2)."""


def none(truths: Sequence[Truth], side: int, rng: np.random.Generator) -> list[Square]:
    """Return the squares that cover each image: two of the paper's crop."""
    return [
        Square(index, rows, columns)
        for index, truth in enumerate(truths)
        for rows, columns in squares(truth.shape, side)
    ]


def paper(truths: Sequence[Truth], side: int, rng: np.random.Generator) -> list[Square]:
    """Add three random squares per image and their vertical and horizontal flips.

    The paper does not say whether these replace the squares without augmentation; added to them,
    an image gives 2 + 3 x 3 squares, drawn anew each epoch.
    """
    chosen = none(truths, side, rng)
    for index, truth in enumerate(truths):
        for _ in range(PAPER_RANDOM_SQUARES):
            rows, columns = (_random_part(extent, side, rng) for extent in truth.shape)
            chosen += [Square(index, rows, columns, flip) for flip in ((), (0,), (1,))]
    return chosen


def turned(truths: Sequence[Truth], side: int, rng: np.random.Generator) -> list[Square]:
    """Return random squares, as many as would cover each image, turned and mirrored at random.

    Those of images in relief stay the right way up, see `relief`.

    All squares of an epoch are of one size, so that they make batches: at most the side, and no
    more than fits into the largest image; a smaller one is filled up. It varies by `JITTER_PX` from
    epoch to epoch: squares of one size are all made longer by as many pixels for the network, and
    it takes the edge of an image that is made longer by fewer for a row of cells.
    """
    side = min(side, max(min(truth.shape) for truth in truths))
    side -= int(rng.integers(0, min(JITTER_PX, side // 2 + 1)))
    chosen = []
    for index, truth in enumerate(truths):
        for _ in range(math.ceil(math.prod(truth.shape) / side**2)):
            rows, columns = (_part_to_the_edge(extent, side, rng) for extent in truth.shape)
            square = Square(index, rows, columns, margin_px=CUT_PX)
            if not truth.in_relief:
                flip = tuple(axis for axis in (0, 1) if rng.random() < 0.5)
                square = replace(square, flip=flip, is_transposed=bool(rng.random() < 0.5))
            chosen.append(square)
    return chosen


def varied(truths: Sequence[Truth], side: int, rng: np.random.Generator) -> list[Square]:
    """Return what `turned` does, half of it at another scale or as another microscope shows it."""
    chosen = turned(truths, side, rng)
    return [_vary(one, truths[one.image].shape, rng) for one in chosen]


def _vary(square: Square, shape: tuple[int, int], rng: np.random.Generator) -> Square:
    side = square.rows.stop - square.rows.start
    if rng.random() < 0.5:
        zoom = float(np.exp(rng.uniform(-MOST_ZOOM, MOST_ZOOM)))
        taken = min(round(side / zoom), max(side, min(shape)))
        rows, columns = (_part_to_the_edge(extent, taken, rng) for extent in shape)
        square = replace(square, rows=rows, columns=columns, side_px=side)
    return replace(square, look=_look(rng, INVERTED))


def relit(truths: Sequence[Truth], side: int, rng: np.random.Generator) -> list[Square]:
    """Return what `turned` does, some of it as the same microscope shows it on another day."""
    chosen = turned(truths, side, rng)
    return [replace(one, look=_look(rng, inverted=0)) for one in chosen]


def _look(rng: np.random.Generator, inverted: float) -> Look:
    """Draw a look: contrast, focus, noise, and with a probability inverted."""
    return Look(
        contrast=float(np.exp(rng.uniform(-0.4, 0.4)) if rng.random() < 0.5 else 1)
        * (-1 if rng.random() < inverted else 1),
        blur_px=float(rng.uniform(0.3, 1.2) if rng.random() < 0.2 else 0),
        noise=float(rng.uniform(0.05, 0.3) if rng.random() < 0.2 else 0),
        seed=int(rng.integers(2**31)),
    )


MOST_ZOOM = 0.7
"""Natural logarithm of the strongest enlargement: pixel sizes are off, and cells differ."""

INVERTED = 0.1
"""Part of the squares whose bright is made dark, as negative phase contrast has it."""


def windows(truths: Sequence[Truth], side: int, rng: np.random.Generator) -> list[Square]:
    """Return a window around each annotated cell, and as many elsewhere (CNN-SW, section 3.3).

    Windows elsewhere lie at random and have no annotated cell in them; where an image has hardly
    such a place, there are fewer. Cells too near to the border for a window are left out.
    """
    chosen = []
    for index, truth in enumerate(truths):
        here = [_around(index, point, side) for point in truth.points]
        here = [one for one in here if _fits(one, truth.shape)]
        chosen += here
        if min(truth.shape) < side:
            continue
        elsewhere: list[Square] = []
        for _ in range(PATIENCE * len(here)):
            if len(elsewhere) == len(here):
                break
            rows, columns = (_random_part(extent, side, rng) for extent in truth.shape)
            one = Square(index, rows, columns)
            if not _has_a_cell(one, truth):
                elsewhere.append(one)
        chosen += elsewhere
    return chosen


CUT_PX = 8
"""Pixels within which a square's edge cuts cells whose centre is outside: 26 um in version E."""

JITTER_PX = 16
"""By how much squares vary: the coarsest pixel of a network with four poolings."""

PATIENCE = 20
"""Random places that are tried for each window without a cell."""


def _around(image: int, point: npt.NDArray[Any], side: int) -> Square:
    top, left = (round(float(place)) - side // 2 for place in point)
    return Square(image, slice(top, top + side), slice(left, left + side))


def _fits(square: Square, shape: tuple[int, int]) -> bool:
    parts = zip((square.rows, square.columns), shape, strict=True)
    return all(part.start >= 0 and part.stop <= extent for part, extent in parts)


def _has_a_cell(square: Square, truth: Truth) -> bool:
    first = np.asarray([square.rows.start, square.columns.start])
    last = np.asarray([square.rows.stop, square.columns.stop]) - 1
    return bool(((truth.points >= first) & (truth.points <= last)).all(axis=1).any())


def _random_part(extent: int, side: int, rng: np.random.Generator) -> slice:
    start = int(rng.integers(0, max(0, extent - side) + 1))
    return slice(start, min(start + side, extent))


def _part_to_the_edge(extent: int, side: int, rng: np.random.Generator) -> slice:
    """Return a random part; pixels at an edge come nearly as often as those in the middle."""
    beyond = side // 4
    start = int(rng.integers(-beyond, max(0, extent - side) + beyond + 1))
    start = min(max(start, 0), max(0, extent - side))
    return slice(start, start + side)
