"""Points as files: readers and writers of our CSV for napari's File menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from napari_htcell import pointsfile
from napari_htcell.annotations import BY_HAND, Annotation
from napari_htcell.widgets import layers, point_layers
from napari_htcell.widgets.states import ANNOTATED, CANDIDATE

LayerData = tuple[Any, dict[str, Any], str]

OWN_HEADERS = (["y", "x", "source"], ["y", "x", "score"])
"""Columns of our tables, for images; those of time stacks have `frame` before them."""


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return a reader for our points tables, or None for any other file (npe2)."""
    paths = [path] if isinstance(path, str) else path
    return read_points if paths and all(_is_ours(one) for one in paths) else None


def _is_ours(path: str) -> bool:
    if not path.lower().endswith(".csv"):
        return False
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            header = file.readline().strip().split(",")
    except (OSError, UnicodeDecodeError):
        return False
    return (header[1:] if header[:1] == ["frame"] else header) in OWN_HEADERS


def read_points(path: str | list[str]) -> list[LayerData]:
    """Return a points layer for each table."""
    return [_read(one) for one in ([path] if isinstance(path, str) else path)]


def _read(path: str) -> LayerData:
    header, rows = pointsfile.read_rows(path)
    points, _ = pointsfile.read_points(path)[""]
    if "score" in header:
        features: dict[str, Any] = {"score": [float(row["score"]) for row in rows.values()]}
        look = {
            "face_color": "transparent",
            "border_color": CANDIDATE.colour,
            "size": layers.symbol_size(CANDIDATE.um, None),
            "canvas_size_limits": point_layers.RING_ON_SCREEN,
        }
    else:
        features = {"source": [row.get("source") or BY_HAND for row in rows.values()]}
        look = {
            "face_color": ANNOTATED.colour,
            "border_color": ANNOTATED.colour,
            "size": layers.symbol_size(ANNOTATED.um, None),
            "canvas_size_limits": point_layers.DOT_ON_SCREEN,
        }
    meta = {
        "name": Path(path).stem,
        "features": features,
        "border_width": 0.12,
    }
    return points, meta | look, "points"


def write_points(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a points layer as our table, in pixels of the image (npe2).

    Raises
    ------
    ValueError
        If the points have neither 2 nor 3 coordinates.
    """
    points = np.asarray(data, dtype=np.float64)
    features = meta.get("features")
    known = list(features["source"]) if features is not None and "source" in features else []
    sources = [str(one) if isinstance(one, str) and one else BY_HAND for one in known]
    annotation = Annotation(points, tuple(sources or [BY_HAND] * len(points)))
    return [str(save_annotation_as(path, annotation))]


def save_annotation_as(path: str | Path, annotation: Annotation) -> Path:
    """Write an annotation's points as our table; return the file's path."""
    path = Path(path)
    path = path if path.suffix.lower() == ".csv" else path.with_name(f"{path.name}.csv")
    stack = annotation.points.shape[1] == 3
    pointsfile.write_rows(
        path,
        ["frame"] * stack + ["y", "x", "source"],
        pointsfile.points_rows(annotation.points, source=annotation.sources),
    )
    return path
