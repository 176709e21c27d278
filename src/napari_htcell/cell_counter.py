"""Clicks of Fiji's Cell Counter, as its XML files have them."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from napari_htcell.csvtable import PointsFileError
from napari_htcell.pointsets import PointSet

ROOT = "CellCounter_Marker_File"


def read_cell_counter(path: Path) -> list[PointSet]:
    """Read the markers of a Cell Counter file.

    Returns
    -------
    list of PointSet
        One for each marker type with markers, `kind` its number; (frame, y, x), since all markers
        have a slice. One of no kind and no point if nobody has clicked.

    Raises
    ------
    PointsFileError
        If the file is damaged or of another kind; with its name.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise PointsFileError(f"{path}: cannot be read as XML ({error}); save it again") from error
    except OSError as error:
        raise PointsFileError(f"{path}: cannot be read ({error.strerror})") from error
    if root.tag != ROOT:
        raise PointsFileError(
            f"{path}: is no file of Fiji's Cell Counter (it starts with {root.tag}, not {ROOT})"
        )
    image = (root.findtext("Image_Properties/Image_Filename") or "").strip()
    found = [
        one
        for marker_type in root.iterfind("Marker_Data/Marker_Type")
        if len((one := _read_type(path, image, marker_type)).points)
    ]
    return found or [PointSet(image, np.empty((0, 3)), str(path))]


def _read_type(path: Path, image: str, element: ElementTree.Element) -> PointSet:
    kind = (element.findtext("Type") or "").strip()
    points = [
        # Cell Counter counts slices from 1, and pixels from 0.
        [
            max(_number(path, kind, marker, "MarkerZ") - 1, 0),
            _number(path, kind, marker, "MarkerY"),
            _number(path, kind, marker, "MarkerX"),
        ]
        for marker in element.iterfind("Marker")
    ]
    title = (element.findtext("Name") or "").strip() or f"Type {kind}"
    return PointSet(image, np.asarray(points).reshape(-1, 3), str(path), kind, title)


def _number(path: Path, kind: str, marker: ElementTree.Element, name: str) -> float:
    text = (marker.findtext(name) or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PointsFileError(f"{path}: a marker of type {kind} has {name} {text!r}, not a number")
    return value
