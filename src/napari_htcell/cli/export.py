"""htcell export: the tables of a project, without detecting anew."""

from __future__ import annotations

from pathlib import Path

import click

from napari_htcell import export as core
from napari_htcell import pointsfile
from napari_htcell.cli.options import EXISTING_FOLDER
from napari_htcell.cli.reporting import Reporter, reporting
from napari_htcell.cli.tables import check_tables, table_options
from napari_htcell.project import open_project
from napari_htcell.words import count


@click.command()
@click.argument("project", type=EXISTING_FOLDER)
@table_options
@reporting
def export(project: Path, counts: Path | None, points: Path | None, report: Reporter) -> None:
    """Write the tables of PROJECT: what was clicked, and what was last detected.

    Without a file to write, the counts are printed.
    """
    check_tables(counts, points)
    opened = open_project(project)
    rows, lines = core.count_rows(opened), []
    if counts is not None:
        pointsfile.write_rows(counts, core.COUNT_COLUMNS, rows)
        lines.append(f"Wrote the counts of {count(len(opened.images), 'image')} to {counts}")
    if points is not None:
        lines.append(f"Wrote {count(core.export_points(opened, points), 'point')} to {points}")
    if lines:
        report.done({"counts": rows}, lines)
    else:
        report.result({"counts": rows}, [core.in_words(row) for row in rows])
