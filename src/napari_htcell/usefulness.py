"""Which image teaches most for its clicks: one with cells enough and few corrections to expect.

Whoever finishes an image corrects what the model has wrong, and accepts the rest at once. What is
learnt from it hangs little on which one it was, and what it costs hangs on it much
(docs/version_e.md, "Clicks"). So images come in the order of the corrections to expect, over all
frames that are not complete, ::

    corrections = D + U M / (A - M + 1) + e C

    D = sum over candidates of max(0, 1 - (s - t) / w)   how uncertain the count is
    U = candidates                                       of which as many are expected to be missed
    M = annotated cells on which nothing was detected    as were of the A annotated cells
    C = cells with another one nearer than r             where cells are dense

A candidate is a detection that is no annotated cell and lies in no complete region, s its score and
t the threshold. One right at the threshold may as well be none, and as many cells can be expected
just below it; one that is w above it is taken for sure. Dense cells are missed and merged most,
about a share e of them. `UsefulnessConfig` has w, r and e. All three count cells.

Images with few cells teach little, and cost least: they come after the others, the fewest cells
last. Nothing can be said of images without detections, which follow, then the complete ones, then
those whose files are damaged; ties are in the order of the project.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from napari_htcell.annotations import Annotation
from napari_htcell.config import UsefulnessConfig
from napari_htcell.detections import Detections
from napari_htcell.export import count_cells
from napari_htcell.words import count

Standing = Literal["open", "not detected", "complete", "damaged"]
ORDER: tuple[Standing, ...] = ("open", "not detected", "complete", "damaged")


@dataclass(frozen=True)
class Usefulness:
    """What correcting an image is expected to teach.

    Parameters
    ----------
    standing : {"open", "not detected", "complete", "damaged"}
        Whether the corrections can be told, and if not, why.
    corrections : float
        Number to expect; 0 where it cannot be told.
    doubtful : int
        Candidates near the threshold.
    missed : int
        Annotated cells that the model has not found.
    crowded, cells : int
        Cells with a near neighbour, and all cells, annotated or detected.
    is_sparse : bool
        Whether there are too few cells to learn much from.
    model : str
        Name of the model that was run.
    fault : str
        What is wrong with the image's files.
    """

    standing: Standing
    corrections: float = 0.0
    doubtful: int = 0
    missed: int = 0
    crowded: int = 0
    cells: int = 0
    is_sparse: bool = False
    model: str = ""
    fault: str = ""

    @property
    def reason(self) -> str:
        """Why the image comes where it does, in words."""
        if self.standing == "not detected":
            return "nothing was detected in it yet, so it cannot be compared"
        if self.standing == "complete":
            return "complete, nothing is left to correct"
        if self.standing == "damaged":
            return self.fault
        said = [f"only {count(self.cells, 'cell')}"] if self.is_sparse else []
        said += [f"{self.doubtful} near the threshold"] if self.doubtful else []
        said += [f"{count(self.missed, 'click')} that {self.model} missed"] if self.missed else []
        said += [f"{self.crowded} of {self.cells} crowded"] if self.crowded else []
        return ", ".join(said) or f"{count(self.cells, 'cell')}, none of them doubtful"


def usefulness(
    annotation: Annotation, detections: Detections | None, settings: UsefulnessConfig | None = None
) -> Usefulness:
    """Return what correcting an image is expected to teach; see the module's text.

    Parameters
    ----------
    annotation : Annotation
    detections : Detections or None
        None if no model was run.
    settings : UsefulnessConfig, optional
    """
    settings = settings or UsefulnessConfig()
    open_frames = _frames(annotation, detections) - annotation.complete_frames
    if annotation.complete_frames and not open_frames:
        return Usefulness("complete")
    if detections is None:
        return Usefulness("not detected")
    how = detections.provenance
    # Of the others nobody knows what the model misses there.
    open_frames = {frame for frame in open_frames if how.looked_at(frame)}
    if not open_frames:
        return Usefulness("not detected")
    doubt, doubtful, missed, unclicked, crowded, n_cells = 0.0, 0, 0, 0, 0, 0
    for frame in sorted(open_frames):
        cells = count_cells(annotation, detections, frame)
        above = cells.scores - how.settings.threshold
        each = np.clip(1 - above / settings.doubt_band, 0, 1)
        doubt, doubtful = doubt + float(each.sum()), doubtful + int((each > 0).sum())
        missed += int(np.isnan(cells.annotated_scores).sum())
        unclicked += len(cells.detected_only)
        points = np.concatenate([cells.annotated, cells.detected_only])
        crowded += _crowded(points, settings.crowded_um / how.pixel_size_um)
        n_cells += len(cells)
    clicked_and_found = n_cells - unclicked - missed
    unseen = unclicked * missed / (clicked_and_found + 1)
    return Usefulness(
        "open",
        corrections=doubt + unseen + settings.crowded_error * crowded,
        doubtful=doubtful,
        missed=missed,
        crowded=crowded,
        cells=n_cells,
        is_sparse=n_cells < settings.least_cells,
        model=how.model,
    )


def ranked(images: Iterable[tuple[str, Usefulness]]) -> list[tuple[str, Usefulness]]:
    """Return names with their usefulness, the most useful first."""

    def place(named: tuple[str, Usefulness]) -> tuple[int, bool, float]:
        _, one = named
        return (
            ORDER.index(one.standing),
            one.is_sparse,
            -one.cells if one.is_sparse else one.corrections,
        )

    return sorted(images, key=place)


def _frames(annotation: Annotation, detections: Detections | None) -> set[int]:
    frames = set(annotation.frames)
    if detections is not None and len(detections):
        stack = detections.points.shape[1] == 3
        frames |= {round(f) for f in np.unique(detections.points[:, 0]).tolist()} if stack else {0}
    return frames


def _crowded(points: npt.NDArray[np.float64], radius_px: float) -> int:
    """Return how many points have another one within a radius."""
    if len(points) < 2:
        return 0
    # The nearest is the point itself; the distance to a second one is infinite without any.
    found = KDTree(points).query(points, k=2, distance_upper_bound=radius_px)[0]
    return int(np.isfinite(np.asarray(found)[:, 1]).sum())
