"""What htcell evaluate says of several models on one project."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from napari_htcell.cli.options import build
from napari_htcell.cli.reporting import Reporter
from napari_htcell.config import EvaluateConfig

if TYPE_CHECKING:
    from napari_htcell.project import Project
    from napari_htcell.side_by_side import ModelResult, SideBySide


def show_side_by_side(
    project: Project, names: Sequence[str], cutoff_um: float | None, report: Reporter
) -> None:
    """Run models on the complete images, and give a row for each."""
    from napari_htcell.side_by_side import compare_models_steps

    cutoff = build(EvaluateConfig, {"cutoff_um": cutoff_um}).cutoff_um
    found = report.follow(compare_models_steps(project, names))
    rows = [_row(found, one, cutoff) for one in found.models]
    best = found.best(cutoff)
    if not found.is_fair:
        report.warn(
            f"some of these images were learnt from, which flatters; F unseen is of the "
            f"{len(found.unseen)} that no model has learnt from"
        )
    result = {
        "cutoff_um": cutoff,
        "unseen": len(found.unseen),
        "best": None if best is None else best.card.name,
        "models": rows,
    }
    report.result(result, _table(rows))


def _row(found: SideBySide, one: ModelResult, cutoff_um: float) -> dict[str, Any]:
    summed = found.totals(one, cutoff_um)
    unseen = found.totals(one, cutoff_um, unseen_alone=True)
    return {
        "model": one.card.name,
        "f_score": summed.f_score,
        "f_score_unseen": unseen.f_score if unseen.images else math.nan,
        **asdict(summed),
        "trained_on": one.trained_on,
        "learnt_from": sorted({image.image for image in one.learnt}),
        "learnt": one.learnt_text,
    }


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    width = max(5, *(len(row["model"]) for row in rows))
    lines = [
        f"{'model':<{width}}  {'F':>6}  {'F unseen':>8}  {'TP':>6}  {'FP':>6}  {'FN':>6}  "
        f"{'d (um)':>6}  count error  learnt from; trained on"
    ]
    for row in rows:
        unseen, d, error = row["f_score_unseen"], row["mean_distance_um"], row["count_error"]
        lines.append(
            f"{row['model']:<{width}}  {row['f_score']:>6.3f}  {_or_dash(unseen, '.3f'):>8}  "
            f"{row['tp']:>6}  {row['fp']:>6}  {row['fn']:>6}  {_or_dash(d, '.2f'):>6}  "
            f"{_or_dash(error, '.0%'):>11}  {row['learnt']}; {row['trained_on']}"
        )
    return lines


def _or_dash(number: float, how: str) -> str:
    return "-" if math.isnan(number) else format(number, how)
