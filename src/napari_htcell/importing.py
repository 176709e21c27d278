"""Clicks and masks made elsewhere: read, found an image for, and checked before anything is kept.

Fiji's Cell Counter (.xml), ROIs (.zip, .roi), tables with coordinates (.csv and other text), label
images, and folders of such files.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_htcell import pointsfile
from napari_htcell.annotations import BY_HAND, Annotation, check_inside, labels_to_centroids
from napari_htcell.cell_counter import read_cell_counter
from napari_htcell.imagefiles import TIFF_SUFFIXES, ImageError, ImageFile
from napari_htcell.pointsets import PointSet
from napari_htcell.progress import Progress
from napari_htcell.project import Project
from napari_htcell.rois import ANNOTATED, KINDS, read_rois
from napari_htcell.words import count

MASK_SUFFIXES = (*TIFF_SUFFIXES, ".png")
"""No JPEG: it blurs the numbers of the cells into others."""

POINT_SUFFIXES = (".csv", ".tsv", ".xml", ".zip", ".roi")
"""Files of points that are looked for in a folder."""


class ImportFileError(ValueError):
    """What was made elsewhere cannot be taken over; the text says which, why, and what to do."""


class UnknownImageError(ImportFileError):
    """Points are of an image that a project does not have."""


@dataclass(frozen=True, eq=False)
class Target:
    """An image that points can be taken into.

    Parameters
    ----------
    name : str
    shape : tuple of int
        (Y, X) or (T, Y, X).
    """

    name: str
    shape: tuple[int, ...]


def read_point_sets(path: Path) -> list[PointSet]:
    """Read all points of a file, whatever its format.

    Raises
    ------
    ImageError, PointsFileError
        If it cannot be read; with its name.
    """
    suffix = path.suffix.lower()
    if path.name.lower().endswith(MASK_SUFFIXES):
        return [_read_masks(path)]
    if suffix == ".xml":
        return read_cell_counter(path)
    if suffix in (".zip", ".roi"):
        return read_rois(path)
    return [
        PointSet(image, points, str(path), sources=tuple(sources))
        for image, (points, sources) in pointsfile.read_points(path).items()
    ]


def chosen(sets: Sequence[PointSet], kinds: Collection[str] = ()) -> list[PointSet]:
    """Return the sets of some kinds; without a choice all, and of our own ROIs the annotated ones.

    Parameters
    ----------
    sets : sequence of PointSet
        Of one file.
    kinds : collection of str, optional
        Numbers or names of marker types, or the last word of our ROIs' names.

    Raises
    ------
    ImportFileError
        If the file has no points of a kind.
    """
    if not kinds:
        return [one for one in sets if one.kind not in KINDS or one.kind == ANNOTATED]
    wanted = {kind.casefold() for kind in kinds}
    names = {name.casefold(): one.kind for one in sets for name in (one.kind, one.title) if name}
    missing = [kind for kind in kinds if kind.casefold() not in names]
    if missing:
        there = ", ".join(dict.fromkeys(one.title or one.kind for one in sets)) or "none"
        where = f"{sets[0].where}: has" if sets else "there are"
        raise ImportFileError(f"{where} no points of type {missing[0]}, but {there}")
    return [one for one in sets if wanted & {one.kind.casefold(), one.title.casefold()}]


def plan_steps(
    project: Project,
    source: Path,
    *,
    image: str | None = None,
    kinds: Collection[str] = (),
    complete: bool = False,
    common: bool = False,
) -> Generator[Progress, None, dict[str, Annotation]]:
    """Read a file or folder, and return what it would make of the project's annotations.

    Parameters
    ----------
    project : Project
    source : Path
    image : str, optional
        The image that the points belong to; without it the one that the file names, or is named
        as, or the only one.
    kinds : collection of str, optional
        See `chosen`.
    complete : bool, optional
        Whether every cell of these images is annotated.
    common : bool, optional
        Whether to leave out images that the project does not have.

    Returns
    -------
    dict of str to Annotation
        By the names of the project's images; nothing is kept yet.

    Raises
    ------
    ValueError
        If anything is wrong with any of it; in one line.
    """
    files = _files(source)
    if source.is_dir() and image is not None:
        raise ImportFileError(f"{source}: is a folder, and one image is named; leave that out")
    found: dict[tuple[str, str], list[PointSet]] = {}
    for done, file in enumerate(files):
        yield Progress(f"reading {file.name}", done, len(files))
        sets = chosen(read_point_sets(file), kinds)
        for one in sets:
            name = _image_of(project, source, file, sets, one, image)
            found.setdefault((name, one.where), []).append(one)
    _check_names(project, source, found, common=common)
    plan = {}
    for done, ((name, _), sets) in enumerate(found.items()):
        yield Progress(f"checking {name}", done, len(found))
        if name in project.images:
            image_file = project.open_image(name)
            target = Target(name, image_file.pixels.shape[: image_file.ndim])
            # What was rejected is still no cell.
            rejected = project.annotation(name, image_file.ndim).rejected
            plan[name] = replace(to_annotation(sets, target, complete=complete), rejected=rejected)
    return plan


def for_one_image(
    source: Path, target: Target, *, kinds: Collection[str] = (), complete: bool = False
) -> Annotation:
    """Read a file for an image that is in no project.

    Raises
    ------
    ValueError
        If anything is wrong with it, it has no points, or those of several images, none of them
        this one.
    """
    sets = chosen(read_point_sets(source), kinds)
    if not sets:
        raise ImportFileError(f"{source}: has no clicks; was the right file chosen?")
    names = {one.image for one in sets}
    if len(names) > 1:
        sets = [one for one in sets if one.image == target.name]
        if not sets:
            raise ImportFileError(f"{source}: has points of {len(names)} images, not {target.name}")
    return to_annotation(sets, target, complete=complete)


def to_annotation(
    sets: Sequence[PointSet], target: Target, *, complete: bool = False
) -> Annotation:
    """Return the annotation of an image with the points of some sets.

    Points at the very same place are one cell.

    Raises
    ------
    ValueError
        If the points, or the label image that they come from, are not of this image.
    """
    shape, parts, sources = target.shape, [], []
    for one in sets:
        if one.shape is not None and one.shape != shape:
            raise ImageError(
                f"{one.where}: has the shape {one.shape}, but {target.name} has {shape}; "
                "is it of this image?"
            )
        points = one.points
        if len(shape) == 2 and points.shape[1] == 3 and not points[:, 0].any():
            points = points[:, 1:]  # tables have a frame for images too
        if not len(points):
            points = np.empty((0, len(shape)))
        check_inside(points, shape, f"{one.where}, {target.name}")
        parts.append(points)
        sources += [source or BY_HAND for source in one.sources] or [BY_HAND] * len(points)
    together = np.concatenate(parts)
    # To the digits that a table keeps.
    first = np.sort(np.unique(together.round(3), axis=0, return_index=True)[1])
    annotation = Annotation(together[first], tuple(sources[index] for index in first))
    if complete:
        frames = range(shape[0]) if len(shape) == 3 else (0,)
        annotation = replace(annotation, complete_frames=frozenset(frames))
    return annotation


def _files(source: Path) -> list[Path]:
    """Return the files of a folder that hold label images, or else points; a file itself."""
    if not source.is_dir():
        return [source]
    for suffixes in (MASK_SUFFIXES, POINT_SUFFIXES):
        files = sorted(p for p in source.rglob("*") if p.name.lower().endswith(suffixes))
        if files:
            return files
    raise ImageError(
        f"{source}: has no label images ({', '.join(MASK_SUFFIXES)}) and no points "
        f"({', '.join(POINT_SUFFIXES)})"
    )


def _image_of(
    project: Project,
    source: Path,
    file: Path,
    sets: Sequence[PointSet],
    one: PointSet,
    image: str | None,
) -> str:
    """Return the image of the project that points belong to; another name if there is none."""
    if image is not None:
        if len({other.image for other in sets}) > 1:
            raise ImportFileError(
                f"{file}: has points of several images itself; leave {image!r} out"
            )
        return project.find_image(image) or image
    if one.image:
        return project.find_image(one.image) or one.image
    inside = file.relative_to(source).as_posix() if source.is_dir() else file.name
    name = project.find_image(inside) or inside
    if name not in project.images and not source.is_dir() and len(project.images) == 1:
        return project.images[0]
    return name


def _check_names(
    project: Project, source: Path, found: Iterable[tuple[str, str]], *, common: bool
) -> None:
    """Refuse images that the project does not have, and an image named by two files."""
    found = list(found)
    strange = [(name, where) for name, where in found if name not in project.images]
    if strange and (not common or len(strange) == len(found)):
        name, where = strange[0]
        raise UnknownImageError(
            f"{where}: {name!r} is no image of {project.path.name}, or more than one; it has "
            f"{count(len(project.images), 'image')}, the first {project.images[0]!r}"
        )
    names = [name for name, _ in found if name in project.images]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ImportFileError(f"{source}: has two tables or masks for one image, {twice!r}")


def _read_masks(path: Path) -> PointSet:
    """Return the centroids of a label image or a stack of them."""
    file = ImageFile.read(path)
    labels = file.pixels
    if file.is_rgb or not np.issubdtype(labels.dtype, np.integer):
        raise ImageError(f"{path}: is no label image; expected grey whole numbers, one per cell")
    names = np.unique(labels[labels != 0])
    if len(names) == 1 and ndimage.label(labels)[1] > 1:
        raise ImageError(
            f"{path}: is black and white, not a label image; give each cell its own number first"
        )
    if labels.ndim == 2:
        points = labels_to_centroids(labels)
    else:
        frames = [labels_to_centroids(one) for one in labels]
        points = np.concatenate([np.insert(p, 0, t, axis=1) for t, p in enumerate(frames)])
    return PointSet("", points, str(path), shape=labels.shape)
