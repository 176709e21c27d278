"""Points as CSV: ours, napari's, Fiji's and whatever else names its columns y and x."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell import atomic

Points = npt.NDArray[np.float64]

COLUMN_NAMES: tuple[Mapping[str, str], ...] = (
    {"y": "y", "x": "x", "frame": "frame", "image": "image"},
    {"y": "axis-1", "x": "axis-2", "frame": "axis-0", "image": "image"},
    {"y": "axis-0", "x": "axis-1", "frame": "frame", "image": "image"},
    {"y": "y", "x": "x", "frame": "t", "image": "filename"},
    {"y": "centroid-0", "x": "centroid-1", "frame": "frame", "image": "image"},
)
"""Names that stand for our columns, in lower case: ours; napari's points of a stack; napari's
points of an image; what many scripts write; scikit-image's region tables."""

SEPARATORS = (",", ";", "\t")


class PointsFileError(ValueError):
    """A points file cannot be used; the text names the file, what is wrong, and what to do."""


def read_rows(path: str | Path) -> tuple[list[str], list[dict[str, str]]]:
    """Read a CSV file with a header, separated by commas, semicolons or tabs.

    Returns
    -------
    header : list of str
        Column names as written.
    rows : list of dict
        Fields of each row by column name.

    Raises
    ------
    PointsFileError
        If the file is missing, is no text, has no header, or a row has more fields than the header.
    """
    path = Path(path)
    try:
        # utf-8-sig: Excel starts its CSV files with a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PointsFileError(f"{path}: is not a text file; save the table as CSV UTF-8") from error
    except OSError as error:
        raise PointsFileError(f"{path}: cannot be read ({error.strerror})") from error
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, restkey="")
    header = [name.strip() for name in reader.fieldnames or []]
    if not header:
        raise PointsFileError(f"{path}: is empty; expected a header with the columns y and x")
    reader.fieldnames = header
    rows = list(reader)
    for number, row in enumerate(rows, start=2):
        if "" in row and "" not in header:
            raise PointsFileError(f"{path}, line {number}: has more fields than the header")
    return header, rows


def read_points(path: str | Path) -> dict[str, tuple[Points, list[str]]]:
    """Read points from a CSV file with one of the usual sets of column names.

    Parameters
    ----------
    path : str or Path
        CSV with columns y, x or X, Y or axis-0, axis-1 (and frame or axis-0 for a stack), and
        optionally `image` (the file that a point belongs to) and `source`.

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
    header, rows = read_rows(path)
    names = _match_columns(path, header)
    axes = ["frame", "y", "x"] if "frame" in names else ["y", "x"]
    points: dict[str, list[list[float]]] = {}
    sources: dict[str, list[str]] = {}
    if "image" not in names:
        points[""], sources[""] = [], []
    for number, row in enumerate(rows, start=2):
        image = row[names["image"]] or "" if "image" in names else ""
        point = [_number(path, number, axis, row[names[axis]]) for axis in axes]
        points.setdefault(image, []).append(point)
        sources.setdefault(image, []).append(row.get("source") or "")
    return {
        image: (np.asarray(found, dtype=np.float64).reshape(-1, len(axes)), sources[image])
        for image, found in points.items()
    }


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


def write_rows(path: str | Path, header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table as CSV, replacing the file in one step.

    A text that a spreadsheet would run as a formula is written with an apostrophe before it.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(header), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in row.items()} for row in rows)
    atomic.write_text(Path(path), text.getvalue())


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("=", "+", "@", "-", "\t", "\r")):
        try:
            float(value)
        except ValueError:
            return "'" + value
    return value


def _match_columns(path: str | Path, header: Sequence[str]) -> dict[str, str]:
    """Return for each of our columns that the file has the name it has there."""
    by_lower = {name.lower(): name for name in header}
    fits = [
        {ours: by_lower[theirs] for ours, theirs in table.items() if theirs in by_lower}
        for table in COLUMN_NAMES
    ]
    # The table that finds most: axis-0 is y of an image, but the frame where axis-2 is there too.
    best = max(fits, key=len)
    if {"y", "x"} <= best.keys():
        return best
    raise PointsFileError(
        f"{path}: has the columns {', '.join(header)}; expected y and x, X and Y, "
        "or axis-0 and axis-1"
    )


def _number(path: str | Path, line: int, axis: str, text: str | None) -> float:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PointsFileError(f"{path}, line {line}: {axis} is {text!r}, not a number")
    return value
