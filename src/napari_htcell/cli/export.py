"""htcell export: the results of a project as files, without detecting anew."""

from __future__ import annotations

from pathlib import Path

import click

from napari_htcell.cli.options import EXISTING_FOLDER
from napari_htcell.cli.reporting import Reporter, following
from napari_htcell.cli.tables import check_tables, summary_option, table_options, write_tables
from napari_htcell.formats import What


@click.command()
@click.argument("project", type=EXISTING_FOLDER)
@table_options
@summary_option
@following
def export(
    project: Path, counts: Path | None, points: Path | None, summary: Path | None, report: Reporter
) -> None:
    """Write the results of PROJECT: what was clicked, and what was last detected.

    The format follows the ending of each name. Without a file to write, the counts are printed.
    """
    from napari_htcell import export as core
    from napari_htcell.evenness import uneven_text
    from napari_htcell.export_files import content_steps, searched
    from napari_htcell.project import open_project

    asked: dict[What, Path | None] = {"counts": counts, "points": points, "summary": summary}
    wanted = {what: path for what, path in asked.items() if path is not None}
    check_tables(wanted)
    content = report.follow(content_steps(open_project(project)), if_stopped="nothing is written")
    uneven = uneven_text(searched(content.records))
    rows = [row for record in content.records for row in record.count_rows]
    lines = write_tables(content, wanted, report)
    if lines:
        report.done({"counts": rows}, lines)
    else:
        report.result({"counts": rows}, [core.in_words(row) for row in rows])
    if uneven:
        # At the end: what is said before many rows is not read.
        report.warn(uneven)
