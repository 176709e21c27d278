"""Clicks that could not be saved when a window was closed, kept elsewhere until they can be.

::

    <user's data>/napari-htcell/unsaved/<number>/
      project.txt      the project's folder
      before/          what the images' files said, as in `annotations`
      clicked/         what they should say
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from napari_htcell import atomic
from napari_htcell.annotation_files import load_annotation, save_annotation
from napari_htcell.annotations import Annotation
from napari_htcell.merging import merge, same_px
from napari_htcell.project import Project

OWNER, BEFORE, CLICKED = "project.txt", "before", "clicked"


def unsaved_folder() -> Path:
    """Return where clicks are kept that could not be saved."""
    return platformdirs.user_data_path("napari-htcell", appauthor=False) / "unsaved"


def put_aside(project: Project, unsaved: Mapping[str, tuple[Annotation, Annotation]]) -> Path:
    """Keep what could not be saved in a project.

    Parameters
    ----------
    project : Project
        It need not be there.
    unsaved : mapping of str to (Annotation, Annotation)
        By image: what was read or saved last, and what it is now.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OSError
        If that is not possible either.
    """
    place = unsaved_folder() / uuid.uuid4().hex
    with atomic.new_folder(place) as folder:
        atomic.write_text(folder / OWNER, str(project.path))
        for name, states in unsaved.items():
            for part, annotation in zip((BEFORE, CLICKED), states, strict=True):
                save_annotation(folder / part / name, annotation)
    return place


def bring_back(project: Project) -> list[str]:
    """Save in a project what was put aside of it, beside what it says by now.

    Returns
    -------
    list of str
        The images that have changed. Those that the project has no more stay put aside.

    Raises
    ------
    OSError
        If it cannot be saved now either; then it is still put aside.
    ValueError
        If a file of one of the images is damaged; the same.
    """
    changed = []
    for owner in sorted(unsaved_folder().glob(f"*/{OWNER}")):
        if owner.read_text(encoding="utf-8") != str(project.path):
            continue
        files = sorted((owner.parent / CLICKED).rglob("*.json"))
        names = [one.relative_to(owner.parent / CLICKED).as_posix()[:-5] for one in files]
        there = [name for name in names if name in project.images]
        for name in there:
            _merge_into(project, name, owner.parent)
        changed += there
        if there == names:
            shutil.rmtree(owner.parent)
    return changed


def _merge_into(project: Project, name: str, folder: Path) -> None:
    clicked = load_annotation(folder / CLICKED / name)
    ndim = clicked.points.shape[1]
    before = load_annotation(folder / BEFORE / name, ndim=ndim)
    apart_px = same_px(project.stated_pixel_size(name))
    with project.saving():
        now = project.annotation(name, ndim)
        project.save_annotation(name, merge(before, clicked, now, apart_px).annotation)
