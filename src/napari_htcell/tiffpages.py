"""The pages of a TIFF file, followed from one to the next; tifffile follows a circle for ever."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def is_circular(path: Path) -> bool:
    """Return whether the pages of a TIFF file lead back to one of them.

    What else is wrong with it is left to who reads it.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    seen = set()
    with path.open("rb") as file:
        for offset in _offsets(file):
            if offset in seen:
                return True
            seen.add(offset)
    return False


def _offsets(file: BinaryIO) -> Iterator[int]:
    """Yield where each page begins, as far as the file goes."""
    order = {b"II": "<", b"MM": ">"}.get(file.read(2))
    version = file.read(2)
    if order is None or version not in (struct.pack(f"{order}H", v) for v in (42, 43)):
        return
    # BigTIFF has wider numbers, and tags of 20 bytes.
    is_big = version == struct.pack(f"{order}H", 43)
    count, place, tag_bytes = ("Q", "Q", 20) if is_big else ("H", "I", 12)
    if is_big:
        file.seek(8)
    try:
        while offset := _number(file, order + place):
            yield offset
            file.seek(offset)
            file.seek(_number(file, order + count) * tag_bytes, 1)
    # Beyond the end of the file, or of what a file can have.
    except (struct.error, OSError, OverflowError, ValueError):
        return


def _number(file: BinaryIO, form: str) -> int:
    value: int
    (value,) = struct.unpack(form, file.read(struct.calcsize(form)))
    return value
