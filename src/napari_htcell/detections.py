"""What a model found in an image, and how that is kept in a project."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, TypeAdapter, ValidationError

from napari_htcell import atomic, csvtable, pointsfile
from napari_htcell.annotation_files import with_suffix
from napari_htcell.annotations import DAMAGED, check_points, frames_of
from napari_htcell.config import DetectConfig, first_fault
from napari_htcell.counting import CountError, CountErrors


@dataclass(frozen=True)
class Provenance:
    """How detections were made.

    Parameters
    ----------
    model : str
        Name of the model.
    settings : DetectConfig
        How the heat map became points.
    pixel_size_um : float
        Micrometres per pixel of the original image.
    pixel_size_assumed : bool
        Whether nobody stated the pixel size, so that the model's usual one was taken.
    date : str
        ISO 8601, UTC.
    plugin_version : str
    frames : tuple of int, optional
        Frames of a time stack that the model was run on; all of them without.
    count_errors : CountErrors, optional
        Of the model's counts, where they were measured.
    """

    model: str
    settings: DetectConfig
    pixel_size_um: float
    pixel_size_assumed: bool
    date: str
    plugin_version: str
    frames: tuple[int, ...] | None = None
    count_errors: CountErrors | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")

    def __post_init__(self) -> None:
        if not 0 < self.pixel_size_um < math.inf:
            raise ValueError(f"a pixel size of {self.pixel_size_um} um is none")

    @property
    def count_error(self) -> CountError | None:
        """What the error of a count with these settings is allowed to be; None if not known."""
        return None if self.count_errors is None else self.count_errors.at(self.settings)

    @property
    def content(self) -> dict[str, Any]:
        """All of it as JSON has it; `of_content` is the way back."""
        content = asdict(self)
        content["settings"] = self.settings.model_dump()
        errors = self.count_errors
        content["count_errors"] = None if errors is None else errors.model_dump()
        return content

    @staticmethod
    def of_content(content: dict[str, Any]) -> Provenance:
        """Return what `content` was made from.

        Raises
        ------
        ValueError
            If it was not made by `content`.
        """
        return _PROVENANCE.validate_python(content)

    def looked_at(self, frame: int) -> bool:
        """Return whether the model was run on a frame."""
        return self.frames is None or frame in self.frames


_PROVENANCE = TypeAdapter(Provenance)


@dataclass(frozen=True, eq=False)
class Detections:
    """Cells that a model found.

    Parameters
    ----------
    points : ndarray of float, shape (N, 2) or (N, 3)
        (y, x), or (frame, y, x) of a time stack, in pixels of the original image.
    scores : ndarray of float, shape (N,)
        Height of the heat map at each cell, 0 to 1.
    provenance : Provenance
    areas_um2 : ndarray of float, shape (N,), or None
        Area of each cell in square micrometres, where the model draws whole cells.
    """

    points: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    provenance: Provenance
    areas_um2: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        check_points(self.points)
        if not np.isfinite(self.scores).all():
            raise ValueError("a score is not finite (NaN or infinite)")
        if self.scores.shape != (len(self.points),):
            raise ValueError(f"got {len(self.points)} points, scores of {self.scores.shape}")
        if self.areas_um2 is not None and self.areas_um2.shape != self.scores.shape:
            raise ValueError(f"got {len(self.points)} points, areas of {self.areas_um2.shape}")

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        how = self.provenance
        return (
            f"<Detections: {len(self)} cells, model {how.model!r}, threshold "
            f"{how.settings.threshold:g}, {how.pixel_size_um:g} um per pixel>"
        )

    @classmethod
    def of_whole_stack(cls, frames: Sequence[Self]) -> Self:
        """Return those of each frame of a stack, one after the other, as those of all of it."""
        areas = [one.areas_um2 for one in frames if one.areas_um2 is not None]
        return cls(
            np.concatenate([one.points for one in frames]),
            np.concatenate([one.scores for one in frames]),
            replace(frames[-1].provenance, frames=None),
            np.concatenate(areas) if areas else None,
        )

    def above(self, threshold: float) -> Self:
        """Return the detections with a score of at least `threshold`."""
        settings = self.provenance.settings.model_copy(update={"threshold": threshold})
        provenance = replace(self.provenance, settings=settings)
        return replace(self.part(self.scores >= threshold), provenance=provenance)

    def part(self, kept: npt.NDArray[Any]) -> Self:
        """Return some of the detections, by indices or by a truth value for each."""
        areas = None if self.areas_um2 is None else self.areas_um2[kept]
        return replace(self, points=self.points[kept], scores=self.scores[kept], areas_um2=areas)

    def of_frame(self, frame: int = 0) -> Self:
        """Return the detections of one frame alone, as those of an image."""
        here = self.part(frames_of(self.points) == frame)
        return replace(here, points=here.points[:, -2:])

    def in_frame(self, frame: int = 0) -> npt.NDArray[np.float64]:
        """Return the points of one frame, shape (N, 2), as (y, x)."""
        return self.points[frames_of(self.points) == frame, -2:]

    def beside(self, older: Self) -> Self:
        """Return these, with those of an older detection in frames that were not looked at now."""
        frames = self.provenance.frames
        if frames is None:
            return self
        rest = older.part(~np.isin(frames_of(older.points), frames))
        looked_at = older.provenance.frames
        if looked_at is not None:
            looked_at = tuple(sorted({*frames, *looked_at}))
        areas = None
        if self.areas_um2 is not None and rest.areas_um2 is not None:
            areas = np.concatenate([self.areas_um2, rest.areas_um2])
        return replace(
            self,
            points=np.concatenate([self.points, rest.points]),
            scores=np.concatenate([self.scores, rest.scores]),
            areas_um2=areas,
            provenance=replace(self.provenance, frames=looked_at),
        )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row per detection: frame (of stacks), y, x, score, and area_um2 where known."""
        columns = {"score": [f"{score:.4f}" for score in self.scores]}
        if self.areas_um2 is not None:
            columns["area_um2"] = [f"{area:.1f}" for area in self.areas_um2]
        return pointsfile.points_rows(self.points, **columns)


def save_detections(path: Path, detections: Detections) -> None:
    """Save the points as `<path>.csv` and how they were made as `<path>.json`.

    The second file goes away first and comes back last, so that it never describes other points;
    but not before both are on the disk. Where that is full, or the table is open in another
    program, what was there stays.
    """
    stack, has_areas = detections.points.shape[1] == 3, detections.areas_um2 is not None
    header = ["frame"] * stack + ["y", "x", "score"] + ["area_um2"] * has_areas
    table, state = with_suffix(path, ".csv"), with_suffix(path, ".json")
    content = {"format": 1} | detections.provenance.content
    files = {
        table: csvtable.table_text(header, detections.rows).encode(),
        state: json.dumps(content, indent=1).encode(),
    }
    atomic.write_together(files, away=state)


def load_detections(path: Path) -> Detections | None:
    """Load what `save_detections` saved; None where there is nothing (complete).

    Raises
    ------
    ValueError
        If a file is damaged; with its name.
    """
    state, table = with_suffix(path, ".json"), with_suffix(path, ".csv")
    if not (state.exists() and table.exists()):
        return None
    points, _ = pointsfile.read_one_image(table)
    try:
        header, rows = csvtable.read_rows(table)
        scores = np.asarray([float(row["score"]) for row in rows.values()])
        areas = None
        if "area_um2" in header:
            areas = np.asarray([float(row["area_um2"]) for row in rows.values()])
        content = json.loads(state.read_text(encoding="utf-8"))
        del content["format"]
        return Detections(points, scores, Provenance.of_content(content), areas)
    except DAMAGED as error:
        reason = first_fault(error) if isinstance(error, ValidationError) else error
        raise ValueError(f"{state}: is damaged ({reason}); detect this image again") from error
