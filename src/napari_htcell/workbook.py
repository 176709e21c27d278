"""Tables as sheets of an Excel workbook: numbers as numbers, and no text runs as a formula."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_htcell import atomic
from napari_htcell.progress import Clock, Progress

CREATOR = "napari-htcell"

MAX_ROWS = 2**20
"""Rows of a sheet, the header among them; Excel opens no more."""

ROWS_PER_REPORT = 1000

RISKY = ("=", "+", "-", "@", "#")
"""Beginnings of formulas, and of what Excel shows in place of a result that it cannot compute."""

WIDTHS = {"image": 32, "date": 26}
"""Widths of columns in characters, where they differ from that of the header."""

Sheet = tuple[Sequence[str], Sequence[Mapping[str, Any]]]


def write_steps(path: Path, sheets: Mapping[Any, Sheet]) -> Generator[Progress, None, None]:
    """Write a workbook, replacing the file in one step.

    Parameters
    ----------
    path : Path
    sheets : mapping of str to (sequence of str, sequence of mapping)
        For each sheet its columns, and its rows by column.

    Raises
    ------
    ValueError
        If a table is too long for Excel.
    """
    # Loaded here: half a second that nobody else should wait for.
    from openpyxl import Workbook

    for name, (_, rows) in sheets.items():
        if len(rows) >= MAX_ROWS:
            raise ValueError(
                f"{path}: the table of {name} has {len(rows)} rows, more than Excel opens "
                f"({MAX_ROWS}); export it as CSV"
            )
    workbook: Any = Workbook(write_only=True)
    workbook.properties.creator = CREATOR
    try:
        yield from _fill(workbook, f"writing {path.name}", sheets)
        content = io.BytesIO()
        workbook.save(content)
    finally:
        # Sheets that were stopped half-way complain when they are forgotten open.
        for sheet in workbook.worksheets:
            if not sheet.closed:
                sheet.close()
    atomic.write_bytes(path, content.getvalue())


def _fill(workbook: Any, what: str, sheets: Mapping[Any, Sheet]) -> Generator[Progress, None, None]:
    clock, done = Clock(sum(len(rows) for _, rows in sheets.values())), 0
    for name, (columns, rows) in sheets.items():
        sheet = workbook.create_sheet(name)
        _begin(sheet, columns)
        for row in rows:
            sheet.append([_cell(sheet, row.get(column)) for column in columns])
            done += 1
            if done % ROWS_PER_REPORT == 0:
                yield Progress(what, done, clock.total, clock.seconds_left(done))


def is_ours(path: Path) -> bool:
    """Return whether a file is a workbook that was exported from here."""
    try:
        with zipfile.ZipFile(path) as file:
            return CREATOR.encode() in file.read("docProps/core.xml")
    # As of `own_models`: damaged archives raise half a dozen kinds of errors.
    except Exception:  # noqa: BLE001
        return False


def _begin(sheet: Any, columns: Sequence[str]) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "A2"
    for number, column in enumerate(columns, start=1):
        width = WIDTHS.get(column, max(10, len(column) + 2))
        sheet.column_dimensions[get_column_letter(number)].width = width
    header = [WriteOnlyCell(sheet, column) for column in columns]
    for cell in header:
        cell.font = Font(bold=True)
    sheet.append(header)


def _cell(sheet: Any, value: Any) -> Any:
    """Return what a cell takes: texts as nothing but texts, whatever they begin with."""
    if not isinstance(value, str):
        return value
    if value.isprintable() and not value.startswith(RISKY):
        return value  # openpyxl takes it for a text itself, in a fifth of the time
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell: Any = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value))
    cell.data_type = "s"
    # As the apostrophe that is typed before such a text: it stays one when the cell is edited.
    cell.quotePrefix = value.startswith(RISKY)
    return cell
