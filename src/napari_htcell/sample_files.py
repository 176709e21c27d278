"""An image of a sample project and what is known of it, as files."""

from __future__ import annotations

import hashlib
import io
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_htcell import atomic, csvtable, pointsfile
from napari_htcell.annotation_files import save_annotation, with_suffix
from napari_htcell.annotations import Annotation

TRUTH_FOLDER = "truth"
"""Folder in a sample project with all cells of each image, beside the annotations."""


@dataclass(frozen=True, eq=False)
class SampleImage:
    """One image and what is known of it, as it is written.

    Parameters
    ----------
    pixels : ndarray of uint8 or float32, shape (Y, X)
    pixel_size_um : float
        Micrometres per pixel.
    truth : ndarray of float, shape (N, 2)
        All cells, (y, x) in pixels.
    annotation : Annotation or None
        None leaves the image untouched.
    masks : ndarray of uint16, shape (Y, X), or None
        Cell masks, 0 is background; None writes none.
    """

    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    pixel_size_um: float
    truth: pointsfile.Points
    annotation: Annotation | None
    masks: npt.NDArray[np.uint16] | None


@dataclass(frozen=True)
class ImageFiles:
    """Where an image of a sample project lies, and what is known of it.

    Parameters
    ----------
    folder : Path
        The project.
    name : str
        The image.
    """

    folder: Path
    name: str

    @property
    def image(self) -> Path:
        """The image; written last, so that the rest is there where it is."""
        return self.folder / "images" / self.name

    @property
    def truth(self) -> Path:
        """Table of all cells."""
        return with_suffix(self.folder / TRUTH_FOLDER / self.name, ".csv")

    @property
    def masks(self) -> Path:
        """Label image of all cells."""
        return self.folder / "masks" / self.name

    @property
    def annotation(self) -> Path:
        """Clicks and status, without the suffixes of the two files."""
        return self.folder / "annotations" / self.name

    def are_there(self, *, is_annotated: bool, has_masks: bool) -> bool:
        """Return whether nothing is missing of an image with or without annotation and masks."""
        wanted = [self.image, self.truth]
        wanted += [with_suffix(self.annotation, end) for end in (".csv", ".json") if is_annotated]
        wanted += [self.masks] if has_masks else []
        return all(path.is_file() for path in wanted)

    def write(self, content: SampleImage) -> None:
        """Write an image with what is known of it, each file in one step."""
        rows = pointsfile.points_rows(content.truth)
        csvtable.write_rows(self.truth, ["y", "x"], rows)
        if content.masks is not None:
            # Named as its image, but a plain TIFF: these pixels are numbers of cells.
            _write_tiff(self.masks, content.masks, ome=False, metadata=None)
        if content.annotation is not None:
            save_annotation(self.annotation, content.annotation)
        # Derived from the pixels: the same project is the same files.
        digest = hashlib.sha256(content.pixels.tobytes()).hexdigest()
        identity = uuid.uuid5(uuid.NAMESPACE_OID, digest)
        sides = ("PhysicalSizeX", "PhysicalSizeY")
        size = dict.fromkeys(sides, content.pixel_size_um)
        units = {f"{side}Unit": "µm" for side in sides}
        metadata = {"axes": "YX", "Name": self.name, "UUID": f"urn:uuid:{identity}"} | size | units
        _write_tiff(self.image, content.pixels, predictor=True, ome=True, metadata=metadata)


def _write_tiff(path: Path, pixels: npt.NDArray[Any], **options: Any) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, compression="zlib", **options)
    atomic.write_bytes(path, stream.getvalue())
