"""What can be exported, and in which formats; read by flags and forms before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

What = Literal["counts", "points", "summary"]

FORMATS: Mapping[What, Mapping[str, str]] = {
    "counts": {
        ".csv": "Table",
        ".parquet": "Parquet",
        ".xlsx": "Excel workbook, counts and points",
    },
    "points": {
        ".csv": "Table",
        ".parquet": "Parquet",
        ".xlsx": "Excel workbook, counts and points",
        ".zip": "Fiji ROIs",
    },
    "summary": {".pdf": "PDF page", ".png": "Picture"},
}
"""What is written under which ending; the first is the usual one."""
