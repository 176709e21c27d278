"""What is said about images in publications: how many cells, and where. Rows, not yet files.

Both tables count a cell once: a detection on an annotated cell is that cell, and where a person has
said that every cell is annotated, only their points count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell import polygons
from napari_htcell.annotations import BY_HAND, Annotation
from napari_htcell.detections import Detections
from napari_htcell.pairing import pair
from napari_htcell.words import count

Row = dict[str, Any]

COUNT_COLUMNS = (
    "image", "frame", "status", "region", "annotated", "detected", "final",
    "final_low", "final_high", "interval_rate",
    "area_mm2", "annotated_per_mm2", "detected_per_mm2", "final_per_mm2",
    "model", "threshold", "method", "min_distance_um", "pixel_size_um", "pixel_size_assumed",
    "date", "plugin_version",
)  # fmt: skip
"""Columns of the counts table; one row per image and frame, and then one per complete region in it.

`status` is untouched, partial, complete, or unreadable (the image file); `region` is empty in the
row of a whole frame, and 1, 2, ... in those of its regions, whose cells that row has too;
`annotated` and `detected` are numbers of points; `final` is `annotated` where every cell is
annotated, else `annotated` and the detections that are no annotated cell and were not rejected.
`final_low` and `final_high` are the interval that the true number is in, at the rate of
`interval_rate`, for images like those that the model's counts were measured on; see `counting`.
`area_mm2` is the area of the frame or region, and the three columns after it are the numbers per
area. What is not known is empty: `detected` and how it was found where no model was run, `final`
where besides a person has not said that all cells are annotated, areas without a pixel size.
"""

POINT_COLUMNS = (
    "image", "frame", "y", "x", "y_um", "x_um", "kind", "source", "score", "area_um2"
)  # fmt: skip
"""Columns of the points table; one row per cell that counts, and per rejection.

`y`, `x` are pixels of the original image; `y_um`, `x_um` the same in micrometres, empty without a
pixel size; `kind` is `ANNOTATED`, `DETECTED_ONLY`, or `REJECTED`, which is no cell and does not
count; `source` is who clicked, or the model; `score` is that of the detection there, and `area_um2`
its area in square micrometres where the model draws whole cells.
"""

ANNOTATED, DETECTED_ONLY, REJECTED = "annotated", "detected only", "rejected"
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

    By the rules of `pairing`: a detection that is neither an annotated cell nor rejected counts as
    a cell, unless the frame or the region that it lies in is complete.

    Parameters
    ----------
    annotation : Annotation
    detections : Detections or None
        None if no model was run.
    frame : int, optional
        Frame of a time stack.
    """
    here = annotation.of_frame(frame)
    on_annotated = np.full(len(here.points), np.nan)
    areas_on = on_annotated.copy()
    if detections is None:
        none = np.empty(0)
        return Cells(
            here.points, here.sources, on_annotated, np.empty((0, 2)), none, areas_on, none
        )
    found = detections.of_frame(frame)
    areas = np.full(len(found), np.nan) if found.areas_um2 is None else found.areas_um2
    pairing = pair(here, found)
    pairs, counts = pairing.pairs, pairing.is_candidate
    on_annotated[pairs[:, 1]] = found.scores[pairs[:, 0]]
    areas_on[pairs[:, 1]] = areas[pairs[:, 0]]
    return Cells(
        here.points,
        here.sources,
        on_annotated,
        found.points[counts],
        found.scores[counts],
        areas_on,
        areas[counts],
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
    extent : (int, int) or None
        Height and width in pixels, where known.
    """

    image: str
    detections: Detections | None = None
    annotation: Annotation = field(default_factory=Annotation.empty)
    n_frames: int = 1
    pixel_size_um: float | None = None
    is_readable: bool = True
    extent: tuple[int, int] | None = None

    @property
    def known_pixel_size_um(self) -> float | None:
        """Micrometres per pixel that it was detected with, else the file's; None without."""
        if self.detections is not None:
            return self.detections.provenance.pixel_size_um
        return self.pixel_size_um

    @property
    def count_rows(self) -> list[Row]:
        """Its rows of the counts table: each frame's, then those of the frame's regions."""
        return [
            row
            for frame in range(self.n_frames)
            for row in (count_row(self, frame), *region_rows(self, frame))
        ]

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
    size, is_assumed = record.pixel_size_um, False
    if detections is not None:
        # Of its other frames too: areas and micrometres of all are by this size.
        how = detections.provenance
        size, is_assumed = how.pixel_size_um, how.pixel_size_assumed
    if detections is not None and not detections.provenance.looked_at(frame):
        detections = None
    status = annotation.status(frame) if record.is_readable else UNREADABLE
    cells = count_cells(annotation, detections, frame)
    row: Row = dict.fromkeys(COUNT_COLUMNS)
    row |= {"image": record.image, "frame": frame, "status": status}
    if record.is_readable or len(cells.annotated):
        row["annotated"] = len(cells.annotated)
    if detections is not None:
        row |= {"detected": len(detections.in_frame(frame)), "model": how.model}
        row |= how.settings.model_dump()
        row |= {"date": how.date, "plugin_version": how.plugin_version}
    if size is not None:
        row |= {"pixel_size_um": size, "pixel_size_assumed": is_assumed}
    if status == "complete" or detections is not None:
        row["final"] = len(cells)
    row |= _interval(row, None if detections is None else detections.of_frame(frame))
    return row | _per_area(row, record, None if record.extent is None else prod(record.extent))


def region_rows(record: ImageRecord, frame: int = 0) -> list[Row]:
    """Return the rows of a frame's complete regions, with the keys `COUNT_COLUMNS`."""
    regions, rows = record.annotation.regions_in(frame), []
    whole = count_row(record, frame) if regions else {}
    for number, region in enumerate(regions, start=1):
        annotated = int(region.contains(record.annotation.in_frame(frame)).sum())
        row = whole | {"region": number, "status": "complete"}
        row |= {"annotated": annotated, "final": annotated}
        row |= _interval(row)
        if record.detections is not None and whole["detected"] is not None:
            row["detected"] = int(region.contains(record.detections.in_frame(frame)).sum())
        rows.append(row | _per_area(row, record, polygons.area(region.polygon, record.extent)))
    return rows


def _interval(row: Row, detections: Detections | None = None) -> Row:
    """Return the columns of the interval around the final count; None where it is not known."""
    none: Row = dict.fromkeys(("final_low", "final_high", "interval_rate"))
    if row["status"] == "complete":
        return none | {"final_low": row["final"], "final_high": row["final"]}
    error = None if detections is None else detections.provenance.count_error
    if detections is None or error is None:
        return none
    low, high = error.corrected(
        detections.scores, annotated=row["annotated"] or 0, final=row["final"]
    )
    return {"final_low": low, "final_high": high, "interval_rate": error.rate}


def _per_area(row: Row, record: ImageRecord, area_px: float | None) -> Row:
    """Return an area and the numbers of cells per area; None where either is not known."""
    size = record.known_pixel_size_um
    area_mm2 = None if area_px is None or size is None else area_px * size**2 / 1e6
    densities = {
        f"{name}_per_mm2": None
        if not area_mm2 or row[name] is None
        else round(row[name] / area_mm2, 2)
        for name in ("annotated", "detected", "final")
    }
    return {"area_mm2": None if area_mm2 is None else round(area_mm2, 6)} | densities


def in_words(row: Row) -> str:
    """Return a row of the counts in words: what was detected and annotated, and the final count."""
    place = f"{row['image']}, frame {row['frame']}" if row["frame"] else row["image"]
    place += f", region {row['region']}" if row["region"] else ""
    said = []
    if row["detected"] is not None:
        said.append(f"{count(row['detected'], 'cell')} detected")
    if row["annotated"]:
        said.append(f"{row['annotated']} annotated")
        if row["final"] is not None:
            said.append(f"final count {row['final']}")
    if row["interval_rate"] is not None:
        said.append(f"{row['final_low']} to {row['final_high']} at {row['interval_rate']:.0%}")
    return f"{place}: {', '.join(said) or row['status']}"


def point_rows(record: ImageRecord, frame: int = 0) -> list[Row]:
    """Return a frame's rows of the points table, with the keys `POINT_COLUMNS`."""
    detections = record.detections
    cells = count_cells(record.annotation, detections, frame)
    size = record.known_pixel_size_um
    model = detections.provenance.model if detections is not None else ""
    rejected = record.annotation.rejected_in(frame)
    unknown = np.full(len(rejected), np.nan)
    points = np.concatenate([cells.annotated, cells.detected_only, rejected])
    kinds = [ANNOTATED] * len(cells.annotated) + [DETECTED_ONLY] * len(cells.detected_only)
    kinds += [REJECTED] * len(rejected)
    sources = [*cells.sources, *(model for _ in cells.detected_only), *(BY_HAND for _ in rejected)]
    scores = np.concatenate([cells.annotated_scores, cells.scores, unknown])
    areas = np.concatenate([cells.annotated_areas_um2, cells.areas_um2, unknown])
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
