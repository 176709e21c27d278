"""What tells whether files are still those that were read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_htcell.annotation_files import with_suffix

KEPT_AS = (".csv", ".json")
"""The two files of an annotation, and of detections."""

Stamp = tuple[int, int, int]
"""Time of the last change, size and inode of a file."""


@dataclass(frozen=True)
class Stamps:
    """What an image's files looked like; others' changes show as a difference.

    Parameters
    ----------
    annotation, detections : tuple of (tuple of int or None)
        Of the table and of what belongs to it; None for a file that is not there.
    image : tuple of int or None
        Of the image itself.
    """

    annotation: tuple[Stamp | None, ...]
    detections: tuple[Stamp | None, ...]
    image: Stamp | None


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of a file; None if it is not there."""
    try:
        state = path.stat()
    except OSError:
        return None
    # A file that is replaced gets another inode, even within one tick of a coarse clock.
    return state.st_mtime_ns, state.st_size, state.st_ino


def stamps_of_pair(path: Path) -> tuple[Stamp | None, ...]:
    """Return the stamps of the two files that an annotation, or detections, are kept as."""
    return tuple(stamp_of(with_suffix(path, suffix)) for suffix in KEPT_AS)
