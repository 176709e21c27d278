"""From an image of a project to what the window works on. No Qt."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell import lazyfiles
from napari_htcell.imagefiles import ImageFile
from napari_htcell.overview import coarser_steps
from napari_htcell.progress import Progress, run
from napari_htcell.project import Project
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.picture import Picture

PART_PX = 1024
"""Sides of the parts of a large image that napari asks for, about; a file may have larger ones."""


def read_steps(project: Project, name: str) -> Generator[Progress, None, Document]:
    """Read an image of a project with its annotation and detections.

    A large one stays where it is; read are coarser copies of it, for who looks at the whole.
    """
    yield Progress("reading", 0, 0)
    # Before they are read: what is changed from here on is seen when it is saved.
    stamps = project.stamps(name)
    file = project.open_image(name)
    pixels, coarser = yield from _shown_steps(file)
    is_stated = project.settings.pixel_size_um is not None
    picture = Picture(
        name,
        pixels,
        file.is_rgb,
        file.pixel_size_um,
        "" if file.pixel_size_um is None else "the project" if is_stated else "the image file",
        project.image_path(name),
        coarser,
    )
    annotation = project.annotation(name, file.ndim)
    document = Document(picture, annotation, project.detections(name), in_project=True)
    document.stamps = stamps
    return document


def read_document(project: Project, name: str) -> Document:
    """Do what `read_steps` does at once."""
    return run(read_steps(project, name))


def _shown_steps(
    file: ImageFile,
) -> Generator[Progress, None, tuple[Any, tuple[npt.NDArray[Any], ...]]]:
    """Return the pixels as napari shows them, in memory or of Dask, and coarser copies."""
    if isinstance(file.pixels, np.ndarray):
        return file.pixels, ()
    size = math.prod(file.pixels.shape) * file.pixels.dtype.itemsize
    if size < lazyfiles.LARGE_BYTES:
        return np.asarray(file.pixels), ()
    import dask.array

    # A file has one place at a time; and large parts make few of them.
    chunks = tuple(one * max(1, PART_PX // one) for one in file.pixels.chunks)
    pixels = dask.array.from_array(file.pixels, chunks=chunks, name=False, lock=True)
    return pixels, (() if file.ndim == 3 else (yield from coarser_steps(file.pixels)))
