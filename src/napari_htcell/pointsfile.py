"""Points as CSV: ours, napari's, Fiji's and whatever else names its columns y and x."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell.csvtable import PointsFileError, read_rows
from napari_htcell.listing import IMAGE_SUFFIXES

Points = npt.NDArray[np.float64]

COORDINATES: tuple[Mapping[str, str], ...] = (
    {"y": "y", "x": "x"},
    {"frame": "axis-0", "y": "axis-1", "x": "axis-2"},
    {"y": "axis-0", "x": "axis-1"},
    {"y": "centroid-0", "x": "centroid-1"},
)
"""Columns that hold the coordinates, in lower case; the first set that a file has whole: ours,
Fiji's and most scripts'; napari's points of a stack, then of an image; scikit-image's regions."""

OTHER_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "frame": ("frame", "t"),
    "image": ("image", "filename"),
}
"""Names that stand for our optional columns, in lower case."""

FIJI_LABEL, FIJI_FRAMES = "Label", ("Frame", "Slice")
"""Columns of Fiji's Results beside X and Y: `image.tif:name of the selection`, and the place in a
stack, counted from 1."""

SOURCE = "source"
"""Column of whoever or whatever has found a point."""

SCORE = "score"
"""Column of how sure a model is of a point."""

KIND, NO_CELL = "kind", "rejected"
"""Column of our points table, and what it says of a place that a person has found to be no cell."""

MANY_AXES = "axis-3"
"""Column of napari's points of more than a time stack, whose axes mean nothing to us."""

LARGEST = 1e9
"""No coordinate is larger, in pixels or frames: an image has not as many."""

MOST_LETTERS = 200
"""So much of a file's header is shown in a message."""


def read_points(path: str | Path) -> dict[str, tuple[Points, list[str]]]:
    """Read points from a CSV file with one of the usual sets of column names.

    Parameters
    ----------
    path : str or Path
        CSV with columns y, x or X, Y or axis-0, axis-1 (and frame or axis-0 for a stack), and
        optionally `image` (the file that a point belongs to) and `source`. Of Fiji's Results,
        `Label` names the image, and `Frame` or `Slice` the frame. Between semicolons or tabs
        numbers may have a decimal comma. Rows that our points table calls rejected are left out.

    Returns
    -------
    dict of str to (ndarray, list of str)
        For each image name ("" where the file has no such column): points, shape (N, 2) as (y, x)
        or (N, 3) as (frame, y, x), in pixels, and the source of each point ("" if unknown).

    Raises
    ------
    PointsFileError
        If columns are missing, or a coordinate is not a finite number; with the line.
    """
    header, rows, names = _rows_of_points(path)
    axes = ["frame", "y", "x"] if "frame" in names else ["y", "x"]
    has_points = any("." in row.get(names[axis], "") for row in rows.values() for axis in axes)
    points: dict[str, list[list[float]]] = {}
    sources: dict[str, list[str]] = {}
    if "image" not in names:
        points[""], sources[""] = [], []
    for line, row in rows.items():
        image = row.get(names["image"], "") if "image" in names else ""
        point = [
            _number(path, line, axis, row.get(names[axis], ""), has_points=has_points)
            for axis in axes
        ]
        points.setdefault(image, []).append(point)
        sources.setdefault(image, []).append(row.get(SOURCE, ""))
    arrays = {
        image: np.asarray(found, dtype=np.float64).reshape(-1, len(axes))
        for image, found in points.items()
    }
    if names.get("frame") in _fiji_frames(header):
        _count_from_zero(arrays.values())
    return {image: (found, sources[image]) for image, found in arrays.items()}


def read_scores(path: str | Path) -> dict[str, npt.NDArray[np.float64]]:
    """Return the scores of the points that `read_points` returns, by image and in their order.

    Raises
    ------
    PointsFileError
        As `read_points`, and if there is no column `score`, or a point has none.
    """
    header, rows, names = _rows_of_points(path)
    if SCORE not in header:
        raise PointsFileError(f"{path}: a curve needs a column {SCORE}")
    scores: dict[str, list[float]] = {}
    for line, row in rows.items():
        image = row.get(names["image"], "") if "image" in names else ""
        try:
            scores.setdefault(image, []).append(float(row.get(SCORE, "").replace(",", ".")))
        except ValueError as error:
            raise PointsFileError(f"{path}, line {line}: has no score") from error
    return {image: np.asarray(found) for image, found in scores.items()}


def _rows_of_points(
    path: str | Path,
) -> tuple[list[str], dict[int, dict[str, str]], dict[str, str]]:
    """Return a table's header, its rows that are points, and what its columns are called."""
    header, rows = read_rows(path)
    rows = {line: row for line, row in rows.items() if row.get(KIND) != NO_CELL}
    names = _match_columns(path, header)
    rows = _with_fiji_images(header, rows, names)
    if "image" not in names:
        _refuse_unnamed_images(path, rows)
    return header, rows, names


def _count_from_zero(images: Collection[Points]) -> None:
    """Make frames that Fiji counts from one, in place, those that we count from zero.

    There 0 says that there is no stack; beside other frames of the same image it is the first.
    """
    if not any(len(one) and one[:, 0].min() == 0 < one[:, 0].max() for one in images):
        for one in images:
            one[:, 0] = np.maximum(one[:, 0] - 1, 0)


def _refuse_unnamed_images(path: str | Path, rows: Mapping[int, Mapping[str, str]]) -> None:
    """Refuse a table whose column of images has a name that stands for none.

    Its points would all be taken for those of one image. Sources are anything that somebody says.
    """
    first = next(iter(rows.values()), {})
    for column, value in first.items():
        if column == SOURCE or not value.lower().endswith(IMAGE_SUFFIXES):
            continue
        values = {row.get(column, "") for row in rows.values()}
        if len(values) > 1 and all(one.lower().endswith(IMAGE_SUFFIXES) for one in values):
            wanted = " or ".join(OTHER_COLUMNS["image"])
            raise PointsFileError(
                f"{path}: the column {column!r} names {len(values)} images; call it {wanted}"
            )


def read_one_image(path: str | Path) -> tuple[Points, list[str]]:
    """Read a table of points that belong to one image, as ours beside the images are.

    Returns
    -------
    points : ndarray of float, shape (N, 2) or (N, 3)
    sources : list of str

    Raises
    ------
    PointsFileError
        As `read_points`, or if a column names images.
    """
    found = read_points(path)
    if "" not in found:
        raise PointsFileError(
            f"{path}: has a column of images; a table beside an image has its points alone: import "
            "this one instead (Import clicks, or htcell import-annotations)"
        )
    return found[""]


def points_rows(points: npt.NDArray[Any], **columns: Sequence[Any]) -> list[dict[str, Any]]:
    """Return one row per point: frame (of stacks), y, x, then the columns given.

    Parameters
    ----------
    points : ndarray of float, shape (N, 2) or (N, 3)
        (y, x) or (frame, y, x) in pixels.
    **columns : sequence of length N
        Further columns in order.
    """
    names = list(columns)
    rows = []
    for index, point in enumerate(points):
        row: dict[str, Any] = {"frame": round(float(point[0]))} if len(point) == 3 else {}
        row |= {"y": f"{point[-2]:.3f}", "x": f"{point[-1]:.3f}"}
        rows.append(row | {name: columns[name][index] for name in names})
    return rows


def _fiji_frames(header: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that count from 1: those of Fiji's Results, known by its X and Y."""
    return FIJI_FRAMES if {"X", "Y"} <= set(header) else ()


def _with_fiji_images(
    header: Sequence[str], rows: dict[int, dict[str, str]], names: dict[str, str]
) -> dict[int, dict[str, str]]:
    """Return rows with the image that Fiji's labels name, and say so in `names`."""
    if "image" in names or FIJI_LABEL not in header or not _fiji_frames(header):
        return rows
    names["image"] = FIJI_LABEL
    return {
        line: row | {FIJI_LABEL: row.get(FIJI_LABEL, "").partition(":")[0]}
        for line, row in rows.items()
    }


def _match_columns(path: str | Path, header: Sequence[str]) -> dict[str, str]:
    """Return for each of our columns that the file has the name it has there."""
    by_lower = {name.lower(): name for name in header}
    twice = [name for name in header if by_lower[name.lower()] != name or header.count(name) > 1]
    whole = (names for names in COORDINATES if set(names.values()) <= by_lower.keys())
    coordinates = next(whole, None)
    if coordinates is None or MANY_AXES in by_lower:
        raise PointsFileError(
            f"{path}: has the columns {_in_line(', '.join(header))}; expected y and x, X and Y, "
            "or axis-0 and axis-1 (and axis-2 of a time stack)"
        )
    found = {ours: by_lower[theirs] for ours, theirs in coordinates.items()}
    for ours, names in OTHER_COLUMNS.items():
        there = [by_lower[name] for name in names if name in by_lower]
        if there:
            found.setdefault(ours, there[0])
    for name in _fiji_frames(header):
        if name in header and "frame" not in found:
            found["frame"] = name
    for name in twice:
        if by_lower[name.lower()] in found.values():
            raise PointsFileError(
                f"{path}: has the column {_in_line(name)} twice; take one of them out"
            )
    return found


def _in_line(text: str) -> str:
    return textwrap.shorten(text, MOST_LETTERS, placeholder="...")


def _number(path: str | Path, line: int, axis: str, text: str, *, has_points: bool) -> float:
    try:
        # A comma is a decimal one only where no number has a point, or 1,234 would be ambiguous.
        value = float(text if has_points else text.replace(",", "."))
        # Python's own way of writing 1_000 is nobody's way of writing a place.
        value = math.nan if "_" in text else value
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        is_decimal = re.fullmatch(r"\s*[+-]?\d*,\d+\s*", text)
        hint = f"; write {text.strip().replace(',', '.')} with a point" if is_decimal else ""
        raise PointsFileError(f"{path}, line {line}: {axis} is {text!r}, not a number{hint}")
    if abs(value) > LARGEST:
        raise PointsFileError(f"{path}, line {line}: {axis} is {text!r}, which is in no image")
    return value
