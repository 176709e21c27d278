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

    Frames of one file stay together: the next one shows nearly the same.

    Parameters
    ----------
    images : sequence of LearningImage
        Where a single file has cells, it is parted itself: all of its frames along one line, with
        half of their cells on either side.

    Returns
    -------
    tuple of Fold
        Two, or none if one of the halves would have no cell.
    """
    by_file: dict[str, list[LearningImage]] = {}
    for one in images:
        by_file.setdefault(one.card.sha256, []).append(one)
    files = sorted(by_file.values(), key=lambda frames: -_n_cells(frames))
    if sum(_n_cells(frames) > 0 for frames in files) == 1:
        first, second = _halves(files.pop(0))
    else:
        first, second = [], []
    # Dealt out as cards to two players who take turns in being first.
    for place, frames in enumerate(files):
        (first if place % 4 in (0, 3) else second).extend(frames)
    order = {(one.card.sha256, one.card.frame): index for index, one in enumerate(images)}
    for half in (first, second):
        half.sort(key=lambda one: order[one.card.sha256, one.card.frame])
    if not (_n_cells(first) and _n_cells(second)):
        return ()
    return Fold(tuple(first), tuple(second)), Fold(tuple(second), tuple(first))


def _n_cells(images: Sequence[LearningImage]) -> int:
    return sum(len(one.complete_points) for one in images)


def turns_of(
    last: Lesson, may_judge: Callable[[LearningImage], bool], share: float
) -> dict[str, tuple[Lesson, tuple[LearningImage, ...]]]:
    """Return the lessons of a cross-validation by name, each with the images left out of it.

    Parameters
    ----------
    last : Lesson
        The recipe's last. What it learns from and is not finished is learnt from in every turn.
    may_judge : callable
        Whether an image may; there is no lesson for a half of which none may.
    share : float
        Part of its steps that each takes.
    """
    finished = [one for one in last.images if one.is_finished]
    always = tuple(one for one in last.images if not one.is_finished)
    return {
        f"turn{number}": (
            replace(last, images=fold.learnt + always, share=share),
            fold.left_out,
        )
        for number, fold in enumerate(two_folds(finished), start=1)
        if any(map(may_judge, fold.left_out))
    }


def _halves(frames: Sequence[LearningImage]) -> tuple[list[LearningImage], list[LearningImage]]:
    """Cut what is annotated of a file's frames along one line across its longer axis."""
    axis = int(np.argmax(frames[0].truth.shape))
    places = np.concatenate([one.complete_points[:, axis] for one in frames])
    middle = float(np.median(places))
    before: list[LearningImage] = []
    after: list[LearningImage] = []
    for one in frames:
        is_before: npt.NDArray[np.bool_] = np.indices(one.truth.shape)[axis] < middle
        for half, here in ((before, is_before), (after, ~is_before)):
            half.append(replace(one, known=one.known & here, complete=one.complete & here))
    return before, after
