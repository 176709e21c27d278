"""Two tables of points, or folders of tables: what was found, and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_htcell import pointsfile
from napari_htcell.csvtable import PointsFileError, read_rows
from napari_htcell.evaluate import Judgement
from napari_htcell.pointsfile import Points

Tables = dict[str, Points]


def judgements_of(
    predicted: Path,
    truth: Path,
    sizes: Mapping[str, float],
    pixel_size_um: float | None,
    *,
    common: bool,
    with_scores: bool,
) -> tuple[dict[str, Judgement], list[str]]:
    """Return what two tables, or folders of tables, say about each image, and what to warn of.

    Pixel sizes are in micrometres: of each image, where that is known, and of the others.
    """
    _refuse_annotations(predicted)
    found, true = _read(predicted), _read(truth)
    scores = _read_scores(predicted) if with_scores else {}
    # Where the lowest score of all is, a lower threshold was not tried.
    lowest = min((float(one.min()) for one in scores.values()), default=0.0)
    images = {}
    names = _names(found, true, common=common)
    for name in names:
        points, cells = _same_axes(found.get(name), true.get(name), name)
        known = scores.get(name, np.zeros(len(points)))
        size = sizes.get(name, pixel_size_um)
        images[name] = Judgement(points, known, cells, size, lowest)
    return images, [] if common else _missing(found, true)


def _read(path: Path) -> Tables:
    """Return the points of each image in a table or a folder of tables."""
    if path.is_file():
        return {image: points for image, (points, _) in pointsfile.read_points(path).items()}
    tables: Tables = {}
    for file in sorted(path.rglob("*.csv")):
        name = file.relative_to(path).as_posix().removesuffix(".csv")
        points = pointsfile.read_points(file)
        if list(points) != [""]:
            raise PointsFileError(f"{file}: names images itself; give it alone, not its folder")
        tables[name] = points[""][0]
    if not tables:
        raise PointsFileError(f"{path}: has no CSV files")
    return tables


def _read_scores(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Return the scores of each image's points, in their order."""
    scores: dict[str, npt.NDArray[np.float64]] = {}
    for file in [path] if path.is_file() else sorted(path.rglob("*.csv")):
        inside = "" if path.is_file() else file.relative_to(path).as_posix().removesuffix(".csv")
        scores |= {name or inside: found for name, found in pointsfile.read_scores(file).items()}
    return scores


def _refuse_annotations(path: Path) -> None:
    """Refuse a points table of a project, whose clicks would be compared with themselves."""
    if not path.is_file():
        return
    _, rows = read_rows(path)
    if any(row.get("kind") == "annotated" for row in rows.values()):
        raise PointsFileError(
            f"{path}: holds annotations beside detections; to judge a model, give the project's "
            "folder of detections instead"
        )


def _names(found: Tables, true: Tables, *, common: bool) -> list[str]:
    """Return the images to compare."""
    both = found.keys() & true.keys()
    if not both and found and true:
        raise PointsFileError(
            f"the two tables have no image in common: {_first(found)} against {_first(true)}"
        )
    return sorted(both) if common else sorted(found.keys() | true.keys())


def _missing(found: Tables, true: Tables) -> list[str]:
    """Return what to say of images that only one side has."""
    said = []
    for there, other, side in ((true, found, "PREDICTED"), (found, true, "TRUTH")):
        missing = sorted(there.keys() - other.keys())
        if missing:
            said.append(
                f"{side} has no points for {len(missing)} of the images, the first {missing[0]!r}; "
                "they count as without cells there (--common leaves them out)"
            )
    return said


def _first(tables: Tables) -> str:
    return repr(next(iter(tables))) if any(tables) else "one without names"


def _same_axes(found: Points | None, true: Points | None, name: str) -> tuple[Points, Points]:
    """Return both as (y, x), or both as (frame, y, x)."""
    found, true = (np.empty((0, 2)) if p is None else p for p in (found, true))
    # Tables have a frame for images too, which is 0 then.
    found, true = (p[:, 1:] if p.shape[1] == 3 and not p[:, 0].any() else p for p in (found, true))
    if found.shape[1] != true.shape[1]:
        if len(found) and len(true):
            raise PointsFileError(f"{name}: only one of the two tables has frames")
        width = max(found.shape[1], true.shape[1])
        found, true = (p if len(p) else np.empty((0, width)) for p in (found, true))
    return found, true
