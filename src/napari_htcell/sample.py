"""Sample projects: simulated images with partial clicks, the complete truth and masks.

One of them comes with the package; `make_project` makes others of any size.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from napari_htcell import atomic, config, pointsfile
from napari_htcell.annotations import Annotation
from napari_htcell.progress import Clock, Progress, run
from napari_htcell.project import Project, open_project
from napari_htcell.sample_config import DENSITIES, SampleConfig
from napari_htcell.sample_files import ImageFiles, SampleImage
from napari_htcell.simulate import (
    SimulatedImage,
    SimulationConfig,
    click_partially,
    simulate_image,
)

SAMPLE_FOLDER = Path(__file__).parent / "sample_data"

README = """\
A sample project of napari-htcell
=================================

{n_images} SIMULATED phase-contrast images of HT1080-like cells: no real specimen was imaged. They
are for trying things out and for tests; what a model scores here says little about real images.
Made with seed {seed}; {width} x {height} pixels of {pixel_size} um.

images/        the images, 8-bit OME-TIFF with their pixel size
annotations/   clicks of an imagined biologist in a hurry: about {percent} % of the cells, fewer
               where they are crowded, off by a few micrometres, sometimes on debris
truth/         all cells: y, x in pixels, the centroids of their masks
masks/         label images of all cells, 0 is background (where made)

image, cells per mm2 asked for, cells, clicked, status
{table}
"""


def densities(n_images: int, cells_per_mm2: float) -> list[float]:
    """Return the images' densities in cells per mm2, evenly spaced in their logarithm.

    Parameters
    ----------
    n_images : int
    cells_per_mm2 : float
        Usual density; the first image has `DENSITIES[0]` times, the last `DENSITIES[1]` times it.
    """
    if n_images == 1:
        return [cells_per_mm2]
    return [float(d) for d in cells_per_mm2 * np.geomspace(*DENSITIES, n_images)]


def make_project(
    folder: str | Path, simulation: SimulationConfig | None = None, **settings: Any
) -> Project:
    """Make a project of simulated images in a new folder.

    Parameters
    ----------
    folder : str or Path
        Folder to make.
    simulation : SimulationConfig, optional
        Size and looks of the images; the paper's without it.
    **settings
        Fields of `SampleConfig`.

    Returns
    -------
    Project

    Raises
    ------
    FileExistsError
        If the folder is already there; nothing is overwritten.
    ValueError
        If a setting is out of bounds.
    """
    return run(make_project_steps(folder, simulation, **settings))


def make_project_steps(
    folder: str | Path, simulation: SimulationConfig | None = None, **settings: Any
) -> Generator[Progress, None, Project]:
    """Do what `make_project` does, yielding progress after each image."""
    folder, usual = Path(folder), simulation or SimulationConfig()
    sample = config.override(SampleConfig(), **settings)
    lines, clock = [], Clock(sample.n_images)
    with atomic.new_folder(folder) as unfinished:
        for index, density in enumerate(densities(sample.n_images, usual.cells_per_mm2)):
            chosen = usual.model_copy(update={"cells_per_mm2": density, "density_spread": 0.0})
            one = simulate_image(chosen, np.random.default_rng([sample.seed, index]))
            annotation = annotate(
                one,
                is_complete=index in sample.complete,
                completeness=sample.completeness,
                rng=np.random.default_rng([sample.seed, index, 1]),
            )
            masks = one.labels if index in sample.masked else None
            name = sample.name(index)
            ImageFiles(unfinished, name).write(
                SampleImage(one.image, one.pixel_size_um, one.centroids, annotation, masks)
            )
            lines.append(
                f"{name}, {density:.1f}, {len(one.centroids)}, {len(annotation.points)}, "
                f"{annotation.status()}"
            )
            yield Progress(
                "simulating images", index + 1, sample.n_images, clock.seconds_left(index + 1)
            )
        atomic.write_text(unfinished / "README.txt", _readme(sample, usual, lines))
    return open_project(folder)


def annotate(
    one: SimulatedImage, *, is_complete: bool, completeness: float, rng: np.random.Generator
) -> Annotation:
    """Annotate a simulated image.

    Parameters
    ----------
    one : SimulatedImage
    is_complete : bool
        Whether every cell is annotated, or those that a biologist in a hurry clicks
        (`click_partially`).
    completeness : float
        Fraction of the cells clicked where they are not crowded, if not all are.
    rng : numpy.random.Generator
        Source of what the biologist does.
    """
    if is_complete:
        return Annotation.of(one.centroids, complete=True)
    clicks = click_partially(
        one.centroids,
        completeness=completeness,
        pixel_size_um=one.pixel_size_um,
        debris=one.debris,
        rng=rng,
    )
    # A hand may slip over the border, a mouse cannot.
    return Annotation.of(np.clip(clicks, 0, np.asarray(one.image.shape) - 1))


def _readme(sample: SampleConfig, usual: SimulationConfig, lines: list[str]) -> str:
    return README.format(
        n_images=sample.n_images,
        seed=sample.seed,
        width=usual.width_px,
        height=usual.height_px,
        pixel_size=usual.pixel_size_um,
        percent=round(100 * sample.completeness),
        table="\n".join(lines),
    )


def read_truth(project: Project, name: str) -> pointsfile.Points:
    """Return all cells of an image of a sample project.

    Returns
    -------
    ndarray of float, shape (N, 2)
        (y, x) in pixels.

    Raises
    ------
    PointsFileError
        If the project has no truth for this image.
    """
    points, _ = pointsfile.read_points(ImageFiles(project.path, name).truth)[""]
    return points


def sample_folder() -> Path:
    """Return the sample project that comes with the package; copy it before working in it.

    Raises
    ------
    FileNotFoundError
        If the package was installed without it.
    """
    if not SAMPLE_FOLDER.is_dir():
        raise FileNotFoundError(f"{SAMPLE_FOLDER}: is missing; install napari-htcell again")
    return SAMPLE_FOLDER


def copy_sample(folder: str | Path) -> Project:
    """Copy the sample project to a new folder to work in.

    Raises
    ------
    FileExistsError
        If the folder is already there; nothing is overwritten.
    """
    folder = Path(folder)
    with atomic.new_folder(folder) as unfinished:
        # Contents alone: an installed package may be write-protected, a project must not be.
        shutil.copytree(
            sample_folder(), unfinished, dirs_exist_ok=True, copy_function=shutil.copyfile
        )
    return open_project(folder)
