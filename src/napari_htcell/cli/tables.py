"""Where commands write what is exported, in the format that each name says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_htcell.cli.options import NEW_FILE
from napari_htcell.cli.reporting import Reporter
from napari_htcell.formats import FORMATS, What
from napari_htcell.words import count

if TYPE_CHECKING:
    from napari_htcell.export_files import Content

FLAGS: Mapping[What, str] = {"counts": "--output", "points": "--points", "summary": "--summary"}


def table_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags --output and --points."""
    points = click.option("--points", type=NEW_FILE, help=_help("Points", "points"))
    counts = click.option("-o", "--output", "counts", type=NEW_FILE, help=_help("Counts", "counts"))
    return counts(points(function))


def summary_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flag --summary."""
    return click.option("--summary", type=NEW_FILE, help=_help("One-page summary", "summary"))(
        function
    )


def _help(title: str, what: What) -> str:
    formats = ", ".join(f"{suffix} ({words})" for suffix, words in FORMATS[what].items())
    return f"{title} to write: {formats}."


def check_tables(wanted: Mapping[What, Path]) -> None:
    """Refuse, before any work, names that would cost the user a file."""
    from napari_htcell import export_files

    names: dict[Path, What] = {}
    for what, path in wanted.items():
        other = names.setdefault(path.resolve(), what)
        if other != what:
            raise click.UsageError(
                f"{FLAGS[other]} and {FLAGS[what]} are both {path}; choose two names"
            )
    for what, path in wanted.items():
        export_files.check_path(path, what)


def write_tables(content: Content, wanted: Mapping[What, Path], report: Reporter) -> list[str]:
    """Write files; return what to say of each.

    Raises
    ------
    ValueError, OSError
        If one of them could not be written as asked; the others are.
    """
    from napari_htcell import export_files

    lines: list[str] = []
    faults: list[ValueError | OSError] = []
    for what, path in wanted.items():
        try:
            number = report.follow(
                export_files.write_steps(content, path, what), if_stopped=f"{path} is not written"
            )
        except (ValueError, OSError) as error:
            faults.append(error)
            continue
        readable = [one for one in content.records if one.is_readable]
        said = {
            "counts": f"the counts of {count(len(readable), 'image')}",
            "points": count(number, "point"),
            "summary": f"a page on {count(number, 'image')}",
        }
        lines.append(f"Wrote {said[what]} to {path}")
    if len(faults) > 1:
        raise export_files.ExportError("; ".join(map(str, faults)))
    for fault in faults:
        raise fault
    return lines
