"""Imports kept in a project, and taken back: what was there before is never gone.

::

    imports/2026-11-22T10-15-00/
      imported/     what was imported, as in `annotations`
      before/       what was there before, of the images that had anything
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from napari_htcell import atomic
from napari_htcell.annotation_files import load_annotation, save_annotation
from napari_htcell.annotations import Annotation
from napari_htcell.merging import merge, same_px
from napari_htcell.progress import Progress
from napari_htcell.project import Project


@dataclass(frozen=True)
class KeptImport:
    """An import that can be taken back.

    Parameters
    ----------
    folder : Path
        Named after the day and the time, in UTC.
    """

    folder: Path

    @property
    def images(self) -> tuple[str, ...]:
        """The images that it went into."""
        place = self.folder / "imported"
        files = (path.relative_to(place).as_posix() for path in place.rglob("*.json"))
        return tuple(sorted(name.removesuffix(".json") for name in files))

    def undone(self, name: str, now: Annotation, same_px: float) -> Annotation:
        """Return what is annotated in an image without the import.

        What was there before is there again; what was clicked since stays.

        Parameters
        ----------
        name : str
        now : Annotation
        same_px : float
            See `merging.merge`.
        """
        ndim = now.points.shape[1]
        imported = load_annotation(self.folder / "imported" / name, ndim=ndim)
        before = load_annotation(self.folder / "before" / name, ndim=ndim)
        return merge(imported, now, before, same_px).annotation

    def forget(self) -> None:
        """Delete the folder: the import was taken back."""
        shutil.rmtree(self.folder)


def annotated_already(project: Project, names: Iterable[str]) -> list[str]:
    """Return those of a project's images that an import would take clicks from."""
    return [name for name in names if project.annotation(name).frames]


def keep_steps(
    project: Project,
    plan: Mapping[str, Annotation],
    known: Mapping[str, Annotation] | None = None,
) -> Generator[Progress, None, dict[str, int]]:
    """Save what was imported in place of what was there; return the numbers of points.

    What was there is put aside first, see `last_import`; what is clicked while that takes place
    stays.

    Parameters
    ----------
    project : Project
    plan : mapping of str to Annotation
        See `importing.plan_steps`.
    known : mapping of str to Annotation, optional
        What was saved of some of the images when this was decided on: what was clicked since
        stays, too.
    """
    known = dict(known or {})
    project.check_is_there()
    name = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
    with atomic.new_folder(atomic.free_path(project.imports_folder / name)) as folder:
        for done, (name, annotation) in enumerate(plan.items()):
            yield Progress(f"putting aside {name}", done, 2 * len(plan))
            if name not in known:
                known[name] = project.annotation(name, annotation.points.shape[1])
            before = known[name]
            parts = {"imported": annotation} | ({"before": before} if before.frames else {})
            for part, one in parts.items():
                place = folder / part / name
                place.parent.mkdir(parents=True, exist_ok=True)
                save_annotation(place, one)
    for done, (name, annotation) in enumerate(plan.items(), start=len(plan)):
        yield Progress(f"keeping {name}", done, 2 * len(plan))
        apart_px = same_px(project.stated_pixel_size(name))
        with project.saving():
            now = project.annotation(name, annotation.points.shape[1])
            merged = merge(known[name], annotation, now, apart_px).annotation
            project.save_annotation(name, merged)
    return {name: len(annotation.points) for name, annotation in plan.items()}


def last_import(project: Project) -> KeptImport | None:
    """Return the last import that was not taken back; None if there is none."""
    folder = project.imports_folder
    found = sorted(one for one in folder.glob("[0-9]*") if (one / "imported").is_dir())
    return KeptImport(found[-1]) if found else None


def take_back_steps(
    project: Project, kept: KeptImport, names: Collection[str] | None = None
) -> Generator[Progress, None, list[str]]:
    """Take an import back: what was there before is there again, what was clicked since stays.

    Parameters
    ----------
    project : Project
    kept : KeptImport
    names : collection of str, optional
        Some of its images; all of them without, and then the import is forgotten.

    Returns
    -------
    list of str
        The images that have changed; not those that the project has no more.
    """
    wanted = [
        name for name in kept.images if name in project.images and (names is None or name in names)
    ]
    for done, name in enumerate(wanted):
        yield Progress(f"taking back {name}", done, len(wanted))
        ndim = load_annotation(kept.folder / "imported" / name).points.shape[1]
        apart_px = same_px(project.stated_pixel_size(name))
        with project.saving():
            now = project.annotation(name, ndim)
            project.save_annotation(name, kept.undone(name, now, apart_px))
    if names is None:
        kept.forget()
    return wanted
