"""Tables as CSV, with a header: read as other programs write them, and safe in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from napari_htcell import atomic

FORMULA = re.compile(r"'*[=+@\-\t\r\n]")
"""Beginning of a text that a spreadsheet would run, or that looks guarded against it."""

SEPARATORS = (",", ";", "\t")


class PointsFileError(ValueError):
    """A points file cannot be used; the text names the file, what is wrong, and what to do."""


def read_rows(path: str | Path) -> tuple[list[str], dict[int, dict[str, str]]]:
    """Read a CSV file with a header, separated by commas, semicolons or tabs.

    Returns
    -------
    header : list of str
        Column names as written.
    rows : dict of dict
        Fields of each row by column name, as far as the row has them, by the row's line number.

    Raises
    ------
    PointsFileError
        If the file is missing, is no text, has no header, or a row has more fields than the header.
    """
    path = Path(path)
    try:
        # utf-8-sig: Excel starts its CSV files with a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PointsFileError(f"{path}: is not a text file; save the table as CSV UTF-8") from error
    except OSError as error:
        raise PointsFileError(f"{path}: cannot be read ({error.strerror})") from error
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header: list[str] = []
    rows: dict[int, dict[str, str]] = {}
    try:
        for fields in filter(None, reader):
            if not header:
                header = [name.strip() for name in fields]
            elif len(fields) > len(header):
                raise PointsFileError(
                    f"{path}, line {reader.line_num}: has more fields than the header"
                )
            else:
                plain = map(_unguarded, fields)
                rows[reader.line_num] = dict(zip(header, plain, strict=False))
    except csv.Error as error:
        raise PointsFileError(f"{path}: cannot be read as a table ({error})") from error
    if not header:
        raise PointsFileError(f"{path}: is empty; expected a header with the columns y and x")
    return header, rows


def write_rows(path: str | Path, header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write a table as CSV, replacing the file in one step, and return its number of rows.

    Rows are written as they come: there may be more than fit into memory. See `table_text`.
    """
    with atomic.writing(Path(path)) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        written = _write_rows(text, header, rows)
        # The file below is flushed to disk, which a wrapper that is closed would have closed too.
        text.detach()
    return written


def table_text(header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a table as CSV.

    A text that a spreadsheet would run as a formula is written with an apostrophe before it.
    """
    text = io.StringIO(newline="")
    _write_rows(text, header, rows)
    return text.getvalue()


def _write_rows(text: TextIO, header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    writer = csv.DictWriter(text, fieldnames=list(header), lineterminator="\n")
    writer.writeheader()
    written = 0
    for row in rows:
        writer.writerow({name: _plain(value) for name, value in row.items()})
        written += 1
    return written


def begin_alike(found: Sequence[str], header: Sequence[str]) -> bool:
    """Return whether the columns of two tables say that they are of the same kind.

    The first seven tell ours from each other and from tables of clicks (image, frame, y, x, ...);
    another version may have other ones after them.
    """
    return list(found[:7]) == list(header[:7])


def check_replaceable(path: Path, header: Sequence[str]) -> None:
    """Refuse to write a table in place of anything but an older one of the same kind.

    Raises
    ------
    PointsFileError
        If there is another file of that name: an image, somebody's clicks, another table, or one
        that somebody has added columns to.
    """
    if not path.exists() or not path.stat().st_size:
        return
    try:
        with path.open("rb") as file:
            start = file.read(1000).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        start = ""
    columns = start.partition("\n")[0].strip().split(",")
    if not begin_alike(columns, header):
        raise PointsFileError(
            f"{path}: is there already and is no such table; choose another name, or delete it"
        )
    if own := [column for column in columns if column not in header]:
        raise PointsFileError(
            f"{path}: has a column {own[0]!r}, which is not from here and would be lost; choose "
            "another name, or delete it"
        )


def _plain(value: Any) -> Any:
    if isinstance(value, str) and FORMULA.match(value):
        try:
            float(value)
        except ValueError:
            return "'" + value
    return value


def _unguarded(field: str) -> str:
    """Return a field without the apostrophe that `write_rows` put before it."""
    return field[1:] if field.startswith("'") and FORMULA.match(field) else field
