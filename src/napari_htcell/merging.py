"""Two people's work on one image put together, so that neither loses a click."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from napari_htcell.annotations import Annotation
from napari_htcell.config import PAPER_PIXEL_SIZE_UM, EvaluateConfig
from napari_htcell.evaluate import evaluate
from napari_htcell.pointsfile import Points
from napari_htcell.words import count

SAME_UM = float(EvaluateConfig().cutoff_um) / 2
"""Distance below which two people's new clicks are on the same cell: half a match's."""

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
    is_marked : bool
        Whether other frames or regions are complete, or other places rejected, because of them.
    """

    annotation: Annotation
    added: int
    removed: int
    is_marked: bool

    @property
    def in_words(self) -> str:
        """What they have changed; empty if nothing."""
        said = [f"{count(self.added, 'point')} added"] if self.added else []
        said += [f"{count(self.removed, 'point')} removed"] if self.removed else []
        return ", ".join(said + ["other marks changed"] * self.is_marked)


def same_px(pixel_size_um: float | None) -> float:
    """Return the distance in pixels below which two new clicks are on the same cell.

    Parameters
    ----------
    pixel_size_um : float or None
        Of the image; None if nobody states it.
    """
    return SAME_UM / (pixel_size_um or PAPER_PIXEL_SIZE_UM)


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
    kept, new = _merge_points(base.points, ours.points, theirs.points, same_px)
    still, more = _merge_points(base.rejected, ours.rejected, theirs.rejected, same_px)
    complete = frozenset(
        _merge_items(base.complete_frames, ours.complete_frames, theirs.complete_frames)
    )
    regions = tuple(_merge_items(base.regions, ours.regions, theirs.regions))
    merged = replace(
        ours,
        points=np.concatenate([ours.points[kept], theirs.points[new]]),
        sources=tuple([ours.sources[i] for i in kept] + [theirs.sources[i] for i in new]),
        complete_frames=complete,
        regions=regions,
        rejected=np.concatenate([ours.rejected[still], theirs.rejected[more]]),
    )
    is_marked = (
        complete != ours.complete_frames
        or regions != ours.regions
        or len(still) < len(ours.rejected)
        or bool(more)
    )
    return Merged(merged, len(new), len(ours.points) - len(kept), is_marked)


def _merge_points(
    base: Points, ours: Points, theirs: Points, same_px: float
) -> tuple[list[int], list[int]]:
    """Return the indices of our points that stay, and of theirs that are new to us."""
    before, here, there = (_keys(points) for points in (base, ours, theirs))
    known, all_ours, gone = set(before), set(before) | set(here), set(before) - set(there)
    new_here = [index for index, key in enumerate(here) if key not in known]
    new_there = [index for index, key in enumerate(there) if key not in all_ours]
    pairs = evaluate(theirs[new_there], ours[new_here], cutoff_px=same_px).pairs
    same = {new_there[index] for index in pairs[:, 0].tolist()}
    kept = [index for index, key in enumerate(here) if key not in gone]
    return kept, [index for index in new_there if index not in same]


def _keys(points: Points) -> list[Key]:
    """Return what a table tells points by: a point that is read again is no other point."""
    return [tuple(f"{value:.3f}" for value in point) for point in points.tolist()]


def _merge_items(
    base: Collection[ItemT], ours: Collection[ItemT], theirs: Collection[ItemT]
) -> list[ItemT]:
    kept = [one for one in ours if one in theirs or one not in base]
    return kept + [one for one in theirs if one not in base and one not in ours]
