"""htcell import-annotations: clicks and masks made elsewhere, checked as a whole, then kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_htcell import pointsfile
from napari_htcell.annotations import BY_HAND, Annotation, check_inside, labels_to_centroids
from napari_htcell.cli.options import EXISTING, EXISTING_FOLDER, pixel_size
from napari_htcell.cli.reporting import Reporter, reporting
from napari_htcell.imagefiles import TIFF_SUFFIXES, ImageError, ImageFile
from napari_htcell.project import Project, ProjectError, open_project
from napari_htcell.words import count

MASK_SUFFIXES = (*TIFF_SUFFIXES, ".png")
"""No JPEG: it blurs the numbers of the cells into others."""


@click.command("import-annotations")
@click.argument("project", type=EXISTING_FOLDER)
@click.argument("source", metavar="CSV_OR_MASKS", type=EXISTING)
@click.option("--image", help="The image that a table without names, or one mask, belongs to.")
@click.option("--complete", is_flag=True, help="Every cell of these images is annotated.")
@click.option("--common", is_flag=True, help="Leave out images that the project does not have.")
@pixel_size("kept in the project.")
@click.option("--replace", "replaces", is_flag=True, help="Replace annotations that are there.")
@reporting
def import_annotations(
    project: Path,
    source: Path,
    image: str | None,
    complete: bool,
    common: bool,
    pixel_size_um: float | None,
    replaces: bool,
    report: Reporter,
) -> None:
    """Take clicks or masks made elsewhere into PROJECT.

    CSV_OR_MASKS is a CSV file with y and x (or X and Y, or axis-0 and axis-1) in pixels and
    optionally `image`; or a label image, 0 being background and each other number a cell; or a
    folder of label images. Files without names of images belong to the image that they are named
    as. Masks become their centroids. Everything is checked before anything is written.
    """
    opened = open_project(project)
    read = list(_read(opened, source, image))
    strange = [one for one in read if one.name not in opened.images]
    if strange and (not common or len(strange) == len(read)):
        raise ProjectError(
            f"{strange[0].where}: {strange[0].name!r} is no image of {opened.path.name}, or more "
            f"than one; its {count(len(opened.images), 'image')} start with {opened.images[0]!r} "
            "(--image NAME says which one is meant, --common leaves out those not there)"
        )
    found = [_check(opened, one, complete=complete) for one in read if one not in strange]
    names = [name for name, _ in found]
    taken = [name for name in names if opened.annotation(name).frames]
    if len(set(names)) < len(names):
        raise ProjectError(f"{source}: has two tables or masks for one image")
    if taken and not replaces:
        raise ProjectError(
            f"{len(taken)} of the images are annotated already, the first {taken[0]!r}; "
            "--replace replaces what is there"
        )
    report.keep_pixel_size(opened, pixel_size_um)
    for name, annotation in found:
        opened.save_annotation(name, annotation)
    counts = {name: len(annotation.points) for name, annotation in found}
    total = sum(counts.values())
    lines = f"Imported {count(total, 'point')} into {count(len(counts), 'image')}"
    report.done({"images": counts, "complete": complete}, lines)


@dataclass(frozen=True, eq=False)
class _Found:
    """Points of one image; `shape` is that of the mask they come from."""

    name: str
    where: str
    points: npt.NDArray[np.float64]
    sources: tuple[str, ...]
    shape: tuple[int, ...] | None = None


def _read(project: Project, source: Path, image: str | None) -> Iterator[_Found]:
    """Read all points, each under the name of an image of the project."""
    if source.is_dir():
        masks = sorted(p for p in source.rglob("*") if p.name.lower().endswith(MASK_SUFFIXES))
        if not masks:
            raise ImageError(f"{source}: has no label images ({', '.join(MASK_SUFFIXES)})")
        if image is not None:
            raise click.UsageError("--image is for one file, not for a folder")
        for mask in masks:
            yield _from_mask(mask, _known(project, mask.relative_to(source).as_posix()))
    elif source.name.lower().endswith(MASK_SUFFIXES):
        yield _from_mask(source, _one_name(project, source, image))
    else:
        for name, (points, sources) in pointsfile.read_points(source).items():
            if name and image is not None:
                raise click.UsageError(f"{source} names images itself; leave out --image")
            chosen = _known(project, name) if name else _one_name(project, source, image)
            yield _Found(chosen, str(source), points, tuple(one or BY_HAND for one in sources))


def _known(project: Project, name: str) -> str:
    """Return the image of the project that is meant; the name itself if there is none."""
    return project.find_image(name) or name


def _one_name(project: Project, source: Path, image: str | None) -> str:
    """Return the image that a single file belongs to."""
    name = _known(project, image or source.name)
    if image is None and name not in project.images and len(project.images) == 1:
        return project.images[0]
    return name


def _from_mask(path: Path, name: str) -> _Found:
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
    return _Found(name, str(path), points, (BY_HAND,) * len(points), labels.shape)


def _check(project: Project, found: _Found, *, complete: bool) -> tuple[str, Annotation]:
    """Return an image's annotation, or refuse points that are not of this image."""
    file = project.read_image(found.name)
    shape = file.pixels.shape[: file.ndim]
    if found.shape is not None and found.shape != shape:
        raise ImageError(
            f"{found.where}: has the shape {found.shape}, but {found.name} has {shape}; "
            "is it of this image?"
        )
    points = found.points
    if len(shape) == 2 and points.shape[1] == 3 and not points[:, 0].any():
        points = points[:, 1:]  # tables have a frame for images too
    if not len(points):
        points = np.empty((0, len(shape)))
    check_inside(points, shape, found.where)
    annotation = Annotation(points, found.sources)
    if complete:
        frames = range(shape[0]) if len(shape) == 3 else (0,)
        annotation = replace(annotation, complete_frames=frozenset(frames))
    return found.name, annotation
