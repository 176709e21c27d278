"""T98G (see ../shared/data/t98g/SOURCE.md) as projects: real phase contrast with complete truth."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import tifffile

from napari_htcell import Annotation, Project, open_project
from napari_htcell.calibrate import CUTOFFS_UM, figure
from napari_htcell.cards import Figure
from napari_htcell.detect import detect
from napari_htcell.evaluate import evaluate, total
from napari_htcell.models import Model
from napari_htcell.simulate import drop_points

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "t98g"
PIXEL_SIZE_UM = 0.867


def split(part: str, folder: Path = FOLDER) -> list[str]:
    """Return the names of the "train" or "test" images."""
    if not folder.is_dir():
        raise SystemExit(f"{folder}: no such folder; the benchmark needs the T98G images there")
    with (folder / "split.csv").open(newline="") as file:
        return [row["image"] for row in csv.DictReader(file) if row["split"] == part]


def truth(folder: Path = FOLDER) -> dict[str, npt.NDArray[np.float64]]:
    """Return the centroids of every image, each of shape (N, 2) as (y, x) in pixels."""
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with (folder / "centroids.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            points[row["image"]].append((float(row["y"]), float(row["x"])))
    return {name: np.asarray(found) for name, found in points.items()}


N_COMPLETE = 12
"""Images in which every cell is clicked, beside partial ones."""


def drawn(names: Sequence[str], seed: int, count: int = N_COMPLETE) -> list[str]:
    """Return the images that are made complete, drawn by the seed."""
    return sorted(map(str, np.random.default_rng(seed).permutation(names)[:count]))


TEST = "the T98G test images (Tsai et al. 2019), which it had not learnt from"
"""What `test_figures` are measured on, for a card."""


def test_figures(model: Model) -> tuple[Figure, ...]:
    """Measure a model on the test images, read as its card says."""
    centroids = truth()
    found = {
        name: detect(tifffile.imread(FOLDER / "images" / name), model, pixel_size_um=PIXEL_SIZE_UM)
        for name in split("test")
    }
    return tuple(
        figure(
            total(
                evaluate(one.points, centroids[name], cutoff_um=cutoff, pixel_size_um=PIXEL_SIZE_UM)
                for name, one in found.items()
            ),
            cutoff,
            model.card.detection,
            TEST,
        )
        for cutoff in CUTOFFS_UM
    )


def partial_project(
    where: Path, *, dropped: float, order: str, seed: int, names: list[str]
) -> Project:
    """Write a project of T98G images from which a part of the points is dropped.

    Parameters
    ----------
    where : Path
        New folder.
    dropped : float
        Part of each image's points that is left out.
    order : {"crowded", "random", "faint"}
        Which are left out first; faint cells differ least from the ground around them.
    seed : int
    names : list of str
        Images to take.
    """
    rng = np.random.default_rng(seed)
    centroids = truth()
    add_images(where, names)
    project = open_project(where)
    for name in names:
        points = centroids[name]
        if order == "faint":
            n_dropped = len(points) - round((1 - dropped) * len(points))
            kept = points[np.sort(np.argsort(contrast(name), kind="stable")[n_dropped:])]
        else:
            kept = drop_points(points, fraction=dropped, order=order, rng=rng)
        project.save_annotation(ome_name(name), Annotation.of(kept))
    return project


def contrast(name: str) -> npt.NDArray[np.float64]:
    """Return how much each cell differs from what is around, in the order of `truth`.

    The mean of |grey level - its blur over 50 um| in 16 um around the centre, over the image's own.
    """
    image = tifffile.imread(FOLDER / "images" / name).astype(np.float32)
    blurred = cv2.GaussianBlur(image, (0, 0), 50 / PIXEL_SIZE_UM)
    side = 2 * round(16 / PIXEL_SIZE_UM) + 1
    activity = cv2.blur(np.abs(image - blurred), (side, side)) / np.abs(image - blurred).mean()
    rows, columns = np.rint(truth()[name]).astype(int).T
    return np.asarray(activity[rows, columns], np.float64)


def complete(project: Project, names: list[str]) -> None:
    """Give images of a project all their points and their masks, and mark them complete."""
    centroids = truth()
    (project.path / "masks").mkdir(exist_ok=True)
    for name in names:
        shutil.copyfile(FOLDER / "labels" / name, project.path / "masks" / ome_name(name))
        project.save_annotation(ome_name(name), Annotation.of(centroids[name], complete=True))


def add_images(where: Path, names: list[str]) -> None:
    """Copy images into a project's folder, with the pixel size in their metadata."""
    (where / "images").mkdir(parents=True, exist_ok=True)
    for name in names:
        tifffile.imwrite(
            where / "images" / ome_name(name),
            tifffile.imread(FOLDER / "images" / name),
            ome=True,
            metadata={
                "axes": "YX",
                "PhysicalSizeX": PIXEL_SIZE_UM,
                "PhysicalSizeY": PIXEL_SIZE_UM,
                "PhysicalSizeXUnit": "µm",
                "PhysicalSizeYUnit": "µm",
            },
        )


def ome_name(name: str) -> str:
    """Return the name of an image's copy in a project."""
    return name.replace(".tif", ".ome.tif")
