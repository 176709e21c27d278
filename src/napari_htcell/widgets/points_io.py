"""Points as files, for napari's File menu and what is dropped on the window."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.layers import Image

from napari_htcell import cell_counter, csvtable, importing, pointsfile, rois
from napari_htcell.annotations import BY_HAND, Annotation
from napari_htcell.widgets import layers, point_layers
from napari_htcell.widgets.desks import image_worked_on
from napari_htcell.widgets.states import AGREED, ANNOTATED, CANDIDATE, MISSED, State

DOTS = (ANNOTATED, AGREED, MISSED)
"""Looks of the sets of points in one file, which are to be told apart."""

LayerData = tuple[Any, dict[str, Any], str]

OWN_HEADERS = (["y", "x", "source"], ["y", "x", "score"])
"""Columns of our tables, for images; those of time stacks have `frame` before them."""

ROI_BEGINNING = b"Iout"
"""First bytes of a ROI of ImageJ."""

PEEKED_BYTES = 4096
"""So much of an XML file says whether it is Cell Counter's."""


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return a reader for points, or None for any other file (npe2).

    Our own tables, Fiji's Cell Counter (.xml) and ROIs (.zip, .roi).
    """
    paths = [path] if isinstance(path, str) else path
    return read_points if paths and all(_is_known(Path(one)) for one in paths) else None


def _is_known(path: Path) -> bool:
    try:
        match path.suffix.lower():
            case ".csv":
                return _is_ours(path)
            case ".xml":
                with path.open("rb") as file:
                    return cell_counter.ROOT.encode() in file.read(PEEKED_BYTES)
            case ".roi":
                with path.open("rb") as file:
                    return file.read(len(ROI_BEGINNING)) == ROI_BEGINNING
            case ".zip":
                with zipfile.ZipFile(path) as archive:
                    return any(name.lower().endswith(".roi") for name in archive.namelist())
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile):
        pass
    return False


def _is_ours(path: Path) -> bool:
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline().strip().split(",")
    return (header[1:] if header[:1] == ["frame"] else header) in OWN_HEADERS


def read_points(path: str | list[str]) -> list[LayerData]:
    """Return a points layer for each table, and for each type of marker or kind of ROI.

    They lie where the image lies that is worked on: the files know pixels only.
    """
    viewer = napari.current_viewer()
    image = None if viewer is None else image_worked_on(viewer)
    paths = [Path(one) for one in ([path] if isinstance(path, str) else path)]
    return [
        layer
        for one in paths
        for layer in (
            [_read_ours(one, image)] if one.suffix.lower() == ".csv" else _read_theirs(one, image)
        )
    ]


def _read_ours(path: Path, image: Image | None) -> LayerData:
    header, rows = csvtable.read_rows(path)
    points, _ = pointsfile.read_points(path)[""]
    is_score = "score" in header
    features: dict[str, Any] = (
        {"score": [float(row["score"]) for row in rows.values()]}
        if is_score
        else {"source": [row.get("source") or BY_HAND for row in rows.values()]}
    )
    return _layer(points, path.stem, CANDIDATE if is_score else ANNOTATED, image, features)


def _read_theirs(path: Path, image: Image | None) -> list[LayerData]:
    sets = importing.read_point_sets(path)
    # Cell Counter has a slice for single images too, the first.
    is_stack = any(one.points.shape[1] == 3 and one.points[:, 0].any() for one in sets)
    drops_frame = not is_stack and (image is None or image.ndim == 2)
    made = []
    for number, one in enumerate(sets):
        state = CANDIDATE if one.kind == rois.CANDIDATES else DOTS[number % len(DOTS)]
        points = one.points[:, -2:] if drops_frame else one.points
        name = " ".join(filter(None, (one.image or path.stem, one.title or one.kind)))
        made.append(_layer(points, name, state, image, {}))
    return made


def _layer(
    points: np.ndarray, name: str, state: State, image: Image | None, features: dict[str, Any]
) -> LayerData:
    size_um = None if image is None else layers.pixel_size_um(image)[0]
    meta = {
        "name": name,
        "features": features,
        "border_width": point_layers.RING_WIDTH,
        "symbol": state.symbol,
        "face_color": "transparent" if state.is_ring else state.colour,
        "border_color": state.colour,
        "size": layers.symbol_size(state.um, size_um),
        "canvas_size_limits": point_layers.RING_ON_SCREEN
        if state.is_ring
        else point_layers.DOT_ON_SCREEN,
    }
    return points, meta | _place(points.shape[1], image), "points"


def _place(ndim: int, image: Image | None) -> dict[str, Any]:
    """Return where points lie in the world: on an image, as far as their axes are its own."""
    if image is None:
        return {}
    if image.ndim == ndim:
        return layers.placement(image)
    shared = min(ndim, image.ndim)
    flat = {name: getattr(image, name)[-shared:] for name in ("scale", "translate", "units")}
    more = ndim - shared
    return {
        "scale": [1.0] * more + list(flat["scale"]),
        "translate": [0.0] * more + list(flat["translate"]),
        "units": ["pixel"] * more + list(flat["units"]),
    }


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
    csvtable.write_rows(
        path,
        ["frame"] * stack + ["y", "x", "source"],
        pointsfile.points_rows(annotation.points, source=annotation.sources),
    )
    return path
