"""What to detect in: loose files, folders, and projects, in which what is found is kept."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from napari_htcell.annotations import Annotation
from napari_htcell.detections import Detections
from napari_htcell.lazyfiles import is_zarr
from napari_htcell.project import Project, open_project


def _forget(found: Detections) -> None:
    """Keep detections nowhere but in the result."""


@dataclass(frozen=True)
class Item:
    """One image to detect in.

    Parameters
    ----------
    name : str
        What messages and tables call it.
    path : Path
        Its file.
    pixel_size_um : float, optional
        Micrometres per pixel that its project states; without it what the file says.
    keep : callable, optional
        Saves what was found in it.
    annotation : callable, optional
        Returns what a person says about it, for 2 dimensions or 3; nothing without.
    """

    name: str
    path: Path
    pixel_size_um: float | None = None
    keep: Callable[[Detections], None] = _forget
    annotation: Callable[[int], Annotation] = Annotation.empty

    @property
    def is_kept(self) -> bool:
        """Whether what is found in it is saved."""
        return self.keep is not _forget


def is_project(folder: Path) -> bool:
    """Return whether somebody has worked in a folder of images as a project.

    A folder of images alone is none: detecting in it should leave nothing behind.
    """
    return any((folder / sign).exists() for sign in ("annotations", "detections", "htcell.json"))


def list_items(paths: Iterable[str | Path], *, save: bool | None = None) -> list[Item]:
    """List what to detect in: image files, projects, and folders with all their subfolders.

    An image is called by its place in the folder that was given, or by its file name; by its whole
    path where two would be called the same.

    Parameters
    ----------
    paths : iterable of str or Path
    save : bool, optional
        Whether detections are saved into the folders; without it, where `is_project` says so.

    Raises
    ------
    ProjectError
        If a folder has no images.
    """
    found: list[tuple[Item, Path]] = []
    for path in map(Path, paths):
        if path.is_dir() and not is_zarr(path):
            project = open_project(path)
            keep = is_project(path) if save is None else save
            for name in project.images:
                file = project.image_path(name)
                found.append((project_item(project, name) if keep else file_item(file, name), file))
        else:
            found.append((file_item(path), path))
    # A folder and one of its images, or an image twice, are not two images.
    by_file: dict[str, tuple[Item, Path]] = {}
    for item, file in found:
        by_file.setdefault(os.path.realpath(file), (item, file))
    found = list(by_file.values())
    times = Counter(item.name for item, _ in found)
    return [
        item if times[item.name] == 1 else replace(item, name=path.as_posix())
        for item, path in found
    ]


def file_item(path: Path, name: str | None = None) -> Item:
    """Return a loose image, called by its file name without `name`."""
    return Item(name or path.name, path)


def project_item(project: Project, name: str) -> Item:
    """Return an image of a project; what is found in it is saved there."""
    return Item(
        name,
        project.image_path(name),
        project.settings.pixel_size_um,
        partial(project.save_detections, name),
        partial(project.annotation, name),
    )
