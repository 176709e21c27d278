"""Where commands write the two tables for publication."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from napari_htcell import export, pointsfile
from napari_htcell.cli.options import NEW_FILE


def table_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags --output and --points."""
    points = click.option("--points", type=NEW_FILE, help="Points table (CSV) to write.")
    counts = click.option(
        "-o", "--output", "counts", type=NEW_FILE, help="Counts table (CSV) to write."
    )
    return counts(points(function))


def check_tables(counts: Path | None, points: Path | None) -> None:
    """Refuse, before any work, names that would cost the user a file."""
    if counts is not None and points is not None and counts.resolve() == points.resolve():
        raise click.UsageError(f"--output and --points are both {counts}; choose two names")
    for path, header in ((counts, export.COUNT_COLUMNS), (points, export.POINT_COLUMNS)):
        if path is not None:
            pointsfile.check_replaceable(path, header)
