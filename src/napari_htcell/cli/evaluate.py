"""htcell evaluate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
import numpy as np

from napari_htcell import pointsfile
from napari_htcell.cli.options import EXISTING, FiniteRange, build, pixel_size, settings_options
from napari_htcell.cli.reporting import Reporter, reporting
from napari_htcell.config import EvaluateConfig
from napari_htcell.evaluate import Match, total
from napari_htcell.evaluate import evaluate as match_points
from napari_htcell.pointsfile import Points, PointsFileError

Tables = dict[str, Points]


@click.command()
@click.argument("predicted", type=EXISTING)
@click.argument("truth", type=EXISTING)
@settings_options(EvaluateConfig, names={"cutoff_um": "--cutoff-um"})
@click.option(
    "--cutoff-px",
    type=FiniteRange(min=0, min_open=True),
    metavar="PX",
    help="largest distance of a match in pixels, in place of --cutoff-um",
)
@pixel_size("needed for a cut-off in micrometres.")
@click.option("--common", is_flag=True, help="Compare only images that both tables name.")
@reporting
def evaluate(
    predicted: Path,
    truth: Path,
    cutoff_um: float | None,
    cutoff_px: float | None,
    pixel_size_um: float | None,
    common: bool,
    report: Reporter,
) -> None:
    """Compare the points in PREDICTED with those in TRUTH, image by image.

    Both are CSV files with y and x, and a column `image` where they hold several images; or folders
    of CSV files named as their images, such as a project's `detections` and `truth`. An image that
    one of them does not name has no points there.
    """
    cutoff = _cutoff(cutoff_um, cutoff_px, pixel_size_um)
    _refuse_annotations(predicted)
    found, true = _read(predicted), _read(truth)
    names = _names(found, true, common=common, report=report)
    matches = {
        name: match_points(
            *_same_axes(found.get(name), true.get(name), name),
            cutoff_um=cutoff.get("cutoff_um"),
            cutoff_px=cutoff.get("cutoff_px"),
            pixel_size_um=pixel_size_um,
        )
        for name in names
    }
    rows = [_row(name, match) for name, match in matches.items()]
    summed = total(matches.values())
    totals: dict[str, Any] = {
        "images": summed.images,
        "tp": summed.tp,
        "fp": summed.fp,
        "fn": summed.fn,
        "f_score": summed.f_score,
        "mean_distance_px": summed.mean_distance_px,
        "mean_distance_um": summed.mean_distance_um,
        "count_error": summed.count_error,
    }
    report.result({"images": rows, "totals": totals} | cutoff, _table(rows, totals, pixel_size_um))


def _cutoff(
    cutoff_um: float | None, cutoff_px: float | None, size: float | None
) -> dict[str, float]:
    if cutoff_px is not None:
        if cutoff_um is not None:
            raise click.UsageError("give either --cutoff-um or --cutoff-px, not both")
        return {"cutoff_px": cutoff_px}
    if size is None:
        raise click.UsageError("a cut-off in micrometres needs --pixel-size; or give --cutoff-px")
    return {"cutoff_um": build(EvaluateConfig, {"cutoff_um": cutoff_um}).cutoff_um}


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


def _refuse_annotations(path: Path) -> None:
    """Refuse a points table of a project, whose clicks would be compared with themselves."""
    if not path.is_file():
        return
    _, rows = pointsfile.read_rows(path)
    if any(row.get("kind") == "annotated" for row in rows.values()):
        raise PointsFileError(
            f"{path}: holds annotations beside detections; to judge a model, give the project's "
            "folder of detections instead"
        )


def _names(found: Tables, true: Tables, *, common: bool, report: Reporter) -> list[str]:
    """Return the images to compare; warn of those that only one side has."""
    both = found.keys() & true.keys()
    if not both and found and true:
        raise PointsFileError(
            f"the two tables have no image in common: {_first(found)} against {_first(true)}"
        )
    if common:
        return sorted(both)
    for there, other, side in ((true, found, "PREDICTED"), (found, true, "TRUTH")):
        missing = sorted(there.keys() - other.keys())
        if missing:
            report.warn(
                f"{side} has no points for {len(missing)} of the images, the first {missing[0]!r}; "
                "they count as without cells there (--common leaves them out)"
            )
    return sorted(found.keys() | true.keys())


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


def _row(name: str, match: Match) -> dict[str, Any]:
    return {
        "image": name,
        "tp": match.tp,
        "fp": match.fp,
        "fn": match.fn,
        "f_score": match.f_score,
        "mean_distance_px": match.mean_distance,
        "mean_distance_um": match.mean_distance_um,
    }


def _table(rows: list[dict[str, Any]], totals: dict[str, Any], size: float | None) -> list[str]:
    width = max(len(row["image"]) for row in [*rows, {"image": "all images"}])
    unit = "px" if size is None else "um"
    heading = f"d ({unit})"
    lines = [f"{'image':<{width}}  {'TP':>6}  {'FP':>6}  {'FN':>6}  {'F':>6}  {heading:>6}"]
    for row in [*rows, {"image": "all images"} | totals]:
        d = row[f"mean_distance_{unit}"]
        lines.append(
            f"{row['image']:<{width}}  {row['tp']:>6}  {row['fp']:>6}  {row['fn']:>6}  "
            f"{row['f_score']:>6.3f}  {'-' if math.isnan(d) else f'{d:.2f}':>6}"
        )
    return lines
