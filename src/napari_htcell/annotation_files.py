"""Annotations as files: a table of the points, and beside it what is said of the image."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_htcell import atomic, csvtable, pointsfile
from napari_htcell.annotations import BY_HAND, DAMAGED, Annotation, Region


def save_annotation(path: Path, annotation: Annotation) -> None:
    """Save points as `<path>.csv`; status, regions and rejections as `<path>.json`.

    The points go first: if the program dies in between, no click is missing.
    """
    stack = annotation.points.shape[1] == 3
    table = csvtable.table_text(
        ["frame"] * stack + ["y", "x", "source"],
        pointsfile.points_rows(annotation.points, source=annotation.sources),
    )
    content = {
        "format": 1,
        "complete_frames": sorted(annotation.complete_frames),
        "regions": [
            {"frame": region.frame, "polygon": region.polygon} for region in annotation.regions
        ],
        "rejected": [[round(at, 3) for at in point] for point in annotation.rejected.tolist()],
    }
    state = json.dumps(content, indent=1)
    files = {with_suffix(path, ".csv"): table.encode(), with_suffix(path, ".json"): state.encode()}
    atomic.write_together(files)


def load_annotation(path: Path, *, ndim: int = 2) -> Annotation:
    """Load what `save_annotation` saved; an image without files is untouched.

    Raises
    ------
    ValueError
        If a file is damaged or of another kind; with its name.
    """
    table, state = with_suffix(path, ".csv"), with_suffix(path, ".json")
    annotation = Annotation.empty(ndim)
    if table.exists():
        points, sources = pointsfile.read_one_image(table)
        annotation = Annotation(points, tuple(source or BY_HAND for source in sources))
    if not state.exists():
        return annotation
    try:
        content = json.loads(state.read_text(encoding="utf-8"))
        return replace(
            annotation,
            complete_frames=frozenset(int(frame) for frame in content["complete_frames"]),
            regions=tuple(
                Region(tuple((float(y), float(x)) for y, x in one["polygon"]), int(one["frame"]))
                for one in content["regions"]
            ),
            # Not in files of before rejections were kept.
            rejected=np.asarray(content.get("rejected") or np.empty((0, 2)), dtype=np.float64),
        )
    except DAMAGED as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{state}: is damaged ({reason}); delete it to go on with the points alone"
        ) from error


def with_suffix(path: Path, suffix: str) -> Path:
    """Append a suffix: a.tif and a.png are two images, so theirs stays."""
    return path.with_name(path.name + suffix)
