"""htcell evaluate."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_htcell.cli.options import EXISTING, FiniteRange, build, pixel_size, settings_options
from napari_htcell.cli.reporting import Reporter, following
from napari_htcell.cli.side_by_side import show_side_by_side
from napari_htcell.config import EvaluateConfig, common_pixel_size
from napari_htcell.words import count

if TYPE_CHECKING:
    from napari_htcell.comparison import Comparison
    from napari_htcell.counting import Intervals
    from napari_htcell.curve import Curve
    from napari_htcell.evaluate import Judgement, Match, Totals
    from napari_htcell.project import Project


@dataclass(frozen=True, eq=False)
class One:
    """An image, or a frame, with what was found there and the threshold to compare at."""

    name: str
    judgement: Judgement
    threshold: float = -math.inf
    frame: int = 0


@click.command()
@click.argument("predicted", type=EXISTING)
@click.argument("truth", type=EXISTING, required=False)
@settings_options(EvaluateConfig, names={"cutoff_um": "--cutoff-um"})
@click.option(
    "--cutoff-px",
    type=FiniteRange(min=0, min_open=True),
    metavar="PX",
    help="largest distance of a match in pixels, in place of --cutoff-um",
)
@pixel_size("needed for a cut-off in micrometres, unless PREDICTED is a project that states it.")
@click.option("--common", is_flag=True, help="Compare only images that both tables name.")
@click.option(
    "--model",
    "models",
    multiple=True,
    help="Run this model on the project's complete images; nothing is saved. Given several times, "
    "the models are shown side by side.",
)
@click.option("--curve", is_flag=True, help="Precision, recall and F over the threshold too.")
@following
def evaluate(
    predicted: Path,
    truth: Path | None,
    cutoff_um: float | None,
    cutoff_px: float | None,
    pixel_size_um: float | None,
    common: bool,
    models: tuple[str, ...],
    curve: bool,
    report: Reporter,
) -> None:
    """Compare detected points with true ones, image by image.

    PREDICTED alone is a project: what was detected there, or what --model finds, is compared with
    its complete images, frames and regions; several --model are shown side by side.

    With TRUTH, both are CSV files with y and x, and a column `image` where they hold several
    images; or folders of CSV files named as their images, such as a project's `truth`. A project as
    PREDICTED is what was detected there. An image that one of them does not name has no points
    there.
    """
    intervals: Intervals | None = None
    warnings: list[str] = []
    if truth is None and len(models) > 1:
        refused = {"--curve": curve, "--cutoff-px": cutoff_px, "--common": common}
        _refuse(refused | {"--pixel-size": pixel_size_um}, "one model or two tables")
        show_side_by_side(_project(predicted), models, cutoff_um, report)
        return
    if truth is None:
        _refuse({"--common": common, "--pixel-size": pixel_size_um}, "two tables")
        cutoff = _cutoff(cutoff_um, cutoff_px)
        comparison = _of_project(predicted, next(iter(models), None), report, curve=curve)
        warnings = _doubts(comparison)
        images = [
            One(one.image, one.judgement, one.settings.threshold, one.frame)
            for one in comparison.images
        ]
        intervals = comparison.intervals
    else:
        _refuse({"--model": models}, "a project alone")
        predicted, sizes = _detected_in(predicted, pixel_size_um)
        pixel_size_um = next(iter(sizes.values()), pixel_size_um)
        if cutoff_px is None and pixel_size_um is None:
            raise click.UsageError(
                "a cut-off in micrometres needs --pixel-size; or give --cutoff-px"
            )
        cutoff = _cutoff(cutoff_um, cutoff_px)
        from napari_htcell.cli.pairs import judgements_of

        judged, warnings = judgements_of(
            predicted, truth, sizes, pixel_size_um, common=common, with_scores=curve
        )
        images = [One(name, one) for name, one in judged.items()]
    in_pixels = truth is not None and pixel_size_um is None
    _report(images, cutoff, intervals, report, in_pixels=in_pixels, curve=curve)
    from napari_htcell.misplaced import misplaced

    hint = misplaced(
        (one.judgement.points, one.judgement.truth, one.judgement.pixel_size_um)
        for one in images
        if one.judgement.pixel_size_um is not None
    )
    warnings += [hint] if hint else []
    # Below the table: above one of many images nobody sees them.
    for warning in warnings:
        report.warn(warning)


def _detected_in(path: Path, pixel_size_um: float | None) -> tuple[Path, dict[str, float]]:
    """Return where a project keeps what was detected, and each image's pixel size; else the path.

    Raises
    ------
    click.UsageError
        If a pixel size is given and an image was detected at another one.
    """
    from napari_htcell.items import is_project
    from napari_htcell.project import DETECTIONS, open_project

    folder = path.parent if path.name == DETECTIONS else path
    if not path.is_dir() or not is_project(folder):
        return path, {}
    project = open_project(folder)
    known = ((name, project.detections(name)) for name in project.images)
    sizes = {name: found.provenance.pixel_size_um for name, found in known if found is not None}
    for name, size in sizes.items():
        if pixel_size_um is not None and common_pixel_size([size, pixel_size_um]) is None:
            raise click.UsageError(
                f"{name} was detected at {size:g} um per pixel, not {pixel_size_um:g}; leave "
                "--pixel-size out"
            )
    return folder / DETECTIONS, sizes


def _report(
    images: list[One],
    cutoff: dict[str, Any],
    intervals: Intervals | None,
    report: Reporter,
    *,
    in_pixels: bool,
    curve: bool,
) -> None:
    """Give a row for each image, and the sum."""
    from napari_htcell.evaluate import total

    matches = [one.judgement.match(one.threshold, **cutoff) for one in images]
    rows = [_row(one, match) for one, match in zip(images, matches, strict=True)]
    totals = _totals(total(matches))
    result: dict[str, Any] = {"images": rows, "totals": totals} | cutoff
    lines = _table(rows, totals, in_pixels=in_pixels)
    if intervals is not None:
        result |= {"intervals": asdict(intervals)}
        lines.append(intervals.in_words)
    if curve:
        from napari_htcell.curve import precision_recall_steps

        judgements = [one.judgement for one in images]
        drawn = report.follow(precision_recall_steps(judgements, **cutoff))
        result |= {"curve": _points(drawn), "best_threshold": drawn.best_threshold}
        lines += ["", *_curve_table(drawn)]
    report.result(result, lines)


def _project(path: Path) -> Project:
    if not path.is_dir():
        raise click.UsageError(f"{path} is no project; give TRUTH too, to compare two tables")
    from napari_htcell.project import open_project

    return open_project(path)


def _of_project(path: Path, name: str | None, report: Reporter, *, curve: bool) -> Comparison:
    """Compare what is kept in a project, or found by a model now, with what is complete there."""
    from napari_htcell.comparison import evaluate_project_steps
    from napari_htcell.csvtable import PointsFileError

    project, model = _project(path), None
    if name is not None:
        from napari_htcell.models import load_model

        model = load_model(name, project)
    comparison = report.follow(evaluate_project_steps(project, model))
    if not comparison.images:
        raise PointsFileError(
            f"{path}: nothing was detected in its complete images; run htcell detect there, or "
            "give --model"
        )
    if curve and not comparison.has_curve:
        raise click.UsageError("a curve needs detections by the method peaks")
    return comparison


def _doubts(comparison: Comparison) -> list[str]:
    """Return what to warn of: images that were left out, and those that flatter the model."""
    said = []
    if comparison.not_detected:
        said.append(
            f"nothing was detected in {count(len(comparison.not_detected), 'complete image')}, the "
            f"first {comparison.not_detected[0]!r}; run htcell detect there, or give --model"
        )
    learnt = [one for one in comparison.images if one.has_learnt]
    if learnt:
        said.append(
            f"{learnt[0].model} has learnt from {len(learnt)} of the {len(comparison.images)} "
            f"compared, the first {learnt[0].image!r}; these figures flatter it"
        )
    return said


def _refuse(flags: dict[str, Any], what: str) -> None:
    given = [flag for flag, value in flags.items() if value]
    if given:
        raise click.UsageError(f"{given[0]} is for {what}")


def _cutoff(cutoff_um: float | None, cutoff_px: float | None) -> dict[str, Any]:
    if cutoff_px is None:
        return {"cutoff_um": build(EvaluateConfig, {"cutoff_um": cutoff_um}).cutoff_um}
    if cutoff_um is not None:
        raise click.UsageError("give either --cutoff-um or --cutoff-px, not both")
    return {"cutoff_px": cutoff_px}


def _row(one: One, match: Match) -> dict[str, Any]:
    return {
        "image": one.name,
        "frame": one.frame,
        "tp": match.tp,
        "fp": match.fp,
        "fn": match.fn,
        "f_score": match.f_score,
        "mean_distance_px": match.mean_distance,
        "mean_distance_um": match.mean_distance_um,
        "count_error": match.count_error,
    }


def _totals(summed: Totals) -> dict[str, Any]:
    return asdict(summed) | {"f_score": summed.f_score}


def _points(curve: Curve) -> list[dict[str, float]]:
    columns = {
        "threshold": curve.thresholds,
        "precision": curve.precision,
        "recall": curve.recall,
        "f_score": curve.f_score,
    }
    return [
        dict(zip(columns, map(float, row), strict=True))
        for row in zip(*columns.values(), strict=True)
    ]


def _curve_table(curve: Curve) -> list[str]:
    lines = [f"{'threshold':>9}  {'precision':>9}  {'recall':>6}  {'F':>6}"]
    for index, row in enumerate(_points(curve)):
        best = "  best" if index == curve.best else ""
        lines.append(
            f"{row['threshold']:>9.2f}  {row['precision']:>9.3f}  {row['recall']:>6.3f}  "
            f"{row['f_score']:>6.3f}{best}"
        )
    return lines


def _table(rows: list[dict[str, Any]], totals: dict[str, Any], *, in_pixels: bool) -> list[str]:
    named = [
        {**row, "image": f"{row['image']}, frame {row['frame']}" if row["frame"] else row["image"]}
        for row in rows
    ]
    named.append(totals | {"image": "all images"})
    width = max(len(row["image"]) for row in named)
    unit = "px" if in_pixels else "um"
    heading = f"d ({unit})"
    lines = [
        f"{'image':<{width}}  {'TP':>6}  {'FP':>6}  {'FN':>6}  {'F':>6}  {heading:>6}  count error"
    ]
    for row in named:
        d, error = row[f"mean_distance_{unit}"], row["count_error"]
        lines.append(
            f"{row['image']:<{width}}  {row['tp']:>6}  {row['fp']:>6}  {row['fn']:>6}  "
            f"{row['f_score']:>6.3f}  {'-' if math.isnan(d) else f'{d:.2f}':>6}  "
            f"{'-' if math.isnan(error) else f'{100 * error:.0f} %':>11}"
        )
    return lines
