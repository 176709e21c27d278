"""Tables as Parquet files, written piece by piece: millions of rows are never in memory together.

Needs the extra `parquet`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from napari_htcell import atomic
from napari_htcell.csvtable import begin_alike

ROWS_AT_ONCE = 50_000

TEXTS = frozenset(
    ("image", "status", "model", "method", "date", "plugin_version", "kind", "source")
)
WHOLE = frozenset(("frame", "region", "annotated", "detected", "final", "final_low", "final_high"))
TRUTHS = frozenset(("pixel_size_assumed",))
"""Types of the tables' columns; all others are floats."""


def check_installed() -> None:
    """Raise ValueError, with the cure, where no Parquet file can be written."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ValueError(
            "Parquet files need pyarrow, which is not installed: pip install "
            '"napari-htcell[parquet]", or choose .csv'
        ) from error


def is_ours(path: Path, columns: Sequence[str]) -> bool:
    """Return whether a file is a Parquet table that begins with such columns."""
    import pyarrow
    from pyarrow import parquet

    try:
        names = parquet.read_schema(path).names
    except (OSError, pyarrow.ArrowException):
        return False
    return begin_alike(names, columns)


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write a table, replacing the file in one step.

    Parameters
    ----------
    path : Path
    columns : sequence of str
    rows : iterable of mapping
        By column; None is null.

    Returns
    -------
    int
        Number of rows.
    """
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(name, _type(pyarrow, name)) for name in columns])
    written = 0
    with (
        atomic.writing(path) as stream,
        parquet.ParquetWriter(stream, schema, compression="zstd") as writer,
    ):
        left = iter(rows)
        while some := list(islice(left, ROWS_AT_ONCE)):
            writer.write_table(pyarrow.Table.from_pylist(some, schema))
            written += len(some)
    return written


def _type(pyarrow: Any, column: str) -> Any:
    if column in TEXTS:
        return pyarrow.string()
    if column in WHOLE:
        return pyarrow.int64()
    return pyarrow.bool_() if column in TRUTHS else pyarrow.float64()
