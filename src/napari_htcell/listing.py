"""Which files and folders below a folder are images, and what else is named as they are."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from napari_htcell.imagefiles import SUFFIXES
from napari_htcell.lazyfiles import ZARR_SUFFIX, is_zarr

IMAGE_SUFFIXES = (*SUFFIXES, ZARR_SUFFIX)
"""Endings of images; one in `ZARR_SUFFIX` is a folder."""

FOREIGN_SUFFIXES = (
    ".bmp", ".gif", ".webp", ".jp2", ".nd2", ".czi", ".lif", ".lsm", ".oib", ".oif", ".vsi", ".ims",
    ".dv", ".stk", ".ics", ".svs", ".ndpi",
)  # fmt: skip
"""Endings of images that cannot be read, and are to be missed."""

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".xml", ".zip", ".roi")
"""Endings of files of points, which may be named as the image that they belong to."""


def image_names(root: Path, leave_out: Collection[str] = ()) -> tuple[str, ...]:
    """Return the images in a folder and below: their paths there, with forward slashes, in order.

    What begins with a dot is hidden, and left out.

    Parameters
    ----------
    root : Path
    leave_out : collection of str, optional
        Names of folders directly in it that hold other things.
    """
    return _names(root, IMAGE_SUFFIXES, leave_out)


def foreign_names(root: Path, leave_out: Collection[str] = ()) -> tuple[str, ...]:
    """Return what `image_names` leaves out although it looks like images."""
    return _names(root, FOREIGN_SUFFIXES, leave_out)


def _names(root: Path, endings: tuple[str, ...], leave_out: Collection[str]) -> tuple[str, ...]:
    found = []
    for folder, inside, files in os.walk(root):
        here = Path(folder)
        seen = [
            name
            for name in inside
            if not name.startswith(".") and not (here == root and name in leave_out)
        ]
        zarrs = [name for name in seen if is_zarr(Path(name))]
        inside[:] = [name for name in seen if name not in zarrs]
        found += [
            (here / name).relative_to(root).as_posix()
            for name in (*files, *zarrs)
            if name.lower().endswith(endings) and not name.startswith(".")
        ]
    return tuple(sorted(found))


def stem_of(name: str) -> str:
    """Return a file's path without the endings of images and of files of points, which differ."""
    stem = name.lower()
    for ending in (*TABLE_SUFFIXES, *IMAGE_SUFFIXES, ".ome"):
        stem = stem.removesuffix(ending)
    return stem
