"""A project: a folder of images with what people and models say about them, in open files.

::

    my_assay/
      images/            the images, also in subfolders; or they lie in the folder itself
      annotations/       <image>.csv: frame, y, x, source   <image>.json: complete frames, regions
      masks/             <image>: cell masks, where somebody drew them (label images)
      detections/        <image>.csv: frame, y, x, score    <image>.json: model, threshold, date
      models/            the project's own models
      exports/           tables for publication
      imports/           what was imported, and what was there before
      htcell.json        settings: pixel size
      .htcell-open/      which windows have the project open; see `lease`

Nothing is written until there is something to keep, and each file is replaced in one step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from napari_htcell import atomic, lease, locking
from napari_htcell.annotation_files import load_annotation, save_annotation
from napari_htcell.annotations import Annotation
from napari_htcell.config import Settings, first_fault
from napari_htcell.detections import Detections, load_detections, save_detections
from napari_htcell.imagefiles import SUFFIXES, ImageError, ImageFile
from napari_htcell.lazyfiles import open_image, read_whole
from napari_htcell.listing import IMAGE_SUFFIXES, foreign_names, image_names, stem_of
from napari_htcell.stamps import Stamp, Stamps, stamp_of, stamps_of_pair
from napari_htcell.words import count

DETECTIONS = "detections"
"""Folder of what was detected, in files named as their images."""

OWN_FOLDERS = frozenset(
    ("annotations", "masks", DETECTIONS, "models", "exports", "imports", "training", "truth")
)
"""Folders in a project that hold no images to annotate."""


class ProjectError(ValueError):
    """A folder cannot be used as a project; the text says which, why, and what to do."""


class ProjectSettings(Settings):
    """What holds for all images of a project."""

    format: int = Field(1, description="format of the settings file")
    pixel_size_um: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="micrometres per pixel of the images; empty to believe each image's own file",
    )


@dataclass(frozen=True)
class Project:
    """A folder of images; see the module's text for its layout.

    Parameters
    ----------
    path : Path
        The folder.
    """

    path: Path

    @property
    def images_folder(self) -> Path:
        """Where the images lie: `images` if there is such a folder, else the project itself."""
        inside = self.path / "images"
        return inside if inside.is_dir() else self.path

    @property
    def models_folder(self) -> Path:
        """Where the project's own models lie."""
        return self.path / "models"

    @property
    def exports_folder(self) -> Path:
        """Where tables are exported to unless the user says otherwise."""
        return self.path / "exports"

    @property
    def imports_folder(self) -> Path:
        """Where what was imported is kept, with what was there before; see `kept_imports`."""
        return self.path / "imports"

    @property
    def training_folder(self) -> Path:
        """Where unfinished trainings are kept to be resumed."""
        return self.path / "training"

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Names of the images: paths below `images_folder`, with forward slashes, in order."""
        return image_names(self.images_folder, self._no_images)

    @property
    def left_out(self) -> str:
        """What to tell of files that look like images and cannot be read; "" if there are none."""
        names = foreign_names(self.images_folder, self._no_images)
        if not names:
            return ""
        return (
            f"{count(len(names), 'file')} in {self.path} cannot be read and will not be counted, "
            f"the first {names[0]!r}; save them as {' or '.join(IMAGE_SUFFIXES)}"
        )

    @property
    def _no_images(self) -> frozenset[str]:
        # In a folder `images` these names are anybody's own.
        return OWN_FOLDERS if self.images_folder == self.path else frozenset()

    @cached_property
    def _names(self) -> frozenset[str]:
        # Thousands of images are asked for by name, one after the other.
        return frozenset(self.images)

    @cached_property
    def settings(self) -> ProjectSettings:
        """The project's settings."""
        path = self.path / "htcell.json"
        if not path.exists():
            return ProjectSettings()
        try:
            return ProjectSettings.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError) as error:
            reason = first_fault(error) if isinstance(error, ValidationError) else error
            raise ProjectError(
                f"{path}: is damaged ({reason}); correct it, or delete it and state the pixel size "
                "again"
            ) from error

    def state_pixel_size(self, pixel_size_um: float) -> None:
        """Save the pixel size of all images, in micrometres per pixel, in the settings."""
        changed = self.settings.model_dump() | {"pixel_size_um": pixel_size_um}
        self.save_settings(ProjectSettings.model_validate(changed))

    def save_settings(self, settings: ProjectSettings) -> None:
        """Save and use other settings."""
        with self.saving():
            content = settings.model_dump_json(indent=1)
            atomic.write_text(self.path / "htcell.json", content)
        self.__dict__["settings"] = settings

    def find_image(self, text: str) -> str | None:
        """Return the image that is meant, by its name, its name without endings, or its path.

        None if there is none, or more than one.
        """
        if text in self._names:
            return text
        inside = Path(os.path.realpath(text))
        if inside.is_relative_to(self.images_folder):
            name = inside.relative_to(self.images_folder).as_posix()
            if name in self._names:
                return name
        fits = [one for one in self.images if stem_of(one) == stem_of(text)]
        return fits[0] if len(fits) == 1 else None

    def image_path(self, name: str) -> Path:
        """Return the file of an image.

        Raises
        ------
        ProjectError
            If the project has no image of that name.
        """
        if name not in self._names:
            raise ProjectError(
                f"{self.path}: has no image {name!r}, but {count(len(self.images), 'image')}, the "
                f"first {self.images[0]!r}"
            )
        return self.images_folder / PurePosixPath(name)

    def read_image(self, name: str) -> ImageFile:
        """Read an image whole; its pixel size is the project's where that is stated."""
        file = read_whole(self.image_path(name))
        return file.with_pixel_size(self.settings.pixel_size_um)

    def open_image(self, name: str) -> ImageFile:
        """Do what `read_image` does, but read what is large only when it is asked for."""
        file = open_image(self.image_path(name))
        return file.with_pixel_size(self.settings.pixel_size_um)

    def stated_pixel_size(self, name: str) -> float | None:
        """Return an image's pixel size; None if nobody states it, or the file cannot be read."""
        if self.settings.pixel_size_um is not None:
            return self.settings.pixel_size_um
        try:
            return self.open_image(name).pixel_size_um
        except (ImageError, OSError):
            return None

    def read_masks(self, name: str) -> npt.NDArray[np.integer[Any]] | None:
        """Return an image's cell masks, shape (Y, X) or (T, Y, X), 0 background; None without."""
        path = self.path / "masks" / PurePosixPath(name)
        candidates = [path, *(path.with_suffix(suffix) for suffix in SUFFIXES)]
        for candidate in candidates:
            if candidate.is_file():
                masks = ImageFile.read(candidate)
                if masks.is_rgb or not np.issubdtype(masks.pixels.dtype, np.integer):
                    raise ProjectError(f"{candidate}: masks must be whole numbers, one per cell")
                return masks.pixels
        return None

    def check_is_there(self) -> None:
        """Raise FileNotFoundError if the folder is gone, as a share that is no longer connected.

        What was written in its place would be hidden once it is back.
        """
        if not lease.is_there(self.path):
            raise FileNotFoundError(
                f"{self.path}: the folder is gone; was it moved, or is a drive not connected?"
            )

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Keep others, in any process, from saving here meanwhile, as for reading what one changes.

        Raises
        ------
        FileNotFoundError
            If the folder is gone.
        TimeoutError
            If somebody else does not come to an end.
        """
        self.check_is_there()
        with locking.alone(self.path / lease.FOLDER / "saving"):
            yield

    def annotation(self, name: str, ndim: int = 2) -> Annotation:
        """Return an image's annotation; empty, for 2 or 3 dimensions, if it is untouched."""
        return load_annotation(self._beside("annotations", name), ndim=ndim)

    def save_annotation(self, name: str, annotation: Annotation) -> None:
        """Save an image's annotation; when this returns it is on disk."""
        with self.saving():
            save_annotation(self._beside("annotations", name), annotation)

    def detections(self, name: str) -> Detections | None:
        """Return what was last detected in an image; None if nothing was run on it."""
        return load_detections(self._beside(DETECTIONS, name))

    def save_detections(self, name: str, found: Detections) -> None:
        """Save what was detected in an image."""
        with self.saving():
            save_detections(self._beside(DETECTIONS, name), found)

    def stamps(self, name: str) -> Stamps:
        """Return what tells whether an image's files are still those that were read."""
        annotation, detections = (
            stamps_of_pair(self._beside(kind, name)) for kind in ("annotations", DETECTIONS)
        )
        return Stamps(annotation, detections, self.image_stamp(name))

    def image_stamp(self, name: str) -> Stamp | None:
        """Return what tells whether an image is still the one that was read."""
        return stamp_of(self.image_path(name))

    def _beside(self, kind: str, name: str) -> Path:
        self.image_path(name)
        return self.path / kind / PurePosixPath(name)


def open_project(path: str | Path) -> Project:
    """Open a folder of images as a project; nothing is written.

    Parameters
    ----------
    path : str or Path
        A folder with images, in itself, in `images`, or in subfolders.

    Returns
    -------
    Project

    Raises
    ------
    ProjectError
        If there is no such folder, it has no images, or its settings are damaged.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise ProjectError(f"{folder}: {what}")
    project = Project(folder.resolve())
    # Said once here, not of every image that is read later.
    if project.settings.format != ProjectSettings().format:
        raise ProjectError(
            f"{folder}: is of a newer napari-htcell (its settings have the format "
            f"{project.settings.format}); update napari-htcell"
        )
    if not project.images:
        raise ProjectError(
            f"{folder}: has no images; put images ({', '.join(IMAGE_SUFFIXES)}) into it or into "
            f"{folder / 'images'}"
        )
    return project
