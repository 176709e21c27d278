"""Tables of a project for publication: how many cells, and where.

Both tables count a cell once: a detection on an annotated cell is that cell, and where a person has
said that every cell is annotated, only their points count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell import pointsfile
from napari_htcell.annotations import Annotation, frames_of
from napari_htcell.config import EvaluateConfig
from napari_htcell.detections import Detections
from napari_htcell.evaluate import evaluate
from napari_htcell.imagefiles import ImageError
from napari_htcell.project import Project
from napari_htcell.words import count

Row = dict[str, Any]

COUNT_COLUMNS = (
    "image", "frame", "status", "annotated", "detected", "final", "model", "threshold", "method",
    "min_distance_um", "pixel_size_um", "pixel_size_assumed", "date", "plugin_version",
)  # fmt: skip
"""Columns of the counts table; one row per image and frame.

`status` is untouched, partial, complete, or unreadable (the image file); `annotated` and `detected`
are numbers of points; `final` is `annotated` of a complete frame, else `annotated` and the
detections that are no annotated cell. What is not known is empty: `detected` and all after it where
no model was run, and `final` where besides a person has not said that all cells are annotated.
"""

POINT_COLUMNS = (
    "image", "frame", "y", "x", "y_um", "x_um", "kind", "source", "score", "area_um2"
)  # fmt: skip
"""Columns of the points table; one row per cell that counts.

`y`, `x` are pixels of the original image; `y_um`, `x_um` the same in micrometres, empty without a
pixel size; `kind` is `ANNOTATED` or `DETECTED_ONLY`; `source` is who clicked, or the model; `score`
is that of the detection there, and `area_um2` its area in square micrometres where the model draws
whole cells.
"""

ANNOTATED, DETECTED_ONLY = "annotated", "detected only"
UNREADABLE = "unreadable"


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one frame, each once.

    Parameters
    ----------
    annotated : ndarray of float, shape (N, 2)
        Annotated points, (y, x) in pixels.
    sources : tuple of str, length N
    annotated_scores : ndarray of float, shape (N,)
        Score of the detection on each, NaN without one.
    detected_only : ndarray of float, shape (M, 2)
        Detections that count and are no annotated cell.
    scores : ndarray of float, shape (M,)
    annotated_areas_um2 : ndarray of float, shape (N,)
        Area of the detection on each, NaN where it is not known.
    areas_um2 : ndarray of float, shape (M,)
    """

    annotated: npt.NDArray[np.float64]
    sources: tuple[str, ...]
    annotated_scores: npt.NDArray[np.float64]
    detected_only: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    annotated_areas_um2: npt.NDArray[np.float64]
    areas_um2: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.annotated) + len(self.detected_only)


def count_cells(annotation: Annotation, detections: Detections | None, frame: int = 0) -> Cells:
    """Put annotated points and detections of a frame together.

    A detection is an annotated cell if `evaluate` pairs the two within the default cut-off of
    `EvaluateConfig`. One that is not counts as a cell, unless the frame or the region that it lies
    in is complete.

    Parameters
    ----------
    annotation : Annotation
    detections : Detections or None
        None if no model was run.
    frame : int, optional
        Frame of a time stack.
    """
    annotated = annotation.in_frame(frame)
    sources = tuple(
        np.asarray(annotation.sources, dtype=object)[frames_of(annotation.points) == frame]
    )
    on_annotated = np.full(len(annotated), np.nan)
    areas_on = on_annotated.copy()
    if detections is None:
        none = np.empty(0)
        return Cells(annotated, sources, on_annotated, np.empty((0, 2)), none, areas_on, none)
    here = frames_of(detections.points) == frame
    points, scores = detections.in_frame(frame), detections.scores[here]
    known = detections.areas_um2
    areas = np.full(len(points), np.nan) if known is None else known[here]
    pairs = evaluate(
        points,
        annotated,
        cutoff_um=EvaluateConfig().cutoff_um,
        pixel_size_um=detections.provenance.pixel_size_um,
    ).pairs
    on_annotated[pairs[:, 1]] = scores[pairs[:, 0]]
    areas_on[pairs[:, 1]] = areas[pairs[:, 0]]
    counts = ~annotation.is_complete_at(points, frame)
    counts[pairs[:, 0]] = False
    return Cells(
        annotated, sources, on_annotated, points[counts], scores[counts], areas_on, areas[counts]
    )


@dataclass(frozen=True, eq=False)
class ImageRecord:
    """All that is said about one image or time stack.

    Parameters
    ----------
    image : str
        What the tables call it.
    detections : Detections or None
        None if no model was run.
    annotation : Annotation
    n_frames : int
        1 for an image.
    pixel_size_um : float or None
        Micrometres per pixel that the image file states; detections know their own.
    is_readable : bool
        Whether the image file can be read.
    """

    image: str
    detections: Detections | None = None
    annotation: Annotation = field(default_factory=Annotation.empty)
    n_frames: int = 1
    pixel_size_um: float | None = None
    is_readable: bool = True

    @property
    def count_rows(self) -> list[Row]:
        """Its rows of the counts table, one per frame."""
        return [count_row(self, frame) for frame in range(self.n_frames)]

    @property
    def point_rows(self) -> list[Row]:
        """Its rows of the points table."""
        return [row for frame in range(self.n_frames) for row in point_rows(self, frame)]


def count_row(record: ImageRecord, frame: int = 0) -> Row:
    """Return a frame's row of the counts table.

    Returns
    -------
    dict
        With the keys `COUNT_COLUMNS`; None where something is not known.
    """
    annotation, detections = record.annotation, record.detections
    if detections is not None and not detections.provenance.looked_at(frame):
        detections = None
    status = annotation.status(frame) if record.is_readable else UNREADABLE
    cells = count_cells(annotation, detections, frame)
    row: Row = dict.fromkeys(COUNT_COLUMNS)
    row |= {"image": record.image, "frame": frame, "status": status}
    if record.is_readable or len(cells.annotated):
        row["annotated"] = len(cells.annotated)
    if detections is not None:
        how = detections.provenance
        row |= {"detected": len(detections.in_frame(frame)), "model": how.model}
        row |= how.settings.model_dump()
        row |= {"pixel_size_um": how.pixel_size_um, "pixel_size_assumed": how.pixel_size_assumed}
        row |= {"date": how.date, "plugin_version": how.plugin_version}
    elif record.pixel_size_um is not None:
        row |= {"pixel_size_um": record.pixel_size_um, "pixel_size_assumed": False}
    if status == "complete" or detections is not None:
        row["final"] = len(cells)
    return row


def in_words(row: Row) -> str:
    """Return a row of the counts in words: what was detected, annotated, and counts in all."""
    place = f"{row['image']}, frame {row['frame']}" if row["frame"] else row["image"]
    said = []
    if row["detected"] is not None:
        said.append(f"{count(row['detected'], 'cell')} detected")
    if row["annotated"]:
        said.append(f"{row['annotated']} annotated")
        if row["final"] is not None:
            said.append(f"{row['final']} in all")
    return f"{place}: {', '.join(said) or row['status']}"


def point_rows(record: ImageRecord, frame: int = 0) -> list[Row]:
    """Return a frame's rows of the points table, with the keys `POINT_COLUMNS`."""
    detections = record.detections
    cells = count_cells(record.annotation, detections, frame)
    how = None if detections is None else detections.provenance
    size = how.pixel_size_um if how else record.pixel_size_um
    model = how.model if how else ""
    points = np.concatenate([cells.annotated, cells.detected_only])
    kinds = [ANNOTATED] * len(cells.annotated) + [DETECTED_ONLY] * len(cells.detected_only)
    sources = [*cells.sources, *(model for _ in cells.detected_only)]
    scores = np.concatenate([cells.annotated_scores, cells.scores])
    areas = np.concatenate([cells.annotated_areas_um2, cells.areas_um2])
    return [
        {
            "image": record.image,
            "frame": frame,
            "y": round(y, 3),
            "x": round(x, 3),
            "y_um": None if size is None else round(y * size, 3),
            "x_um": None if size is None else round(x * size, 3),
            "kind": kind,
            "source": source,
            "score": None if np.isnan(score) else round(score, 4),
            "area_um2": None if np.isnan(area) else round(area, 1),
        }
        for (y, x), kind, source, score, area in zip(
            points.tolist(), kinds, sources, scores.tolist(), areas.tolist(), strict=True
        )
    ]


def image_record(project: Project, name: str) -> ImageRecord:
    """Return all that is said about an image of a project."""
    detections = project.detections(name)
    if detections is not None and detections.points.shape[1] == 2:
        # Nothing is left to ask the file, and reading hundreds of them takes minutes.
        return ImageRecord(name, detections, project.annotation(name))
    try:
        file = project.read_image(name)
    except ImageError:
        annotation = project.annotation(name)
        n_frames = max(annotation.frames, default=0) + 1
        return ImageRecord(name, detections, annotation, n_frames, is_readable=False)
    n_frames = file.pixels.shape[0] if file.ndim == 3 else 1
    annotation = project.annotation(name, file.ndim)
    return ImageRecord(name, detections, annotation, n_frames, file.pixel_size_um)


def count_rows(project: Project) -> list[Row]:
    """Return the counts table of a project.

    Returns
    -------
    list of dict
        One row per image and frame, with the keys `COUNT_COLUMNS`.

    Raises
    ------
    ValueError
        If a file of annotations or detections is damaged; with its name.
    """
    return [row for name in project.images for row in image_record(project, name).count_rows]


def export_counts(project: Project, path: Path) -> int:
    """Write the counts table of a project as CSV, replacing the file in one step.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    ValueError
        If a file of annotations or detections is damaged; nothing is written then.
    """
    rows = count_rows(project)
    pointsfile.write_rows(path, COUNT_COLUMNS, rows)
    return len(rows)


def export_points(project: Project, path: Path) -> int:
    """Write the points table of a project as CSV, replacing the file in one step.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    ValueError
        If a file of annotations or detections is damaged; nothing is written then.
    """
    rows = [row for name in project.images for row in image_record(project, name).point_rows]
    pointsfile.write_rows(path, POINT_COLUMNS, rows)
    return len(rows)
