"""Two people's work on one image put together, so that neither loses a click."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from napari_htcell.annotations import Annotation
from napari_htcell.evaluate import evaluate
from napari_htcell.words import count

ItemT = TypeVar("ItemT")
Key = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Merged:
    """Ours and theirs in one.

    Parameters
    ----------
    annotation : Annotation
    added, removed : int
        Points that are there, or gone, because of them.
    """

    annotation: Annotation
    added: int
    removed: int

    @property
    def in_words(self) -> str:
        """What they have changed."""
        said = [f"{count(self.added, 'point')} added"] if self.added else []
        said += [f"{count(self.removed, 'point')} removed"] if self.removed else []
        return ", ".join(said) or "no points changed"


def merge(base: Annotation, ours: Annotation, theirs: Annotation, same_px: float) -> Merged:
    """Put two annotations together that were both made from a third one.

    What either has added is kept, once where both mean the same cell; what either has removed is
    gone. A frame or a region is complete if either has made it so, unless the other took it back.

    Parameters
    ----------
    base : Annotation
        What both began with.
    ours, theirs : Annotation
    same_px : float
        Two new points nearer than this, in pixels, are the same cell; ours is kept.

    Raises
    ------
    ValueError
        If the points of the three are not of the same kind of image.
    """
    before, here, there = (_keys(one) for one in (base, ours, theirs))
    known, all_ours, gone = set(before), set(before) | set(here), set(before) - set(there)
    new_here = [index for index, key in enumerate(here) if key not in known]
    new_there = [index for index, key in enumerate(there) if key not in all_ours]
    same = evaluate(theirs.points[new_there], ours.points[new_here], cutoff_px=same_px).pairs[:, 0]
    added = np.delete(np.asarray(new_there, dtype=np.intp), same)
    removed = [i for i, key in enumerate(here) if key in gone]
    kept = ours.remove(removed)
    merged = replace(
        kept,
        points=np.concatenate([kept.points, theirs.points[added]]),
        sources=kept.sources + tuple(theirs.sources[i] for i in added),
        complete_frames=frozenset(
            _merge(base.complete_frames, ours.complete_frames, theirs.complete_frames)
        ),
        regions=tuple(_merge(base.regions, ours.regions, theirs.regions)),
    )
    return Merged(merged, len(added), len(removed))


def _keys(annotation: Annotation) -> list[Key]:
    """Return what a table tells points by: a point that is read again is no other point."""
    return [tuple(f"{value:.3f}" for value in point) for point in annotation.points.tolist()]


def _merge(
    base: Collection[ItemT], ours: Collection[ItemT], theirs: Collection[ItemT]
) -> list[ItemT]:
    kept = [one for one in ours if one in theirs or one not in base]
    return kept + [one for one in theirs if one not in base and one not in ours]
