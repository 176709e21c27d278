"""Which complete images judge a network that has not learnt from them (two-fold cross-validation).

A network fine-tuned on three images knows these by heart: on them any threshold is right, and F
says nothing about others. So each half of them judges a network that learnt from the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_htcell.dataset import LearningImage
from napari_htcell.training import Lesson


@dataclass(frozen=True)
class Fold:
    """One turn: what is learnt from, and what judges.

    Parameters
    ----------
    learnt, left_out : tuple of LearningImage
    """

    learnt: tuple[LearningImage, ...]
    left_out: tuple[LearningImage, ...]


def two_folds(images: Sequence[LearningImage]) -> tuple[Fold, ...]:
    """Part images whose cells are all known into two halves of about as many cells.

    Parameters
    ----------
    images : sequence of LearningImage
        Where a single one has cells, it is parted itself, with half of them on either side.

    Returns
    -------
    tuple of Fold
        Two, or none if one of the halves would have no cell.
    """
    with_cells = [one for one in images if one.n_known]
    if len(with_cells) == 1:
        first_half, second_half = _halves(with_cells[0])
        empty = tuple(one for one in images if not one.n_known)
        halves = first_half + empty[::2], second_half + empty[1::2]
    else:
        order = sorted(range(len(images)), key=lambda index: -images[index].n_known)
        # Dealt out as cards to two players who take turns in being first.
        first = {index for place, index in enumerate(order) if place % 4 in (0, 3)}
        halves = (
            tuple(one for index, one in enumerate(images) if index in first),
            tuple(one for index, one in enumerate(images) if index not in first),
        )
    if not all(sum(one.n_known for one in half) for half in halves):
        return ()
    return Fold(halves[0], halves[1]), Fold(halves[1], halves[0])


def turns_of(
    last: Lesson, may_judge: Callable[[LearningImage], bool], share: float
) -> dict[str, tuple[Lesson, tuple[LearningImage, ...]]]:
    """Return the lessons of a cross-validation by name, each with the images left out of it.

    Parameters
    ----------
    last : Lesson
        The recipe's last. What it learns from and is not finished is learnt from in every turn.
    may_judge : callable
        Whether an image may; there is no lesson where none may.
    share : float
        Part of its steps that each takes.
    """
    finished = [one for one in last.images if one.is_finished]
    always = tuple(one for one in last.images if not one.is_finished)
    if not any(map(may_judge, finished)):
        return {}
    return {
        f"turn{number}": (
            replace(last, images=fold.learnt + always, share=share),
            fold.left_out,
        )
        for number, fold in enumerate(two_folds(finished), start=1)
    }


def _halves(image: LearningImage) -> tuple[tuple[LearningImage, ...], tuple[LearningImage, ...]]:
    """Cut what is known of an image across its longer axis."""
    axis = int(np.argmax(image.known.shape))
    places = image.known_points[:, axis]
    middle = float(np.median(places)) if len(places) else image.known.shape[axis] / 2
    is_before: npt.NDArray[np.bool_] = np.indices(image.known.shape)[axis] < middle
    return (
        (replace(image, known=image.known & is_before),),
        (replace(image, known=image.known & ~is_before),),
    )
