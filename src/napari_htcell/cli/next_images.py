"""htcell next: which image to correct next, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from napari_htcell.cli.options import EXISTING_FOLDER
from napari_htcell.cli.reporting import Reporter, following

if TYPE_CHECKING:
    from napari_htcell.usefulness import Usefulness


@click.command("next")
@click.argument("project", type=EXISTING_FOLDER)
@click.option(
    "-n", "--number", type=click.IntRange(min=1), help="Print so many images.  [default: all]"
)
@following
def next_images(project: Path, number: int | None, report: Reporter) -> None:
    """Print the images of PROJECT, first the one that teaches most for its clicks.

    Of the images with cells enough it is the one in which the model is expected to have the fewest
    wrong; what it has right is accepted at once. How many are wrong is printed before each name.
    """
    from napari_htcell.project import open_project
    from napari_htcell.summaries import rank_steps

    ranking = report.follow(rank_steps(open_project(project)))
    standings = {one.standing for _, one in ranking}
    if "not detected" in standings and "open" not in standings:
        report.warn(
            "nothing was detected in these images yet, so none of them can be said to teach more "
            f"than another: run htcell detect {project} --save first"
        )
    ranking = ranking[:number]
    rows = [
        {
            "image": name,
            "standing": one.standing,
            "corrections": round(one.corrections, 2) if one.standing == "open" else None,
            "doubtful": one.doubtful,
            "missed": one.missed,
            "crowded": one.crowded,
            "cells": one.cells,
            "reason": one.reason,
        }
        for name, one in ranking
    ]
    report.result({"images": rows}, [_in_words(name, one) for name, one in ranking])


def _in_words(name: str, one: Usefulness) -> str:
    corrections = f"{one.corrections:.1f}" if one.standing == "open" else "-"
    return f"{corrections:>7}  {name}: {one.reason}"
